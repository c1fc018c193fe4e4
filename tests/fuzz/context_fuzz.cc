// What stands around a Dockerfile: ignore files, patterns, modes, outputs, git URLs. The first byte says
// which; in ignore files and patterns a path follows behind a NUL. What a walk from the top finds and what
// the whole path gives agree.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "build/git_source.h"
#include "build/ignore_patterns.h"
#include "build/lint_options.h"
#include "build/mode_change.h"
#include "build/path_pattern.h"
#include "cli/build_output.h"

namespace {

using namespace coracle::build;  // NOLINT: the subject of this file

void Require(bool holds) {
  if (!holds) abort();
}

// Clean and relative, as a walk has them; empty if there is none.
std::string RelativePath(absl::string_view text) {
  const std::string clean = CleanPath(text);
  Require(CleanPath(clean) == clean);
  if (clean == "." || clean == ".." || clean[0] == '/' || absl::StartsWith(clean, "../")) return "";
  return clean;
}

void CheckPattern(absl::string_view text, const std::string& path) {
  for (const bool any_depth : {false, true}) {
    const auto pattern = PathPattern::Parse(text, any_depth);
    if (!pattern.ok() || !pattern->Matches(path)) continue;
    for (size_t end = path.rfind('/'); end != path.npos && end > 0; end = path.rfind('/', end - 1)) {
      Require(pattern->MayMatchBelow(path.substr(0, end)));
    }
  }
}

void CheckIgnores(absl::string_view text, const std::string& path) {
  const auto patterns = IgnorePatterns::ParseFile(".dockerignore", text);
  if (!patterns.ok() || patterns->empty()) return;
  IgnorePatterns::Above above, matched;
  bool ignored = false;
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const std::string parent = part.substr(0, part.rfind('/') == part.npos ? 0 : part.rfind('/'));
    const bool before = ignored;
    ignored = patterns->Ignores(part, above, &matched);
    Require(ignored == patterns->Ignores(part));
    if (before && !ignored) Require(patterns->takes_back() && patterns->MayTakeBackBelow(parent));
    above = matched;
    if (end == path.npos) break;
  }
}

void CheckMode(absl::string_view text) {
  const auto mode = ModeChange::Parse(text);
  if (!mode.ok()) return;
  for (const bool is_directory : {false, true}) Require((mode->Apply(0644, is_directory) & ~07777u) == 0);
}

void CheckGit(absl::string_view text) {
  (void)IsGitUrl(text);
  const auto source = ParseGitSource(text);
  if (!source.ok()) return;
  Require(source->subdir.empty() || source->subdir[0] != '/');
  Require(!absl::StrContains(absl::StrCat("/", source->subdir, "/"), "/../"));
  // Neither may be taken for an option of git.
  Require(!absl::StartsWith(source->url, "-"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t nul = input.find('\0');
  const std::string text = input.substr(0, nul);
  const std::string path = RelativePath(nul == input.npos ? "a/b/c" : input.substr(nul + 1));
  switch (data[0] % 5) {
    case 0:
      if (!path.empty()) CheckPattern(text, path);
      break;
    case 1:
      if (!path.empty()) CheckIgnores(text, path);
      break;
    case 2:
      CheckMode(text);
      break;
    case 3:
      CheckGit(text);
      break;
    default:
      (void)coracle::cli::ParseBuildOutput(text).status();
      (void)LintOptions::Parse(text).status();
      break;
  }
  return 0;
}
