#include "monitor/log_writer.h"

#include <sys/resource.h>

#include <csignal>

#include "base/json.h"
#include "doctest/doctest.h"
#include "monitor/log_time.h"
#include "monitor/test_util.h"

namespace coracle::monitor {
namespace {

constexpr int64_t kTime = 1714558830123456789;  // 2024-05-01T10:20:30.123456789Z
constexpr char kStamp[] = "2024-05-01T10:20:30.123456789Z";

std::unique_ptr<LogWriter> OpenLog(const TestDir& dir, const char* driver, uint64_t max_size = 0,
                                   uint32_t max_files = 0) {
  store::LogConfig config;
  config.set_driver(driver);
  config.set_path(dir.Path("log"));
  config.set_max_size_bytes(max_size);
  config.set_max_files(max_files);
  return LogWriter::Open(config).value();
}

TEST_SUITE("monitor/log_writer") {
  TEST_CASE("times are fixed width, before and after 1970 and on leap days") {
    const auto format = [](int64_t nanos) {
      char out[kLogTimeSize];
      FormatLogTime(nanos, out);
      return std::string(out, kLogTimeSize);
    };
    CHECK(format(kTime) == kStamp);
    CHECK(format(0) == "1970-01-01T00:00:00.000000000Z");
    CHECK(format(-1) == "1969-12-31T23:59:59.999999999Z");
    CHECK(format(951782400ll * 1000000000) == "2000-02-29T00:00:00.000000000Z");
  }
  TEST_CASE("k8s-file marks a line's parts and keeps the streams apart") {
    TestDir dir;
    auto log = OpenLog(dir, "k8s-file");
    log->Write(Stream::kStdout, "one\ntw", kTime);
    log->Write(Stream::kStderr, "\n", kTime);
    log->Write(Stream::kStdout, "o\n", kTime);
    log->Finish(kTime);
    const std::string t = kStamp;
    CHECK(dir.Read("log") ==
          t + " stdout F one\n" + t + " stdout P tw\n" + t + " stderr F \n" + t + " stdout F o\n");
  }
  TEST_CASE("a line longer than an entry becomes partial ones that add up") {
    TestDir dir;
    auto log = OpenLog(dir, "k8s-file");
    log->Write(Stream::kStdout, std::string(kMaxEntryContent + 10, 'x') + "\n", kTime);
    const std::string text = dir.Read("log");
    CHECK(text.size() == 2 * 41 + kMaxEntryContent + 10);
    CHECK(text.substr(38, 1) == "P");
  }
  TEST_CASE("json-file escapes what JSON must not carry and joins characters that reads cut") {
    TestDir dir;
    auto log = OpenLog(dir, "json-file");
    log->Write(Stream::kStdout, "a\"\\\t\x1b\xff\xc3", kTime);
    log->Write(Stream::kStdout, "\xa4 end\n\xe2\x82", kTime);
    log->Finish(kTime);
    const std::string text = dir.Read("log");
    std::string joined;
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = text.find('\n', begin);
      const auto value = ParseJson(text.substr(begin, end - begin));
      REQUIRE(value.ok());
      CHECK((*value)["time"] == kStamp);
      CHECK((*value)["stream"] == "stdout");
      joined += (*value)["log"].get<std::string>();
      begin = end + 1;
    }
    CHECK(joined == "a\"\\\t\x1b\xef\xbf\xbd\xc3\xa4 end\n\xef\xbf\xbd\xef\xbf\xbd");
  }
  TEST_CASE("rotation keeps so many files, each below the size and of whole entries") {
    TestDir dir;
    auto log = OpenLog(dir, "k8s-file", /*max_size=*/200, /*max_files=*/3);
    for (int i = 0; i < 20; ++i) log->Write(Stream::kStdout, "line " + std::to_string(100 + i) + "\n", kTime);
    CHECK(dir.Read("log").size() <= 200);
    CHECK(dir.Read("log.1").size() <= 200);
    CHECK(dir.Read("log.2").size() <= 200);
    CHECK(dir.Read("log.3") == "(missing)");
    CHECK(dir.Read("log").find("line 119\n") != std::string::npos);
    CHECK(dir.Read("log.1").substr(0, 4) == "2024");
    CHECK(dir.Read("log.1").back() == '\n');
  }
  TEST_CASE("a single file starts anew when it is full") {
    TestDir dir;
    auto log = OpenLog(dir, "k8s-file", /*max_size=*/100);
    for (int i = 0; i < 3; ++i) log->Write(Stream::kStdout, "line\n", kTime);
    CHECK(dir.Read("log") == std::string(kStamp) + " stdout F line\n");
    CHECK(dir.Read("log.1") == "(missing)");
  }
  TEST_CASE("a write error drops whole entries and is noted once writing works again") {
    TestDir dir;
    auto log = OpenLog(dir, "k8s-file");
    log->Write(Stream::kStdout, "before\n", kTime);
    rlimit old = {}, tight = {};
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 60;  // stands for a full disk: a short write, then an error
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    log->Write(Stream::kStdout, "lost lost lost\n", kTime);
    log->Write(Stream::kStdout, "lost\n", kTime);
    setrlimit(RLIMIT_FSIZE, &old);
    log->Write(Stream::kStdout, "after\n", kTime);
    log->Write(Stream::kStdout, "again\n", kTime);
    signal(SIGXFSZ, SIG_DFL);
    const std::string t = kStamp;
    const std::string text = dir.Read("log");
    CHECK(text.find("lost lost") == std::string::npos);
    CHECK(text.find(t + " stdout F before\n" + t + " stderr F [coracle: ") == 0);
    CHECK(text.find(": File too large]\n" + t + " stdout F after\n" + t + " stdout F again\n") !=
          std::string::npos);
    CHECK(text.find("[coracle") == text.rfind("[coracle"));
  }
  TEST_CASE("none and passthrough log nothing, another driver is refused") {
    store::LogConfig config;
    config.set_driver("none");
    CHECK(LogWriter::Open(config).value() == nullptr);
    config.set_driver("syslog");
    CHECK(absl::IsInvalidArgument(LogWriter::Open(config).status()));
  }
}

}  // namespace
}  // namespace coracle::monitor
