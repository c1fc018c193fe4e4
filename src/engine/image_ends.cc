#include "engine/image_ends.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/transfer.h"
#include "image/archive_writer.h"
#include "image/dir_sink.h"
#include "image/dir_source.h"
#include "image/docker_archive_sink.h"
#include "image/docker_archive_source.h"
#include "image/members.h"
#include "image/oci_layout_sink.h"
#include "image/oci_layout_source.h"
#include "image/registry_transport.h"
#include "image/store_sink.h"
#include "image/store_source.h"
#include "oci/reference.h"

namespace coracle::engine {
namespace {

using image::Transport;
using image::TransportName;

absl::Status Lacks(const TransportName& name) {
  return absl::FailedPreconditionError(absl::StrCat(name.str(), ": this transport is of no use here"));
}

absl::StatusOr<SinkEnd> OpenStoreSink(const TransportName& name, const EndOptions& options) {
  ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::Parse(name.reference));
  if (!reference.digest().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name.str(), ": a new image cannot be named by a digest"));
  }
  image::StoreSinkOptions sink;
  sink.tags = {reference.WithTagOrDefault().str()};
  sink.single_id = options.single_id;
  sink.progress = options.progress;
  sink.cancel = options.cancel;
  sink.purpose = "copy";
  SinkEnd end;
  ASSIGN_OR_RETURN(end.sink, image::StoreSink::Create(*options.store, sink));
  return end;
}

absl::StatusOr<SinkEnd> OpenLayoutSink(const TransportName& name, const EndOptions& options) {
  std::shared_ptr<image::OciLayoutWriter> writer;
  if (name.index.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(name.str(), ": @NUMBER is for reading only"));
  }
  if (name.transport == Transport::kOci) {
    ASSIGN_OR_RETURN(writer, image::OciLayoutWriter::CreateDirectory(name.path));
  } else {
    ASSIGN_OR_RETURN(auto members, image::CreateArchiveWriter(name.path, {options.spool_dir}));
    writer = image::OciLayoutWriter::CreateArchive(std::move(members));
  }
  std::vector<std::string> references;
  if (!name.reference.empty()) references.push_back(name.reference);
  SinkEnd end;
  end.sink = writer->NewSink(name.str(), references, /*finish=*/true);
  end.owner = std::move(writer);
  return end;
}

absl::StatusOr<SinkEnd> OpenDockerArchiveSink(const TransportName& name, const EndOptions& options) {
  struct stat info;
  if (stat(name.path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    return absl::AlreadyExistsError(
        absl::StrCat(name.path, " exists, and images can't be added to a docker-archive"));
  }
  std::vector<std::string> tags;
  std::vector<std::string> names = options.more_tags;
  if (!name.reference.empty()) names.insert(names.begin(), name.reference);
  for (const std::string& text : names) {
    ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::Parse(text));
    if (!reference.digest().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(text, ": a docker-archive names images by tags only"));
    }
    tags.push_back(reference.WithTagOrDefault().str());
  }
  ASSIGN_OR_RETURN(auto members, image::CreateArchiveWriter(name.path, {options.spool_dir}));
  auto writer = std::make_shared<image::DockerArchiveWriter>(std::move(members));
  SinkEnd end;
  end.sink = writer->NewSink(name.str(), tags, /*finish=*/true);
  end.owner = std::move(writer);
  return end;
}

}  // namespace

EndOptions EndsOf(const Engine& engine, const TransferContext& context) {
  EndOptions ends;
  ends.spool_dir = SpoolDirectory(engine.settings.tmpdir);
  ends.store = &engine.store;
  ends.access = &context.access;
  ends.progress = context.progress;
  ends.cancel = context.cancel;
  return ends;
}

std::string SpoolDirectory(const std::string& tmpdir) {
  for (const std::string& dir : {tmpdir, std::string("/var/tmp")}) {
    if (!dir.empty() && access(dir.c_str(), W_OK | X_OK) == 0) return dir;
  }
  return "/tmp";
}

absl::StatusOr<std::unique_ptr<image::ImageSource>> OpenSource(const TransportName& name,
                                                               const EndOptions& options) {
  switch (name.transport) {
    case Transport::kDocker: {
      if (options.access == nullptr) return Lacks(name);
      ASSIGN_OR_RETURN(const oci::ImageReference parsed, oci::ImageReference::Parse(name.reference));
      const oci::ImageReference reference = parsed.WithTagOrDefault();
      ASSIGN_OR_RETURN(std::vector<image::RegistryPlace> places, PlacesForPull(*options.access, reference));
      return image::MakeRegistrySource(std::move(places), reference, options.progress);
    }
    case Transport::kStore:
      if (options.store == nullptr) return Lacks(name);
      return image::StoreSource::Create(*options.store, name.reference);
    case Transport::kDir: {
      ASSIGN_OR_RETURN(auto members, image::OpenDirectoryMembers(name.path));
      return std::make_unique<image::DirSource>(std::move(members), name.str());
    }
    case Transport::kOci: {
      ASSIGN_OR_RETURN(auto members, image::OpenDirectoryMembers(name.path));
      return image::OciLayoutSource::Open(std::move(members), name);
    }
    case Transport::kOciArchive: {
      ASSIGN_OR_RETURN(auto members, image::OpenArchiveMembers(name.path, options.spool_dir));
      return image::OciLayoutSource::Open(std::move(members), name);
    }
    case Transport::kDockerArchive: {
      ASSIGN_OR_RETURN(auto members, image::OpenArchiveMembers(name.path, options.spool_dir));
      return image::DockerArchiveSource::Open(std::move(members), name);
    }
  }
  return Lacks(name);
}

absl::StatusOr<SinkEnd> OpenSink(const TransportName& name, const EndOptions& options) {
  SinkEnd end;
  switch (name.transport) {
    case Transport::kDocker: {
      if (options.access == nullptr) return Lacks(name);
      ASSIGN_OR_RETURN(const oci::ImageReference parsed, oci::ImageReference::Parse(name.reference));
      ASSIGN_OR_RETURN(const image::RegistryPlace place,
                       PlaceForPush(*options.access, parsed.WithTagOrDefault()));
      end.sink = image::MakeRegistrySink(place);
      return end;
    }
    case Transport::kStore:
      if (options.store == nullptr) return Lacks(name);
      return OpenStoreSink(name, options);
    case Transport::kDir: {
      ASSIGN_OR_RETURN(end.sink, image::MakeDirSink(name.path, name.str()));
      return end;
    }
    case Transport::kOci:
    case Transport::kOciArchive:
      return OpenLayoutSink(name, options);
    case Transport::kDockerArchive:
      return OpenDockerArchiveSink(name, options);
  }
  return Lacks(name);
}

}  // namespace coracle::engine
