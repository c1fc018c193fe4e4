// Who holds a lock: only asked after a second of waiting, so it may be slow.
#ifndef CORACLE_STORE_LOCK_HOLDER_H_
#define CORACLE_STORE_LOCK_HOLDER_H_

#include <string>

namespace coracle::store {

// "pid 123 (coracle rm -f x)" for a process, other than this one, that holds a lock on the file that `fd` has
// open; "another process" if none can be seen. The kernel keeps no pid for OFD locks (l_pid is -1), so
// /proc/*/fdinfo is searched. Source: proc_pid_fdinfo(5), fcntl_locking(2).
std::string DescribeLockHolder(int fd);

}  // namespace coracle::store

#endif  // CORACLE_STORE_LOCK_HOLDER_H_
