// Output of any bytes is logged and read back as it was; a log of any bytes is read without harm.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "monitor/log_entry.h"
#include "monitor/log_printer.h"
#include "monitor/log_tail.h"
#include "monitor/log_writer.h"
#include "os/file.h"

namespace {

using namespace std::string_literals;
namespace monitor = coracle::monitor;

std::string Contents(int fd) {
  lseek(fd, 0, SEEK_SET);
  return coracle::os::ReadAll(fd).value_or("");
}

std::string PrintLog(const std::string& log, const char* driver) {
  const coracle::os::UniqueFd out(memfd_create("out", MFD_CLOEXEC));
  monitor::LogOptions options;
  options.driver = driver;
  options.out_fd = options.err_fd = out.get();
  monitor::LogPrinter printer(options);
  if (!printer.Print(log).ok() || !printer.Flush().ok()) abort();
  return Contents(out.get());
}

void RoundTrip(absl::string_view bytes, size_t split, const char* driver) {
  const coracle::os::UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  coracle::store::LogConfig config;
  config.set_driver(driver);
  config.set_path(absl::StrCat("/proc/self/fd/", file.get()));
  auto writer = monitor::LogWriter::Open(config);
  if (!writer.ok()) abort();
  (*writer)->Write(monitor::Stream::kStdout, bytes.substr(0, split), 1);
  (*writer)->Write(monitor::Stream::kStdout, bytes.substr(split), 2);
  (*writer)->Finish(3);
  const std::string log = Contents(file.get());
  const std::string back = PrintLog(log, driver);
  // JSON can't carry invalid UTF-8; what it gives for it is stable.
  if (driver == "k8s-file"s && back != bytes) abort();
  uint64_t lines = 1;
  const auto tail = monitor::FindTail(
      file.get(), log.size(), driver == "json-file"s ? monitor::LogFormat::kJson : monitor::LogFormat::kK8s,
      &lines);
  if (!tail.ok() || *tail > log.size()) abort();
  const std::string last = PrintLog(log.substr(*tail), driver);
  if (back.size() < last.size() || back.compare(back.size() - last.size(), last.size(), last) != 0) abort();
  const size_t newlines = static_cast<size_t>(std::count(last.begin(), last.end(), '\n'));
  if (newlines > 1 || (!back.empty() && last.empty())) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t split = bytes.empty() ? 0 : data[0] % (bytes.size() + 1);
  RoundTrip(bytes, split, "k8s-file");
  RoundTrip(bytes, split, "json-file");
  (void)PrintLog(std::string(bytes), "k8s-file");
  (void)PrintLog(std::string(bytes), "json-file");
  return 0;
}
