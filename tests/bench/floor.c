// The floor of the benchmarks: a container with the system calls that nobody can leave out, and nothing else.
// No store, no log, no error handling beyond "it worked", no clean-up of what the kernel cleans up itself.
//
// usage: floor run [--full] LOWER_DIR SCRATCH_DIR COMMAND [ARG...]
//          New pid, mount, uts, ipc, network and cgroup namespaces; an overlay of LOWER_DIR with its upper
//          directory in SCRATCH_DIR; the mounts, devices, masked and read-only paths that engines give by
//          default; pivot_root; exec; wait; removal of the upper directory.
//        --full: also what a default `run` promises besides: a cgroup with a pids limit on every hierarchy
//        (as
//          coracle enters them: v1 by "0" to tasks, v2 by birth), capabilities dropped, a small seccomp
//          filter.
//        floor exec [--full] PID COMMAND [ARG...]: joins the namespaces of PID, forks, execs, waits.
// Ends with the command's status; 125 and a line on stderr if a step is refused.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

// linux/mount.h and sys/mount.h of glibc 2.36 agree; older kernels' headers lack nothing that is used here.

static void Check(long result, const char* step) {
  if (result >= 0) return;
  fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
  _exit(125);
}

static int FsMount(const char* type, const char* const* options, unsigned attributes) {
  int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  Check(fs, type);
  for (; options != NULL && *options != NULL; options += 2) {
    int flag = options[1] == NULL;
    Check(
        syscall(SYS_fsconfig, fs, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, options[0], options[1], 0),
        options[0]);
  }
  Check(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
  int mount_fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
  Check(mount_fd, type);
  close(fs);
  return mount_fd;
}

static void Attach(int mount_fd, int root, const char* target) {
  Check(syscall(SYS_move_mount, mount_fd, "", root, target, MOVE_MOUNT_F_EMPTY_PATH), target);
  close(mount_fd);
}

static int Overlay(const char* lower, const char* scratch) {
  char upper[4096], work[4096];
  snprintf(upper, sizeof upper, "%s/upper", scratch);
  snprintf(work, sizeof work, "%s/work", scratch);
  Check(mkdir(scratch, 0700), scratch);
  Check(mkdir(upper, 0755), upper);
  Check(mkdir(work, 0755), work);
  const char* options[] = {"lowerdir", lower, "upperdir", upper, "workdir", work, NULL};
  return FsMount("overlay", options, 0);
}

static void Devices(int root) {
  static const struct {
    const char* name;
    unsigned minor_number;
    unsigned major_number;
  } kNodes[] = {{"dev/null", 3, 1},   {"dev/zero", 5, 1},    {"dev/full", 7, 1},
                {"dev/random", 8, 1}, {"dev/urandom", 9, 1}, {"dev/tty", 0, 5}};
  const char* dev[] = {"mode", "755", "size", "65536k", NULL};
  const char* pts[] = {"mode", "620", "ptmxmode", "666", "newinstance", NULL, NULL};
  const char* shm[] = {"mode", "1777", "size", "65536k", NULL};
  Attach(FsMount("tmpfs", dev, MOUNT_ATTR_NOSUID), root, "dev");
  umask(0);
  for (size_t i = 0; i < sizeof kNodes / sizeof *kNodes; i++) {
    Check(mknodat(root, kNodes[i].name, S_IFCHR | 0666,
                  makedev(kNodes[i].major_number, kNodes[i].minor_number)),
          kNodes[i].name);
  }
  umask(022);
  Check(mkdirat(root, "dev/pts", 0755), "dev/pts");
  Check(mkdirat(root, "dev/shm", 01777), "dev/shm");
  Check(mkdirat(root, "dev/mqueue", 0755), "dev/mqueue");
  Attach(FsMount("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), root, "dev/pts");
  Attach(FsMount("tmpfs", shm, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), root, "dev/shm");
  Attach(FsMount("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), root,
         "dev/mqueue");
  Check(symlinkat("pts/ptmx", root, "dev/ptmx"), "dev/ptmx");
  Check(symlinkat("/proc/self/fd", root, "dev/fd"), "dev/fd");
  Check(symlinkat("/proc/self/fd/0", root, "dev/stdin"), "dev/stdin");
  Check(symlinkat("/proc/self/fd/1", root, "dev/stdout"), "dev/stdout");
  Check(symlinkat("/proc/self/fd/2", root, "dev/stderr"), "dev/stderr");
}

// The paths that engines hide or make read-only by default. A kernel without one has nothing to protect
// there.
static void Protect(int root) {
  static const char* const kMaskedFiles[] = {"proc/kcore", "proc/keys", "proc/timer_list", "proc/sched_debug",
                                             "proc/latency_stats"};
  static const char* const kMaskedDirs[] = {"proc/acpi", "proc/scsi", "sys/firmware",
                                            "sys/devices/virtual/powercap"};
  static const char* const kReadOnly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                          "proc/sysrq-trigger"};
  for (size_t i = 0; i < sizeof kMaskedFiles / sizeof *kMaskedFiles; i++) {
    int null = (int)syscall(SYS_open_tree, root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    Check(null, "dev/null");
    if (syscall(SYS_move_mount, null, "", root, kMaskedFiles[i], MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
        errno != ENOENT) {
      Check(-1, kMaskedFiles[i]);
    }
    close(null);
  }
  for (size_t i = 0; i < sizeof kMaskedDirs / sizeof *kMaskedDirs; i++) {
    if (faccessat(root, kMaskedDirs[i], F_OK, 0) != 0) continue;
    Attach(FsMount("tmpfs", NULL, MOUNT_ATTR_RDONLY), root, kMaskedDirs[i]);
  }
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  for (size_t i = 0; i < sizeof kReadOnly / sizeof *kReadOnly; i++) {
    int tree =
        (int)syscall(SYS_open_tree, root, kReadOnly[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) continue;
    Check(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only),
          "read-only");
    Attach(tree, root, kReadOnly[i]);
  }
}

static void DropPrivileges(void) {
  // The 14 capabilities of docker's default set.
  const unsigned keep = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FSETID | 1u << CAP_FOWNER |
                        1u << CAP_MKNOD | 1u << CAP_NET_RAW | 1u << CAP_SETGID | 1u << CAP_SETUID |
                        1u << CAP_SETFCAP | 1u << CAP_SETPCAP | 1u << CAP_NET_BIND_SERVICE |
                        1u << CAP_SYS_CHROOT | 1u << CAP_KILL | 1u << CAP_AUDIT_WRITE;
  for (int c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++) {
    if (c >= 32 || (keep >> c & 1) == 0) Check(prctl(PR_CAPBSET_DROP, c), "drop capability");
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{keep, keep, 0}, {0, 0, 0}};
  // Order: the filter needs CAP_SYS_ADMIN, which goes last.
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kexec_load, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  Check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
  Check(syscall(SYS_capset, &header, data), "capset");
}

// --- cgroups
// -----------------------------------------------------------------------------------------------------

enum { kMaxHierarchies = 16 };
static char v1_dirs[kMaxHierarchies][256];
static int v1_count;
static char v2_dir[256];

// Where the hierarchies are mounted, from this process's own list.
static void FindCgroups(int own_pid) {
  FILE* mounts = fopen("/proc/self/mounts", "re");
  char line[1024], dir[200], type[32], options[512];
  while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) {
    if (sscanf(line, "%*s %199s %31s %511s", dir, type, options) != 3) continue;
    if (strcmp(type, "cgroup") == 0 && v1_count < kMaxHierarchies) {
      snprintf(v1_dirs[v1_count++], sizeof *v1_dirs, "%s/floor-%d", dir, own_pid);
    } else if (strcmp(type, "cgroup2") == 0) {
      snprintf(v2_dir, sizeof v2_dir, "%s/floor-%d", dir, own_pid);
    }
  }
  if (mounts != NULL) fclose(mounts);
}

static void WriteFile(const char* dir, const char* name, const char* text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return;
  Check(fd, path);
  Check(write(fd, text, strlen(text)), path);
  close(fd);
}

static void CopyFile(const char* dir, const char* name) {
  char path[512], text[256];
  snprintf(path, sizeof path, "%s/../%s", dir, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return;
  text[n] = '\0';
  WriteFile(dir, name, text);
}

// Returns the v2 directory to be born in, or -1.
static int MakeCgroups(void) {
  FindCgroups(getpid());
  for (int i = 0; i < v1_count; i++) {
    Check(mkdir(v1_dirs[i], 0755), v1_dirs[i]);
    if (strstr(v1_dirs[i], "/cpuset/") != NULL) {
      CopyFile(v1_dirs[i], "cpuset.cpus");
      CopyFile(v1_dirs[i], "cpuset.mems");
    }
    if (strstr(v1_dirs[i], "/pids/") != NULL) WriteFile(v1_dirs[i], "pids.max", "2048");
  }
  if (v2_dir[0] == '\0') return -1;
  Check(mkdir(v2_dir, 0755), v2_dir);
  WriteFile(v2_dir, "pids.max", "2048");
  int fd = open(v2_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  Check(fd, v2_dir);
  return fd;
}

static void EnterCgroups(void) {
  for (int i = 0; i < v1_count; i++) WriteFile(v1_dirs[i], "tasks", "0");
}

static void RemoveCgroups(void) {
  for (int i = 0; i < v1_count; i++) Check(rmdir(v1_dirs[i]), v1_dirs[i]);
  if (v2_dir[0] != '\0') Check(rmdir(v2_dir), v2_dir);
}

// --- the two commands
// --------------------------------------------------------------------------------------------

static int Status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

static int Wait(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) Check(errno == EINTR ? 0 : -1, "wait");
  return Status(status);
}

static void Container(const char* lower, const char* scratch, int full, char** argv) {
  if (full) EnterCgroups();
  // v1 is entered by now, so that the new cgroup namespace starts there.
  Check(unshare(CLONE_NEWCGROUP), "cgroup namespace");
  Check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private /");
  int root = Overlay(lower, scratch);
  // Attached before anything is mounted on it; "/" of the old root will do, since that is left behind.
  Check(syscall(SYS_move_mount, root, "", AT_FDCWD, lower, MOVE_MOUNT_F_EMPTY_PATH), lower);
  Check(fchdir(root), lower);
  Attach(FsMount("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), root, "proc");
  Devices(root);
  Attach(FsMount("sysfs", NULL, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
         root, "sys");
  Protect(root);
  Check(sethostname("floor", 5), "sethostname");
  Check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  Check(umount2(".", MNT_DETACH), "unmount the old root");
  Check(chdir("/"), "chdir");
  if (full) DropPrivileges();
  Check(setsid() < 0 && errno != EPERM ? -1 : 0, "setsid");
  char* env[] = {(char*)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  execve(argv[0], argv, env);
  Check(-1, argv[0]);
}

static void RemoveScratch(const char* scratch) {
  char path[4096];
  static const char* const kDirs[] = {"work/work", "work", "upper", ""};
  for (size_t i = 0; i < sizeof kDirs / sizeof *kDirs; i++) {
    snprintf(path, sizeof path, "%s/%s", scratch, kDirs[i]);
    Check(rmdir(path) < 0 && errno != ENOENT ? -1 : 0, path);
  }
}

static int Run(int full, char** argv) {
  int pidfd = -1;
  struct clone_args args = {
      .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_PIDFD,
      .pidfd = (__u64)(unsigned long)&pidfd,
      .exit_signal = SIGCHLD,
  };
  int cgroup = full ? MakeCgroups() : -1;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (__u64)cgroup;
  }
  pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  Check(pid, "clone3");
  if (pid == 0) Container(argv[0], argv[1], full, argv + 2);
  int status = Wait(pid);
  if (full) RemoveCgroups();
  RemoveScratch(argv[1]);
  return status;
}

static int Exec(int full, char** argv) {
  int pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[0]), 0);
  Check(pidfd, argv[0]);
  Check(
      setns(pidfd, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP),
      "setns");
  pid_t pid = fork();
  Check(pid, "fork");
  if (pid == 0) {
    if (full) DropPrivileges();
    char* env[] = {(char*)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    execve(argv[1], argv + 1, env);
    Check(-1, argv[1]);
  }
  return Wait(pid);
}

int main(int argc, char** argv) {
  int full = argc > 2 && strcmp(argv[2], "--full") == 0;
  char** rest = argv + 2 + full;
  if (argc - full >= 5 && strcmp(argv[1], "run") == 0) return Run(full, rest);
  if (argc - full >= 4 && strcmp(argv[1], "exec") == 0) return Exec(full, rest);
  fprintf(stderr,
          "usage: floor run [--full] LOWER_DIR SCRATCH_DIR COMMAND [ARG...]\n"
          "       floor exec [--full] PID COMMAND [ARG...]\n");
  return 2;
}
