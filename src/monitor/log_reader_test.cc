#include "monitor/log_reader.h"

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "monitor/log_entry.h"
#include "monitor/log_tail.h"
#include "monitor/log_time.h"
#include "monitor/log_writer.h"
#include "monitor/test_util.h"
#include "monitor/unix_socket.h"

namespace coracle::monitor {
namespace {

constexpr int64_t kSecond = 1000000000, kTime = 1714558830 * kSecond;

struct Log {
  TestDir dir;
  store::LogConfig config;
  std::unique_ptr<LogWriter> writer;
  LogOptions options;

  explicit Log(const char* driver, uint64_t max_size = 0, uint32_t max_files = 0) {
    config.set_driver(driver);
    config.set_path(dir.Path("log"));
    config.set_max_size_bytes(max_size);
    config.set_max_files(max_files);
    writer = LogWriter::Open(config).value();
    options.driver = driver;
    options.path = dir.Path("log");
  }
  // What ReadLogs writes to stdout, and with `err` to stderr.
  std::string Read(std::string* err = nullptr) {
    options.out_fd = open(dir.Path("out").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    options.err_fd = err == nullptr
                         ? options.out_fd
                         : open(dir.Path("err").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const absl::Status status = ReadLogs(options);
    if (err != nullptr) {
      *err = dir.Read("err");
      close(options.err_fd);
    }
    close(options.out_fd);
    return status.ok() ? dir.Read("out") : absl::StrCat("error: ", status.message());
  }
};

TEST_SUITE("monitor/log_reader") {
  TEST_CASE("what was written comes back byte for byte, streams apart or in order") {
    for (const char* driver : {"k8s-file", "json-file"}) {
      Log log(driver);
      log.writer->Write(Stream::kStdout, "one\ntw", kTime);
      log.writer->Write(Stream::kStdout, "o\n\n", kTime);
      log.writer->Write(Stream::kStderr, "err \"x\"\t\xc3\xa4\n", kTime);
      log.writer->Write(Stream::kStdout, std::string(200000, 'y') + "\nno end", kTime);
      const std::string out = "one\ntwo\n\n" + std::string(200000, 'y') + "\nno end";
      std::string err;
      CHECK(log.Read(&err) == out);
      CHECK(err == "err \"x\"\t\xc3\xa4\n");
      CHECK(log.Read() == "one\ntwo\n\nerr \"x\"\t\xc3\xa4\n" + std::string(200000, 'y') + "\nno end");
    }
  }
  TEST_CASE("tail counts lines, not entries, and goes back into rotated files") {
    for (const char* driver : {"k8s-file", "json-file"}) {
      Log log(driver, /*max_size=*/400, /*max_files=*/20);
      for (int i = 0; i < 20; ++i) {
        log.writer->Write(Stream::kStdout, "part ", kTime);
        log.writer->Write(Stream::kStdout, absl::StrCat(i, "\\n\n"), kTime);
      }
      for (int n = 0; n <= 21; ++n) {
        std::string expected;
        for (int i = std::max(0, 20 - n); i < 20; ++i) absl::StrAppend(&expected, "part ", i, "\\n\n");
        log.options.tail = n;
        CHECK(log.Read() == expected);
      }
      log.writer->Write(Stream::kStdout, "unfinished", kTime);
      log.options.tail = 2;
      CHECK(log.Read() == "part 19\\n\nunfinished");
    }
  }
  TEST_CASE("tail finds lines across its blocks") {
    Log log("json-file");
    std::string lines;
    for (int i = 0; i < 60000; ++i) absl::StrAppend(&lines, "line ", i, "\n");
    log.writer->Write(Stream::kStdout, lines, kTime);
    log.options.tail = 50000;
    CHECK(log.Read().substr(0, 11) == "line 10000\n");
  }
  TEST_CASE("since, until, times and names") {
    for (const char* driver : {"k8s-file", "json-file"}) {
      Log log(driver);
      for (int i = 0; i < 5; ++i)
        log.writer->Write(Stream::kStdout, absl::StrCat(i, "\n"), kTime + i * kSecond);
      log.options.since_unix_nanos = kTime + kSecond;
      log.options.until_unix_nanos = kTime + 3 * kSecond;
      CHECK(log.Read() == "1\n2\n3\n");
      log.options.since_unix_nanos = kTime + 3 * kSecond;
      log.options.timestamps = true;
      log.options.line_prefix = "web | ";
      CHECK(log.Read() == "web | 2024-05-01T10:20:33.000000000Z 3\n");
    }
  }
  TEST_CASE("entries of other writers: an offset, tags, a line that is none") {
    Log log("k8s-file");
    CHECK(os::WriteFileAt(AT_FDCWD, log.options.path,
                          "2024-05-01T12:20:30.5+02:00 stdout F:x hello\nrubbish\n"
                          "2024-05-01T10:20:31Z stderr F \n2024-05-01T09:00:00Z stdout F old\n")
              .ok());
    log.options.since_unix_nanos = kTime;
    std::string err;
    CHECK(log.Read(&err) == "hello\nrubbish\n");
    CHECK(err == "\n");
  }
  TEST_CASE("follow reads on through rotation and ends with the container") {
    Log log("k8s-file", /*max_size=*/300, /*max_files=*/20);
    log.options.follow = true;
    log.options.run_dir = log.dir.path;
    os::UniqueFd listener = BindSocket(log.dir.path, "attach.sock", SOCK_STREAM).value();
    log.writer->Write(Stream::kStdout, "first\n", NowUnixNanos());
    std::string out;
    std::thread reader([&] { out = log.Read(); });
    os::UniqueFd connection;
    while (!connection.valid()) connection.Reset(accept(listener.get(), nullptr, nullptr));
    std::string expected = "first\n";
    for (int i = 0; i < 40; ++i) {
      log.writer->Write(Stream::kStdout, absl::StrCat(i, "\n"), NowUnixNanos());
      absl::StrAppend(&expected, i, "\n");
      usleep(5000);
    }
    log.writer->Write(Stream::kStdout, "last words", NowUnixNanos());
    connection.Reset();
    reader.join();
    CHECK(out == expected + "last words");
  }
  TEST_CASE("follow of a container that does not run ends at once") {
    Log log("k8s-file");
    log.options.follow = true;
    log.options.run_dir = log.dir.path;
    log.writer->Write(Stream::kStdout, "x\n", kTime);
    CHECK(log.Read() == "x\n");
  }
  TEST_CASE("drivers without a file and missing files are errors") {
    LogOptions options;
    options.driver = "none";
    CHECK(absl::IsInvalidArgument(ReadLogs(options)));
    options.driver = "k8s-file";
    options.path = "/nonexistent/log";
    CHECK(absl::IsNotFound(ReadLogs(options)));
  }
}

}  // namespace
}  // namespace coracle::monitor
