// What happened to containers, images, volumes and networks: a log that `events` reads.
//
// Commands and monitors append to <runroot>/events/log with one write(2) each time, which the kernel does not
// mix with those of others (O_APPEND); nothing is locked or synced. Who makes it longer than kEventLogBytes
// renames it to log.1, which replaces the last one, so the log is bounded and goes at a reboot. Telling is
// best effort: no command does anything else because what it did could not be told.
#ifndef CORACLE_STORE_EVENTS_H_
#define CORACLE_STORE_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "os/unique_fd.h"
#include "store/events.pb.h"
#include "store/store.h"

namespace coracle::store {

inline constexpr int64_t kEventLogBytes = 1 << 20;

int64_t EventTime();  // now, in Unix nanoseconds
// Both with the time of now. `type` is image, volume or network.
EventRecord ObjectEvent(absl::string_view type, absl::string_view status, absl::string_view id,
                        absl::string_view name);
EventRecord ContainerEvent(const ContainerRecord& record, absl::string_view status);

// How long the frame is that begins with `bytes`; 0 if that is no frame's beginning, or that of one of
// another schema, or too short to tell.
size_t RecordFrameSize(absl::string_view bytes);

void AddAttribute(EventRecord& event, absl::string_view key, absl::string_view value);

void AppendEvents(const Store& store, absl::Span<const EventRecord> events);
inline void AppendEvent(const Store& store, const EventRecord& event) { AppendEvents(store, {&event, 1}); }

// Reads the log from its beginning, then what is appended to it.
class EventReader {
 public:
  // `follow`: the directory is watched, and made if it is not there yet.
  EventReader(const Store& store, bool follow);

  // Calls `seen` for every event since the last call. What is damaged or of a newer schema is passed over.
  void Read(absl::FunctionRef<void(const EventRecord&)> seen);
  // Readable when there may be more; -1 where the kernel has no watch left. Read empties it.
  int watch() const { return watch_.get(); }

 private:
  struct File {
    os::UniqueFd fd;
    uint64_t inode = 0;
    std::string rest;  // the beginning of an event
  };
  void OpenNew();
  bool Knows(uint64_t inode) const;

  std::string directory_;
  os::UniqueFd watch_;
  std::vector<File> files_;  // oldest first; one that was renamed may still get the last words of others
};

}  // namespace coracle::store

#endif  // CORACLE_STORE_EVENTS_H_
