#include "oci/platform.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

#if defined(__x86_64__)
constexpr char kHostArchitecture[] = "amd64";
#elif defined(__i386__)
constexpr char kHostArchitecture[] = "386";
#elif defined(__aarch64__)
constexpr char kHostArchitecture[] = "arm64";
#elif defined(__arm__)
constexpr char kHostArchitecture[] = "arm";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
constexpr char kHostArchitecture[] = "ppc64le";
#elif defined(__s390x__)
constexpr char kHostArchitecture[] = "s390x";
#elif defined(__riscv) && __riscv_xlen == 64
constexpr char kHostArchitecture[] = "riscv64";
#elif defined(__loongarch64)
constexpr char kHostArchitecture[] = "loong64";
#else
#error "which architecture is this in GOARCH's names?"
#endif

constexpr absl::string_view kArchitectures[] = {
    "386",     "amd64",   "arm",   "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",  "ppc64",
    "ppc64le", "riscv64", "s390x", "wasm",  "sparc64", "s390", "ppc",    "armbe",    "arm64be", "riscv"};
constexpr absl::string_view kSystems[] = {"linux",   "windows", "darwin",    "freebsd", "netbsd", "openbsd",
                                          "solaris", "aix",     "dragonfly", "illumos", "plan9",  "wasip1",
                                          "android", "ios",     "js",        "zos",     "wasi"};

struct Alias {
  absl::string_view name, architecture, variant;
};
constexpr Alias kAliases[] = {
    {"i386", "386", ""},
    {"i686", "386", ""},
    {"x86_64", "amd64", ""},
    {"x86-64", "amd64", ""},
    {"aarch64", "arm64", ""},
    {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},
    {"armv7l", "arm", "v7"},
    {"armv6l", "arm", "v6"},
    {"ppc64el", "ppc64le", ""},
    {"loongarch64", "loong64", ""},
};

// Letters, digits and what appears in versions: what may stand in a platform that is printed.
bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= 64 && absl::c_all_of(text, [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

// The number in "v7"; nothing for variants of another form.
std::optional<int> VariantNumber(absl::string_view variant) {
  int number = 0;
  if (variant.size() < 2 || variant[0] != 'v' || !absl::ascii_isdigit(variant[1])) return std::nullopt;
  if (!absl::SimpleAtoi(variant.substr(1), &number)) return std::nullopt;
  return number;
}

// The variant that an architecture has when none is said.
int UsualVariant(absl::string_view architecture) {
  if (architecture == "arm64") return 8;
  if (architecture == "arm") return 7;
  return 1;
}

}  // namespace

Platform HostPlatform() {
  Platform platform;
  platform.os = "linux";
  platform.architecture = kHostArchitecture;
  return NormalizePlatform(std::move(platform));
}

Platform NormalizePlatform(Platform platform) {
  absl::AsciiStrToLower(&platform.os);
  absl::AsciiStrToLower(&platform.architecture);
  absl::AsciiStrToLower(&platform.variant);
  if (platform.os == "macos") platform.os = "darwin";
  for (const Alias& alias : kAliases) {
    if (platform.architecture != alias.name) continue;
    platform.architecture = std::string(alias.architecture);
    if (platform.variant.empty()) platform.variant = std::string(alias.variant);
  }
  if (!platform.variant.empty() && absl::ascii_isdigit(platform.variant[0])) platform.variant.insert(0, "v");
  if (platform.architecture == "arm") {
    if (platform.variant.empty()) platform.variant = "v7";
  } else if (VariantNumber(platform.variant) == UsualVariant(platform.architecture)) {
    platform.variant.clear();
  }
  return platform;
}

absl::StatusOr<Platform> ParsePlatform(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  if (parts.size() > 3 || !absl::c_all_of(parts, IsName)) {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid platform \"", Printable(text), "\": not of the form os[/arch[/variant]]"));
  }
  Platform platform;
  if (parts.size() > 1) {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() > 2) platform.variant = parts[2];
    return NormalizePlatform(std::move(platform));
  }
  platform = HostPlatform();
  Platform alone;
  alone.os = alone.architecture = parts[0];
  alone = NormalizePlatform(std::move(alone));
  if (absl::c_linear_search(kSystems, alone.os)) {
    platform.os = alone.os;
  } else if (absl::c_linear_search(kArchitectures, alone.architecture)) {
    platform.architecture = alone.architecture;
    platform.variant = alone.variant;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid platform \"", text, "\": unknown operating system or architecture"));
  }
  return platform;
}

std::string PlatformName(const Platform& platform) {
  return absl::StrCat(platform.os, "/", platform.architecture, platform.variant.empty() ? "" : "/",
                      platform.variant);
}

std::optional<int> PlatformDistance(const Platform& wanted, const Platform& image) {
  const Platform want = NormalizePlatform(wanted);
  const Platform have = NormalizePlatform(image);
  if (want.os != have.os || want.architecture != have.architecture) return std::nullopt;
  if (want.variant == have.variant) return 0;
  const auto number = [](const Platform& platform) {
    return platform.variant.empty() ? UsualVariant(platform.architecture) : VariantNumber(platform.variant);
  };
  const std::optional<int> want_number = number(want);
  const std::optional<int> have_number = number(have);
  if (!want_number.has_value() || !have_number.has_value() || *have_number > *want_number)
    return std::nullopt;
  return *want_number - *have_number;
}

}  // namespace coracle::oci
