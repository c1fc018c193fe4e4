#include "build/git_source.h"

#include <fcntl.h>
#include <stdlib.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"
#include "os/run_program.h"

namespace coracle::build {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(30);
constexpr size_t kMaxOutput = 16 << 20;

bool IsCommit(absl::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::string_view PathPart(absl::string_view text) { return text.substr(0, text.find_first_of("?#")); }

absl::StatusOr<std::string> Git(std::vector<std::string> args) {
  const std::string git = os::FindInPath("git");
  if (git.empty())
    return absl::UnimplementedError("git is not installed here, and fetches what is in repositories");
  // Nobody is there to be asked for a password.
  setenv("GIT_TERMINAL_PROMPT", "0", 1);
  const std::string what = args[0] == "-C" ? args[2] : args[0];
  args.insert(args.begin(), "git");
  ASSIGN_OR_RETURN(const os::ProgramResult result, os::RunProgram(git, args, "", kTimeout, kMaxOutput),
                   "git ", what);
  if (result.exit.Code() != 0)
    return absl::UnavailableError(absl::StrCat("git ", what, ": exit code ", result.exit.Code()));
  return result.output;
}

absl::Status SetSubdir(absl::string_view text, GitSource& source) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(text, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..")
      return absl::InvalidArgumentError(
          absl::StrCat("subdirectory ", Printable(text), " leads out of the repository"));
    absl::StrAppend(&source.subdir, source.subdir.empty() ? "" : "/", part);
  }
  return absl::OkStatus();
}

bool IsTrue(absl::string_view value) { return value.empty() || value == "1" || value == "true"; }

absl::Status TakeQuery(absl::string_view key, absl::string_view value, GitSource& source) {
  if (key == "ref") {
    source.ref = std::string(value);
  } else if (key == "branch") {
    source.ref = absl::StrCat("refs/heads/", value);
  } else if (key == "tag") {
    source.ref = absl::StrCat("refs/tags/", value);
  } else if (key == "commit" || key == "checksum") {
    source.commit = absl::AsciiStrToLower(value);
  } else if (key == "subdir") {
    return SetSubdir(value, source);
  } else if (key == "keep-git-dir") {
    source.keep_git_dir = IsTrue(value);
  } else if (key == "submodules") {
    source.submodules = IsTrue(value);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Printable(key), "\" in the URL of a repository is not supported"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsGitUrl(absl::string_view text) {
  if (absl::StartsWith(text, "git://") || absl::StartsWith(text, "ssh://") ||
      absl::StartsWith(text, "git@") || absl::StartsWith(text, "github.com/"))
    return true;
  if (!absl::StartsWith(text, "http://") && !absl::StartsWith(text, "https://")) return false;
  return absl::EndsWith(PathPart(text), ".git");
}

absl::StatusOr<GitSource> ParseGitSource(absl::string_view text) {
  GitSource source;
  source.url = std::string(PathPart(text));
  if (absl::StartsWith(source.url, "github.com/")) source.url = absl::StrCat("https://", source.url);
  absl::string_view rest = text.substr(PathPart(text).size());
  const size_t hash = rest.find('#');
  absl::string_view query = rest.substr(0, hash);
  if (absl::ConsumePrefix(&query, "?")) {
    for (const absl::string_view word : absl::StrSplit(query, '&', absl::SkipEmpty())) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(word, absl::MaxSplits('=', 1));
      RETURN_IF_ERROR(TakeQuery(pair.first, pair.second, source));
    }
  }
  if (hash != absl::string_view::npos) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(rest.substr(hash + 1), absl::MaxSplits(':', 1));
    if (!pair.first.empty()) source.ref = std::string(pair.first);
    RETURN_IF_ERROR(SetSubdir(pair.second, source));
  }
  // Neither may be read as an option of git's.
  if (absl::StartsWith(source.ref, "-") || absl::StartsWith(source.url, "-"))
    return absl::InvalidArgumentError(absl::StrCat(Printable(text), " is no repository"));
  return source;
}

absl::StatusOr<std::string> ResolveGit(const GitSource& source) {
  std::string commit;
  if (IsCommit(source.ref)) {
    commit = source.ref;
  } else {
    const std::string ref = source.ref.empty() ? "HEAD" : source.ref;
    ASSIGN_OR_RETURN(const std::string output,
                     Git({"ls-remote", "-q", "--", source.url, ref, absl::StrCat(ref, "^{}")}));
    // A tag object is followed by the commit that it names.
    std::string best;
    for (const absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(line, absl::MaxSplits('\t', 1));
      const bool peeled = absl::EndsWith(pair.second, "^{}");
      const absl::string_view name = absl::StripSuffix(pair.second, "^{}");
      const bool exact =
          name == ref || name == absl::StrCat("refs/heads/", ref) || name == absl::StrCat("refs/tags/", ref);
      if (exact && (best.empty() || peeled)) best = std::string(pair.first);
    }
    if (!IsCommit(best)) {
      return absl::NotFoundError(
          absl::StrCat(Printable(source.url), " has no branch or tag ", Printable(ref)));
    }
    commit = best;
  }
  if (!absl::StartsWith(commit, source.commit)) {
    return absl::FailedPreconditionError(
        absl::StrCat(Printable(source.url), " is at ", commit, ", not at ", Printable(source.commit)));
  }
  return commit;
}

absl::Status CheckOutGit(const GitSource& source, const std::string& commit, const std::string& directory,
                         bool keep_git_dir) {
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, directory, 0755));
  RETURN_IF_ERROR(Git({"-C", directory, "init", "-q"}).status());
  RETURN_IF_ERROR(Git({"-C", directory, "remote", "add", "origin", source.url}).status());
  // Not every server gives a bare commit: then by its name.
  auto fetched = Git({"-C", directory, "fetch", "-q", "--depth=1", "origin", commit});
  if (!fetched.ok() && !source.ref.empty() && !IsCommit(source.ref))
    fetched = Git({"-C", directory, "fetch", "-q", "--depth=1", "origin", source.ref});
  if (!fetched.ok()) fetched = Git({"-C", directory, "fetch", "-q", "--tags", "origin"});
  RETURN_IF_ERROR(fetched.status(), Printable(source.url));
  RETURN_IF_ERROR(Git({"-C", directory, "checkout", "-q", "--detach", commit}).status());
  if (source.submodules && os::ExistsAt(AT_FDCWD, absl::StrCat(directory, "/.gitmodules"))) {
    RETURN_IF_ERROR(
        Git({"-C", directory, "submodule", "update", "-q", "--init", "--recursive", "--depth=1"}).status());
  }
  if (keep_git_dir) return absl::OkStatus();
  return os::RemoveTreeAt(AT_FDCWD, absl::StrCat(directory, "/.git"));
}

}  // namespace coracle::build
