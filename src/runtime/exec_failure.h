// What it means that none of a command's candidates could be executed, for both who find that out: the
// process itself, and the parent of one that went through the program `handover`.
#ifndef CORACLE_RUNTIME_EXEC_FAILURE_H_
#define CORACLE_RUNTIME_EXEC_FAILURE_H_

#include "runtime/process_plan.h"
#include "runtime/setup_step.h"

namespace coracle::runtime {

struct ExecFailure {
  int error = 0;
  int candidate = -1;   // the one that `error` stopped at; -1: none was there, or with EACCES none executable
  bool exists = false;  // ENOENT is about its interpreter
};

// A kFailure message with the exit code of the shell's convention: 127 not found, 126 found and not
// executable. Allocates nothing.
ChildMessage Describe(const ExecFailure& failure, const ProcessPlan& plan);

// The same of a kNotExecuted message.
ChildMessage DescribeNotExecuted(const ChildMessage& message, const ProcessPlan& plan);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_EXEC_FAILURE_H_
