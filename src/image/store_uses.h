// What the images of a store need: which blobs and layers there have to be, and for whom.
#ifndef CORACLE_IMAGE_STORE_USES_H_
#define CORACLE_IMAGE_STORE_USES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/manifest.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::image {

// Who needs a blob, what it is called there, and where more of it may be had.
struct BlobUse {
  oci::Descriptor descriptor;  // size -1: not known
  std::set<std::string> images;
  std::vector<std::string> repo_digests;
  std::string content;  // of a config: the bytes, from the record
};

struct LayerUse {
  std::set<std::string> images;
  std::set<std::string> blobs;  // hex, that unpack to it
};

// An image whose own documents are wrong.
struct BadImage {
  std::string name;  // or short id
  std::string why;
};

struct StoreUses {
  int64_t images = 0;
  std::map<std::string, BlobUse> blobs;    // by hex
  std::map<std::string, LayerUse> layers;  // by id
  std::vector<BadImage> bad;
};

// Reads all records and manifests, and claims in `lease` all that they name. Of a manifest whose blob is
// damaged only the blob itself is known. Errors: of reading directories and of the lease; a bad image is
// none.
absl::StatusOr<StoreUses> ReadStoreUses(const store::Store& store, const std::vector<store::TagRecord>& tags,
                                        store::Lease& lease);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_STORE_USES_H_
