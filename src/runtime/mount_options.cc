#include "runtime/mount_options.h"

#include <sys/mount.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace coracle::runtime {
namespace {

struct AttributeWord {
  const char* name;  // "r" in front makes it recursive
  uint64_t set, clear;
};
constexpr AttributeWord kAttributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", 0, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

struct PropagationWord {
  const char* name;
  unsigned long flags;
};
constexpr PropagationWord kPropagation[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

// Switches of the superblock, by the name that fsconfig(2) knows; "" is the default and needs no call.
struct SuperblockWord {
  const char* name;
  const char* flag;
};
constexpr SuperblockWord kSuperblock[] = {
    {"sync", "sync"},         {"async", "async"},           {"dirsync", "dirsync"},
    {"lazytime", "lazytime"}, {"nolazytime", "nolazytime"}, {"mand", "mand"},
    {"nomand", "nomand"},     {"iversion", "iversion"},     {"noiversion", "noiversion"},
    {"defaults", ""},         {"silent", "silent"},         {"loud", ""},
    {"acl", "acl"},           {"noacl", "noacl"},
};

bool ApplyAttribute(const std::string& word, MountOptions& options) {
  const AttributeWord* found = nullptr;
  bool recursive = false;
  for (const AttributeWord& entry : kAttributes) {
    if (word == entry.name) found = &entry;
  }
  if (found == nullptr && word.size() > 1 && word[0] == 'r') {
    for (const AttributeWord& entry : kAttributes) {
      if (word.compare(1, std::string::npos, entry.name) == 0) found = &entry;
    }
    recursive = found != nullptr;
  }
  if (found == nullptr) return false;
  uint64_t& set = recursive ? options.recursive_set : options.set;
  uint64_t& clear = recursive ? options.recursive_clear : options.clear;
  set = (set & ~found->clear) | found->set;
  // The atime field is one value: setting it means clearing the whole field first (mount_setattr(2)).
  clear = (clear & ~found->set) | found->clear;
  return true;
}

bool ApplyWord(const std::string& word, MountOptions& options) {
  if (word == "bind") return options.bind = true;
  if (word == "rbind") return options.bind = options.recursive_bind = true;
  if (word == "remount") return options.remount = true;
  if (word == "tmpcopyup") return options.copy_up = true;
  if (word == "notmpcopyup") return !(options.copy_up = false);
  if (word == "idmap" || word == "ridmap") {
    options.idmap = word == "idmap" ? IdmapMode::kMount : IdmapMode::kRecursive;
    return true;
  }
  for (const PropagationWord& entry : kPropagation) {
    if (word == entry.name) {
      options.propagation.push_back(entry.flags);
      return true;
    }
  }
  return ApplyAttribute(word, options);
}

}  // namespace

absl::StatusOr<MountOptions> ParseMountOptions(const std::vector<std::string>& words) {
  MountOptions options;
  for (const std::string& word : words) {
    if (absl::StrContains(word, '\0'))
      return absl::InvalidArgumentError("a mount option contains a NUL byte");
    if (word.empty() || ApplyWord(word, options)) continue;
    const auto* superblock = std::find_if(std::begin(kSuperblock), std::end(kSuperblock),
                                          [&](const SuperblockWord& entry) { return word == entry.name; });
    if (superblock != std::end(kSuperblock)) {
      if (*superblock->flag != '\0') options.data.push_back({.key = superblock->flag, .is_flag = true});
      continue;
    }
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      options.data.push_back({.key = word, .is_flag = true});
    } else {
      options.data.push_back({.key = word.substr(0, equals), .value = word.substr(equals + 1)});
    }
  }
  return options;
}

std::vector<std::string> KnownMountOptions() {
  std::vector<std::string> names = {"bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"};
  for (const AttributeWord& entry : kAttributes) {
    names.push_back(entry.name);
    names.push_back(absl::StrCat("r", entry.name));
  }
  for (const PropagationWord& entry : kPropagation) names.push_back(entry.name);
  for (const SuperblockWord& entry : kSuperblock) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace coracle::runtime
