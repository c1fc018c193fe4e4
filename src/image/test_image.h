// For tests: small images.
#ifndef CORACLE_IMAGE_TEST_IMAGE_H_
#define CORACLE_IMAGE_TEST_IMAGE_H_

#include <sys/mman.h>

#include <string>
#include <utility>
#include <vector>

#include "archive/stream.h"
#include "archive/tar_writer.h"
#include "image/image_store.h"
#include "store/test_store.h"

namespace coracle::image {

inline std::string TarOf(const std::vector<std::pair<std::string, std::string>>& files) {
  archive::StringSink sink;
  archive::TarWriter writer(sink);
  for (const auto& [path, content] : files) {
    archive::TarEntry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = static_cast<int64_t>(content.size());
    (void)writer.WriteEntry(entry);
    (void)writer.WriteContent(content);
  }
  (void)writer.Finish();
  return sink.data();
}

inline absl::StatusOr<std::string> ImportTar(const store::Store& store, const std::string& tar,
                                             const ImportOptions& options) {
  const os::UniqueFd file(memfd_create("tar", MFD_CLOEXEC));
  if (!os::WriteAll(file.get(), tar).ok()) return absl::InternalError("memfd");
  lseek(file.get(), 0, SEEK_SET);
  return Import(store, file.get(), options);
}

inline absl::StatusOr<std::string> ImportTar(const store::Store& store, const std::string& tar,
                                             const std::string& name) {
  ImportOptions options;
  options.reference = name;
  return ImportTar(store, tar, options);
}

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_TEST_IMAGE_H_
