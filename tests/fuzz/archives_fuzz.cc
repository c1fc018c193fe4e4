// Image archives come from strangers. Of any archive that is accepted: names are plain, every member lies
// within it, and the documents that are accepted are written as text that reads back to the same.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "archive/tar_header.h"
#include "archive/tar_index.h"
#include "image/transport_name.h"
#include "oci/docker_archive.h"
#include "oci/manifest.h"
#include "os/file.h"

namespace {

using namespace coracle;  // NOLINT: the subject of this file

constexpr size_t kMaxMember = 1 << 20;

// Most headers that a fuzzer makes have a wrong checksum.
std::string WithChecksums(std::string data) {
  for (size_t i = 0; i + archive::kTarBlockBytes <= data.size(); i += archive::kTarBlockBytes) {
    archive::RawTarHeader header;
    memcpy(&header, data.data() + i, sizeof(header));
    if (memcmp(header.magic, "ustar", 5) != 0) continue;
    archive::SetChecksum(header);
    memcpy(data.data() + i, &header, sizeof(header));
  }
  return data;
}

void CheckDocuments(const std::string& text) {
  if (const auto images = oci::ParseDockerArchiveManifest(text); images.ok()) {
    const std::string written = oci::SerializeDockerArchiveManifest(*images);
    const auto again = oci::ParseDockerArchiveManifest(written);
    if (!again.ok() || oci::SerializeDockerArchiveManifest(*again) != written) abort();
  }
  if (const auto index = oci::ParseIndex(text); index.ok()) {
    const std::string written = oci::SerializeIndex(*index);
    const auto again = oci::ParseIndex(written);
    if (!again.ok() || oci::SerializeIndex(*again) != written) abort();
  }
}

void CheckName(const std::string& text) {
  const auto name = image::ParseTransportName(text);
  if (!name.ok()) return;
  const auto again = image::ParseTransportName(name->str());
  if (!again.ok() || again->str() != name->str() || again->path != name->path) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  CheckName(bytes);
  CheckDocuments(bytes);
  for (const std::string& form : {bytes, WithChecksums(bytes)}) {
    os::UniqueFd file(memfd_create("archive", MFD_CLOEXEC));
    if (!os::WriteAll(file.get(), form).ok() || lseek(file.get(), 0, SEEK_SET) != 0) return 0;
    const auto index = archive::TarIndex::Open(std::move(file), "/tmp");
    if (!index.ok()) continue;
    for (const std::string& name : index->Names()) {
      const auto plain = archive::PlainMemberName(name);
      if (!plain.ok() || *plain != name) abort();
      const auto length = index->SizeOf(name);
      if (!length.ok()) continue;
      const auto content = index->ReadMember(name, kMaxMember);
      if (content.ok()) {
        if (static_cast<int64_t>(content->size()) != *length) abort();
        CheckDocuments(*content);
      } else if (!absl::IsResourceExhausted(content.status())) {
        abort();
      }
    }
  }
  return 0;
}
