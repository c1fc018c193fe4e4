// A stage's steps in a process of their own: stages run side by side, and each clones from one thread.
#ifndef CORACLE_BUILD_STAGE_PROCESS_H_
#define CORACLE_BUILD_STAGE_PROCESS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "build/stage_run.h"
#include "build/worker.pb.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "store/lease.h"

namespace coracle::build {

class StageProcess {
 public:
  // Forks. The child runs the stage and keeps what it made claimed until Release; it dies with this process.
  // `parent_lease` is forgotten in the child. The caller has one thread.
  static absl::StatusOr<std::unique_ptr<StageProcess>> Start(const StageInputs& inputs,
                                                             store::Lease& parent_lease);

  int fd() const { return socket_.get(); }
  // Reads what has come. False at the end: the process is gone.
  bool Read();
  // The next whole event; false if there is none yet.
  bool Next(WorkerEvent& event);
  // Lets the child end, and waits for it.
  void Release();

 private:
  StageProcess(os::ChildProcess child, os::UniqueFd socket)
      : child_(std::move(child)), socket_(std::move(socket)) {}
  os::ChildProcess child_;
  os::UniqueFd socket_;
  std::string buffer_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_STAGE_PROCESS_H_
