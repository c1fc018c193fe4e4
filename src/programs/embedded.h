// The programs that coracle carries in its own binary, so that they run in any root file system: static ELF
// executables of this machine's architecture, a few KB each, that need no file but themselves.
#ifndef CORACLE_PROGRAMS_EMBEDDED_H_
#define CORACLE_PROGRAMS_EMBEDDED_H_

#include "absl/strings/string_view.h"

namespace coracle {

// Each is the whole ELF file; it lives as long as the process.
absl::string_view HandoverProgram();  // executes a container's program in its place; see handover.c
absl::string_view HelloProgram();     // the command of the image "hello"; prints a welcome and ends with 0
absl::string_view InitProgram();      // for --init: `init -- COMMAND [ARG...]`; see init.c for what it does
absl::string_view PauseProgram();     // first process of a pod: reaps, ends with 0 on SIGTERM or SIGINT

}  // namespace coracle

#endif  // CORACLE_PROGRAMS_EMBEDDED_H_
