// One entry of a log file, cut into its parts. Log files are input like any other: parsed with bounds.
#ifndef CORACLE_MONITOR_LOG_ENTRY_H_
#define CORACLE_MONITOR_LOG_ENTRY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "monitor/log_writer.h"

namespace coracle::monitor {

struct LogEntry {
  absl::string_view time;  // RFC 3339; empty if the line is no entry
  Stream stream = Stream::kStdout;
  absl::string_view content;  // without the line's own newline
  bool complete = true;       // the line ends here
};

enum class LogFormat : uint8_t { kK8s, kJson };

// Parses one line (without its newline). `scratch` holds unescaped content and must live as long as the entry
// is used. A line that is no entry gives itself as complete content on stdout: nothing is lost.
LogEntry ParseLogEntry(LogFormat format, absl::string_view line, std::string* scratch);

// Whether the entry that ends right before a newline completes its line, from its first and last bytes (at
// most kEntryEdge of each): what a tail counts.
inline constexpr size_t kEntryEdge = 160;
bool CompletesLine(LogFormat format, absl::string_view begin, absl::string_view end);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_ENTRY_H_
