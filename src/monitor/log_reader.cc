#include "monitor/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "monitor/attach_client.h"
#include "monitor/log_printer.h"
#include "monitor/log_tail.h"
#include "monitor/log_time.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

constexpr size_t kBlock = 1 << 20;
constexpr int kMaxRotated = 1000;
// Without inotify (its per-user limit is small) changes are looked for this often.
constexpr int kNoInotifyMillis = 250;

struct OpenLog {
  os::UniqueFd fd;
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t size = 0;  // when it was opened
  bool Is(const OpenLog& other) const { return device == other.device && inode == other.inode; }
};

absl::StatusOr<OpenLog> OpenOne(const std::string& path) {
  OpenLog log;
  ASSIGN_OR_RETURN(log.fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK));
  struct stat info;
  if (fstat(log.fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  log.device = info.st_dev;
  log.inode = info.st_ino;
  log.size = static_cast<uint64_t>(info.st_size);
  return log;
}

// All files of the log, newest first. Opened in that order, a rotation meanwhile shows a file twice and hides
// none.
absl::StatusOr<std::vector<OpenLog>> OpenAll(const std::string& path) {
  std::vector<OpenLog> logs;
  ASSIGN_OR_RETURN(OpenLog current, OpenOne(path));
  logs.push_back(std::move(current));
  for (int i = 1; i < kMaxRotated; ++i) {
    absl::StatusOr<OpenLog> log = OpenOne(absl::StrCat(path, ".", i));
    if (!log.ok()) break;
    if (!std::any_of(logs.begin(), logs.end(), [&](const OpenLog& known) { return known.Is(*log); })) {
      logs.push_back(*std::move(log));
    }
  }
  return logs;
}

class Reader {
 public:
  explicit Reader(const LogOptions& options)
      : options_(options), printer_(options), buffer_(new char[kBlock]) {}
  absl::Status Run();

 private:
  // Prints from offset_ on; an unfinished last line waits for its rest, unless `all`.
  absl::Status PrintRest(bool all);
  absl::StatusOr<size_t> FindStart();
  absl::Status Follow(os::UniqueFd alive);
  absl::Status SwitchIfRotated();
  absl::Status PrintFile(OpenLog log, uint64_t from, bool all);
  void Watch();

  const LogOptions& options_;
  LogPrinter printer_;
  std::unique_ptr<char[]> buffer_;
  std::vector<OpenLog> logs_;  // newest first
  OpenLog current_;
  uint64_t offset_ = 0;
  os::UniqueFd inotify_;
};

absl::Status Reader::PrintRest(bool all) {
  size_t kept = 0;
  for (;;) {
    const ssize_t count =
        pread(current_.fd.get(), buffer_.get() + kept, kBlock - kept, static_cast<off_t>(offset_ + kept));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", options_.path));
    const absl::string_view text(buffer_.get(), kept + static_cast<size_t>(count));
    const size_t newline = text.rfind('\n');
    size_t whole = newline == absl::string_view::npos ? 0 : newline + 1;
    // A "line" that fills the block is none of ours: it goes out in pieces.
    if (text.size() == kBlock && whole == 0) whole = kBlock;
    if (count == 0 && all) whole = text.size();
    RETURN_IF_ERROR(printer_.Print(text.substr(0, whole)));
    offset_ += whole;
    kept = text.size() - whole;
    if (count == 0) return absl::OkStatus();
    memmove(buffer_.get(), buffer_.get() + whole, kept);
  }
}

absl::Status Reader::PrintFile(OpenLog log, uint64_t from, bool all) {
  current_ = std::move(log);
  offset_ = from;
  (void)posix_fadvise(current_.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return PrintRest(all);
}

// The file to begin with, as index in logs_; offset_ is where in it.
absl::StatusOr<size_t> Reader::FindStart() {
  if (!options_.tail.has_value()) return logs_.size() - 1;
  const LogFormat format = options_.driver == "json-file" ? LogFormat::kJson : LogFormat::kK8s;
  uint64_t lines = *options_.tail;
  for (size_t i = 0; i < logs_.size(); ++i) {
    ASSIGN_OR_RETURN(offset_, FindTail(logs_[i].fd.get(), logs_[i].size, format, &lines));
    if (offset_ > 0 || lines == 0) return i;
  }
  return logs_.size() - 1;
}

absl::Status Reader::Run() {
  // Connected and watched before the first read: nothing written later can be missed.
  os::UniqueFd alive;
  if (options_.follow && !options_.run_dir.empty()) {
    absl::StatusOr<os::UniqueFd> connection = ConnectAttach(options_.run_dir);
    if (connection.ok()) alive = *std::move(connection);
  }
  if (alive.valid()) Watch();
  ASSIGN_OR_RETURN(logs_, OpenAll(options_.path));
  ASSIGN_OR_RETURN(const size_t start, FindStart());
  for (size_t i = start + 1; i-- > 0;) {
    const bool last = i == 0 && !alive.valid();
    RETURN_IF_ERROR(PrintFile(std::move(logs_[i]), i == start ? offset_ : 0, /*all=*/i > 0 || last));
  }
  RETURN_IF_ERROR(printer_.Flush());
  return alive.valid() ? Follow(std::move(alive)) : absl::OkStatus();
}

void Reader::Watch() {
  inotify_.Reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.valid()) return;
  const size_t slash = options_.path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
  // The directory tells of changes of the file and of its being replaced.
  if (inotify_add_watch(inotify_.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    inotify_.Reset();
  }
}

absl::Status Reader::Follow(os::UniqueFd alive) {
  for (;;) {
    pollfd polls[2] = {{alive.get(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    int timeout = inotify_.valid() ? -1 : kNoInotifyMillis;
    if (options_.until_unix_nanos.has_value()) {
      const int64_t left = (*options_.until_unix_nanos - NowUnixNanos()) / 1000000;
      if (left < 0) return absl::OkStatus();
      if (timeout < 0) timeout = static_cast<int>(std::min<int64_t>(left + 1, 1 << 30));
    }
    if (poll(polls, 2, timeout) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    char events[4096];
    while (inotify_.valid() && read(inotify_.get(), events, sizeof(events)) > 0) {
    }
    // The monitor closes its connections after its last log entry: what is read after that is the end.
    const bool ended = polls[0].revents != 0 && recv(alive.get(), events, sizeof(events), MSG_DONTWAIT) <= 0;
    RETURN_IF_ERROR(SwitchIfRotated());
    RETURN_IF_ERROR(PrintRest(/*all=*/ended));
    RETURN_IF_ERROR(printer_.Flush());
    if (ended) return absl::OkStatus();
  }
}

absl::Status Reader::SwitchIfRotated() {
  struct stat info;
  if (stat(options_.path.c_str(), &info) != 0) return absl::OkStatus();  // removed: what is open is all
  if (info.st_dev == current_.device && info.st_ino == current_.inode) return absl::OkStatus();
  RETURN_IF_ERROR(PrintRest(/*all=*/true));
  absl::StatusOr<std::vector<OpenLog>> logs = OpenAll(options_.path);
  if (!logs.ok()) return absl::OkStatus();
  // Newer files than the one that was read: one, or more if several rotations passed.
  size_t newer = 0;
  while (newer < logs->size() && !(*logs)[newer].Is(current_)) ++newer;
  for (size_t i = newer; i-- > 0;) RETURN_IF_ERROR(PrintFile(std::move((*logs)[i]), 0, /*all=*/i > 0));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadLogs(const LogOptions& options) {
  if (options.driver != "k8s-file" && options.driver != "json-file") {
    return absl::InvalidArgumentError(
        absl::StrCat("log driver '", Printable(options.driver), "' keeps no logs that could be read"));
  }
  const absl::Status status = Reader(options).Run();
  // A reader that has seen enough (`| head`) is no error.
  return ErrnoOf(status) == EPIPE ? absl::OkStatus() : status;
}

}  // namespace coracle::monitor
