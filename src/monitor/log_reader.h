// Reads back what a monitor logged.
#ifndef CORACLE_MONITOR_LOG_READER_H_
#define CORACLE_MONITOR_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "store/records.pb.h"

namespace coracle::monitor {

struct LogOptions {
  std::string path;    // of the current file; rotated ones lie beside it as path.1, path.2 ...
  std::string driver;  // k8s-file or json-file
  bool follow = false;
  std::optional<uint64_t> tail;  // last n lines
  std::optional<int64_t> since_unix_nanos, until_unix_nanos;
  bool timestamps = false;
  std::string line_prefix;  // --names
  int out_fd = 1, err_fd = 2;
  // With follow: whether the container still runs; polled only when told of a change.
  std::string run_dir;  // its attach.sock and lock tell the end
};

// Writes in large blocks, streams to their own descriptors. With `follow` waits by inotify, follows rotation,
// and ends after the container's end once all was read. Errors: InvalidArgument for driver none or
// passthrough
// ("log driver none cannot be read"); NotFound.
absl::Status ReadLogs(const LogOptions& options);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_READER_H_
