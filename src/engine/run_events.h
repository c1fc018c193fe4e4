// What a container's monitor tells of its runs.
#ifndef CORACLE_ENGINE_RUN_EVENTS_H_
#define CORACLE_ENGINE_RUN_EVENTS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "monitor/monitor.h"
#include "store/events.h"
#include "store/store.h"

namespace coracle::engine {

class RunEvents {
 public:
  // `attached`: who starts it is attached from the beginning.
  RunEvents(const store::Store& store, const store::ContainerRecord& record, bool attached)
      : store_(store), event_(store::ContainerEvent(record, "")), attached_(attached) {}

  // "init", "start", "restart", all at once.
  void Began(absl::Span<const absl::string_view> statuses);
  // Another may have renamed it while it ran: call before its name is given up.
  void NoteName();
  // "died", before that "oom" if that was why; then `next`, unless empty.
  void Ended(const monitor::ExitInfo& info, absl::string_view next);

 private:
  store::EventRecord Now(absl::string_view status) const;

  const store::Store& store_;
  store::EventRecord event_;  // all but status and time
  bool attached_;
};

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_RUN_EVENTS_H_
