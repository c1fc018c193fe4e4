// Named steps at which a test build can be killed, to show that what is left on disk is read without
// complaint.
//
// With -DCORACLE_FAULTS=1 a process whose environment has CORACLE_FAULT=NAME kills itself (SIGKILL) when it
// reaches FaultPoint("NAME"); NAME:3 at the third time; "*" is any point, so that "*:1", "*:2" ... visits all
// of them. The name is appended to the file CORACLE_FAULT_LOG, if that is set. In every other build
// FaultPoint is nothing at all.
#ifndef CORACLE_BASE_FAULT_H_
#define CORACLE_BASE_FAULT_H_

namespace coracle {

void FaultPointReached(const char* name);

}  // namespace coracle

#if defined(CORACLE_FAULTS) && CORACLE_FAULTS
#define FaultPoint(name) ::coracle::FaultPointReached(name)
#else
#define FaultPoint(name) static_cast<void>(0)
#endif

#endif  // CORACLE_BASE_FAULT_H_
