#include "cli/build_context.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "build/archive_file.h"
#include "build/dockerfile.h"
#include "build/fetch_url.h"
#include "build/git_source.h"
#include "build/source_walk.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kMaxIgnoreBytes = 16 << 20;

absl::Status Usage(absl::Status status) { return WithExitCode(std::move(status), 125); }

absl::StatusOr<std::string> RealPath(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) return ErrnoStatus(errno, Printable(path));
  return std::string(resolved);
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// An archive that is larger is refused.
constexpr int64_t kMaxContextBytes = int64_t{64} << 30;

absl::Status ReadText(const std::string& path, build::BuildRequest& request) {
  ASSIGN_OR_RETURN(request.dockerfile, os::ReadFileAt(AT_FDCWD, path, build::kMaxDockerfileBytes),
                   "read Dockerfile");
  request.dockerfile_name = BaseName(path);
  return absl::OkStatus();
}

// The file that --file names: of the current directory, as docker has it, else of the context, as podman.
absl::StatusOr<std::string> FindDockerfile(const std::vector<std::string>& files,
                                           const std::string& context) {
  if (!files.empty()) {
    const std::string& file = files.front();
    if (os::ExistsAt(AT_FDCWD, file)) return file;
    const std::string inside = absl::StrCat(context, "/", file);
    if (!absl::StartsWith(file, "/") && os::ExistsAt(AT_FDCWD, inside)) return inside;
    return Usage(absl::NotFoundError(absl::StrCat(Printable(file), ": there is no such Dockerfile")));
  }
  for (const char* name : {"Containerfile", "Dockerfile"}) {
    const std::string path = absl::StrCat(context, "/", name);
    if (os::ExistsAt(AT_FDCWD, path)) return path;
  }
  return Usage(WithHint(
      absl::NotFoundError(absl::StrCat(Printable(context), " has neither a Containerfile nor a Dockerfile")),
      "name another file with --file"));
}

absl::Status UseIgnoreFile(const std::string& path, const std::string& name, build::BuildRequest& request) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, kMaxIgnoreBytes),
                   "read ignore file");
  auto patterns = build::IgnorePatterns::ParseFile(BaseName(path), text);
  if (!patterns.ok()) return Usage(patterns.status());
  request.ignores.emplace(name, *std::move(patterns));
  return absl::OkStatus();
}

// --ignorefile, that of the Dockerfile, that of the context.
absl::Status ReadIgnores(const std::string& given, const std::string& dockerfile, const std::string& context,
                         const std::string& name, build::BuildRequest& request) {
  if (!given.empty()) return UseIgnoreFile(given, name, request);
  std::vector<std::string> places;
  for (const char* suffix : {".containerignore", ".dockerignore"}) {
    if (!dockerfile.empty()) places.push_back(absl::StrCat(dockerfile, suffix));
  }
  for (const char* file : {"/.containerignore", "/.dockerignore"})
    places.push_back(absl::StrCat(context, file));
  for (const std::string& place : places) {
    if (os::ExistsAt(AT_FDCWD, place)) return UseIgnoreFile(place, name, request);
  }
  return absl::OkStatus();
}

// Standard input into a file; how much there was of it.
absl::StatusOr<os::UniqueFd> SpoolInput(const std::string& scratch) {
  if (isatty(STDIN_FILENO) == 1) {
    return Usage(
        absl::InvalidArgumentError("standard input is a terminal: redirect a Dockerfile or an archive"));
  }
  const std::string path = absl::StrCat(scratch, "/stdin");
  ASSIGN_OR_RETURN(os::UniqueFd file, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600));
  std::string buffer(256 << 10, '\0');
  while (true) {
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "read standard input");
    if (count == 0) break;
    RETURN_IF_ERROR(os::WriteAll(file.get(), absl::string_view(buffer.data(), static_cast<size_t>(count))));
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "seek");
  return file;
}

// A directory of ours that is the context: files are named in it only.
absl::Status UseContext(const ContextWords& words, const std::string& directory,
                        build::BuildRequest& request) {
  request.context_dir = directory;
  std::vector<std::string> inside;
  for (const std::string& name : words.files) inside.push_back(absl::StrCat(directory, "/", name));
  ASSIGN_OR_RETURN(const std::string dockerfile, FindDockerfile(inside, directory));
  RETURN_IF_ERROR(ReadText(dockerfile, request));
  return ReadIgnores(words.ignore_file, dockerfile, directory, "", request);
}

absl::Status UnpackContext(const ContextWords& words, int file, build::BuildRequest& request) {
  const std::string directory = absl::StrCat(words.scratch, "/context");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, directory, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(build::UnpackArchive(file, root.get()), "build context");
  return UseContext(words, directory, request);
}

// "-": a Dockerfile without a context, or an archive that is one.
absl::Status ReadInput(const ContextWords& words, build::BuildRequest& request) {
  ASSIGN_OR_RETURN(const os::UniqueFd file, SpoolInput(words.scratch));
  ASSIGN_OR_RETURN(const bool archive, build::IsArchive(file.get()), "standard input");
  if (!archive) {
    if (!words.files.empty()) {
      return Usage(absl::InvalidArgumentError(
          "standard input is no archive: --file names a Dockerfile where there is no context"));
    }
    struct stat info;
    if (fstat(file.get(), &info) == 0 && info.st_size > static_cast<off_t>(build::kMaxDockerfileBytes))
      return Usage(absl::InvalidArgumentError("standard input is neither an archive nor a Dockerfile"));
    ASSIGN_OR_RETURN(request.dockerfile, os::ReadAll(file.get(), build::kMaxDockerfileBytes));
    request.dockerfile_name = "Dockerfile";
    return absl::OkStatus();
  }
  return UnpackContext(words, file.get(), request);
}

// Checks out `place` into `directory`; the directory in it that is meant.
absl::StatusOr<std::string> FetchRepository(const std::string& place, const std::string& directory,
                                            const build::BuildRequest& request) {
  auto source = build::ParseGitSource(place);
  if (!source.ok()) return Usage(source.status());
  ASSIGN_OR_RETURN(const std::string commit, build::ResolveGit(*source), "build context");
  const auto keep = request.build_args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  const bool keep_git_dir =
      source->keep_git_dir.value_or(keep != request.build_args.end() && keep->second == "1");
  RETURN_IF_ERROR(build::CheckOutGit(*source, commit, directory, keep_git_dir), "build context");
  // A link in the repository must not lead out.
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const std::string inside, build::ResolveBelow(root.get(), source->subdir, nullptr),
                   Printable(place));
  return inside.empty() ? directory : absl::StrCat(directory, "/", inside);
}

// A repository, an archive, or a Dockerfile without a context.
absl::Status ReadRemote(const ContextWords& words, build::BuildRequest& request) {
  if (build::IsGitUrl(words.place)) {
    ASSIGN_OR_RETURN(const std::string directory,
                     FetchRepository(words.place, absl::StrCat(words.scratch, "/context"), request));
    return UseContext(words, directory, request);
  }
  const std::string downloads = absl::StrCat(words.scratch, "/download");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, downloads, 0700));
  ASSIGN_OR_RETURN(const build::FetchedFile fetched,
                   build::FetchUrl(words.place, downloads, kMaxContextBytes), "build context");
  const std::string path = absl::StrCat(downloads, "/", fetched.name.empty() ? "download" : fetched.name);
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenAt(AT_FDCWD, path, O_RDONLY));
  ASSIGN_OR_RETURN(const bool archive, build::IsArchive(file.get()), Printable(words.place));
  if (archive) return UnpackContext(words, file.get(), request);
  ASSIGN_OR_RETURN(request.dockerfile, os::ReadAll(file.get(), build::kMaxDockerfileBytes),
                   Printable(words.place));
  request.dockerfile_name = "Dockerfile";
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadIgnoresOf(const std::string& directory, const std::string& name,
                           build::BuildRequest& request) {
  return ReadIgnores("", "", directory, name, request);
}

absl::Status FetchContexts(const std::string& scratch, build::BuildRequest& request) {
  int number = 0;
  for (auto& [name, place] : request.build_contexts) {
    const std::string directory = absl::StrCat(scratch, "/context-", ++number);
    if (build::IsGitUrl(place)) {
      ASSIGN_OR_RETURN(place, FetchRepository(place, directory, request), name);
    } else if (build::IsHttpUrl(place)) {
      const std::string downloads = absl::StrCat(directory, ".download");
      RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, downloads, 0700));
      RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, directory, 0755));
      ASSIGN_OR_RETURN(const build::FetchedFile fetched, build::FetchUrl(place, downloads, kMaxContextBytes),
                       "build context ", name);
      ASSIGN_OR_RETURN(
          const os::UniqueFd file,
          os::OpenAt(AT_FDCWD, absl::StrCat(downloads, "/", fetched.name.empty() ? "download" : fetched.name),
                     O_RDONLY));
      ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(build::UnpackArchive(file.get(), root.get()), "build context ", name);
      place = directory;
    }
  }
  return absl::OkStatus();
}

absl::Status ReadBuildContext(const ContextWords& words, build::BuildRequest& request) {
  if (words.files.size() > 1)
    return Usage(absl::UnimplementedError("more than one --file is not supported yet"));
  if (words.place == "-") {
    if (!words.files.empty() && words.files.front() == "-")
      return Usage(absl::InvalidArgumentError("context and Dockerfile can't both be standard input"));
    return ReadInput(words, request);
  }
  if ((build::IsGitUrl(words.place) || build::IsHttpUrl(words.place)) && !os::ExistsAt(AT_FDCWD, words.place))
    return ReadRemote(words, request);
  auto directory = RealPath(words.place.empty() ? "." : words.place);
  if (!directory.ok()) return Usage(Annotate(directory.status(), "build context"));
  struct stat info;
  if (stat(directory->c_str(), &info) != 0) return ErrnoStatus(errno, Printable(*directory));
  if (!S_ISDIR(info.st_mode)) {
    return Usage(WithHint(absl::InvalidArgumentError(
                              absl::StrCat("build context ", Printable(words.place), " is no directory")),
                          "a Dockerfile is named with --file"));
  }
  request.context_dir = *directory;
  if (!words.files.empty() && words.files.front() == "-") {
    ASSIGN_OR_RETURN(const os::UniqueFd file, SpoolInput(words.scratch));
    ASSIGN_OR_RETURN(request.dockerfile, os::ReadAll(file.get(), build::kMaxDockerfileBytes),
                     "standard input");
    request.dockerfile_name = "Dockerfile";
    return ReadIgnores(words.ignore_file, "", request.context_dir, "", request);
  }
  ASSIGN_OR_RETURN(const std::string dockerfile, FindDockerfile(words.files, request.context_dir));
  RETURN_IF_ERROR(ReadText(dockerfile, request));
  return ReadIgnores(words.ignore_file, dockerfile, request.context_dir, "", request);
}

}  // namespace coracle::cli
