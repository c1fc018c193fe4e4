// The configuration of an image: image-spec config.md, and docker's members beyond it.
#ifndef CORACLE_OCI_IMAGE_CONFIG_H_
#define CORACLE_OCI_IMAGE_CONFIG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"
#include "oci/json_codec.h"

namespace coracle::oci {

inline constexpr size_t kMaxImageConfigBytes = 8 << 20;

// docker's HEALTHCHECK. Times in nanoseconds; 0: the default.
struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...} or {"CMD-SHELL", command}; empty: inherit
  int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;
  int64_t retries = 0;
};

// What a container of the image gets if its user says nothing else.
struct ContainerDefaults {
  std::string user;
  std::map<std::string, EmptyObject> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;                      // "NAME=VALUE"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::map<std::string, EmptyObject> volumes;  // paths
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<int64_t> stop_timeout;  // seconds
  bool args_escaped = false;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  std::vector<std::string> shell;
};

struct HistoryEntry {
  std::string created;  // RFC 3339
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  std::string created;  // RFC 3339; may be empty
  std::string author;
  std::string architecture, variant;
  std::string os, os_version;
  std::vector<std::string> os_features;
  ContainerDefaults config;
  std::vector<Digest> diff_ids;  // of the layers' uncompressed content, bottom first
  std::vector<HistoryEntry> history;
};

// Errors: InvalidArgument naming the member.
absl::StatusOr<ImageConfig> ParseImageConfig(absl::string_view json);
// The same value always gives the same bytes, which ParseImageConfig reads back to the same value.
std::string SerializeImageConfig(const ImageConfig& config);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_IMAGE_CONFIG_H_
