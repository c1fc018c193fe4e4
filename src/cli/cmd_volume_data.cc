// volume export, import, mount and unmount.
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "archive/decompress.h"
#include "archive/pack.h"
#include "archive/unpack.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/volumes.h"
#include "os/file.h"
#include "os/user_namespace.h"

namespace coracle::cli {
namespace {

absl::StatusOr<store::VolumeRecord> Named(engine::Engine& engine, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string full, store::ResolveVolume(engine.store, name));
  return store::ReadVolume(engine.store, full);
}

absl::Status Export(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const store::VolumeRecord record, Named(engine, invocation.args()[0]));
  const std::string path = invocation.parsed().GetString("output");
  os::UniqueFd file;
  if (path.empty() || path == "-") {
    if (isatty(STDOUT_FILENO) != 0) {
      return WithExitCode(
          absl::InvalidArgumentError("standard output is a terminal: give --output FILE or redirect it"),
          125);
    }
  }
  ASSIGN_OR_RETURN(const os::UniqueFd data, engine::OpenVolume(engine, record));
  if (!path.empty() && path != "-") {
    ASSIGN_OR_RETURN(file, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  }
  archive::FdSink sink(file.valid() ? file.get() : STDOUT_FILENO);
  archive::PackOptions options;
  options.root_entry = true;
  options.subsecond_times = true;
  return Annotate(archive::Pack(data.get(), sink, options).status(),
                  absl::StrCat("export volume ", record.name()));
}

absl::Status Import(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const store::VolumeRecord record, Named(engine, invocation.args()[0]));
  os::UniqueFd file;
  const std::string path = invocation.args().size() > 1 ? invocation.args()[1] : "-";
  if (path != "-") {
    ASSIGN_OR_RETURN(file, os::OpenAt(AT_FDCWD, path, O_RDONLY));
  } else if (isatty(STDIN_FILENO) != 0) {
    return WithExitCode(
        absl::InvalidArgumentError("standard input is a terminal: give a FILE or redirect it"), 125);
  }
  ASSIGN_OR_RETURN(const engine::VolumePlace place, engine::PlaceOf(engine.store, record));
  if (place.kind == engine::VolumePlace::Kind::kFileSystem) {
    // What is unpacked into a mount of our own would be gone with it.
    return WithExitCode(
        absl::UnimplementedError(absl::StrCat("volume import into ", record.name(), ", which is a ",
                                              place.type, ", is not supported yet")),
        125);
  }
  ASSIGN_OR_RETURN(const os::UniqueFd data, engine::OpenVolume(engine, record));
  archive::FdSource source(file.valid() ? file.get() : STDIN_FILENO);
  ASSIGN_OR_RETURN(const auto inflated, archive::Decompressor::Open(source));
  archive::UnpackOptions options;
  options.skip_devices = os::InUserNamespace();
  options.squash_ids = os::InUserNamespace();
  options.sync = true;
  return Annotate(archive::Unpack(*inflated, data.get(), options).status(),
                  absl::StrCat("import into volume ", record.name()));
}

int ForEach(Invocation& invocation,
            absl::StatusOr<std::string> (*act)(engine::Engine&, const store::VolumeRecord&)) {
  engine::Engine engine = MakeEngine(invocation);
  int code = 0;
  for (const std::string& name : invocation.args()) {
    const auto record = Named(engine, name);
    const auto line = record.ok() ? act(engine, *record) : record.status();
    if (line.ok()) {
      invocation.out().WriteLine(*line);
    } else {
      code = invocation.Fail(line.status());
    }
  }
  return code;
}

}  // namespace

int CmdVolumeExport(Invocation& invocation) { return invocation.Fail(Export(invocation)); }

int CmdVolumeImport(Invocation& invocation) { return invocation.Fail(Import(invocation)); }

int CmdVolumeMount(Invocation& invocation) { return ForEach(invocation, engine::MountVolume); }

int CmdVolumeUnmount(Invocation& invocation) {
  return ForEach(
      invocation,
      [](engine::Engine& engine, const store::VolumeRecord& record) -> absl::StatusOr<std::string> {
        RETURN_IF_ERROR(engine::UnmountVolume(engine, record));
        return record.name();
      });
}

}  // namespace coracle::cli
