// Where images come from and go to: registries, archives, directories and the store, behind two interfaces,
// so that any of them is copied to any other (copy_image.h).
//
// Documents (manifests, indexes, configs) are small and pass as bytes; a manifest's bytes are never changed
// unless a conversion was asked for or the sink can't take them, because their digest is the image's name.
// Layers pass as streams.
//
// Who checks what: a source hands out bytes as it found them. The copy engine checks every document and every
// stream of a blob against digest and size before its end is reached: a stream that does not agree ends in an
// error instead of an end. So a sink that keeps a blob only after the end of its stream keeps only right
// ones. Digesting costs more than copying: a sink that does it anyway says so (checks_layers), and has to
// compare.
#ifndef CORACLE_IMAGE_TRANSPORT_H_
#define CORACLE_IMAGE_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/compression.h"
#include "archive/stream.h"
#include "oci/digest.h"
#include "oci/manifest.h"

namespace coracle::image {

// A manifest or index, bit for bit.
struct ManifestDocument {
  std::string bytes;
  std::string media_type;  // as its holder says; empty if it does not say
  oci::Digest digest;      // of `bytes`
};

// One image, or one index of several.
//
// GetManifest and GetInstance are called by one thread. OpenBlob is called by several at once, and the
// streams that it gave are read at the same time: a source that can't do that says so.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // As people write it, for errors and progress: "docker://localhost:5000/a:1", "oci:/tmp/x:a".
  virtual std::string Name() const = 0;

  // What the source's reference names: an image's manifest or an index. A format without manifests
  // (docker-archive) makes one of docker's schema 2. Errors: NotFound; ResourceExhausted for one longer than
  // oci::kMaxManifestBytes.
  virtual absl::StatusOr<ManifestDocument> GetManifest() = 0;

  // One that an index of this source names.
  virtual absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) = 0;

  // The blob's bytes from `offset` (0 to its size) on. The stream keeps what it needs of the source, which
  // outlives it. Errors: NotFound; Unimplemented if `offset` is not 0 and the source can't start there.
  virtual absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                        int64_t offset) = 0;

  // Streams at once; 1 for a tar that is read from a pipe.
  virtual int max_parallel_blobs() const { return 64; }

  // Ends what is under way in other threads, and all that is asked later, with Cancelled. From any thread.
  // Only needed where a call can wait for somebody else.
  virtual void Cancel() {}
};

struct SinkTraits {
  // Media types of manifests and indexes it takes; empty: any. The first of a kind (oci::IsManifestType,
  // oci::IsIndexType) is what others are converted to.
  std::vector<std::string> manifest_types;
  // It wants its layers in this form, whatever they are in the source (docker-archive: kNone).
  std::optional<archive::Compression> layer_compression;
  int max_parallel_blobs = 64;  // PutLayer calls at once; 1: one after the other, in the manifest's order
  // PutConfig may come beside the layers instead of before them.
  bool config_with_layers = false;
  // It digests what it gets and compares that itself: streams of layers end without that check then.
  bool checks_layers = false;
};

// A layer on its way into a sink.
struct LayerToPut {
  // Of what `open` gives. digest empty and size -1 if its bytes are being made, by compression, as they are
  // read; each open(0) then makes the same bytes, and no other offset will do.
  oci::Descriptor descriptor;
  oci::Digest diff_id;  // of its uncompressed content, as the config says; empty if nobody knows
  size_t index = 0;     // in the manifest, bottom first
  int progress_item = -1;
  // A stream of its bytes from `offset` on. One from 0 is checked against the descriptor as it is read, but
  // for a sink that checks layers; who starts further checks for himself. May be called again after an error.
  std::function<absl::StatusOr<std::unique_ptr<archive::ByteSource>>(int64_t offset)> open;
};

enum class ManifestRole {
  kTop,       // what the sink's reference shall name
  kInstance,  // an image of the index that follows as kTop
};

// Takes one image, or an index and its images. Calls come in this order, for each image: PutConfig (but see
// the traits), then TryReuseLayer and, if that is false, PutLayer for each layer (both from several threads,
// as the traits allow), then PutManifest; at last PutManifest of the index; then Commit, once. Destroyed
// without a successful Commit it leaves nothing that was not there before, except what makes another try
// quicker and is collected otherwise.
class ImageSink {
 public:
  virtual ~ImageSink() = default;

  virtual std::string Name() const = 0;  // as of ImageSource
  virtual SinkTraits traits() const = 0;

  // The document (manifest, index or config) of that digest if the sink has it already, so that it isn't
  // fetched.
  virtual absl::StatusOr<std::optional<std::string>> FindDocument(const oci::Digest&) { return std::nullopt; }

  // Waits until no other process is fetching the document for the same sink, and holds others off until the
  // result is destroyed. FindDocument comes after it. Null: nobody shares.
  virtual absl::StatusOr<std::shared_ptr<void>> LockDocument(const oci::Digest&) { return nullptr; }

  // Whether this very image is there already, with all of its content, and Commit may follow at once with
  // only the documents in hand. `index` is the one that `manifest` was picked from, or null.
  virtual absl::StatusOr<bool> HasImage(const ManifestDocument& /*manifest*/,
                                        const ManifestDocument* /*index*/) {
    return false;
  }

  // `bytes` are checked. May be there already.
  virtual absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) = 0;

  // Whether the sink has the layer with that digest, or can get at it without its bytes passing through us
  // (a registry mounts it from another repository).
  virtual absl::StatusOr<bool> TryReuseLayer(const LayerToPut& layer) = 0;

  // Reads layer.open(...) to its end and keeps it. Gives digest and size of what was kept.
  virtual absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) = 0;

  // All that `manifest` refers to was put before.
  virtual absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) = 0;

  // The image that follows as kTop was picked from this index, which the sink is free to remember.
  virtual absl::Status NoteOrigin(const ManifestDocument& /*index*/) { return absl::OkStatus(); }

  // Makes all of it appear, under the sink's name, as durable as the sink can.
  virtual absl::Status Commit() = 0;

  virtual void Cancel() {}  // as of ImageSource
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_TRANSPORT_H_
