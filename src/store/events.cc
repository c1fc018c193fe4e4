#include "store/events.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace coracle::store {
namespace {

// More than that of labels is not told.
constexpr size_t kMaxEventBytes = 32 << 10;

int OpenLog(const std::string& path, const std::string& directory) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  const int fd = open(path.c_str(), kFlags, 0600);
  if (fd >= 0 || errno != ENOENT) return fd;
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return -1;
  return open(path.c_str(), kFlags, 0600);
}

// Only one of those who find the log full renames it: he who has the lock of a file that still is the log.
void Rotate(int fd, const std::string& path) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  struct stat ours, named;
  if (fcntl(fd, F_OFD_SETLK, &lock) != 0 || fstat(fd, &ours) != 0 || stat(path.c_str(), &named) != 0) return;
  if (ours.st_ino == named.st_ino) (void)rename(path.c_str(), absl::StrCat(path, ".1").c_str());
}

}  // namespace

int64_t EventTime() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

EventRecord ObjectEvent(absl::string_view type, absl::string_view status, absl::string_view id,
                        absl::string_view name) {
  EventRecord event;
  event.set_unix_nanos(EventTime());
  event.set_type(std::string(type));
  event.set_status(std::string(status));
  event.set_id(std::string(id));
  event.set_name(std::string(name));
  return event;
}

EventRecord ContainerEvent(const ContainerRecord& record, absl::string_view status) {
  EventRecord event = ObjectEvent("container", status, record.id(), record.name());
  event.set_image(record.image_name());
  for (const StringPair& label : record.config().labels()) AddAttribute(event, label.key(), label.value());
  return event;
}

void AddAttribute(EventRecord& event, absl::string_view key, absl::string_view value) {
  EventPair* pair = event.add_attributes();
  pair->set_key(std::string(key));
  pair->set_value(std::string(value));
}

void AppendEvents(const Store& store, absl::Span<const EventRecord> events) {
  std::string text;
  for (const EventRecord& event : events) {
    std::string message = event.SerializeAsString();
    if (message.size() > kMaxEventBytes) {
      EventRecord bare = event;
      bare.clear_attributes();
      message = bare.SerializeAsString();
    }
    text += EncodeRecordFrame(message);
  }
  const std::string directory = absl::StrCat(store.runroot(), "/events");
  const std::string path = absl::StrCat(directory, "/log");
  const os::UniqueFd fd(OpenLog(path, directory));
  if (!fd.valid()) return;
  // A write that a full file system cuts off is passed over by readers.
  if (write(fd.get(), text.data(), text.size()) < 0) return;
  if (lseek(fd.get(), 0, SEEK_CUR) >= kEventLogBytes) Rotate(fd.get(), path);
}

}  // namespace coracle::store
