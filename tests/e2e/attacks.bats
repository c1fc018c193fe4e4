# Known ways out of a container: each is tried, and has to fail.
load helpers

# The program lies on a read-only file system for whoever comes to it by /proc/PID/exe, for good: also once no process
# runs from it any more. Written with O_TRUNC, for which the kernel says "read-only" before it says "busy".
# Sets $before, which unharmed compares.
protected() { before=$(sha256sum < "$CORACLE"); }
unharmed() { equals "$before" "$(sha256sum < "$CORACLE")"; }

# catch CONTAINER: in it, holds the program open that runs as /evil or for a script and tries to write to it, at once
# and after its end. (`command` and `true`: a redirection that fails ends a shell at exec and at ":".)
catch() {
  # shellcheck disable=SC2016
  coracle exec "$1" sh -c '
    while :; do
      for p in /proc/[0-9]*; do
        case $(tr "\\0" " " 2> /dev/null < "$p/cmdline") in
          /evil* | /proc/self/exe*) ;;
          *) continue ;;
        esac
        command exec 3< "$p/exe" || continue
        echo caught
        true > "$p/exe" || :
        touch /caught
        while [ -e "$p/exe" ]; do usleep 10000; done
        true > /proc/self/fd/3 || :
        exit
      done
    done' 2>&1
}

@test "the program cannot be overwritten through /proc/self/exe" {
  import_busybox
  protected
  run_ok run -d --name x --cap-add SYS_PTRACE busybox sh -c 'while :; do for p in /proc/[0-9]*; do (exec 3<>"$p/exe") 2> /dev/null && [ "${p#/proc/}" != 1 ] && readlink "$p/exe" | grep -v busybox && echo WRITABLE; done; done'
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do coracle exec x true; done
  run_ok logs x
  lacks WRITABLE
  unharmed
}

@test "an entry point that is the runtime again: held open, written to during and after its run" {
  # Another one finds no loader in the container's root, and does not come to life there.
  require static
  import_busybox
  protected
  run_ok run -d --name x --cap-add SYS_PTRACE busybox sh -c 'ln -s /proc/self/exe /evil; printf "#!/proc/self/exe\n" > /script; chmod +x /script; exec sleep 1000'
  local entry
  for entry in /evil /script; do
    coracle exec x rm -f /caught
    catch x > "$T/caught" &
    local catcher=$!
    # Waits for its standard input, as a program that was caught there would.
    mkfifo "$T/in" 2> /dev/null || :
    coracle exec -i x "$entry" load < "$T/in" > "$T/out" 2>&1 &
    local victim=$!
    exec 8> "$T/in"
    # A script's first argument is its own name, which is no command: it may have ended before it was seen.
    if [ "$entry" = /evil ]; then eventually 20 coracle exec x test -e /caught; fi
    exec 8>&-
    wait "$victim" || :
    if [ "$entry" = /script ]; then
      kill "$catcher" 2> /dev/null || :
      wait "$catcher" || :
      contains "/script" "$(< "$T/out")"  # the program ran, and complains of that command
    else
      wait "$catcher" || :
      contains caught "$(< "$T/caught")"
      equals 2 "$(grep -c 'Read-only file system' "$T/caught")"
    fi
    unharmed
  done
}

# runtime_root: $T/tree, whose /evil is the program that executes it, and /script a script for it.
runtime_root() {
  import_busybox
  protected
  busybox_rootfs "$T/tree"
  ln -s /proc/self/exe "$T/tree/evil"
  printf '#!/proc/self/exe\n' > "$T/tree/script"
  chmod +x "$T/tree/script"
}

@test "the first process of a container is the runtime again: it never is the program on the host" {
  runtime_root
  local entry
  for entry in /evil /script; do
    # By default it is a small file of its own (src/programs/handover.c), which makes nothing of these arguments.
    run_status 125 run --rm --rootfs "$T/tree" "$entry" --version
    equals ""
    unharmed
  done
  run_ok run --rm --rootfs "$T/tree" sh -c 'readlink /proc/1/exe; ls /proc/self/fd | wc -l'
  equals "/bin/busybox
4"
}

@test "with a filter of the user's the first process is the program, on a read-only mount" {
  require static
  runtime_root
  echo '{"defaultAction": "SCMP_ACT_ALLOW"}' > "$T/filter.json"
  local entry
  for entry in /evil /script; do
    coracle run --rm --security-opt "seccomp=$T/filter.json" --rootfs "$T/tree" "$entry" --version > "$T/out" 2>&1 || :
    contains coracle "$(< "$T/out")"
    unharmed
  done
}

@test "the runtime as a program's interpreter" {
  import_busybox
  protected
  busybox_rootfs "$T/tree"
  # An executable of 64 bits at 0x10000000 whose PT_INTERP is /proc/self/exe: the kernel maps the program that
  # executes it, which is ours.
  {
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0\260\0\0\20\0\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\70\0\2\0\0\0\0\0\0\0'
    printf '\3\0\0\0\4\0\0\0\264\0\0\0\0\0\0\0\264\0\0\20\0\0\0\0\264\0\0\20\0\0\0\0\17\0\0\0\0\0\0\0\17\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0'
    printf '\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0\0\0\0\303\0\0\0\0\0\0\0\303\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0'
    printf '\353\376\220\220/proc/self/exe\0'
  } > "$T/tree/evil"
  chmod +x "$T/tree/evil"
  # Whatever comes of it (its memory is not laid out as the program expects) ends, and writes nowhere.
  timeout 60 "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --rm --rootfs "$T/tree" /evil --version > "$T/out" 2>&1 3>&- 4>&- || status=$?
  [ "${status:-0}" != 124 ] || fail "it hangs"
  run_ok run --rm --cap-add SYS_PTRACE --rootfs "$T/tree" sh -c '
    /evil load < /dev/zero > /dev/null 2>&1 &
    i=0
    while [ $i -lt 200 ]; do
      for p in /proc/[0-9]*; do
        (: > "$p/exe") 2> /dev/null && case $(readlink "$p/exe") in *coracle*) echo WRITABLE;; esac
      done
      i=$((i + 1))
    done
    kill $! 2> /dev/null
    true'
  lacks WRITABLE
  unharmed
}

@test "libraries and variables of an image do not reach the runtime" {
  import_busybox
  protected
  busybox_rootfs "$T/tree"
  mkdir -p "$T/tree/lib/x86_64-linux-gnu" "$T/tree/lib64" "$T/tree/etc"
  local library
  for library in /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2 /evil.so; do
    echo "no library" > "$T/tree$library"
  done
  echo /evil.so > "$T/tree/etc/ld.so.preload"
  run_ok run -d --name x -e LD_PRELOAD=/evil.so -e LD_LIBRARY_PATH=/lib -e GCONV_PATH=/ --rootfs "$T/tree" sleep 1000
  # The loader of a program that took one of these would complain.
  equals "" "$stderr"
  run_ok exec -e LD_PRELOAD=/evil.so -e LD_AUDIT=/evil.so x /bin/busybox echo fine
  equals fine
  equals "" "$stderr"
  local monitor
  monitor=$(coracle inspect -f '{{.State.ConmonPid}}' x)
  [ "$monitor" -gt 1 ]
  if grep -qsF evil.so "/proc/$monitor/maps"; then fail "the monitor has the image's library"; fi
  if tr '\0' '\n' < "/proc/$monitor/environ" | grep -q '^LD_'; then fail "the monitor has the image's variables"; fi
  unharmed
}

@test "a bundle of the OCI command line cannot overwrite the program either" {
  require root
  protected
  local B=$T/bundle O=$T/oci id=attack-$$
  busybox_rootfs "$B/rootfs"
  ln -s /proc/self/exe "$B/rootfs/evil"
  oci() { "$CORACLE" oci --root "$O" "$@" 3>&- 4>&-; }
  oci spec --bundle "$B"
  sed -i -e 's/"terminal": true/"terminal": false/' "$B/config.json"
  sed -i -e 's|^\( *\)"sh"$|\1"/evil", "--version"|' "$B/config.json"
  oci run --bundle "$B" "$id" > "$T/out" 2>&1 < /dev/null || :
  unharmed
  sed -i -e 's|"/evil", "--version"|"sh", "-c", "for i in 1 2 3 4 5 6; do for p in /proc/[0-9]*; do echo x 2> /dev/null >> $p/exe; done; usleep 200000; done"|' "$B/config.json"
  oci run --bundle "$B" -d "$id" > "$T/out" 2>&1 < /dev/null
  local i
  for i in 1 2 3 4 5 6 7 8; do oci exec "$id" /evil --version > /dev/null 2>&1 || :; done
  oci delete --force "$id"
  unharmed
}

@test "a working directory by a descriptor does not lead to the host" {
  import_busybox
  run_ok run -d --name x busybox sleep 1000
  local fd
  for fd in 3 5 6 7 8 9; do
    # Refused, or a directory of the container.
    output=$(coracle run --rm -w "/proc/self/fd/$fd" busybox sh -c 'cat /proc/self/cwd/../../../../etc/hostname; ls ../../../../../..' 2> /dev/null) || :
    lacks "$T" "$output"
    lacks boot "$output"
    if coracle exec -w "/proc/self/fd/$fd" x true 2> /dev/null; then fail "exec: descriptor $fd is a directory"; fi
  done
}

@test "mount targets that are links stay inside the root" {
  import_busybox
  busybox_rootfs "$T/tree"
  mkdir "$T/src"
  echo secret > "$T/outside"
  ln -s "$T/outside" "$T/tree/link"
  echo content > "$T/src/f"
  run_ok run --rm --rootfs -v "$T/src/f:/link" "$T/tree" sh -c 'cat /link'
  equals secret "$(cat "$T/outside")"
  ln -s / "$T/tree/up"
  run_ok run --rm --rootfs -v "$T/src:/up/deep/target" "$T/tree" cat /up/deep/target/f
  equals content
  [ ! -e /deep ]
}

@test "a root whose /proc or /sys is a link is refused" {
  busybox_rootfs "$T/tree"
  mkdir "$T/tree/elsewhere"
  local name
  for name in proc sys; do
    rmdir "$T/tree/$name"
    ln -s /elsewhere "$T/tree/$name"
    run_fails 125 run --rm --rootfs "$T/tree" true
    contains "/$name" "$stderr"
    rm "$T/tree/$name"
    mkdir "$T/tree/$name"
  done
}

@test "a directory that becomes a link while containers start leads nowhere" {
  busybox_rootfs "$T/tree"
  mkdir "$T/src" "$T/victim"
  echo secret > "$T/victim/f"
  echo content > "$T/src/f"
  mkdir "$T/tree/a"
  # Swaps the parent of the mount's target with a link to the host as quickly as it can.
  python3 - "$T/tree/a" "$T/victim" << 'EOP' &
import ctypes, os, sys
path, target = sys.argv[1], sys.argv[2]
os.symlink(target, path + ".link")
libc = ctypes.CDLL(None)
while os.path.exists(path) or os.path.islink(path):
    libc.renameat2(-100, path.encode(), -100, (path + ".link").encode(), 2)
EOP
  local swapper=$! i
  for ((i = 0; i < 12; i++)); do
    output=$(coracle run --rm -v "$T/src:/a/b" --rootfs "$T/tree" cat /a/b/f 2> /dev/null) || :
    lacks secret "$output"
  done
  kill "$swapper"
  wait "$swapper" 2> /dev/null || :
  equals f "$(ls "$T/victim")"
}

@test "the caller's groups, capabilities and variables stay outside" {
  require root
  import_busybox
  # shellcheck disable=SC2016
  output=$(SECRET=x setpriv --groups 7,8,9 --inh-caps=+net_raw "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" \
    run --rm busybox sh -c 'grep -E "^(Groups|CapInh|CapAmb)" /proc/self/status; env' 3>&- 4>&-)
  lacks SECRET "$output"
  contains "CapInh:"$'\t'"0000000000000000" "$output"
  contains "CapAmb:"$'\t'"0000000000000000" "$output"
  local groups
  groups=$(sed -n 's/^Groups:[[:space:]]*//p' <<< "$output")
  for i in 7 8 9; do lacks " $i " " $groups " ; done
}

@test "a hostile name cannot speak to the terminal" {
  import_busybox
  run_fails 125 run --rm --name $'a\e[31m' busybox true
  lacks $'\e' "$stderr"
  run_ok create --name lab -l $'x=\e[31m' busybox $'\e[2J'
  run_ok ps -a --no-trunc
  lacks $'\e'
}
