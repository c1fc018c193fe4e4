# What a tree is: `load tree` after `load helpers`.
# shellcheck shell=bash

# tree_of DIR: every name below it with mode, owner, time, device, size and, of links, target; of files, digest and what
# other names it has; of all, extended attributes.
tree_of() {
  python3 - "$1" << 'PY'
import hashlib, os, stat, sys
root = os.fsencode(sys.argv[1])
first = {}
for base, dirs, files in os.walk(root):
    dirs.sort()
    for name in sorted(dirs + files):
        path = os.path.join(base, name)
        s = os.lstat(path)
        relative = os.path.relpath(path, root)
        what = [relative, oct(s.st_mode), s.st_uid, s.st_gid, s.st_rdev, s.st_mtime_ns,
                None if stat.S_ISDIR(s.st_mode) else s.st_size]
        if stat.S_ISLNK(s.st_mode): what.append(os.readlink(path))
        if stat.S_ISREG(s.st_mode): what.append(hashlib.sha256(open(path, "rb").read()).hexdigest())
        if s.st_nlink > 1 and not stat.S_ISDIR(s.st_mode): what.append(first.setdefault((s.st_dev, s.st_ino), relative))
        what.append(sorted((n, os.getxattr(path, n, follow_symlinks=False)) for n in os.listxattr(path, follow_symlinks=False)))
        print(what)
PY
}
