#include "build/copy_step.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "build/archive_file.h"
#include "build/owner.h"
#include "build/source_key.h"
#include "oci/digest.h"
#include "os/file.h"

namespace coracle::build {
namespace {

std::string Join(absl::string_view directory, absl::string_view name) {
  if (directory.empty()) return std::string(name);
  return name.empty() ? std::string(directory) : absl::StrCat(directory, "/", name);
}

// A download that is larger is refused.
constexpr int64_t kMaxDownload = int64_t{64} << 30;

const CopyBase& CopyOf(const Step& step) {
  if (const Copy* copy = std::get_if<Copy>(&step.instruction.value)) return *copy;
  return std::get<Add>(step.instruction.value);
}

bool IsRemote(absl::string_view source) { return IsHttpUrl(source) || IsGitUrl(source); }

}  // namespace

const CopyBase& CopyStep::copy() const { return CopyOf(step_); }

bool CopyStep::IsLinked(const Step& step) { return CopyOf(step).link; }

bool CopyStep::parents() const {
  const Copy* copy = std::get_if<Copy>(&step_.instruction.value);
  return copy != nullptr && copy->parents;
}

bool CopyStep::into_directory() const { return absl::EndsWith(destination_, "/"); }

bool CopyStep::needs_names() const {
  return copy().chown.find_first_not_of("0123456789:") != std::string::npos;
}

absl::Status CopyStep::Open() {
  const CopyBase& wanted = copy();
  destination_ = wanted.destination;
  if (!absl::StartsWith(destination_, "/")) destination_ = absl::StrCat(step_.workdir, "/", destination_);
  if (absl::EndsWith(destination_, "/.") || absl::EndsWith(destination_, "/..")) destination_ += "/";
  ASSIGN_OR_RETURN(mode_, ModeChange::Parse(wanted.chmod));
  if (wanted.sources.size() + wanted.heredocs.size() > 1 && !into_directory()) {
    return absl::InvalidArgumentError(absl::StrCat("with more than one source the destination ",
                                                   Printable(wanted.destination),
                                                   " must be a directory and end with a /"));
  }
  const auto is_local = [this](const std::string& source) { return add() == nullptr || !IsRemote(source); };
  if (std::none_of(wanted.sources.begin(), wanted.sources.end(), is_local)) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      root_, OpenSourceRoot(in_, step_.has_from ? step_.from : SourceRef{SourceRef::Kind::kContext, -1, ""}));
  return absl::OkStatus();
}

// What the instruction itself says.
void CopyStep::AddWords(KeyMaker& key) const {
  const CopyBase& wanted = copy();
  key.Add(InstructionName(step_.instruction.value)).Add(destination_).Add(wanted.chown).Add(wanted.chmod);
  key.Add(parents() ? "parents" : "").Add(wanted.link ? "link" : "");
  if (add() != nullptr && add()->unpack.has_value()) key.Add(*add()->unpack ? "unpack" : "keep");
  for (const Heredoc& heredoc : wanted.heredocs) key.Add(heredoc.name).Add(heredoc.content);
}

bool CopyStep::AddOriginToKey(KeyMaker& key) const {
  if (root_.is_context || copy().sources.empty()) return false;
  AddWords(key);
  key.Add(ChainId(root_.layers)).Add(copy().sources).Add(copy().exclude);
  return true;
}

absl::Status CopyStep::Prepare(KeyMaker& key) {
  AddWords(key);
  SourceQuery query;
  ASSIGN_OR_RETURN(const IgnorePatterns exclude, IgnorePatterns::Make(copy().exclude), "--exclude");
  if (!exclude.empty()) query.exclude = &exclude;
  query.ignore = root_.ignore;
  query.parents = parents();
  std::string where;
  if (!root_.is_context) {
    where =
        step_.from.kind == SourceRef::Kind::kStage ? "that stage" : absl::StrCat("image ", step_.from.name);
    query.where = where;
  } else if (step_.has_from) {
    where = absl::StrCat("build context ", step_.from.name);
    query.where = where;
  }
  for (const std::string& source : copy().sources) {
    if (add() != nullptr && IsRemote(source)) {
      RETURN_IF_ERROR(PrepareRemote(source, key));
      continue;
    }
    if (add() != nullptr && !add()->checksum.empty())
      return absl::InvalidArgumentError("--checksum goes with files at a URL only");
    ASSIGN_OR_RETURN(std::vector<FoundSource> found, FindSources(root_.fd(), source, query));
    RETURN_IF_ERROR(AddSourcesToKey(in_, root_, found, key, &ahead_));
    for (FoundSource& one : found) sources_.push_back(std::move(one));
  }
  return absl::OkStatus();
}

absl::Status CopyStep::Put(TreeWriter& writer, const From& from, const FoundSource& source,
                           const std::string& base) {
  for (const SourceItem& item : source.items) {
    const bool is_directory = S_ISDIR(item.info.st_mode);
    NodeAttributes attributes = owner_;
    if (from.keep_owner) {
      attributes.uid = item.info.st_uid;
      attributes.gid = item.info.st_gid;
    }
    attributes.mode = mode_.Apply(item.info.st_mode, is_directory);
    attributes.mtime = item.info.st_mtim;
    const std::string path = Join(base, item.to);
    if (!is_directory) {
      RETURN_IF_ERROR(writer.PutNode(path, from.root, item.from, item.info, attributes));
    } else if (item.to.empty()) {
      // The destination keeps its own attributes if it is there.
      ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(absl::StrCat("/", base)));
      if (!place.exists) {
        RETURN_IF_ERROR(writer.PutDirectory(path, attributes));
      } else {
        RETURN_IF_ERROR(writer.MakeDirectories(path, owner_));
      }
    } else {
      RETURN_IF_ERROR(writer.PutDirectory(path, attributes));
    }
  }
  return absl::OkStatus();
}

// An archive's content keeps its owners, unless --chown says otherwise; it goes below the destination.
absl::Status CopyStep::PutArchive(TreeWriter& writer, LayerWork& work, int file) {
  ASSIGN_OR_RETURN(const std::string directory,
                   work.MakeDirectory(absl::StrCat("unpacked-", unpacked_++), 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(UnpackArchive(file, root.get()));
  ASSIGN_OR_RETURN(const std::vector<FoundSource> found, FindSources(root.get(), ".", {}));
  ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(destination_));
  if (place.exists && !place.is_directory)
    return absl::FailedPreconditionError(absl::StrCat("/", place.path, " is there and is no directory"));
  RETURN_IF_ERROR(writer.MakeDirectories(place.path, owner_));
  for (const FoundSource& one : found)
    RETURN_IF_ERROR(Put(writer, {root.get(), copy().chown.empty()}, one, place.path));
  return absl::OkStatus();
}

absl::Status CopyStep::PutSource(TreeWriter& writer, LayerWork& work, const From& from, FoundSource& source,
                                 bool unpack) {
  if (add() != nullptr && unpack && !source.is_directory && S_ISREG(source.items[0].info.st_mode)) {
    ASSIGN_OR_RETURN(const os::UniqueFd file,
                     os::OpenBeneath(from.root, source.items[0].from, O_RDONLY | O_NONBLOCK,
                                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    ASSIGN_OR_RETURN(const bool archive, IsArchive(file.get()), Printable(source.items[0].from));
    if (archive) {
      RETURN_IF_ERROR(PutArchive(writer, work, file.get()), "unpack ", Printable(source.items[0].from));
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(destination_));
  if (!parents() && !source.is_directory && !into_directory() && !place.is_directory) {
    // A file gets the destination's name, unless that is a directory.
    if (sources_.size() + remotes_.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(sources_.size() + remotes_.size(),
                                                     " files are copied, and the destination ",
                                                     Printable(copy().destination), " is no directory"));
    }
    source.items[0].to.clear();
  }
  return Put(writer, from, source, place.path);
}

// A file whose digest is given need not be fetched to know whether it was copied before.
absl::Status CopyStep::PrepareRemote(const std::string& url, KeyMaker& key) {
  Remote& remote = remotes_.emplace_back();
  remote.url = url;
  remote.directory = absl::StrCat(scratch_, "-", remotes_.size());
  const std::string& checksum = add()->checksum;
  if (IsGitUrl(url)) {
    ASSIGN_OR_RETURN(remote.git, ParseGitSource(url));
    if (!checksum.empty()) remote.git->commit = checksum;
    ASSIGN_OR_RETURN(remote.commit, ResolveGit(*remote.git));
    key.Add("git").Add(remote.git->url).Add(remote.commit).Add(remote.git->subdir);
    key.Add(add()->keep_git_dir.value_or(remote.git->keep_git_dir.value_or(false)) ? "keep" : "");
    key.Add(copy().exclude);
    return absl::OkStatus();
  }
  if (!checksum.empty()) {
    if (!absl::StartsWith(checksum, "sha256:") || !oci::Digest::Parse(checksum).ok())
      return absl::InvalidArgumentError(
          absl::StrCat("--checksum=", Printable(checksum), " is no sha256 digest"));
    key.Add("url").Add(url).Add(checksum);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(FetchFile(remote));
  key.Add("url").Add(remote.file->name).Add(absl::StrCat("sha256:", remote.file->sha256));
  return absl::OkStatus();
}

absl::Status CopyStep::FetchFile(Remote& remote) {
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, remote.directory, 0700));
  ASSIGN_OR_RETURN(remote.file, FetchUrl(remote.url, remote.directory, kMaxDownload));
  const std::string& wanted = add()->checksum;
  const std::string got = absl::StrCat("sha256:", remote.file->sha256);
  if (wanted.empty() || wanted == got) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(Printable(remote.url), ": its digest is ", got, ", not ", wanted));
}

absl::Status CopyStep::PutRemote(TreeWriter& writer, LayerWork& work, Remote& remote) {
  SourceQuery query;
  ASSIGN_OR_RETURN(const IgnorePatterns exclude, IgnorePatterns::Make(copy().exclude), "--exclude");
  if (!exclude.empty()) query.exclude = &exclude;
  query.literal = true;
  std::string path = ".";
  if (remote.git.has_value()) {
    const bool keep = add()->keep_git_dir.value_or(remote.git->keep_git_dir.value_or(false));
    RETURN_IF_ERROR(CheckOutGit(*remote.git, remote.commit, remote.directory, keep));
    if (!remote.git->subdir.empty()) path = remote.git->subdir;
    query.where = "the repository";
  } else {
    if (!remote.file.has_value()) RETURN_IF_ERROR(FetchFile(remote));
    ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(destination_));
    path = remote.file->name;
    if (path.empty() && (into_directory() || place.is_directory)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(remote.url), " names no file: say one in the destination"));
    }
    if (path.empty()) path = "download";
  }
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, remote.directory, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(std::vector<FoundSource> found, FindSources(root.get(), path, query));
  for (FoundSource& source : found) {
    // A file from a URL stays an archive unless it is asked to be unpacked.
    RETURN_IF_ERROR(PutSource(writer, work, {root.get(), false}, source,
                              !remote.git.has_value() && add()->unpack.value_or(false)));
  }
  return absl::OkStatus();
}

absl::Status CopyStep::PutHeredocs(TreeWriter& writer) {
  for (const Heredoc& heredoc : copy().heredocs) {
    ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(destination_));
    const bool inside = into_directory() || place.is_directory;
    NodeAttributes attributes = owner_;
    attributes.mode = mode_.Apply(0644, false);
    RETURN_IF_ERROR(
        writer.PutContent(inside ? Join(place.path, heredoc.name) : place.path, heredoc.content, attributes));
  }
  return absl::OkStatus();
}

absl::Status CopyStep::Make(LayerWork& work, const std::vector<std::string>& owners) {
  ASSIGN_OR_RETURN(const Owner named, LookUpOwner(copy().chown, owners, *in_.host));
  owner_.uid = named.uid;
  owner_.gid = named.gid;
  ASSIGN_OR_RETURN(TreeWriter writer, TreeWriter::Open(work));
  writer.UseCopies(&ahead_);
  const bool unpack = add() != nullptr && add()->unpack.value_or(true);
  for (FoundSource& source : sources_) {
    RETURN_IF_ERROR(
        PutSource(writer, work, {root_.fd(), !root_.is_context && copy().chown.empty()}, source, unpack));
  }
  for (Remote& remote : remotes_) RETURN_IF_ERROR(PutRemote(writer, work, remote));
  RETURN_IF_ERROR(PutHeredocs(writer));
  return writer.Finish();
}

}  // namespace coracle::build
