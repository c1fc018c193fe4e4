#include "monitor/log_printer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/time/time.h"
#include "base/status.h"
#include "base/time_format.h"
#include "monitor/log_time.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

constexpr size_t kOutputSize = 1 << 20;

bool SameFile(int a, int b) {
  struct stat first, second;
  if (fstat(a, &first) != 0 || fstat(b, &second) != 0) return true;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::string TimeKey(int64_t unix_nanos) {
  std::string key(kLogTimeSize, '\0');
  FormatLogTime(unix_nanos, key.data());
  return key;
}

}  // namespace

LogPrinter::LogPrinter(const LogOptions& options)
    : options_(options), format_(options.driver == "json-file" ? LogFormat::kJson : LogFormat::kK8s) {
  if (options.since_unix_nanos.has_value()) since_ = TimeKey(*options.since_unix_nanos);
  if (options.until_unix_nanos.has_value()) until_ = TimeKey(*options.until_unix_nanos);
  outputs_[0].fd = options.out_fd;
  outputs_[1].fd = options.err_fd;
  joined_ = SameFile(options.out_fd, options.err_fd);
}

absl::Status LogPrinter::Print(absl::string_view lines) {
  const char* at = lines.data();
  const char* const end = at + lines.size();
  while (at != end) {
    const char* newline = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at)));
    const char* line_end = newline != nullptr ? newline : end;
    const absl::string_view line(at, static_cast<size_t>(line_end - at));
    RETURN_IF_ERROR(PrintEntry(ParseLogEntry(format_, line, &scratch_)));
    at = newline != nullptr ? newline + 1 : end;
  }
  return absl::OkStatus();
}

bool LogPrinter::Filtered(absl::string_view time) const {
  if (since_.empty() && until_.empty()) return false;
  std::string key;
  if (time.size() != kLogTimeSize || time.back() != 'Z') {
    // Not of our writer: another width or an offset.
    const absl::StatusOr<absl::Time> parsed = ParseRfc3339Nano(time);
    if (!parsed.ok()) return false;
    key = TimeKey(absl::ToUnixNanos(*parsed));
    time = key;
  }
  return (!since_.empty() && time < since_) || (!until_.empty() && time > until_);
}

absl::Status LogPrinter::PrintEntry(const LogEntry& entry) {
  if (Filtered(entry.time)) return absl::OkStatus();
  const size_t index = entry.stream == Stream::kStdout ? 0 : 1;
  Output& output = outputs_[index];
  if (output.fd < 0) return absl::OkStatus();
  if (joined_ && outputs_[1 - index].used > 0) RETURN_IF_ERROR(FlushOne(&outputs_[1 - index]));
  if (output.at_line_start) {
    if (!options_.line_prefix.empty()) RETURN_IF_ERROR(Put(&output, options_.line_prefix));
    if (options_.timestamps) {
      RETURN_IF_ERROR(Put(&output, entry.time));
      RETURN_IF_ERROR(Put(&output, " "));
    }
  }
  RETURN_IF_ERROR(Put(&output, entry.content));
  output.at_line_start = entry.complete;
  return entry.complete ? Put(&output, "\n") : absl::OkStatus();
}

absl::Status LogPrinter::Put(Output* output, absl::string_view text) {
  if (output->buffer == nullptr) output->buffer.reset(new char[kOutputSize]);
  while (!text.empty()) {
    if (output->used == kOutputSize) RETURN_IF_ERROR(FlushOne(output));
    const size_t size = std::min(text.size(), kOutputSize - output->used);
    memcpy(output->buffer.get() + output->used, text.data(), size);
    output->used += size;
    text.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status LogPrinter::FlushOne(Output* output) {
  const absl::string_view bytes(output->buffer.get(), output->used);
  output->used = 0;
  return os::WriteAll(output->fd, bytes);
}

absl::Status LogPrinter::Flush() {
  for (Output& output : outputs_) {
    if (output.used > 0) RETURN_IF_ERROR(FlushOne(&output));
  }
  return absl::OkStatus();
}

}  // namespace coracle::monitor
