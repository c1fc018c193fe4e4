// Turns a container's output into log entries.
#ifndef CORACLE_MONITOR_LOG_WRITER_H_
#define CORACLE_MONITOR_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "monitor/log_file.h"
#include "store/records.pb.h"

namespace coracle::monitor {

enum class Stream : uint8_t { kStdout = 0, kStderr = 1 };

// Content bytes of one entry; a longer line becomes several partial entries.
inline constexpr size_t kMaxEntryContent = 64 << 10;

// Entries are gathered in one buffer and written once a chunk. The buffer is mapped when first needed and
// holds no memory after ReleaseMemory.
class LogWriter {
 public:
  // k8s-file, json-file; null for none and passthrough, where nothing is logged. `path` must be set for the
  // first two. Errors: InvalidArgument for another driver; errno of open(2).
  static absl::StatusOr<std::unique_ptr<LogWriter>> Open(const store::LogConfig& config);
  virtual ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // One read's worth of output; all of its entries get the same time.
  void Write(Stream stream, absl::string_view chunk, int64_t unix_nanos);
  // The streams are at their end: what was held back is written.
  void Finish(int64_t unix_nanos);
  void ReleaseMemory();

 protected:
  explicit LogWriter(LogFile file) : file_(std::move(file)) {}
  // Splits `chunk` into entries, each put by PutEntry.
  virtual void Format(Stream stream, absl::string_view chunk, const char* time) = 0;
  virtual void FormatRest(const char* time) { (void)time; }
  // Room for an entry of at most `size` bytes, rotating before it if need be. Then EndEntry with its end.
  char* BeginEntry(size_t size);
  void EndEntry(char* end) { used_ = static_cast<size_t>(end - buffer_); }

 private:
  bool Map();
  void Flush();
  LogFile file_;
  char* buffer_ = nullptr;
  size_t used_ = 0;
};

// "2024-05-01T10:20:30.123456789Z stdout F line": the log lines of the Kubernetes CRI. P marks an entry whose
// line goes on in the stream's next one.
std::unique_ptr<LogWriter> NewK8sLogWriter(LogFile file);
// {"log":"line\n","stream":"stdout","time":"..."}: docker's json-file. A partial line is an entry without \n.
std::unique_ptr<LogWriter> NewJsonLogWriter(LogFile file);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_WRITER_H_
