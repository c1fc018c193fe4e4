#include "engine/run_events.h"

#include <string>
#include <vector>

#include "store/container_names.h"

namespace coracle::engine {

store::EventRecord RunEvents::Now(absl::string_view status) const {
  store::EventRecord event = event_;
  event.set_status(std::string(status));
  event.set_unix_nanos(store::EventTime());
  return event;
}

void RunEvents::Began(absl::Span<const absl::string_view> statuses) {
  std::vector<store::EventRecord> events;
  for (const absl::string_view status : statuses) events.push_back(Now(status));
  if (attached_ && events.back().status() == "start") events.push_back(Now("attach"));
  store::AppendEvents(store_, events);
}

void RunEvents::NoteName() {
  if (store::ClaimantOf(store_, event_.name()) == event_.id()) return;
  const auto record = store::ReadContainer(store_, event_.id());
  if (record.ok()) event_.set_name(record->name());
}

void RunEvents::Ended(const monitor::ExitInfo& info, absl::string_view next) {
  std::vector<store::EventRecord> events;
  if (info.oom_killed) events.push_back(Now("oom"));
  events.push_back(Now("died"));
  events.back().set_exit_code(info.exit_code);
  if (!next.empty()) events.push_back(Now(next));
  store::AppendEvents(store_, events);
}

}  // namespace coracle::engine
