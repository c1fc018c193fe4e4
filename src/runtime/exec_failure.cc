#include "runtime/exec_failure.h"

#include <cerrno>
#include <cstdio>

namespace coracle::runtime {

ChildMessage Describe(const ExecFailure& failure, const ProcessPlan& plan) {
  ChildMessage message;
  message.step = SetupStep::kExec;
  message.error = failure.error;
  message.exit_code = 126;
  const char* command = plan.args[0].c_str();
  if (failure.exists) {
    message.exit_code = 127;
    snprintf(message.detail, sizeof(message.detail), "%.200s: its interpreter",
             plan.candidates[static_cast<size_t>(failure.candidate)].c_str());
  } else if (failure.candidate >= 0 || failure.error == EACCES) {
    snprintf(message.detail, sizeof(message.detail), "%s", command);
  } else if (plan.searched) {
    message.error = 0;
    message.exit_code = 127;
    snprintf(message.detail, sizeof(message.detail), "%.160s: executable file not found in $PATH", command);
  } else {
    message.exit_code = 127;
    snprintf(message.detail, sizeof(message.detail), "%s", command);
  }
  return message;
}

ChildMessage DescribeNotExecuted(const ChildMessage& message, const ProcessPlan& plan) {
  // Laid out as a HandoverMessage. It comes from a process that runs code of ours alone, but is checked all
  // the same.
  ExecFailure failure = {.error = message.error, .candidate = message.pid, .exists = message.exit_code != 0};
  if (failure.candidate < 0 || static_cast<size_t>(failure.candidate) >= plan.candidates.size()) {
    failure.candidate = -1;
    failure.exists = false;
  }
  return Describe(failure, plan);
}

}  // namespace coracle::runtime
