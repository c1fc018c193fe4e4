#include "store/store.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"

namespace coracle::store {
namespace {

constexpr char kVersionPrefix[] = "coracle store schema ";

// "version" is written after all of these, so its presence means that they are there.
constexpr std::array<const char*, 10> kRootDirectories = {
    "containers", "images",       "layers", "blobs", "blobs/sha256",
    "names",      "names/images", "tmp",    "trash", "names/containers"};
// The last one means that the others are there.
constexpr std::array<const char*, 3> kRunDirectories = {"containers", "leases", "exits"};

template <size_t kCount>
absl::Status MakeAll(const std::string& base, const std::array<const char*, kCount>& names) {
  RETURN_IF_ERROR(os::MakeDirectories(base, 0700));
  for (const char* name : names) {
    RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, absl::StrCat(base, "/", name), 0700));
    FaultPoint("store.directories");
  }
  return absl::OkStatus();
}

}  // namespace

Store::Store(std::string root, std::string runroot) : root_(std::move(root)), runroot_(std::move(runroot)) {}

absl::Status Store::CheckVersion() const {
  const auto text = os::ReadFileAt(AT_FDCWD, absl::StrCat(root_, "/version"), 4096);
  if (!text.ok()) {
    if (ErrnoOf(text.status()) == ENOENT) return absl::OkStatus();
    return Annotate(text.status(), "store");
  }
  absl::string_view number = absl::StripAsciiWhitespace(*text);
  int schema = 0;
  if (!absl::ConsumePrefix(&number, kVersionPrefix) || !absl::SimpleAtoi(number, &schema) ||
      schema < kOldestSchema) {
    return absl::DataLossError(absl::StrCat("store ", root_, ": its file \"version\" is damaged"));
  }
  if (schema > kNewestSchema) {
    return absl::FailedPreconditionError(absl::StrCat("store ", root_, " has schema ", schema,
                                                      ", this coracle knows up to ", kNewestSchema,
                                                      ": use the newer version that wrote it"));
  }
  return absl::OkStatus();
}

absl::Status Store::EnsureExists() const {
  if (os::ExistsAt(AT_FDCWD, absl::StrCat(root_, "/version"))) {
    RETURN_IF_ERROR(CheckVersion());
  } else {
    RETURN_IF_ERROR(MakeAll(root_, kRootDirectories), "store");
    RETURN_IF_ERROR(
        os::ReplaceFileAt(AT_FDCWD, absl::StrCat(root_, "/version"),
                          absl::StrCat(kVersionPrefix, kNewestSchema, "\n"), os::Durability::kDurable),
        "store");
    FaultPoint("store.version");
  }
  if (os::ExistsAt(AT_FDCWD, absl::StrCat(runroot_, "/", kRunDirectories.back()))) return absl::OkStatus();
  RETURN_IF_ERROR(MakeAll(runroot_, kRunDirectories), "store");
  return absl::OkStatus();
}

std::string Store::ContainerDir(absl::string_view id) const {
  return absl::StrCat(root_, "/containers/", id);
}
std::string Store::ContainerRunDir(absl::string_view id) const {
  return absl::StrCat(runroot_, "/containers/", id);
}
std::string Store::LayerDir(absl::string_view id) const { return absl::StrCat(root_, "/layers/", id); }
std::string Store::ImageDir(absl::string_view id) const { return absl::StrCat(root_, "/images/", id); }
std::string Store::BlobPath(absl::string_view hex) const {
  return absl::StrCat(root_, "/blobs/sha256/", hex);
}

std::string Store::TagPath(absl::string_view full_name) const {
  std::string file = absl::StrReplaceAll(full_name, {{"%", "%25"}, {"/", "%2F"}});
  // File names are shorter (NAME_MAX) than names of images may be; the record has the name in full.
  if (file.size() > 200) file = absl::StrCat("%long-", Sha256Hex(full_name));
  return absl::StrCat(root_, "/names/images/", file);
}
std::string Store::ContainerNamePath(absl::string_view name) const {
  return absl::StrCat(root_, "/names/containers/", name);
}

}  // namespace coracle::store
