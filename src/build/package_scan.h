// The packages that a root file system says it has: the databases of dpkg and apk, and Python's metadata.
//
// Everything read is an image's and hostile: files are opened inside the root, bounded in size and number,
// and lines that are not understood are passed over. Source: deb-control(5), dpkg(1) "FILES"; apk-tools'
// "Alpine Package Keeper installed database"; PyPA "Core metadata".
#ifndef CORACLE_BUILD_PACKAGE_SCAN_H_
#define CORACLE_BUILD_PACKAGE_SCAN_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace coracle::build {

struct Package {
  enum class Kind { kDeb, kApk, kPython };
  Kind kind = Kind::kDeb;
  std::string name, version, architecture;
  std::string maintainer, license, homepage;
  std::string found_in;  // the file, relative to the root
};

struct PackageList {
  std::string distribution, release;  // ID and VERSION_ID of os-release
  std::vector<Package> packages;      // by kind, name, version; each once
};

// `root`: a directory, may be opened with O_PATH. What is missing or can't be read holds no packages.
PackageList ScanPackages(int root);

// For the above, and its tests. Packages that are not installed (removed, configuration left) are left out.
std::vector<Package> ParseDpkgStatus(absl::string_view text);
std::vector<Package> ParseApkInstalled(absl::string_view text);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_PACKAGE_SCAN_H_
