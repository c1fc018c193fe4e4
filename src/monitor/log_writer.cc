#include "monitor/log_writer.h"

#include <sys/mman.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "monitor/log_time.h"

namespace coracle::monitor {
namespace {

// Holds the largest entry: JSON writes a byte as up to six.
constexpr size_t kBufferSize = 512 << 10;
// Written out beyond this, while it is still in the processor's cache.
constexpr size_t kFlushAt = 96 << 10;

}  // namespace

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Open(const store::LogConfig& config) {
  if (config.driver() == "none" || config.driver() == "passthrough") return std::unique_ptr<LogWriter>();
  if (config.driver() != "k8s-file" && config.driver() != "json-file") {
    return absl::InvalidArgumentError(absl::StrCat("unknown log driver '", Printable(config.driver()), "'"));
  }
  absl::StatusOr<LogFile> file = LogFile::Open(config.path(), config.max_size_bytes(), config.max_files());
  if (!file.ok()) return file.status();
  return config.driver() == "json-file" ? NewJsonLogWriter(*std::move(file))
                                        : NewK8sLogWriter(*std::move(file));
}

LogWriter::~LogWriter() {
  if (buffer_ != nullptr) munmap(buffer_, kBufferSize);
}

bool LogWriter::Map() {
  if (buffer_ != nullptr) return true;
  void* mapped = mmap(nullptr, kBufferSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  buffer_ = static_cast<char*>(mapped);
  return true;
}

void LogWriter::Write(Stream stream, absl::string_view chunk, int64_t unix_nanos) {
  if (!Map()) return;
  char time[kLogTimeSize];
  FormatLogTime(unix_nanos, time);
  if (file_.lost_bytes() > 0) {
    const std::string note = absl::StrCat("[coracle: ", file_.lost_bytes(),
                                          " bytes of log were lost: ", strerror(file_.last_error()), "]\n");
    Format(Stream::kStderr, note, time);
    const uint64_t lost = file_.lost_bytes();
    Flush();
    if (file_.lost_bytes() == lost) file_.ForgetLoss();
  }
  Format(stream, chunk, time);
  Flush();
}

void LogWriter::Finish(int64_t unix_nanos) {
  if (!Map()) return;
  char time[kLogTimeSize];
  FormatLogTime(unix_nanos, time);
  FormatRest(time);
  Flush();
}

char* LogWriter::BeginEntry(size_t size) {
  if (file_.MustRotateFor(used_, size)) {
    Flush();
    file_.Rotate();
  } else if (used_ > 0 && used_ + size > kFlushAt) {
    Flush();
  }
  return buffer_ + used_;
}

void LogWriter::Flush() {
  if (used_ == 0) return;
  (void)file_.Append(absl::string_view(buffer_, used_));  // counted there, noted in the log later
  used_ = 0;
}

void LogWriter::ReleaseMemory() {
  if (buffer_ != nullptr) madvise(buffer_, kBufferSize, MADV_DONTNEED);
}

}  // namespace coracle::monitor
