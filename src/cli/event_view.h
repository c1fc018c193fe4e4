// Events as `events` prints and filters them.
#ifndef CORACLE_CLI_EVENT_VIEW_H_
#define CORACLE_CLI_EVENT_VIEW_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/filter.h"
#include "base/json.h"
#include "store/events.h"

namespace coracle::cli {

// podman's line: "2024-05-01 10:20:30.5 +0000 UTC container start <id> (image=i, name=n, label=value)".
std::string EventLine(const store::EventRecord& event, bool truncate);

// podman's members (Status as podman names it), and docker's (Action as docker names it, Actor). `text_time`:
// Time as Go prints it in templates, else as in JSON.
Json EventJson(const store::EventRecord& event, bool truncate, bool text_time);

class EventFilter {
 public:
  // Keys: container, event, image, label, network, pod, type, volume. Errors: InvalidArgument, exit code 125.
  static absl::StatusOr<EventFilter> Parse(const std::vector<std::string>& terms);
  bool Matches(const store::EventRecord& event) const;

 private:
  Filters filters_;
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_EVENT_VIEW_H_
