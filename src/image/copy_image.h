// Copies an image, or an index with its images, from any source to any sink.
#ifndef CORACLE_IMAGE_COPY_IMAGE_H_
#define CORACLE_IMAGE_COPY_IMAGE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "archive/compress.h"
#include "archive/compression.h"
#include "base/progress.h"
#include "image/transport.h"
#include "oci/platform.h"
#include "os/cancel.h"

namespace coracle::image {

enum class ManifestFormat { kOci, kDocker };

inline constexpr int kDefaultParallelTransfers = 6;

struct CopyOptions {
  // Of an index: every image and the index itself; else the one image that runs best on `platform`.
  bool all = false;
  oci::Platform platform = oci::HostPlatform();

  // Any change of a manifest's bytes is an error.
  bool preserve_digests = false;
  // Manifests and media types become these; not set: as they are, if the sink takes them. Configs are never
  // changed, so image ids stay.
  std::optional<ManifestFormat> format;
  // Layers that are not compressed become this; with `force_compression`, those in another format as well.
  // Not set: layers stay as they are, except that a sink's layer_compression is kept.
  std::optional<archive::Compression> compression;
  int compression_level = archive::kDefaultLevel;
  bool force_compression = false;

  int parallel_transfers = kDefaultParallelTransfers;
  ProgressObserver* progress = nullptr;    // may be null
  const os::CancelFlag* cancel = nullptr;  // may be null
};

struct CopyResult {
  ManifestDocument top;    // as the sink has it
  ManifestDocument image;  // the image's own, if one was picked or top is one; else empty
  oci::Digest config;      // of `image`
  bool was_there = false;  // nothing had to be copied
};

// Reads the manifest, then copies, layers in parallel, bottom ones and large ones first as the sink allows,
// each layer once however often manifests name it; last Commit()s. Foreign layers (with urls) that the source
// does not have are passed on as references only if the sink takes them so; else they are an error that names
// them.
//
// Errors: NotFound naming the platform if an index has none that runs; Unimplemented for docker's schema 1;
// DataLoss where digest or size disagree, naming both; InvalidArgument for documents that are malformed and
// for options that exclude each other (preserve_digests and a conversion that would be needed); Cancelled;
// else what source or sink said, with the layer in front. Threads have ended when it returns.
absl::StatusOr<CopyResult> CopyImage(ImageSource& source, ImageSink& sink, const CopyOptions& options);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_COPY_IMAGE_H_
