// tmpcopyup: a new tmpfs that starts with what its mount point held.
#ifndef CORACLE_RUNTIME_COPY_UP_H_
#define CORACLE_RUNTIME_COPY_UP_H_

namespace coracle::runtime {

// Copies the tree in `from` (a directory) into `to`: directories, regular files, links and fifos, with owner,
// mode and times of modification. Devices and sockets are left out. Links are never followed. 0 or -errno.
int CopyUp(int from, int to);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_COPY_UP_H_
