#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/save_load.h"
#include "image/archive_writer.h"
#include "image/copy_image.h"
#include "image/dir_sink.h"
#include "image/docker_archive_sink.h"
#include "image/image_store.h"
#include "image/oci_layout_sink.h"
#include "image/store_source.h"
#include "oci/reference.h"
#include "storage/layer_store.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

struct SavedImage {
  std::string reference;           // as given
  std::vector<std::string> names;  // it gets in the archive
};

// Which images, each once, and what they are called in there.
absl::StatusOr<std::vector<SavedImage>> Choose(Engine& engine, const SaveRequest& request) {
  std::vector<SavedImage> chosen;
  std::vector<std::string> ids;
  for (const std::string& text : request.images) {
    const auto found = image::Find(engine.store, text);
    if (absl::IsNotFound(found.status()) && !chosen.empty() && !request.all_are_images) {
      ASSIGN_OR_RETURN(const oci::ImageReference name, oci::ImageReference::Parse(text));
      chosen[0].names.push_back(name.WithTagOrDefault().str());
      continue;
    }
    if (!found.ok()) return found.status();
    size_t at = 0;
    while (at < ids.size() && ids[at] != found->record.id()) ++at;
    if (at == ids.size()) {
      ids.push_back(found->record.id());
      chosen.push_back({text, {}});
    }
    ASSIGN_OR_RETURN(const auto source, image::StoreSource::Create(engine.store, text));
    const std::string name = source->found_name();
    if (!name.empty() && name.find('@') == std::string::npos) chosen[at].names.push_back(name);
  }
  return chosen;
}

image::CopyOptions OptionsFor(const SaveRequest& request) {
  image::CopyOptions options;
  if (request.compress) options.compression = archive::Compression::kGzip;
  if (request.format == SaveFormat::kDockerDir) options.format = image::ManifestFormat::kDocker;
  options.progress = request.progress;
  options.cancel = request.cancel;
  return options;
}

absl::Status CopyOne(Engine& engine, const SavedImage& image, image::ImageSink& sink,
                     const SaveRequest& request) {
  ASSIGN_OR_RETURN(const auto source, image::StoreSource::Create(engine.store, image.reference));
  for (const oci::Platform& platform : request.platforms) RETURN_IF_ERROR(source->CheckPlatform(platform));
  return image::CopyImage(*source, sink, OptionsFor(request)).status();
}

absl::Status SaveDockerArchive(Engine& engine, const std::vector<SavedImage>& images,
                               const SaveRequest& request, std::unique_ptr<image::MemberWriter> members) {
  const auto sizes = [&engine](const oci::Digest& diff_id) -> std::optional<int64_t> {
    const auto layer = storage::ReadLayer(engine.store, diff_id.hex());
    if (!layer.ok()) return std::nullopt;
    return layer->content_bytes();
  };
  image::DockerArchiveWriter writer(std::move(members), sizes);
  for (const SavedImage& image : images) {
    const auto sink = writer.NewSink(request.output, image.names, /*finish=*/false);
    RETURN_IF_ERROR(CopyOne(engine, image, *sink, request), "image ", Printable(image.reference));
  }
  return writer.Finish();
}

absl::Status SaveLayout(Engine& engine, const std::vector<SavedImage>& images, const SaveRequest& request,
                        image::OciLayoutWriter& writer) {
  for (const SavedImage& image : images) {
    const auto sink = writer.NewSink(request.output, image.names, /*finish=*/false);
    RETURN_IF_ERROR(CopyOne(engine, image, *sink, request), "image ", Printable(image.reference));
  }
  return writer.Finish();
}

absl::Status Save(Engine& engine, const SaveRequest& request) {
  if (request.compress && request.format == SaveFormat::kDockerArchive) {
    return absl::InvalidArgumentError("--compress: the layers of a docker-archive are never compressed");
  }
  const bool directory = request.format == SaveFormat::kDockerDir || request.format == SaveFormat::kOciDir;
  if (directory && request.output == "-") {
    return absl::InvalidArgumentError("a directory can't be written to standard output: give --output");
  }
  ASSIGN_OR_RETURN(const std::vector<SavedImage> images, Choose(engine, request));
  const std::string spool_dir = absl::StrCat(engine.store.root(), "/tmp");
  switch (request.format) {
    case SaveFormat::kDockerArchive: {
      ASSIGN_OR_RETURN(auto members, image::CreateArchiveWriter(request.output, {spool_dir}));
      return SaveDockerArchive(engine, images, request, std::move(members));
    }
    case SaveFormat::kOciArchive: {
      ASSIGN_OR_RETURN(auto members, image::CreateArchiveWriter(request.output, {spool_dir}));
      const auto writer = image::OciLayoutWriter::CreateArchive(std::move(members));
      return SaveLayout(engine, images, request, *writer);
    }
    case SaveFormat::kOciDir: {
      ASSIGN_OR_RETURN(const auto writer, image::OciLayoutWriter::CreateDirectory(request.output));
      return SaveLayout(engine, images, request, *writer);
    }
    case SaveFormat::kDockerDir: {
      if (images.size() > 1) return absl::InvalidArgumentError("docker-dir holds one image only");
      ASSIGN_OR_RETURN(const auto sink, image::MakeDirSink(request.output, request.output));
      return CopyOne(engine, images[0], *sink, request);
    }
  }
  return absl::InternalError("an unknown format");
}

}  // namespace

absl::StatusOr<SaveFormat> ParseSaveFormat(absl::string_view text) {
  if (text == "docker-archive") return SaveFormat::kDockerArchive;
  if (text == "oci-archive") return SaveFormat::kOciArchive;
  if (text == "docker-dir") return SaveFormat::kDockerDir;
  if (text == "oci-dir") return SaveFormat::kOciDir;
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat("unknown format \"", Printable(text),
                                              "\": it is one of docker-archive, oci-archive, docker-dir, "
                                              "oci-dir")),
      kExitEngine);
}

absl::Status SaveImages(Engine& engine, const SaveRequest& request) {
  const absl::Status status = Save(engine, request);
  if (!status.ok()) return WithExitCode(Annotate(status, "save"), kExitEngine);
  for (const std::string& name : request.images) {
    const auto info = image::Find(engine.store, name);
    if (!info.ok()) continue;
    store::AppendEvent(engine.store, store::ObjectEvent("image", "save", info->record.id(), request.output));
  }
  return status;
}

}  // namespace coracle::engine
