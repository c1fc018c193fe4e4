#include "build/copy_step.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "build/archive_file.h"
#include "build/owner.h"
#include "build/source_key.h"
#include "os/file.h"

namespace coracle::build {
namespace {

std::string Join(absl::string_view directory, absl::string_view name) {
  if (directory.empty()) return std::string(name);
  return name.empty() ? std::string(directory) : absl::StrCat(directory, "/", name);
}

bool IsRemote(absl::string_view source) {
  return absl::StartsWith(source, "http://") || absl::StartsWith(source, "https://") ||
         absl::StartsWith(source, "git://") || absl::StartsWith(source, "git@") ||
         absl::StartsWith(source, "ssh://");
}

}  // namespace

const CopyBase& CopyStep::copy() const {
  if (const Copy* copy = std::get_if<Copy>(&step_.instruction.value)) return *copy;
  return std::get<Add>(step_.instruction.value);
}

bool CopyStep::parents() const {
  const Copy* copy = std::get_if<Copy>(&step_.instruction.value);
  return copy != nullptr && copy->parents;
}

bool CopyStep::into_directory() const { return absl::EndsWith(destination_, "/"); }

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
  if (wanted.sources.empty()) return absl::OkStatus();
  for (const std::string& source : wanted.sources) {
    if (add() != nullptr && IsRemote(source))
      return absl::UnimplementedError(absl::StrCat("ADD ", Printable(source), " is not supported yet"));
  }
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
    ASSIGN_OR_RETURN(std::vector<FoundSource> found, FindSources(root_.fd(), source, query));
    RETURN_IF_ERROR(AddSourcesToKey(in_, root_, found, key));
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

absl::Status CopyStep::PutSource(TreeWriter& writer, LayerWork& work, FoundSource& source) {
  if (add() != nullptr && add()->unpack.value_or(true) && !source.is_directory &&
      S_ISREG(source.items[0].info.st_mode)) {
    ASSIGN_OR_RETURN(const os::UniqueFd file,
                     os::OpenBeneath(root_.fd(), source.items[0].from, O_RDONLY | O_NONBLOCK,
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
    if (sources_.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(sources_.size(),
                                                     " files are copied, and the destination ",
                                                     Printable(copy().destination), " is no directory"));
    }
    source.items[0].to.clear();
  }
  return Put(writer, {root_.fd(), !root_.is_context && copy().chown.empty()}, source, place.path);
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
  for (FoundSource& source : sources_) RETURN_IF_ERROR(PutSource(writer, work, source));
  RETURN_IF_ERROR(PutHeredocs(writer));
  return writer.Finish();
}

}  // namespace coracle::build
