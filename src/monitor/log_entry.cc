#include "monitor/log_entry.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "monitor/log_time.h"

namespace coracle::monitor {
namespace {

LogEntry NoEntry(absl::string_view line) {
  LogEntry entry;
  entry.content = line;
  return entry;
}

bool StreamOf(absl::string_view name, Stream* stream) {
  if (name != "stdout" && name != "stderr") return false;
  *stream = name == "stdout" ? Stream::kStdout : Stream::kStderr;
  return true;
}

// Kubernetes CRI, "time stream tags content"; tags are separated by ':', the first is P or F.
LogEntry ParseK8s(absl::string_view line) {
  LogEntry entry;
  size_t time_end = kLogTimeSize;
  // The width that our own writer gives, else whatever is there.
  if (line.size() <= time_end || line[time_end] != ' ') time_end = line.find(' ');
  if (time_end == absl::string_view::npos || line.size() < time_end + 9) return NoEntry(line);
  if (!StreamOf(line.substr(time_end + 1, 6), &entry.stream) || line[time_end + 7] != ' ')
    return NoEntry(line);
  const char tag = line[time_end + 8];
  if (tag != 'F' && tag != 'P') return NoEntry(line);
  size_t content = time_end + 9;
  while (content < line.size() && line[content] != ' ') ++content;  // further tags
  entry.time = line.substr(0, time_end);
  entry.complete = tag == 'F';
  entry.content = content < line.size() ? line.substr(content + 1) : absl::string_view();
  return entry;
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    if (c < 0x10000) {
      out->push_back(static_cast<char>(0xe0 | c >> 12));
    } else {
      out->push_back(static_cast<char>(0xf0 | c >> 18));
      out->push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    }
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

// Four hex digits at `at`, or -1.
int64_t Hex4(absl::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  return value;
}

// The code point of the escape after "\u" at `at`, surrogate pairs joined; moves `at` behind it.
bool UnescapeUnicode(absl::string_view text, size_t* at, std::string* out) {
  const int64_t high = Hex4(text, *at);
  if (high < 0) return false;
  *at += 4;
  if (high >= 0xd800 && high <= 0xdbff && text.substr(*at, 2) == "\\u") {
    const int64_t low = Hex4(text, *at + 2);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *at += 6;
      AppendUtf8(static_cast<uint32_t>(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), out);
      return true;
    }
  }
  AppendUtf8(high >= 0xd800 && high <= 0xdfff ? 0xfffd : static_cast<uint32_t>(high), out);
  return true;
}

// Unescapes the JSON string that begins at `at` (behind its quote); `at` ends behind the closing quote.
bool UnescapeString(absl::string_view text, size_t* at, std::string* out) {
  out->clear();
  for (;;) {
    size_t run = *at;
    while (run < text.size() && text[run] != '"' && text[run] != '\\') ++run;
    if (run == text.size()) return false;
    out->append(text.data() + *at, run - *at);
    *at = run + 1;
    if (text[run] == '"') return true;
    if (*at == text.size()) return false;
    const char c = text[(*at)++];
    static constexpr char kFrom[] = "\"\\/bfnrt", kTo[] = "\"\\/\b\f\n\r\t";
    if (c == 'u') {
      if (!UnescapeUnicode(text, at, out)) return false;
    } else if (const char* found = static_cast<const char*>(memchr(kFrom, c, sizeof(kFrom) - 1))) {
      out->push_back(kTo[found - kFrom]);
    } else {
      return false;
    }
  }
}

// The plain string value after `key`, which is written with quotes and colon.
absl::string_view PlainValue(absl::string_view text, absl::string_view key) {
  const size_t found = text.find(key);
  if (found == absl::string_view::npos) return absl::string_view();
  const absl::string_view value = text.substr(found + key.size());
  return value.substr(0, std::min(value.find('"'), value.size()));
}

LogEntry ParseJsonEntry(absl::string_view line, std::string* scratch) {
  constexpr absl::string_view kBegin = "{\"log\":\"";
  size_t at = kBegin.size();
  if (!absl::StartsWith(line, kBegin) || !UnescapeString(line, &at, scratch)) return NoEntry(line);
  LogEntry entry;
  const absl::string_view rest = line.substr(at);
  if (!StreamOf(PlainValue(rest, "\"stream\":\""), &entry.stream)) return NoEntry(line);
  entry.time = PlainValue(rest, "\"time\":\"");
  if (entry.time.empty()) return NoEntry(line);
  entry.content = *scratch;
  entry.complete = absl::ConsumeSuffix(&entry.content, "\n");
  return entry;
}

}  // namespace

LogEntry ParseLogEntry(LogFormat format, absl::string_view line, std::string* scratch) {
  return format == LogFormat::kK8s ? ParseK8s(line) : ParseJsonEntry(line, scratch);
}

bool CompletesLine(LogFormat format, absl::string_view begin, absl::string_view end) {
  if (format == LogFormat::kK8s) {
    std::string none;
    return ParseLogEntry(format, begin, &none).complete;
  }
  const size_t tail = end.rfind("\",\"stream\":\"");
  if (tail == absl::string_view::npos || tail < 2) return true;
  if (end[tail - 1] != 'n') return false;
  size_t backslashes = 0;
  while (backslashes < tail - 1 && end[tail - 2 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

}  // namespace coracle::monitor
