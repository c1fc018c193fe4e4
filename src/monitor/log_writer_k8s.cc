#include <algorithm>
#include <cstring>

#include "monitor/log_time.h"
#include "monitor/log_writer.h"

namespace coracle::monitor {
namespace {

constexpr size_t kTagSize = 10;  // " stdout F "
constexpr size_t kPrefix = kLogTimeSize + kTagSize;

class K8sLogWriter : public LogWriter {
 public:
  explicit K8sLogWriter(LogFile file) : LogWriter(std::move(file)) {}

 protected:
  void Format(Stream stream, absl::string_view chunk, const char* time) override {
    char prefix[kPrefix];
    memcpy(prefix, time, kLogTimeSize);
    memcpy(prefix + kLogTimeSize, stream == Stream::kStdout ? " stdout F " : " stderr F ", kTagSize);
    const char* at = chunk.data();
    const char* const end = at + chunk.size();
    while (at != end) {
      const size_t limit = std::min(static_cast<size_t>(end - at), kMaxEntryContent);
      const char* newline = static_cast<const char*>(memchr(at, '\n', limit));
      const size_t size = newline != nullptr ? static_cast<size_t>(newline - at) : limit;
      char* out = BeginEntry(kPrefix + size + 1);
      memcpy(out, prefix, kPrefix);
      if (newline == nullptr) out[kPrefix - 2] = 'P';
      memcpy(out + kPrefix, at, size);
      out[kPrefix + size] = '\n';
      EndEntry(out + kPrefix + size + 1);
      at += size + (newline != nullptr ? 1 : 0);
    }
  }
};

}  // namespace

std::unique_ptr<LogWriter> NewK8sLogWriter(LogFile file) {
  return std::make_unique<K8sLogWriter>(std::move(file));
}

}  // namespace coracle::monitor
