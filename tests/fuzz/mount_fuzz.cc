// --volume, --mount, --tmpfs and the arguments of cp: whatever is typed is refused or read to what may be
// mounted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cli/mount_syntax.h"
#include "engine/copy_rules.h"
#include "store/volume.h"

namespace {

void Require(bool holds) {
  if (!holds) abort();
}

// A path inside a container: absolute, not the root, no way up.
void CheckDestination(const std::string& path) {
  Require(path.size() > 1 && path[0] == '/' && path.back() != '/');
  for (const absl::string_view part : absl::StrSplit(path.substr(1), '/')) {
    Require(!part.empty() && part != "." && part != "..");
  }
  Require(coracle::cli::CleanContainerPath(path) == path);
}

void CheckMount(const absl::StatusOr<coracle::cli::MountRequest>& request) {
  if (!request.ok()) {
    Require(!request.status().message().empty());
    return;
  }
  const coracle::store::Mount& mount = request->mount;
  CheckDestination(mount.destination());
  if (mount.type() == "volume") {
    Require(mount.anonymous() == mount.source().empty());
    Require(mount.anonymous() || coracle::store::CheckVolumeName(mount.source()).ok());
  } else {
    Require(!mount.source().empty());
  }
  Require(mount.upper_dir().empty() == mount.work_dir().empty());
  for (const absl::string_view part : absl::StrSplit(mount.subpath(), '/')) Require(part != "..");
  Require(mount.subpath().empty() || mount.subpath()[0] != '/');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      CheckMount(coracle::cli::ParseVolumeOption(text));
      break;
    case 1:
      CheckMount(coracle::cli::ParseMountOption(text));
      break;
    case 2:
      CheckMount(coracle::cli::ParseTmpfsOption(text));
      break;
    default: {
      const coracle::engine::CopyArgument argument = coracle::engine::ParseCopyArgument(text);
      Require(!absl::StrContains(argument.container, ':') && !absl::StrContains(argument.container, '/'));
      const coracle::engine::CopyPath path = coracle::engine::ReadCopyPath(argument.path);
      Require(!path.clean.empty() && !absl::StrContains(path.name, '/'));
      Require(path.name != "." && path.name != ".." && (!path.name.empty() || path.contents));
      break;
    }
  }
  return 0;
}
