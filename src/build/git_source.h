// A git repository as a source of files: of ADD, or a whole context. The host's own git fetches it.
#ifndef CORACLE_BUILD_GIT_SOURCE_H_
#define CORACLE_BUILD_GIT_SOURCE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// URL[#REF[:SUBDIR]], or with ?ref=, branch=, tag=, commit=, checksum=, subdir=, keep-git-dir=, submodules=.
struct GitSource {
  std::string url;     // without fragment and query of ours
  std::string ref;     // empty: HEAD
  std::string subdir;  // relative, clean; empty: all
  std::string commit;  // that `ref` must be, or be a longer form of; empty: any
  std::optional<bool> keep_git_dir;
  bool submodules = true;
};

// Whether `text` names a repository: git://, ssh://, git@HOST:PATH, or an http(s) URL whose path ends in
// .git; github.com/ without a scheme.
bool IsGitUrl(absl::string_view text);
// Errors: InvalidArgument for an unknown word in the query, or a subdirectory that leads out.
absl::StatusOr<GitSource> ParseGitSource(absl::string_view text);

// The commit (40 or 64 hex digits) that the source is now. Errors: NotFound for an unknown ref; Unimplemented
// without git; Unavailable for what git says.
absl::StatusOr<std::string> ResolveGit(const GitSource& source);
// Makes `directory`, which must not exist, with the files of that commit. Times are those of the checkout.
absl::Status CheckOutGit(const GitSource& source, const std::string& commit, const std::string& directory,
                         bool keep_git_dir);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_GIT_SOURCE_H_
