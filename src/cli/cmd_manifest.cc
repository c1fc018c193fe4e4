// manifest: indexes (multi-platform images) that are put together here.
#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error_context.h"
#include "base/json.h"
#include "base/status.h"
#include "cli/commands_archive.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/manifest_list.h"
#include "image/image_store.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

// NAME=VALUE pairs of --annotation.
absl::StatusOr<std::map<std::string, std::string>> ReadAnnotations(const ParsedCommand& parsed) {
  std::map<std::string, std::string> annotations;
  for (const std::string& text : parsed.GetList("annotation")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return OptionError("annotation", text, "expected NAME=VALUE");
    }
    annotations[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return annotations;
}

absl::StatusOr<engine::EntryNotes> ReadNotes(const ParsedCommand& parsed) {
  engine::EntryNotes notes;
  notes.arch = parsed.GetString("arch");
  notes.os = parsed.GetString("os");
  notes.os_version = parsed.GetString("os-version");
  notes.variant = parsed.GetString("variant");
  if (FindOption(parsed.command(), "os-features") != nullptr) {
    notes.os_features = parsed.GetList("os-features");
  }
  ASSIGN_OR_RETURN(notes.annotations, ReadAnnotations(parsed));
  return notes;
}

// What podman prints of a list: here the digest that it would be pushed with.
std::string IdOf(const image::ManifestList& list) {
  image::ManifestListSource source(list, nullptr);
  const auto document = source.GetManifest();
  return document.ok() ? std::string(document->digest.hex()) : "";
}

absl::Status Create(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::vector<std::string>& args = invocation.args();
  engine::Engine engine = MakeEngine(invocation);
  image::ManifestList list;
  ASSIGN_OR_RETURN(list.name, image::ManifestListName(args[0]));
  ASSIGN_OR_RETURN(list.index.annotations, ReadAnnotations(parsed));
  RETURN_IF_ERROR(image::CreateManifestList(engine.store, list, parsed.GetBool("amend")));
  if (args.size() > 1) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                     Transfer::Open(parsed, /*quiet=*/true, "Copying"));
    const engine::EndOptions ends = engine::EndsOf(engine, transfer->context());
    engine::AddRequest request;
    request.all = parsed.GetBool("all");
    for (size_t i = 1; i < args.size(); ++i) {
      const auto added = engine::AddToManifestList(engine, ends, args[0], args[i], request);
      if (added.ok()) continue;
      // A new list appears with all of its images or not at all.
      if (!parsed.GetBool("amend")) (void)image::RemoveManifestList(engine.store, args[0]);
      return transfer->Result(added.status());
    }
  }
  ASSIGN_OR_RETURN(list, image::ReadManifestList(engine.store, args[0]));
  invocation.out().WriteLine(IdOf(list));
  return absl::OkStatus();
}

absl::Status Add(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  engine::AddRequest request;
  request.all = parsed.GetBool("all");
  ASSIGN_OR_RETURN(request.notes, ReadNotes(parsed));
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, /*quiet=*/true, "Copying"));
  const engine::EndOptions ends = engine::EndsOf(engine, transfer->context());
  std::optional<image::ManifestList> list;
  for (size_t i = 1; i < invocation.args().size(); ++i) {
    auto added = engine::AddToManifestList(engine, ends, invocation.args()[0], invocation.args()[i], request);
    if (!added.ok()) return transfer->Result(added.status());
    list = *std::move(added);
  }
  invocation.out().WriteLine(IdOf(*list));
  return absl::OkStatus();
}

// The entry that a digest or the name of an image in the store names.
absl::StatusOr<std::vector<oci::Descriptor>::iterator> FindEntry(const engine::Engine& engine,
                                                                 image::ManifestList& list,
                                                                 const std::string& text) {
  std::string wanted = text;
  const size_t at = wanted.rfind('@');
  if (at != std::string::npos) wanted = wanted.substr(at + 1);
  std::string place;
  if (const auto found = image::Find(engine.store, text); found.ok()) {
    place = absl::StrCat("containers-storage:", found->record.id());
  }
  auto& all = list.index.manifests;
  const auto entry = std::find_if(all.begin(), all.end(), [&](const oci::Descriptor& descriptor) {
    const auto source = list.sources.find(descriptor.digest.str());
    const bool by_place = source != list.sources.end() && !source->second.empty() &&
                          (source->second == place || source->second == text);
    return descriptor.digest.str() == wanted || by_place;
  });
  if (entry != all.end()) return entry;
  return WithExitCode(absl::NotFoundError(absl::StrCat("manifest list ", list.name, " has no image ", text)),
                      125);
}

absl::Status Annotate(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::EntryNotes notes, ReadNotes(parsed));
  const bool whole = parsed.GetBool("index");
  if (!whole && invocation.args().size() < 2) {
    return WithExitCode(absl::InvalidArgumentError("name an image of the list, or give --index"), 125);
  }
  ASSIGN_OR_RETURN(const image::ManifestList list,
                   image::ChangeManifestList(
                       engine.store, invocation.args()[0], [&](image::ManifestList& changed) -> absl::Status {
                         if (whole) {
                           for (const auto& [key, value] : notes.annotations) {
                             changed.index.annotations[key] = value;
                           }
                           return absl::OkStatus();
                         }
                         ASSIGN_OR_RETURN(const auto entry, FindEntry(engine, changed, invocation.args()[1]));
                         notes.ApplyTo(*entry);
                         return absl::OkStatus();
                       }));
  invocation.out().WriteLine(IdOf(list));
  return absl::OkStatus();
}

absl::Status Remove(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const image::ManifestList list,
                   image::ChangeManifestList(
                       engine.store, invocation.args()[0], [&](image::ManifestList& changed) -> absl::Status {
                         for (size_t i = 1; i < invocation.args().size(); ++i) {
                           ASSIGN_OR_RETURN(const auto entry,
                                            FindEntry(engine, changed, invocation.args()[i]));
                           changed.index.manifests.erase(entry);
                         }
                         return absl::OkStatus();
                       }));
  invocation.out().WriteLine(IdOf(list));
  return absl::OkStatus();
}

absl::Status Inspect(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const engine::Engine engine = MakeEngine(invocation);
  const std::string& text = invocation.args()[0];
  std::string document;
  const auto list = image::HasTransport(text) ? absl::StatusOr<image::ManifestList>(absl::NotFoundError(text))
                                              : image::ReadManifestList(engine.store, text);
  if (list.ok()) {
    document = oci::SerializeIndex(list->index);
  } else if (absl::IsNotFound(list.status())) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                     Transfer::Open(parsed, /*quiet=*/true, "Reading"));
    auto name = image::ParseTransportName(image::HasTransport(text) ? text : absl::StrCat("docker://", text));
    if (!name.ok()) return WithExitCode(name.status(), 125);
    const auto source = engine::OpenSource(*name, engine::EndsOf(engine, transfer->context()));
    if (!source.ok()) return transfer->Result(WithExitCode(source.status(), 125));
    const auto manifest = (*source)->GetManifest();
    if (!manifest.ok()) {
      return transfer->Result(WithExitCode(
          AnnotateNaming(manifest.status(), text, absl::StripPrefix((*source)->Name(), "docker://")), 125));
    }
    document = manifest->bytes;
  } else {
    return list.status();
  }
  ASSIGN_OR_RETURN(const Json json, ParseJson(document));
  invocation.out().WriteLine(DumpJson(json, 4));
  return absl::OkStatus();
}

absl::Status Push(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::vector<std::string>& args = invocation.args();
  engine::Engine engine = MakeEngine(invocation);
  image::CopyOptions options;
  const std::string format = parsed.GetString("format");
  if (format == "oci") {
    options.format = image::ManifestFormat::kOci;
  } else if (format == "v2s2" || format == "docker") {
    options.format = image::ManifestFormat::kDocker;
  } else if (!format.empty()) {
    return OptionError("format", format, "it is one of oci, v2s2");
  }
  const std::string compression = parsed.GetString("compression-format");
  if (compression == "zstd") {
    options.compression = archive::Compression::kZstd;
  } else if (compression.empty() || compression == "gzip") {
    options.compression = archive::Compression::kGzip;
  } else {
    return OptionError("compression-format", compression, "it is one of gzip, zstd");
  }
  options.force_compression = parsed.GetBool("force-compression");
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, parsed.GetBool("quiet"), "Copying"));
  options.progress = transfer->context().progress;
  options.cancel = transfer->context().cancel;
  const auto pushed = engine::PushManifestList(engine, engine::EndsOf(engine, transfer->context()), args[0],
                                               args.size() > 1 ? args[1] : "", options);
  if (!pushed.ok()) return transfer->Result(pushed.status());
  const std::string digestfile = parsed.GetString("digestfile");
  if (!digestfile.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, digestfile, pushed->top.digest.str()));
  }
  if (parsed.GetBool("rm")) RETURN_IF_ERROR(image::RemoveManifestList(engine.store, args[0]));
  // docker prints the digest.
  invocation.out().WriteLine(pushed->top.digest.str());
  return absl::OkStatus();
}

absl::Status RemoveLists(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  for (const std::string& name : invocation.args()) {
    const absl::Status status = image::RemoveManifestList(engine.store, name);
    if (absl::IsNotFound(status) && invocation.parsed().GetBool("ignore")) continue;
    RETURN_IF_ERROR(status);
    invocation.out().WriteLine(absl::StrCat("Deleted: ", name));
  }
  return absl::OkStatus();
}

}  // namespace

int CmdManifestAdd(Invocation& invocation) { return invocation.Fail(Add(invocation)); }
int CmdManifestAnnotate(Invocation& invocation) { return invocation.Fail(Annotate(invocation)); }
int CmdManifestCreate(Invocation& invocation) { return invocation.Fail(Create(invocation)); }
int CmdManifestInspect(Invocation& invocation) { return invocation.Fail(Inspect(invocation)); }
int CmdManifestPush(Invocation& invocation) { return invocation.Fail(Push(invocation)); }
int CmdManifestRemove(Invocation& invocation) { return invocation.Fail(Remove(invocation)); }
int CmdManifestRm(Invocation& invocation) { return invocation.Fail(RemoveLists(invocation)); }

int CmdManifestExists(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const auto list = image::ReadManifestList(engine.store, invocation.args()[0]);
  if (absl::IsNotFound(list.status())) return 1;
  return invocation.Fail(list.status());
}

}  // namespace coracle::cli
