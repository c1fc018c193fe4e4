#include "cli/mount_syntax.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "store/volume.h"

namespace coracle::cli {
namespace {

using store::Mount;

// Words that say different things about one property: only one of each group may be given.
struct WordGroup {
  absl::string_view words;  // between blanks
};
constexpr WordGroup kGroups[] = {
    {" ro rw rro "},
    {" exec noexec "},
    {" suid nosuid "},
    {" dev nodev "},
    {" bind rbind "},
    {" private rprivate shared rshared slave rslave unbindable runbindable "},
    {" tmpcopyup notmpcopyup "},
    {" atime noatime relatime norelatime strictatime "},
    {" copy nocopy "},
    {" z Z "},
};

bool InGroup(const WordGroup& group, absl::string_view word) {
  return absl::StrContains(group.words, absl::StrCat(" ", word, " "));
}

// One mount while it is read.
struct Draft {
  absl::string_view option;  // "volume"
  const std::string& text;
  MountRequest request;
  std::vector<std::string> words;  // each word of a group, to find contradictions

  Mount& mount() { return request.mount; }
  absl::Status Error(absl::string_view why) const { return OptionError(option, text, why); }

  // A word of one of the groups. A repeated one is fine.
  absl::Status TakeWord(const std::string& word) {
    for (const WordGroup& group : kGroups) {
      if (!InGroup(group, word)) continue;
      for (const std::string& other : words) {
        if (other == word) return absl::OkStatus();
        if (InGroup(group, other)) {
          return Error(absl::StrCat("'", other, "' and '", word, "' contradict each other"));
        }
      }
      words.push_back(word);
      if (word == "nocopy") mount().set_no_copy(true);
      // Relabelling is for SELinux types of containers, which there are none of here: nothing to do.
      if (word != "copy" && word != "nocopy" && word != "z" && word != "Z") mount().add_options(word);
      return absl::OkStatus();
    }
    return Error(absl::StrCat("unknown option '", word, "'"));
  }
};

bool IsGroupWord(absl::string_view word) {
  return !absl::StrContains(word, ' ') &&
         std::any_of(std::begin(kGroups), std::end(kGroups),
                     [&](const WordGroup& group) { return InGroup(group, word); });
}

absl::Status CheckDestination(Draft& draft) {
  const std::string& destination = draft.mount().destination();
  if (destination.empty()) return draft.Error("must set volume destination");
  if (destination[0] != '/') {
    return draft.Error(
        absl::StrCat("invalid container path \"", destination, "\", must be an absolute path"));
  }
  if (absl::StrContains(destination, '\0')) return draft.Error("a NUL byte");
  draft.mount().set_destination(CleanContainerPath(destination));
  if (draft.mount().destination() == "/") return draft.Error("cannot mount over the container's root");
  return absl::OkStatus();
}

absl::Status CheckSubpath(Draft& draft, const std::string& value) {
  if (value.empty() || value[0] == '/') return draft.Error("a subpath must be relative");
  for (const absl::string_view part : absl::StrSplit(value, '/')) {
    if (part == "..") return draft.Error("a subpath must not contain '..'");
  }
  draft.mount().set_subpath(value);
  return absl::OkStatus();
}

// upperdir and workdir come together and belong to an overlay.
absl::Status CheckOverlay(Draft& draft) {
  Mount& mount = draft.mount();
  if (mount.upper_dir().empty() != mount.work_dir().empty()) {
    return draft.Error("upperdir and workdir come together");
  }
  if (!mount.overlay()) {
    return mount.upper_dir().empty() ? absl::OkStatus()
                                     : draft.Error("upperdir and workdir need the option O");
  }
  for (const std::string* dir : {&mount.upper_dir(), &mount.work_dir()}) {
    if (!dir->empty() && (*dir)[0] != '/') return draft.Error("upperdir and workdir must be absolute paths");
  }
  if (!mount.options().empty() || !mount.id_map().empty()) {
    return draft.Error("only U, upperdir and workdir go with O");
  }
  return absl::OkStatus();
}

// What -v knows beyond plain words.
absl::Status TakeVolumeOption(Draft& draft, const std::string& option) {
  Mount& mount = draft.mount();
  absl::string_view value = option;
  if (option == "O") {
    mount.set_overlay(true);
  } else if (option == "U") {
    mount.set_chown(true);
  } else if (absl::ConsumePrefix(&value, "upperdir=")) {
    mount.set_upper_dir(std::string(value));
  } else if (absl::ConsumePrefix(&value, "workdir=")) {
    mount.set_work_dir(std::string(value));
  } else if (absl::ConsumePrefix(&value, "subpath=")) {
    return CheckSubpath(draft, std::string(value));
  } else if (absl::ConsumePrefix(&value, "idmap=") || option == "idmap") {
    mount.set_id_map(option == "idmap" ? "container" : std::string(value));
  } else if (option == "ro=recursive") {
    return draft.TakeWord("rro");
  } else if (option == "no-dereference") {
    mount.set_no_dereference(true);
  } else if (option != "cached" && option != "consistent" && option != "delegated") {  // of other platforms
    return draft.TakeWord(option);
  }
  return absl::OkStatus();
}

absl::Status CheckVolume(Draft& draft) {
  Mount& mount = draft.mount();
  if (mount.source().empty()) {
    mount.set_anonymous(true);
    return absl::OkStatus();
  }
  return store::CheckVolumeName(mount.source());
}

void AddTmpfsDefaults(Mount& mount) {
  const auto has = [&mount](absl::string_view a, absl::string_view b) {
    return std::any_of(mount.options().begin(), mount.options().end(),
                       [&](const std::string& option) { return option == a || option == b; });
  };
  if (!has("exec", "noexec")) mount.add_options("noexec");
  if (!has("suid", "nosuid")) mount.add_options("nosuid");
  if (!has("dev", "nodev")) mount.add_options("nodev");
  if (!has("notmpcopyup", "tmpcopyup")) mount.add_options("tmpcopyup");
}

// ---- --mount ----

struct Field {
  std::string key;  // in lower case
  std::string value;
  bool has_value = false;
};

absl::StatusOr<bool> ReadBool(const Draft& draft, const Field& field) {
  const std::string value = absl::AsciiStrToLower(field.value);
  if (!field.has_value || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return draft.Error(absl::StrCat("'", field.key, "' takes true or false"));
}

absl::Status TakeAccess(Draft& draft, const Field& field, const char* yes, const char* no) {
  ASSIGN_OR_RETURN(const bool value, ReadBool(draft, field));
  return draft.TakeWord(value ? yes : no);
}

absl::Status TakeBindRecursive(Draft& draft, const std::string& value) {
  if (value == "disabled" || value == "false") return draft.TakeWord("bind");
  if (value == "enabled" || value == "true" || value == "writable") return draft.TakeWord("rbind");
  if (value != "readonly") {
    return draft.Error("bind-recursive takes enabled, disabled, writable or readonly");
  }
  // docker wants "readonly" said as well; "ro" then is a part of "rro".
  const auto ro = std::find(draft.words.begin(), draft.words.end(), "ro");
  if (ro == draft.words.end()) return draft.Error("bind-recursive=readonly needs 'readonly', too");
  draft.words.erase(ro);
  auto* options = draft.mount().mutable_options();
  options->erase(std::remove(options->begin(), options->end(), "ro"), options->end());
  return draft.TakeWord("rro");
}

// Fields that any type takes. False if it is none of them.
absl::StatusOr<bool> TakeCommonField(Draft& draft, const Field& field) {
  Mount& mount = draft.mount();
  if (field.key == "source" || field.key == "src") {
    mount.set_source(field.value);
  } else if (field.key == "destination" || field.key == "dst" || field.key == "target") {
    mount.set_destination(field.value);
  } else if ((field.key == "ro" || field.key == "readonly") && field.value == "recursive") {
    RETURN_IF_ERROR(draft.TakeWord("rro"));
  } else if (field.key == "ro" || field.key == "readonly") {
    RETURN_IF_ERROR(TakeAccess(draft, field, "ro", "rw"));
  } else if (field.key == "rw" || field.key == "readwrite") {
    RETURN_IF_ERROR(TakeAccess(draft, field, "rw", "ro"));
  } else if (field.key == "u" || field.key == "chown") {
    ASSIGN_OR_RETURN(const bool chown, ReadBool(draft, field));
    mount.set_chown(chown);
  } else if (field.key == "consistency") {
    // Of platforms where the engine runs in a virtual machine.
  } else if (!field.has_value && IsGroupWord(field.key) && field.key != "z") {
    RETURN_IF_ERROR(draft.TakeWord(field.key));
  } else {
    return false;
  }
  return true;
}

absl::StatusOr<bool> TakeBindField(Draft& draft, const Field& field) {
  if (field.key == "bind-propagation") {
    if (!InGroup(kGroups[5], field.value))
      return draft.Error(absl::StrCat("unknown propagation '", field.value, "'"));
    RETURN_IF_ERROR(draft.TakeWord(field.value));
  } else if (field.key == "bind-nonrecursive") {
    ASSIGN_OR_RETURN(const bool only, ReadBool(draft, field));
    RETURN_IF_ERROR(draft.TakeWord(only ? "bind" : "rbind"));
  } else if (field.key == "bind-recursive") {
    RETURN_IF_ERROR(TakeBindRecursive(draft, field.value));
  } else if (field.key == "relabel") {
    if (field.value != "shared" && field.value != "private")
      return draft.Error("relabel takes shared or private");
  } else if (field.key == "no-dereference") {
    ASSIGN_OR_RETURN(const bool yes, ReadBool(draft, field));
    draft.mount().set_no_dereference(yes);
  } else if (field.key == "idmap") {
    draft.mount().set_id_map(field.has_value ? field.value : "container");
  } else {
    return !field.has_value && field.key == "z";
  }
  return true;
}

absl::StatusOr<bool> TakeVolumeField(Draft& draft, const Field& field) {
  const std::pair<std::string, std::string> pair = absl::StrSplit(field.value, absl::MaxSplits('=', 1));
  if (field.key == "volume-nocopy") {
    ASSIGN_OR_RETURN(const bool no_copy, ReadBool(draft, field));
    draft.mount().set_no_copy(no_copy);
  } else if (field.key == "volume-label") {
    draft.request.volume_labels.push_back(pair);
  } else if (field.key == "volume-opt") {
    draft.request.volume_options.push_back(pair);
  } else if (field.key == "volume-driver") {
    if (field.value != "local" && !field.value.empty()) {
      return NotSupportedYet(absl::StrCat("--mount volume-driver=", field.value));
    }
  } else if (field.key == "volume-subpath" || field.key == "subpath") {
    RETURN_IF_ERROR(CheckSubpath(draft, field.value));
  } else if (field.key == "idmap") {
    draft.mount().set_id_map(field.has_value ? field.value : "container");
  } else {
    return !field.has_value && field.key == "z";
  }
  return true;
}

absl::StatusOr<bool> TakeTmpfsField(Draft& draft, const Field& field) {
  if (field.key == "tmpfs-size") {
    if (absl::EndsWith(field.value, "%")) {
      draft.mount().add_options(absl::StrCat("size=", field.value));
      return true;
    }
    ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(field.value), "--mount ", draft.text);
    draft.mount().add_options(absl::StrCat("size=", bytes));
  } else if (field.key == "tmpfs-mode") {
    if (field.value.empty() || field.value.find_first_not_of("01234567") != std::string::npos) {
      return draft.Error("tmpfs-mode takes octal digits");
    }
    draft.mount().add_options(absl::StrCat("mode=", field.value));
  } else if (field.key == "uid" || field.key == "gid" || field.key == "size" || field.key == "mode") {
    draft.mount().add_options(absl::StrCat(field.key, "=", field.value));
  } else {
    return false;
  }
  return true;
}

absl::StatusOr<bool> TakeFieldOfType(Draft& draft, const Field& field) {
  const std::string& type = draft.mount().type();
  if (type == "bind" || type == "glob") return TakeBindField(draft, field);
  if (type == "volume") return TakeVolumeField(draft, field);
  if (type == "tmpfs" || type == "ramfs") return TakeTmpfsField(draft, field);
  if (type == "image") {
    if (field.key != "subpath" && field.key != "image-subpath") return false;
    RETURN_IF_ERROR(CheckSubpath(draft, field.value));
    return true;
  }
  if (type == "devpts" &&
      (field.key == "uid" || field.key == "gid" || field.key == "mode" || field.key == "max")) {
    draft.mount().add_options(absl::StrCat(field.key, "=", field.value));
    return true;
  }
  return false;
}

absl::Status FinishMount(Draft& draft) {
  Mount& mount = draft.mount();
  const std::string& type = mount.type();
  if (type == "volume") return CheckVolume(draft);
  if (type == "bind" || type == "glob") {
    // podman: a bind without a source is of the same path.
    if (mount.source().empty()) mount.set_source(mount.destination());
    return absl::OkStatus();
  }
  if (type == "image") {
    return mount.source().empty() ? draft.Error("an image mount needs a source") : absl::OkStatus();
  }
  if (!mount.source().empty())
    return draft.Error(absl::StrCat("source is not supported with ", type, " mounts"));
  mount.set_source(type);
  if (type == "tmpfs" || type == "ramfs") AddTmpfsDefaults(mount);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Field>> ReadFields(Draft& draft) {
  auto texts = SplitCsvLine(draft.text);
  if (!texts.ok()) return draft.Error(texts.status().message());
  std::vector<Field> fields;
  std::string type = "volume";
  for (const std::string& text : *texts) {
    if (text.empty()) continue;
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    Field field{absl::AsciiStrToLower(parts.first), parts.second, absl::StrContains(text, '=')};
    if (field.key == "type") {
      type = absl::AsciiStrToLower(field.value);
    } else {
      fields.push_back(std::move(field));
    }
  }
  static constexpr absl::string_view kTypes[] = {"bind",  "volume", "tmpfs",  "image",
                                                 "ramfs", "devpts", "mqueue", "glob"};
  if (type == "artifact" || type == "cache" || type == "npipe" || type == "cluster") {
    return NotSupportedYet(absl::StrCat("--mount type=", type));
  }
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) {
    return draft.Error(absl::StrCat("invalid filesystem type \"", type, "\""));
  }
  draft.mount().set_type(type);
  return fields;
}

}  // namespace

std::string CleanContainerPath(absl::string_view path) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(part);
  }
  std::string clean;
  for (const absl::string_view part : kept) absl::StrAppend(&clean, "/", part);
  return clean.empty() ? "/" : clean;
}

absl::StatusOr<std::vector<std::string>> SplitCsvLine(absl::string_view line) {
  std::vector<std::string> fields;
  size_t at = 0;
  for (;;) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) return absl::InvalidArgumentError("a quote is not closed");
        if (line[at] != '"') {
          field.push_back(line[at]);
        } else if (at + 1 < line.size() && line[at + 1] == '"') {
          field.push_back('"');
          ++at;
        } else {
          break;
        }
      }
      ++at;
      if (at < line.size() && line[at] != ',')
        return absl::InvalidArgumentError("text behind a closing quote");
    } else {
      const size_t end = std::min(line.find(',', at), line.size());
      field = std::string(line.substr(at, end - at));
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return fields;
    ++at;
  }
}

absl::StatusOr<MountRequest> ParseVolumeOption(const std::string& text) {
  Draft draft{"volume", text, {}, {}};
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 3) {
    return draft.Error("incorrect volume format, should be [host-dir:]ctr-dir[:option]");
  }
  Mount& mount = draft.mount();
  mount.set_destination(parts[parts.size() == 1 ? 0 : 1]);
  RETURN_IF_ERROR(CheckDestination(draft));
  mount.set_type("volume");
  if (parts.size() > 1) {
    if (parts[0].empty()) return draft.Error("the source is empty");
    if (parts[0][0] == '/' || parts[0][0] == '.') mount.set_type("bind");
    mount.set_source(parts[0]);
  }
  if (parts.size() == 3) {
    for (const absl::string_view option : absl::StrSplit(parts[2], ',', absl::SkipEmpty())) {
      RETURN_IF_ERROR(TakeVolumeOption(draft, std::string(option)));
    }
  }
  if (mount.type() == "volume") {
    RETURN_IF_ERROR(CheckVolume(draft));
    if (mount.no_dereference()) return draft.Error("no-dereference is for paths of the host");
  } else if (!mount.subpath().empty()) {
    return draft.Error("subpath is for volumes");
  }
  RETURN_IF_ERROR(CheckOverlay(draft));
  return std::move(draft.request);
}

absl::StatusOr<MountRequest> ParseMountOption(const std::string& text) {
  Draft draft{"mount", text, {}, {}};
  ASSIGN_OR_RETURN(std::vector<Field> fields, ReadFields(draft));
  // What it says depends on whether "readonly" is there, wherever.
  std::stable_partition(fields.begin(), fields.end(),
                        [](const Field& f) { return f.key != "bind-recursive"; });
  for (const Field& field : fields) {
    ASSIGN_OR_RETURN(bool known, TakeCommonField(draft, field));
    if (!known) {
      ASSIGN_OR_RETURN(known, TakeFieldOfType(draft, field));
    }
    if (!known) {
      return draft.Error(absl::StrCat("'", field.key, "' is no option of type=", draft.mount().type()));
    }
  }
  RETURN_IF_ERROR(CheckDestination(draft));
  RETURN_IF_ERROR(FinishMount(draft));
  return std::move(draft.request);
}

absl::StatusOr<MountRequest> ParseTmpfsOption(const std::string& text) {
  Draft draft{"tmpfs", text, {}, {}};
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  Mount& mount = draft.mount();
  mount.set_type("tmpfs");
  mount.set_source("tmpfs");
  mount.set_destination(parts.first);
  RETURN_IF_ERROR(CheckDestination(draft));
  for (const absl::string_view option : absl::StrSplit(parts.second, ',', absl::SkipEmpty())) {
    if (option == "U") {
      mount.set_chown(true);
    } else {
      mount.add_options(std::string(option));
    }
  }
  AddTmpfsDefaults(mount);
  return std::move(draft.request);
}

}  // namespace coracle::cli
