#include "monitor/log_tail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "base/status.h"

namespace coracle::monitor {
namespace {

constexpr size_t kBlock = 1 << 20;

absl::StatusOr<size_t> ReadAt(int fd, char* buffer, size_t size, uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = pread(fd, buffer + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "read the log");
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

// Walks entries from the end; each newline but the last ends the entry before it.
struct TailScan {
  LogFormat format;
  uint64_t* lines;
  uint64_t line_begin;     // of the earliest entry that belongs to the lines found
  uint64_t entry_end = 0;  // of the entry whose beginning is looked for: its newline, or the end of the file
  std::string back;        // its last bytes, kept because its beginning may lie in another block
  bool last = true;

  void EndAt(uint64_t base, absl::string_view text, size_t at) {
    entry_end = base + at;
    if (format == LogFormat::kK8s) return;
    const size_t from = at > kEntryEdge ? at - kEntryEdge : 0;
    back.assign(text.data() + from, at - from);
  }
  // The entry [begin, entry_end) was found. True if the lines asked for are complete without it.
  bool Entry(uint64_t begin, absl::string_view front) {
    // A completing entry, or the unfinished line at the very end, opens one more line going backwards.
    if (CompletesLine(format, front, back) || last) {
      if (*lines == 0) return true;
      --*lines;
    }
    last = false;
    line_begin = begin;
    return false;
  }
};

}  // namespace

absl::StatusOr<uint64_t> FindTail(int fd, uint64_t size, LogFormat format, uint64_t* lines) {
  if (size == 0) return 0;
  const std::unique_ptr<char[]> buffer(new char[kBlock + 2 * kEntryEdge]);
  TailScan scan{.format = format, .lines = lines, .line_begin = size, .back = ""};
  uint64_t block_end = size;
  while (block_end > 0) {
    const uint64_t block_begin = block_end > kBlock ? block_end - kBlock : 0;
    const uint64_t read_begin = block_begin > kEntryEdge ? block_begin - kEntryEdge : 0;
    const uint64_t read_end = std::min(size, block_end + kEntryEdge);
    ASSIGN_OR_RETURN(const size_t got,
                     ReadAt(fd, buffer.get(), static_cast<size_t>(read_end - read_begin), read_begin));
    const absl::string_view text(buffer.get(), got);
    const auto front = [&](uint64_t begin) {
      const size_t size_left = static_cast<size_t>(scan.entry_end - begin);
      return text.substr(static_cast<size_t>(begin - read_begin), std::min(kEntryEdge, size_left));
    };
    size_t at = static_cast<size_t>(std::min<uint64_t>(block_end, read_begin + got) - read_begin);
    const size_t stop = static_cast<size_t>(block_begin - read_begin);
    if (block_end == size) {
      if (at > 0 && text[at - 1] == '\n') --at;
      scan.EndAt(read_begin, text, at);
    }
    while (at > stop) {
      const void* newline = memrchr(text.data() + stop, '\n', at - stop);
      if (newline == nullptr) break;
      at = static_cast<size_t>(static_cast<const char*>(newline) - text.data());
      const uint64_t begin = read_begin + at + 1;
      if (scan.Entry(begin, front(begin))) return scan.line_begin;
      scan.EndAt(read_begin, text, at);
    }
    if (block_begin == 0) {
      return scan.Entry(0, front(0)) ? scan.line_begin : 0;
    }
    block_end = block_begin;
  }
  return 0;
}

}  // namespace coracle::monitor
