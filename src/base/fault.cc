// Alone in its file: a program that brings fault_injected.cc does not get this from the library.
#include "base/fault.h"

namespace coracle {

void FaultPoint(const char*) {}

}  // namespace coracle
