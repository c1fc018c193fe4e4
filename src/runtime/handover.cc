#include "runtime/handover.h"

#include <linux/sched.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/memory_program.h"
#include "os/read_only_self.h"
#include "programs/embedded.h"

namespace coracle::runtime {
namespace {

// Enough for any descriptor.
constexpr size_t kChannelDigits = 10;

bool CanHandOver(const CreateRequest& request, const LaunchPlan& plan) {
  const bool unseen = plan.IsNew(CLONE_NEWPID) && plan.new_mounts && !request.hold_before_exec;
  return unseen && plan.process.apparmor_profile.empty() && plan.process.selinux_label.empty();
}

}  // namespace

absl::StatusOr<PreparedHandover> PrepareHandover(const CreateRequest& request, const LaunchPlan& plan,
                                                 int channel) {
  PreparedHandover prepared;
  if (os::IsReadOnlySelf()) return prepared;
  if (!CanHandOver(request, plan)) {
    return absl::FailedPreconditionError("the container could write to the program that starts it");
  }
  ASSIGN_OR_RETURN(prepared.program_, os::MemoryProgram(HandoverProgram(), "coracle"));
  const ProcessPlan& process = plan.process;
  prepared.words_ = {"coracle", std::string(kChannelDigits, '0'), process.searched ? "1" : "0",
                     absl::StrCat(process.candidates.size())};
  prepared.words_.insert(prepared.words_.end(), process.candidates.begin(), process.candidates.end());
  for (std::string& word : prepared.words_) prepared.argv_.push_back(word.data());
  // With the null that ends it.
  prepared.argv_.insert(prepared.argv_.end(), process.argv.begin(), process.argv.end());
  SayChannel(prepared.get(), channel);
  return prepared;
}

void SayChannel(const Handover& handover, int channel) {
  for (size_t i = kChannelDigits; i > 0; --i, channel /= 10) {
    handover.argv[1][i - 1] = static_cast<char>('0' + channel % 10);
  }
}

}  // namespace coracle::runtime
