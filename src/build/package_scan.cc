#include "build/package_scan.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/file.h"

namespace coracle::build {
namespace {

constexpr size_t kMaxDatabaseBytes = 64 << 20;
constexpr size_t kMaxMetadataBytes = 1 << 20;
constexpr size_t kMaxPackages = 100'000;
// Python's directories of a root, without those of virtual environments, which may be anywhere.
constexpr absl::string_view kLibraries[] = {"usr/lib", "usr/local/lib"};
constexpr absl::string_view kPackageDirectories[] = {"dist-packages", "site-packages"};

// "" if there is none, or it is too large.
std::string Read(int root, absl::string_view path, size_t max_bytes) {
  const auto file = os::OpenBeneath(root, path, O_RDONLY | O_NONBLOCK, RESOLVE_IN_ROOT);
  if (!file.ok()) return "";
  auto text = os::ReadAll(file->get(), max_bytes);
  return text.ok() ? *std::move(text) : "";
}

// Names in a directory of the root, sorted.
std::vector<std::string> List(int root, absl::string_view path) {
  const auto directory = os::OpenBeneath(root, path, O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT);
  if (!directory.ok()) return {};
  auto names = os::ListDirectoryAt(directory->get(), ".");
  if (!names.ok()) return {};
  std::sort(names->begin(), names->end());
  return *std::move(names);
}

// Calls `on_field` for each "Key: value" of paragraphs parted by empty lines, `on_end` after each of these.
// Lines that go on with a blank are passed over.
void ReadParagraphs(absl::string_view text,
                    const std::function<void(absl::string_view key, absl::string_view value)>& on_field,
                    const std::function<void()>& on_end) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripSuffix(line, "\r");
    if (line.empty()) {
      on_end();
      continue;
    }
    const size_t colon = line.find(':');
    if (line[0] == ' ' || line[0] == '\t' || colon == absl::string_view::npos) continue;
    on_field(line.substr(0, colon), absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  on_end();
}

void Append(std::vector<Package> more, absl::string_view found_in, std::vector<Package>& all) {
  for (Package& package : more) {
    if (all.size() >= kMaxPackages) return;
    package.found_in = std::string(found_in);
    all.push_back(std::move(package));
  }
}

void ScanPython(int root, const std::string& directory, std::vector<Package>& all) {
  for (const std::string& name : List(root, directory)) {
    std::string path = absl::StrCat(directory, "/", name);
    if (absl::EndsWith(name, ".dist-info")) {
      path += "/METADATA";
    } else if (absl::EndsWith(name, ".egg-info")) {
      path += "/PKG-INFO";
    } else {
      continue;
    }
    const std::string text = Read(root, path, kMaxMetadataBytes);
    Package package;
    package.kind = Package::Kind::kPython;
    // What follows the first empty line is prose.
    ReadParagraphs(
        absl::string_view(text).substr(0, text.find("\n\n")),
        [&](absl::string_view key, absl::string_view value) {
          if (key == "Name" && package.name.empty()) package.name = std::string(value);
          if (key == "Version" && package.version.empty()) package.version = std::string(value);
          if (key == "License-Expression" || (key == "License" && package.license.empty()))
            package.license = std::string(value);
          if (key == "Home-page") package.homepage = std::string(value);
        },
        [] {});
    if (!package.name.empty()) Append({std::move(package)}, path, all);
  }
}

void ReadRelease(int root, PackageList& list) {
  std::string text = Read(root, "etc/os-release", kMaxMetadataBytes);
  if (text.empty()) text = Read(root, "usr/lib/os-release", kMaxMetadataBytes);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::string* value = absl::ConsumePrefix(&line, "ID=")           ? &list.distribution
                         : absl::ConsumePrefix(&line, "VERSION_ID=") ? &list.release
                                                                     : nullptr;
    if (value == nullptr) continue;
    line = absl::StripAsciiWhitespace(line);
    if (line.size() >= 2 && (line[0] == '"' || line[0] == '\'') && line.back() == line[0])
      line = line.substr(1, line.size() - 2);
    *value = std::string(line);
  }
}

}  // namespace

std::vector<Package> ParseDpkgStatus(absl::string_view text) {
  std::vector<Package> out;
  Package package;
  bool installed = true;  // distroless images keep a file for each package, without a status
  ReadParagraphs(
      text,
      [&](absl::string_view key, absl::string_view value) {
        if (key == "Package") package.name = std::string(value);
        if (key == "Version") package.version = std::string(value);
        if (key == "Architecture") package.architecture = std::string(value);
        if (key == "Maintainer") package.maintainer = std::string(value);
        if (key == "Homepage") package.homepage = std::string(value);
        if (key == "Status") installed = absl::EndsWith(value, " installed");
      },
      [&] {
        if (installed && !package.name.empty() && !package.version.empty() && out.size() < kMaxPackages)
          out.push_back(std::move(package));
        package = Package();
        installed = true;
      });
  return out;
}

std::vector<Package> ParseApkInstalled(absl::string_view text) {
  std::vector<Package> out;
  Package package;
  package.kind = Package::Kind::kApk;
  ReadParagraphs(
      text,
      [&](absl::string_view key, absl::string_view value) {
        if (key == "P") package.name = std::string(value);
        if (key == "V") package.version = std::string(value);
        if (key == "A") package.architecture = std::string(value);
        if (key == "m") package.maintainer = std::string(value);
        if (key == "L") package.license = std::string(value);
        if (key == "U") package.homepage = std::string(value);
      },
      [&] {
        if (!package.name.empty() && !package.version.empty() && out.size() < kMaxPackages)
          out.push_back(std::move(package));
        package = Package();
        package.kind = Package::Kind::kApk;
      });
  return out;
}

PackageList ScanPackages(int root) {
  PackageList list;
  ReadRelease(root, list);
  std::vector<Package>& all = list.packages;
  constexpr char kStatus[] = "var/lib/dpkg/status";
  Append(ParseDpkgStatus(Read(root, kStatus, kMaxDatabaseBytes)), kStatus, all);
  for (const std::string& name : List(root, "var/lib/dpkg/status.d")) {
    if (absl::EndsWith(name, ".md5sums")) continue;
    const std::string path = absl::StrCat("var/lib/dpkg/status.d/", name);
    Append(ParseDpkgStatus(Read(root, path, kMaxMetadataBytes)), path, all);
  }
  for (const absl::string_view path : {"lib/apk/db/installed", "usr/lib/apk/db/installed"})
    Append(ParseApkInstalled(Read(root, path, kMaxDatabaseBytes)), path, all);
  for (const absl::string_view library : kLibraries) {
    for (const std::string& name : List(root, library)) {
      if (!absl::StartsWith(name, "python")) continue;
      for (const absl::string_view below : kPackageDirectories)
        ScanPython(root, absl::StrCat(library, "/", name, "/", below), all);
    }
  }
  const auto key = [](const Package& package) {
    return std::tie(package.kind, package.name, package.version, package.architecture);
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Package& a, const Package& b) { return key(a) < key(b); });
  all.erase(std::unique(all.begin(), all.end(),
                        [&](const Package& a, const Package& b) { return key(a) == key(b); }),
            all.end());
  return list;
}

}  // namespace coracle::build
