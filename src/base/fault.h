// Named steps at which a test can kill the program, to show that what is left on disk is read without
// complaint.
//
// FaultPoint does nothing (fault.cc), except in the programs that are linked with fault_injected.cc: the
// tests, and build/tests/coracle-faults. There, a process whose environment has CORACLE_FAULT=NAME kills
// itself (SIGKILL) when it reaches FaultPoint("NAME"); NAME:3 at the third time; "*" is any point, so that
// "*:1", "*:2" ... visits all of them. The name is appended to the file CORACLE_FAULT_LOG, if that is set.
#ifndef CORACLE_BASE_FAULT_H_
#define CORACLE_BASE_FAULT_H_

namespace coracle {

void FaultPoint(const char* name);

}  // namespace coracle

#endif  // CORACLE_BASE_FAULT_H_
