// Log entries to output descriptors, in large blocks.
#ifndef CORACLE_MONITOR_LOG_PRINTER_H_
#define CORACLE_MONITOR_LOG_PRINTER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "monitor/log_entry.h"
#include "monitor/log_reader.h"

namespace coracle::monitor {

class LogPrinter {
 public:
  explicit LogPrinter(const LogOptions& options);
  // Prints whole lines of a log file (the last may lack its newline only at the end of an older file).
  // Errors: errno of write(2).
  absl::Status Print(absl::string_view lines);
  absl::Status Flush();

 private:
  struct Output {
    int fd = -1;
    std::unique_ptr<char[]> buffer;
    size_t used = 0;
    bool at_line_start = true;
  };
  absl::Status PrintEntry(const LogEntry& entry);
  bool Filtered(absl::string_view time) const;
  absl::Status Put(Output* output, absl::string_view text);
  absl::Status FlushOne(Output* output);

  const LogOptions& options_;
  LogFormat format_;
  std::string since_, until_;  // in the form of a log's times; empty: no limit
  Output outputs_[2];
  // Both streams end in one file or terminal: their order must be kept.
  bool joined_ = false;
  std::string scratch_;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_PRINTER_H_
