#include "programs/embedded.h"

// Written by the assembler source that `embed` makes.
extern "C" {
extern const char coracle_handover_begin[], coracle_handover_end[];
extern const char coracle_hello_begin[], coracle_hello_end[];
extern const char coracle_init_begin[], coracle_init_end[];
extern const char coracle_pause_begin[], coracle_pause_end[];
}

namespace coracle {

absl::string_view HandoverProgram() {
  return {coracle_handover_begin, static_cast<size_t>(coracle_handover_end - coracle_handover_begin)};
}

absl::string_view HelloProgram() {
  return {coracle_hello_begin, static_cast<size_t>(coracle_hello_end - coracle_hello_begin)};
}

absl::string_view InitProgram() {
  return {coracle_init_begin, static_cast<size_t>(coracle_init_end - coracle_init_begin)};
}

absl::string_view PauseProgram() {
  return {coracle_pause_begin, static_cast<size_t>(coracle_pause_end - coracle_pause_begin)};
}

}  // namespace coracle
