// The values of --volume, --mount, --tmpfs and --volumes-from, read into records. Pure: nothing is looked up
// on the host, so a relative source stays relative. Source: podman-run(1) and docker's run, "--volume",
// "--mount", "--tmpfs", "--volumes-from".
#ifndef CORACLE_CLI_MOUNT_SYNTAX_H_
#define CORACLE_CLI_MOUNT_SYNTAX_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/records.pb.h"

namespace coracle::cli {

struct MountRequest {
  // Type bind (source as given), volume (source empty: anonymous), image, tmpfs, devpts, ramfs, mqueue or
  // glob.
  store::Mount mount;
  // Of a volume that is made for it.
  std::vector<std::pair<std::string, std::string>> volume_labels, volume_options;
};

// All: errors are InvalidArgument or Unimplemented naming option and value, exit code 125.
absl::StatusOr<MountRequest> ParseVolumeOption(const std::string& text);  // [SOURCE:]DIR[:OPTIONS]
absl::StatusOr<MountRequest> ParseMountOption(const std::string& text);   // type=TYPE,KEY=VALUE,...
absl::StatusOr<MountRequest> ParseTmpfsOption(const std::string& text);   // DIR[:OPTIONS]

// "/a/../b/" -> "/b": as text, for paths inside a container.
std::string CleanContainerPath(absl::string_view path);

// The fields of one line of comma-separated values: "a","b ""c""", d. Errors: InvalidArgument for a quote
// that is not closed or followed by more.
absl::StatusOr<std::vector<std::string>> SplitCsvLine(absl::string_view line);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_MOUNT_SYNTAX_H_
