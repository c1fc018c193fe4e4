// image sync: all images of a repository or a directory, to a registry or a directory.
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands_archive.h"
#include "cli/container_options.h"
#include "cli/interrupt.h"
#include "cli/invocation.h"
#include "cli/progress_display.h"
#include "cli/transfer_options.h"
#include "engine/image_ends.h"
#include "image/copy_image.h"
#include "oci/reference.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr int kMaxDirectoryDepth = 16;

// One image of the source, and what it is called below the destination ("debian:12").
struct Item {
  image::TransportName from;
  std::string name, scoped_name;
};

absl::StatusOr<registry::Access> AccessFor(const ParsedCommand& parsed, absl::string_view side) {
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  const std::string authfile = parsed.GetString(absl::StrCat(side, "-authfile"));
  if (!authfile.empty()) options.authfile = authfile;
  options.creds = parsed.GetString(absl::StrCat(side, "-creds"));
  options.cert_dir = parsed.GetString(absl::StrCat(side, "-cert-dir"));
  const std::string verify = absl::StrCat(side, "-tls-verify");
  if (parsed.WasSet(verify)) options.tls_verify = parsed.GetBool(verify);
  return registry::Access::Open(std::move(options));
}

// Every tag, or the one that is named.
absl::StatusOr<std::vector<Item>> ItemsOfRegistry(registry::Access& access, const std::string& text) {
  ASSIGN_OR_RETURN(const oci::ImageReference reference,
                   oci::ImageReference::Parse(absl::StripPrefix(text, "docker://")));
  std::vector<std::string> versions;
  if (!reference.digest().empty()) {
    versions = {absl::StrCat("@", reference.digest().str())};
  } else if (!reference.tag().empty()) {
    versions = {absl::StrCat(":", reference.tag())};
  } else {
    ASSIGN_OR_RETURN(const auto places, engine::PlacesForPull(access, reference.WithTagOrDefault()));
    ASSIGN_OR_RETURN(std::vector<std::string> tags, places.back().client->Tags(places.back().at.path()));
    std::sort(tags.begin(), tags.end());
    for (const std::string& tag : tags) versions.push_back(absl::StrCat(":", tag));
  }
  const std::string& path = reference.path();
  std::vector<Item> items;
  for (const std::string& version : versions) {
    Item item;
    item.from.transport = image::Transport::kDocker;
    item.from.reference = absl::StrCat(reference.name(), version);
    item.name = absl::StrCat(path.substr(path.rfind('/') + 1), version);
    item.scoped_name = absl::StrCat(reference.name(), version);
    items.push_back(std::move(item));
  }
  return items;
}

// Every directory below `dir` that is an image.
absl::Status FindImages(const std::string& dir, const std::string& relative, int depth,
                        std::vector<Item>& items) {
  if (os::ExistsAt(AT_FDCWD, absl::StrCat(dir, "/manifest.json"))) {
    Item item;
    item.from.transport = image::Transport::kDir;
    item.from.path = dir;
    item.name = item.scoped_name = relative.empty() ? dir.substr(dir.rfind('/') + 1) : relative;
    items.push_back(std::move(item));
    return absl::OkStatus();
  }
  if (depth == kMaxDirectoryDepth) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, dir));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat info;
    if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    RETURN_IF_ERROR(
        FindImages(path, relative.empty() ? name : absl::StrCat(relative, "/", name), depth + 1, items));
  }
  return absl::OkStatus();
}

absl::StatusOr<image::TransportName> TargetOf(const Item& item, absl::string_view transport,
                                              const std::string& destination, bool scoped) {
  const std::string& name = scoped ? item.scoped_name : item.name;
  image::TransportName to;
  if (transport == "dir") {
    to.transport = image::Transport::kDir;
    to.path = absl::StrCat(destination, "/", name);
    return to;
  }
  to.transport = image::Transport::kDocker;
  to.reference = absl::StrCat(absl::StripSuffix(destination, "/"), "/", name);
  if (absl::StrContains(name, '@')) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": an image can't be pushed by its digest alone"));
  }
  return to;
}

absl::Status CheckTransport(const ParsedCommand& parsed, absl::string_view option) {
  const std::string value = parsed.GetString(option);
  if (value == "docker" || value == "dir") return absl::OkStatus();
  if (value == "yaml") return NotSupportedYet("--src yaml");
  return OptionError(option, value, "it is one of docker, dir");
}

absl::Status Sync(Invocation& invocation, InterruptGuard& interrupt, ProgressDisplay& progress) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string from = parsed.GetString("src"), to = parsed.GetString("dest");
  RETURN_IF_ERROR(CheckTransport(parsed, "src"));
  RETURN_IF_ERROR(CheckTransport(parsed, "dest"));
  if (from == "dir" && to == "dir") return OptionError("dest", to, "one of the two must be a registry");
  ASSIGN_OR_RETURN(registry::Access source_access, AccessFor(parsed, "src"));
  ASSIGN_OR_RETURN(registry::Access sink_access, AccessFor(parsed, "dest"));
  engine::EndOptions ends;
  ends.spool_dir = engine::SpoolDirectory(invocation.globals().tmpdir);
  ends.progress = &progress;
  ends.cancel = &interrupt.flag();
  image::CopyOptions options;
  options.all = parsed.GetBool("all");
  options.preserve_digests = parsed.GetBool("preserve-digests");
  options.progress = &progress;
  options.cancel = &interrupt.flag();

  std::vector<Item> items;
  const std::string& source_name = invocation.args()[0];
  if (from == "docker") {
    ASSIGN_OR_RETURN(items, ItemsOfRegistry(source_access, source_name), source_name);
  } else {
    RETURN_IF_ERROR(FindImages(source_name, "", 0, items), source_name);
  }
  if (items.empty()) return absl::NotFoundError(absl::StrCat(source_name, ": there is no image in it"));
  absl::Status first;
  for (const Item& item : items) {
    const auto copy = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const image::TransportName target,
                       TargetOf(item, to, invocation.args()[1], parsed.GetBool("scoped")));
      progress.Note(Printable(absl::StrCat(item.from.str(), " -> ", target.str())));
      if (parsed.GetBool("dry-run")) return absl::OkStatus();
      ends.access = &source_access;
      ASSIGN_OR_RETURN(const auto source, engine::OpenSource(item.from, ends));
      ends.access = &sink_access;
      ASSIGN_OR_RETURN(const engine::SinkEnd end, engine::OpenSink(target, ends));
      return image::CopyImage(*source, *end.sink, options).status();
    };
    const absl::Status status = Annotate(copy(), item.from.str());
    if (status.ok()) continue;
    if (!parsed.GetBool("keep-going") || absl::IsCancelled(status)) return status;
    PrintWarning(StatusLine(status));
    first.Update(status);
  }
  return first;
}

}  // namespace

int CmdImageSync(Invocation& invocation) {
  InterruptGuard interrupt;
  ProgressDisplay progress(ProgressDisplay::ChooseStyle(invocation.parsed().GetBool("quiet")), "Copying");
  return invocation.Fail(interrupt.Result(Annotate(Sync(invocation, interrupt, progress), "sync")));
}

}  // namespace coracle::cli
