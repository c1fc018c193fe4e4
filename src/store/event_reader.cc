// The reading side of events.h.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "store/events.h"

namespace coracle::store {
namespace {

// A frame that claims to be longer is none of ours.
constexpr size_t kMaxFrameBytes = 64 << 10;
constexpr size_t kBlock = 64 << 10;

// Takes whole events off the front of `text`; what is left is the beginning of one.
void TakeEvents(std::string& text, absl::FunctionRef<void(const EventRecord&)> seen) {
  absl::string_view rest = text;
  while (rest.size() >= 16) {
    const size_t size = RecordFrameSize(rest);
    if (size > rest.size() && size <= kMaxFrameBytes) break;  // its end is yet to come
    EventRecord event;
    const auto message = size == 0 || size > kMaxFrameBytes
                             ? absl::StatusOr<std::string>(absl::DataLossError("no frame"))
                             : DecodeRecordFrame(rest.substr(0, size));
    if (message.ok() && event.ParseFromString(*message)) {
      seen(event);
      rest.remove_prefix(size);
      continue;
    }
    // Cut off by a full disk: the next event begins somewhere behind.
    const size_t next = rest.find("CRCL", 1);
    rest.remove_prefix(next != absl::string_view::npos ? next : rest.size() - 3);
  }
  text.erase(0, text.size() - rest.size());
}

}  // namespace

EventReader::EventReader(const Store& store, bool follow)
    : directory_(absl::StrCat(store.runroot(), "/events")) {
  if (!follow) return;
  (void)os::MakeDirectories(directory_, 0700);  // without it there is no watch, and we look from time to time
  watch_.Reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch_.valid() &&
      inotify_add_watch(watch_.get(), directory_.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    watch_.Reset();
  }
}

bool EventReader::Knows(uint64_t inode) const {
  return std::any_of(files_.begin(), files_.end(), [&](const File& file) { return file.inode == inode; });
}

// The log first: renamed meanwhile, it is met twice, and known then.
void EventReader::OpenNew() {
  std::vector<File> found;
  for (const char* name : {"/log", "/log.1"}) {
    const std::string path = absl::StrCat(directory_, name);
    struct stat info;
    if (stat(path.c_str(), &info) != 0 || Knows(info.st_ino)) continue;
    auto fd = os::OpenAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
    if (!fd.ok() || fstat(fd->get(), &info) != 0) continue;
    const bool twice =
        std::any_of(found.begin(), found.end(), [&](const File& file) { return file.inode == info.st_ino; });
    if (!twice && !Knows(info.st_ino)) found.push_back({*std::move(fd), info.st_ino, ""});
  }
  for (size_t i = found.size(); i-- > 0;) files_.push_back(std::move(found[i]));
  // Nobody writes to one that was renamed twice.
  if (files_.size() > 2) files_.erase(files_.begin(), files_.end() - 2);
}

void EventReader::Read(absl::FunctionRef<void(const EventRecord&)> seen) {
  char notices[4096];
  while (watch_.valid() && read(watch_.get(), notices, sizeof(notices)) > 0) {
  }
  const auto read_all = [&](size_t from) {
    std::string block(kBlock, '\0');
    for (size_t i = from; i < files_.size(); ++i) {
      for (;;) {
        const ssize_t count = read(files_[i].fd.get(), block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        files_[i].rest.append(block, 0, static_cast<size_t>(count));
        TakeEvents(files_[i].rest, seen);
      }
    }
  };
  // What is open is read to its end before it may be dropped for newer ones.
  read_all(0);
  OpenNew();
  read_all(0);
}

}  // namespace coracle::store
