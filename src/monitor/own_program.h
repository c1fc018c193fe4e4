// This very program again, for work that a monitor shall not keep memory for.
#ifndef CORACLE_MONITOR_OWN_PROGRAM_H_
#define CORACLE_MONITOR_OWN_PROGRAM_H_

#include <string>
#include <vector>

#include "os/process.h"

namespace coracle::monitor {

// A child that runs this program, also if its file has been replaced since, as `command` (its name first),
// with the signals of one that was just started. Not running if it could not be made.
os::ChildProcess SpawnOwnProgram(const std::vector<std::string>& command);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_OWN_PROGRAM_H_
