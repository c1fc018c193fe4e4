#include "engine/copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "archive/decompress.h"
#include "archive/pack.h"
#include "archive/tar_writer.h"
#include "archive/unpack.h"
#include "base/status.h"
#include "engine/container_tree.h"
#include "os/file.h"
#include "os/rooted_path.h"
#include "os/user_namespace.h"
#include "storage/copy_files.h"

namespace coracle::engine {
namespace {

constexpr int kMaxLinks = 40;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

std::string ParentOf(const std::string& clean) {
  const size_t slash = clean.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : clean.substr(0, slash);
}

// One end of the copy: the host's files, or a container's.
class Side {
 public:
  static absl::StatusOr<Side> Open(Engine& engine, const CopyArgument& argument) {
    Side side;
    if (argument.container.empty()) {
      side.where_ = "the host";
      return side;
    }
    ASSIGN_OR_RETURN(const ContainerView view, Look(engine, argument.container));
    ASSIGN_OR_RETURN(ContainerTree tree, ContainerTree::Open(engine, view));
    side.tree_.emplace(std::move(tree));
    side.where_ = absl::StrCat("container ", argument.container);
    return side;
  }

  // An O_PATH descriptor. A final link is followed with `follow`.
  absl::StatusOr<os::UniqueFd> Node(const std::string& path, bool follow) const {
    const int flags = O_PATH | (follow ? 0 : O_NOFOLLOW);
    int fd = -1;
    if (tree_.has_value()) {
      ASSIGN_OR_RETURN(const os::RootedPath rooted, os::RootedPath::Parse(path));
      fd = rooted.Open(tree_->root(), static_cast<uint64_t>(flags), os::RootedPath::Links::kFollowInRoot);
    } else {
      fd = open(path.c_str(), flags | O_CLOEXEC);
      if (fd < 0) fd = -errno;
    }
    if (fd >= 0) return os::UniqueFd(fd);
    return WithExitCode(ErrnoStatus(-fd, absl::StrCat("\"", path, "\" could not be found on ", where_)), 125);
  }

  storage::CopyOwner Owner() const {
    if (tree_.has_value()) return {tree_->uid(), tree_->gid()};
    return {geteuid(), getegid()};
  }

 private:
  std::optional<ContainerTree> tree_;
  std::string where_;
};

absl::StatusOr<CopyKind> KindOf(int node) {
  struct stat info;
  if (fstat(node, &info) != 0) return ErrnoStatus(errno, "stat");
  return S_ISDIR(info.st_mode) ? CopyKind::kDirectory : CopyKind::kFile;
}

struct Source {
  CopyPath path;
  os::UniqueFd node;
  CopyKind kind = CopyKind::kFile;
};

absl::StatusOr<Source> OpenSource(const Side& side, const CopyRequest& request) {
  Source source;
  source.path = ReadCopyPath(request.source.path);
  ASSIGN_OR_RETURN(source.node, side.Node(source.path.clean, request.follow_link || source.path.directory));
  ASSIGN_OR_RETURN(source.kind, KindOf(source.node.get()));
  return source;
}

struct Destination {
  CopyPath path;      // no link
  os::UniqueFd node;  // invalid if missing
  CopyKind kind = CopyKind::kMissing;
};

absl::StatusOr<CopyPath> FollowLink(const std::string& link, int node) {
  const absl::StatusOr<std::string> target = os::ReadLinkAt(node, "");
  RETURN_IF_ERROR(target.status());
  return ReadCopyPath(absl::StartsWith(*target, "/") ? *target : absl::StrCat(ParentOf(link), "/", *target));
}

// Links are followed to where they lead, also to what does not exist yet: the file that is meant is made
// there.
absl::StatusOr<Destination> OpenDestination(const Side& side, const std::string& text) {
  Destination destination;
  destination.path = ReadCopyPath(text);
  for (int links = 0;; ++links) {
    auto node = side.Node(destination.path.clean, /*follow=*/false);
    if (ErrnoOf(node.status()) == ENOENT) return destination;
    RETURN_IF_ERROR(node.status());
    struct stat info;
    if (fstat(node->get(), &info) != 0) return ErrnoStatus(errno, "stat");
    if (S_ISLNK(info.st_mode)) {
      if (links == kMaxLinks) return ErrnoStatus(ELOOP, destination.path.clean);
      ASSIGN_OR_RETURN(CopyPath next, FollowLink(destination.path.clean, node->get()));
      next.directory |= destination.path.directory;
      destination.path = std::move(next);
      continue;
    }
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
      return Refuse(absl::StrCat(destination.path.clean, ": must be a directory or a regular file"));
    }
    destination.kind = S_ISDIR(info.st_mode) ? CopyKind::kDirectory : CopyKind::kFile;
    destination.node = *std::move(node);
    return destination;
  }
}

absl::Status CopyTree(const Side& from, const Side& to, const CopyRequest& request) {
  ASSIGN_OR_RETURN(const Source source, OpenSource(from, request));
  ASSIGN_OR_RETURN(const Destination destination, OpenDestination(to, request.destination.path));
  ASSIGN_OR_RETURN(const CopyAction action,
                   DecideCopy(source.path, source.kind, destination.path, destination.kind));
  storage::CopyFilesOptions options;
  if (!request.keep_owners) options.owner = to.Owner();
  options.overwrite = request.overwrite;
  switch (action) {
    case CopyAction::kInto:
      return storage::CopyNode(source.node.get(), destination.node.get(), source.path.name, options);
    case CopyAction::kContents: {
      ASSIGN_OR_RETURN(const os::UniqueFd dir, os::OpenAt(source.node.get(), ".", O_RDONLY | O_DIRECTORY));
      ASSIGN_OR_RETURN(const os::UniqueFd into,
                       os::OpenAt(destination.node.get(), ".", O_RDONLY | O_DIRECTORY));
      return storage::CopyDirectoryContents(dir.get(), into.get(), options);
    }
    case CopyAction::kAs:
      break;
  }
  ASSIGN_OR_RETURN(const os::UniqueFd parent, to.Node(ParentOf(destination.path.clean), /*follow=*/true));
  ASSIGN_OR_RETURN(const CopyKind parent_kind, KindOf(parent.get()));
  if (parent_kind != CopyKind::kDirectory || destination.path.name.empty()) {
    return Refuse(absl::StrCat(ParentOf(destination.path.clean), ": is not a directory"));
  }
  return storage::CopyNode(source.node.get(), parent.get(), destination.path.name, options);
}

// A file, link or node as the only entry.
absl::Status WriteOne(const Source& source, archive::ByteSink& sink) {
  struct stat info;
  if (fstat(source.node.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  archive::TarEntry entry;
  entry.path = source.path.name;
  entry.mode = info.st_mode & 07777;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.mtime = info.st_mtim;
  archive::TarWriter writer(sink);
  if (S_ISLNK(info.st_mode)) {
    entry.type = archive::EntryType::kSymlink;
    ASSIGN_OR_RETURN(entry.link_target, os::ReadLinkAt(source.node.get(), ""));
    RETURN_IF_ERROR(writer.WriteEntry(entry));
    return writer.Finish();
  }
  if (!S_ISREG(info.st_mode))
    return Refuse(absl::StrCat(source.path.clean, ": is neither file nor directory"));
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   os::OpenAt(AT_FDCWD, absl::StrCat("/proc/self/fd/", source.node.get()), O_RDONLY));
  archive::FdSource content(file.get());
  std::string buffer(archive::kStreamBufferBytes, '\0');
  // The size of a file of proc shows only when it is read.
  std::string whole;
  if (info.st_size == 0) {
    ASSIGN_OR_RETURN(whole, os::ReadAll(file.get()));
    info.st_size = static_cast<off_t>(whole.size());
  }
  entry.size = info.st_size;
  RETURN_IF_ERROR(writer.WriteEntry(entry));
  RETURN_IF_ERROR(writer.WriteContent(whole));
  for (int64_t left = entry.size - static_cast<int64_t>(whole.size()); left > 0;) {
    const size_t wanted = static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(buffer.size())));
    ASSIGN_OR_RETURN(size_t count, content.Read(absl::MakeSpan(buffer.data(), wanted)));
    if (count == 0) {  // it shrank: the header is out
      std::fill(buffer.begin(), buffer.end(), '\0');
      count = wanted;
    }
    RETURN_IF_ERROR(writer.WriteContent(absl::string_view(buffer.data(), count)));
    left -= static_cast<int64_t>(count);
  }
  return writer.Finish();
}

absl::Status CopyOut(const Side& from, const CopyRequest& request) {
  ASSIGN_OR_RETURN(const Source source, OpenSource(from, request));
  if (source.kind == CopyKind::kFile && source.path.directory) {
    return Refuse(absl::StrCat(source.path.clean, ": is not a directory"));
  }
  archive::FdSink sink(STDOUT_FILENO);
  if (source.kind == CopyKind::kFile) return WriteOne(source, sink);
  ASSIGN_OR_RETURN(const os::UniqueFd dir, os::OpenAt(source.node.get(), ".", O_RDONLY | O_DIRECTORY));
  archive::PackOptions options;
  options.root_entry = true;
  options.subsecond_times = true;
  options.cross_mounts = true;
  if (!source.path.contents) options.prefix = source.path.name;
  return archive::Pack(dir.get(), sink, options).status();
}

absl::Status CopyIn(const Side& to, const CopyRequest& request) {
  ASSIGN_OR_RETURN(const Destination destination, OpenDestination(to, request.destination.path));
  if (destination.kind != CopyKind::kDirectory) {
    return Refuse(
        absl::StrCat(destination.path.clean, ": destination must be a directory when copying from stdin"));
  }
  ASSIGN_OR_RETURN(const os::UniqueFd dir, os::OpenAt(destination.node.get(), ".", O_RDONLY | O_DIRECTORY));
  archive::FdSource source(STDIN_FILENO);
  ASSIGN_OR_RETURN(const auto inflated, archive::Decompressor::Open(source));
  archive::UnpackOptions options;
  options.skip_devices = options.squash_ids = os::InUserNamespace();
  options.keep_kinds = !request.overwrite;
  options.keep_root = true;
  if (!request.keep_owners) {
    const storage::CopyOwner owner = to.Owner();
    options.owner = {owner.uid, owner.gid};
  }
  return archive::Unpack(*inflated, dir.get(), options).status();
}

absl::Status CheckArguments(const CopyRequest& request) {
  if (request.source.is_stream && request.destination.is_stream) {
    return Refuse("source and destination can't both be '-'");
  }
  if (request.source.container.empty() && request.destination.container.empty()) {
    return Refuse("neither source nor destination names a container: expected CONTAINER:PATH");
  }
  for (const CopyArgument* argument : {&request.source, &request.destination}) {
    if (argument->container.empty() && !argument->is_stream && argument->path.empty()) {
      return Refuse("a path is empty");
    }
  }
  if (request.source.is_stream && isatty(STDIN_FILENO) != 0) return Refuse("standard input is a terminal");
  if (request.destination.is_stream && isatty(STDOUT_FILENO) != 0)
    return Refuse("standard output is a terminal");
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyFiles(Engine& engine, const CopyRequest& request) {
  RETURN_IF_ERROR(CheckArguments(request));
  const CopyArgument& source = request.source;
  const CopyArgument& destination = request.destination;
  if (destination.is_stream) {
    ASSIGN_OR_RETURN(const Side from, Side::Open(engine, source));
    return CopyOut(from, request);
  }
  if (source.is_stream) {
    ASSIGN_OR_RETURN(const Side to, Side::Open(engine, destination));
    return CopyIn(to, request);
  }
  // What a container is may be said by its name or its id: it is put together only once.
  if (!source.container.empty() && !destination.container.empty()) {
    ASSIGN_OR_RETURN(const ContainerView a, Look(engine, source.container));
    ASSIGN_OR_RETURN(const ContainerView b, Look(engine, destination.container));
    if (a.record.id() == b.record.id()) {
      ASSIGN_OR_RETURN(const Side both, Side::Open(engine, source));
      return CopyTree(both, both, request);
    }
  }
  ASSIGN_OR_RETURN(const Side from, Side::Open(engine, source));
  ASSIGN_OR_RETURN(const Side to, Side::Open(engine, destination));
  return CopyTree(from, to, request);
}

}  // namespace coracle::engine
