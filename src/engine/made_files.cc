#include "engine/made_files.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/environment.h"
#include "engine/name_files.h"
#include "os/file.h"
#include "programs/embedded.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

std::string ContainerEnvText(const store::ContainerRecord& record, bool user_namespace) {
  return absl::StrCat("engine=\"coracle\"\nname=\"", record.name(), "\"\nid=\"", record.id(), "\"\nimage=\"",
                      record.image_name(), "\"\nimageid=\"", record.image_id(),
                      "\"\nrootless=", user_namespace ? 1 : 0, "\n");
}

}  // namespace

absl::Status MakeFiles(const store::Store& store, const store::ContainerRecord& record,
                       const std::string& run_dir, SpecInput& input) {
  const ContainerConfig& config = record.config();
  const auto make = [&run_dir](const char* name, absl::string_view text, mode_t mode,
                               std::string& path) -> absl::Status {
    path = absl::StrCat(run_dir, "/", name);
    return os::WriteFileAt(AT_FDCWD, path, text, mode);
  };
  NameFiles names = NameFilesOf(store, record);
  names.run_dir = run_dir;
  RETURN_IF_ERROR(WriteNameFiles(store, names, {}, ""));
  if (names.hosts) input.hosts_file = absl::StrCat(run_dir, "/hosts");
  if (names.resolv) input.resolv_file = absl::StrCat(run_dir, "/resolv.conf");
  if (!config.no_hostname() && config.uts_mode() != "host") {
    RETURN_IF_ERROR(make("hostname", absl::StrCat(HostnameOf(record), "\n"), 0644, input.hostname_file));
  }
  RETURN_IF_ERROR(make("containerenv", ContainerEnvText(record, input.host.user_namespace), 0644,
                       input.containerenv_file));
  if (config.init()) RETURN_IF_ERROR(make("init", InitProgram(), 0755, input.init_program));
  return absl::OkStatus();
}

}  // namespace coracle::engine
