#include "cli/build_output.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "archive/pack.h"
#include "archive/unpack.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "engine/save_load.h"
#include "oci/reference.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

using Kind = BuildOutput::Kind;

absl::StatusOr<Kind> KindOf(const std::string& text, absl::string_view type) {
  if (type == "image" || type == "registry") return Kind::kImage;
  if (type == "local") return Kind::kLocal;
  if (type == "tar") return Kind::kTar;
  if (type == "oci") return Kind::kOci;
  if (type == "docker") return Kind::kDocker;
  return OptionError("output", text, "its type is image, local, tar, oci or docker");
}

absl::Status PackTo(int root, int file) {
  archive::FdSink sink(file);
  RETURN_IF_ERROR(archive::Pack(root, sink, {}).status());
  return sink.Finish();
}

// Through an archive, since that knows how to write into a directory that others may write in too. All of it
// is the caller's then.
absl::Status WriteDirectory(int root, const std::string& destination, const std::string& scratch) {
  const std::string path = absl::StrCat(scratch, "/output.tar");
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600));
  RETURN_IF_ERROR(PackTo(root, file.get()));
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "seek");
  RETURN_IF_ERROR(os::MakeDirectories(destination, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, destination, O_RDONLY | O_DIRECTORY));
  archive::UnpackOptions options;
  options.owner = std::make_pair(uid_t{0}, gid_t{0});
  options.keep_root = true;
  options.skip_devices = true;
  archive::FdSource source(file.get());
  return archive::Unpack(source, target.get(), options).status();
}

}  // namespace

absl::StatusOr<storage::RootView> ViewResult(const engine::Engine& engine, const build::BuildResult& result) {
  std::vector<std::string> ids;
  for (auto layer = result.layers.rbegin(); layer != result.layers.rend(); ++layer) ids.push_back(layer->id);
  return storage::ViewImageRoot(engine.store, ids, engine.settings.storage_driver);
}

absl::StatusOr<BuildOutput> ParseBuildOutput(const std::string& text) {
  BuildOutput output;
  if (!absl::StrContains(text, '=')) {
    output.kind = text == "-" ? Kind::kTar : Kind::kLocal;
    output.destination = text;
    return output;
  }
  bool has_type = false;
  for (const absl::string_view field : absl::StrSplit(text, ',')) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(field, absl::MaxSplits('=', 1));
    if (pair.first == "type") {
      has_type = true;
      ASSIGN_OR_RETURN(output.kind, KindOf(text, pair.second));
      output.push |= pair.second == "registry";
    } else if (pair.first == "dest") {
      output.destination = pair.second;
    } else if (pair.first == "push") {
      output.push = pair.second == "true";
    } else if (pair.first == "name") {
      const auto name = oci::ImageReference::ParseLocal(pair.second);
      if (!name.ok()) return OptionError("output", text, name.status().message());
      output.names.push_back(name->WithTagOrDefault().str());
    } else if (pair.first == "tar" && pair.second == "true") {
      continue;  // as it is
    } else {
      return NotSupportedYet(absl::StrCat("--output ", field));
    }
  }
  if (!has_type) return OptionError("output", text, "it has no type");
  const bool needs_place =
      output.kind == Kind::kLocal || output.kind == Kind::kTar || output.kind == Kind::kOci;
  if (needs_place && output.destination.empty()) return OptionError("output", text, "it has no dest=");
  return output;
}

absl::Status WriteBuildOutput(engine::Engine& engine, const BuildOutput& output,
                              const build::BuildResult& result, const build::BuildRequest& request,
                              const std::string& scratch) {
  if (output.kind == Kind::kImage || (output.kind == Kind::kDocker && output.destination.empty()))
    return absl::OkStatus();
  if (output.kind == Kind::kOci || output.kind == Kind::kDocker) {
    engine::SaveRequest save;
    save.images = request.tags.empty() ? std::vector<std::string>{result.image.id} : request.tags;
    save.all_are_images = true;
    save.format =
        output.kind == Kind::kOci ? engine::SaveFormat::kOciArchive : engine::SaveFormat::kDockerArchive;
    save.output = output.destination;
    return engine::SaveImages(engine, save);
  }
  ASSIGN_OR_RETURN(const storage::RootView view, ViewResult(engine, result));
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(view.fd.get(), ".", O_RDONLY | O_DIRECTORY));
  if (output.kind == Kind::kLocal) return WriteDirectory(root.get(), output.destination, scratch);
  if (output.destination == "-") return PackTo(root.get(), STDOUT_FILENO);
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   os::OpenAt(AT_FDCWD, output.destination, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return PackTo(root.get(), file.get());
}

}  // namespace coracle::cli
