#include <algorithm>
#include <cstring>
#include <string>

#include "monitor/log_time.h"
#include "monitor/log_writer.h"
#include "monitor/utf8.h"

namespace coracle::monitor {
namespace {

constexpr size_t kMaxEscape = 6;  // \u001b
constexpr size_t kFrame = 64 + kLogTimeSize;

char* Put(char* out, absl::string_view text) {
  memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* PutControl(char* out, unsigned char c) {
  switch (c) {
    case '"':
      return Put(out, "\\\"");
    case '\\':
      return Put(out, "\\\\");
    case '\n':
      return Put(out, "\\n");
    case '\r':
      return Put(out, "\\r");
    case '\t':
      return Put(out, "\\t");
    default:
      out = Put(out, "\\u00");
      *out++ = "0123456789abcdef"[c >> 4];
      *out++ = "0123456789abcdef"[c & 15];
      return out;
  }
}

bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// At most kMaxEscape bytes for each of `text`. An invalid byte becomes U+FFFD, as JSON can't carry it.
char* PutEscaped(char* out, absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    size_t run = i;
    while (run < text.size() && IsPlain(static_cast<unsigned char>(text[run]))) ++run;
    out = Put(out, text.substr(i, run - i));
    i = run;
    if (i == text.size()) break;
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      out = c == 0x7f ? Put(out, text.substr(i, 1)) : PutControl(out, c);
      ++i;
      continue;
    }
    const size_t size = Utf8SequenceSize(text.substr(i));
    out = size == 0 ? Put(out, "\\ufffd") : Put(out, text.substr(i, size));
    i += size == 0 ? 1 : size;
  }
  return out;
}

class JsonLogWriter : public LogWriter {
 public:
  explicit JsonLogWriter(LogFile file) : LogWriter(std::move(file)) {}

 protected:
  void Format(Stream stream, absl::string_view chunk, const char* time) override {
    // A character that two reads cut in half must not become two invalid ones.
    std::string& held = held_[static_cast<int>(stream)];
    std::string joined;
    if (!held.empty()) {
      joined = held;
      joined.append(chunk.data(), chunk.size());
      chunk = joined;
      held.clear();
    }
    const size_t tail = Utf8IncompleteTail(chunk);
    held.assign(chunk.data() + chunk.size() - tail, tail);
    chunk.remove_suffix(tail);
    FormatLines(stream, chunk, time);
  }
  void FormatRest(const char* time) override {
    for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
      std::string held;
      held.swap(held_[static_cast<int>(stream)]);
      FormatLines(stream, held, time);
    }
  }

 private:
  void FormatLines(Stream stream, absl::string_view chunk, const char* time) {
    while (!chunk.empty()) {
      absl::string_view line = chunk.substr(0, kMaxEntryContent);
      const void* newline = memchr(line.data(), '\n', line.size());
      if (newline != nullptr) {
        line = line.substr(0, static_cast<size_t>(static_cast<const char*>(newline) - line.data()) + 1);
      } else if (line.size() < chunk.size()) {
        line.remove_suffix(Utf8IncompleteTail(line));
      }
      char* out = BeginEntry(line.size() * kMaxEscape + kFrame);
      out = Put(out, "{\"log\":\"");
      out = PutEscaped(out, line);
      out = Put(out, stream == Stream::kStdout ? "\",\"stream\":\"stdout\",\"time\":\""
                                               : "\",\"stream\":\"stderr\",\"time\":\"");
      out = Put(out, absl::string_view(time, kLogTimeSize));
      EndEntry(Put(out, "\"}\n"));
      chunk.remove_prefix(line.size());
    }
  }
  std::string held_[2];
};

}  // namespace

std::unique_ptr<LogWriter> NewJsonLogWriter(LogFile file) {
  return std::make_unique<JsonLogWriter>(std::move(file));
}

}  // namespace coracle::monitor
