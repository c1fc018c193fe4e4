#include "build/source_walk.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "build/path_pattern.h"
#include "os/file.h"

namespace coracle::build {
namespace {

constexpr int kMaxDepth = 1024;
constexpr int kMaxLinks = 40;
// Of one COPY.
constexpr size_t kMaxItems = 20'000'000;

std::string Join(absl::string_view directory, absl::string_view name) {
  if (directory.empty()) return std::string(name);
  return name.empty() ? std::string(directory) : absl::StrCat(directory, "/", name);
}

std::string Parent(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? "" : std::string(path.substr(0, slash));
}

absl::string_view LastPart(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

// A source as it is typed, clean and relative: "../a" can't lead above the root and is "a".
std::string CleanSource(absl::string_view source) { return CleanPath(absl::StrCat("/", source)).substr(1); }

// Nothing but what is there already may be opened below a root.
absl::StatusOr<os::UniqueFd> OpenDirectory(int root, const std::string& path) {
  return os::OpenBeneath(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY,
                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

absl::Status StatAt(int directory, const std::string& name, const std::string& path, struct stat* info) {
  if (fstatat(directory, name.c_str(), info, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoStatus(errno, absl::StrCat("stat ", Printable(path)));
  return absl::OkStatus();
}

// What matched above `path`, from the path alone.
IgnorePatterns::Above AboveOf(const IgnorePatterns* patterns, absl::string_view path) {
  IgnorePatterns::Above above;
  if (patterns == nullptr || patterns->empty() || path.empty()) return above;
  IgnorePatterns::Above matched;
  for (size_t end = 0; end < path.size(); ++end) {
    end = std::min(path.find('/', end), path.size());
    patterns->Ignores(path.substr(0, end), above, &matched);
    above = matched;
  }
  return above;
}

// One level of patterns while a tree is walked.
struct Filter {
  const IgnorePatterns* patterns = nullptr;
  IgnorePatterns::Above above;

  bool active() const { return patterns != nullptr && !patterns->empty(); }
};

class Walker {
 public:
  Walker(int root, const SourceQuery& query) : root_(root), query_(query) {}

  absl::StatusOr<FoundSource> Take(const std::string& path);
  absl::StatusOr<std::vector<FoundSource>> TakeMatches(const std::string& source);
  absl::StatusOr<FoundSource> TakeParents(absl::string_view source);
  absl::Status Missing(const std::string& path) const;

 private:
  // What decides about a name in a directory that is walked.
  enum class Verdict { kTake, kSkip, kOnlyForChildren };
  Verdict Judge(const std::string& path, bool is_directory, const Filter& filter,
                IgnorePatterns::Above* matched) const;
  absl::Status Walk(int directory, const std::string& from, const std::string& to, int depth,
                    const Filter& ignore, const Filter& exclude, const PathPattern* include, bool included,
                    FoundSource* out);
  absl::Status Match(int directory, const std::string& base, const std::string& relative, size_t level,
                     const PathPattern& pattern, size_t levels, std::vector<std::string>* out) const;
  absl::Status CheckSize(const FoundSource& found) {
    if (found.items.size() > kMaxItems) return absl::ResourceExhaustedError("too many files");
    return absl::OkStatus();
  }

  const int root_;
  const SourceQuery& query_;
};

Walker::Verdict Walker::Judge(const std::string& path, bool is_directory, const Filter& filter,
                              IgnorePatterns::Above* matched) const {
  if (!filter.active()) return Verdict::kTake;
  if (!filter.patterns->Ignores(path, filter.above, is_directory ? matched : nullptr)) return Verdict::kTake;
  if (is_directory && filter.patterns->MayTakeBackBelow(path)) return Verdict::kOnlyForChildren;
  return Verdict::kSkip;
}

// Adds what is in `directory`. `include`, if given, is what --parents takes: `included` once it has matched.
absl::Status Walker::Walk(int directory, const std::string& from, const std::string& to, int depth,
                          const Filter& ignore, const Filter& exclude, const PathPattern* include,
                          bool included, FoundSource* out) {
  if (depth > kMaxDepth)
    return absl::InvalidArgumentError(absl::StrCat(Printable(from), ": the tree is too deep"));
  ASSIGN_OR_RETURN(std::vector<std::string> names, os::ListDirectoryAt(directory, "."), Printable(from));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    SourceItem item{Join(from, name), Join(to, name), {}};
    if (fstatat(directory, name.c_str(), &item.info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since it was listed
      return ErrnoStatus(errno, absl::StrCat("stat ", Printable(item.from)));
    }
    if (S_ISSOCK(item.info.st_mode)) continue;
    const bool is_directory = S_ISDIR(item.info.st_mode);
    Filter ignore_below{ignore.patterns, {}};
    Filter exclude_below{exclude.patterns, {}};
    const Verdict seen = Judge(item.from, is_directory, ignore, &ignore_below.above);
    const Verdict wanted = Judge(item.to, is_directory, exclude, &exclude_below.above);
    if (seen == Verdict::kSkip || wanted == Verdict::kSkip) continue;
    const bool matches = included || include == nullptr || include->Matches(item.to);
    if (!is_directory) {
      if (seen == Verdict::kTake && wanted == Verdict::kTake && matches)
        out->items.push_back(std::move(item));
      RETURN_IF_ERROR(CheckSize(*out));
      continue;
    }
    if (!matches && !include->MayMatchBelow(item.to)) continue;
    const bool only_for_children = seen != Verdict::kTake || wanted != Verdict::kTake || !matches;
    const std::string child_from = item.from;
    const std::string child_to = item.to;
    const size_t mark = out->items.size();
    out->items.push_back(std::move(item));
    absl::StatusOr<os::UniqueFd> child = os::OpenAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!child.ok()) return Annotate(child.status(), Printable(child_from));
    RETURN_IF_ERROR(Walk(child->get(), child_from, child_to, depth + 1, ignore_below, exclude_below, include,
                         matches && include != nullptr, out));
    if (only_for_children && out->items.size() == mark + 1) out->items.pop_back();
  }
  return absl::OkStatus();
}

absl::StatusOr<FoundSource> Walker::Take(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string real, ResolveBelow(root_, path, query_.ignore));
  FoundSource out;
  out.name = std::string(LastPart(path));
  SourceItem item{real, "", {}};
  RETURN_IF_ERROR(StatAt(root_, real.empty() ? "." : real, path, &item.info));
  if (S_ISSOCK(item.info.st_mode))
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Printable(path), "\" is a socket: no image can hold one"));
  out.is_directory = S_ISDIR(item.info.st_mode);
  if (!out.is_directory) {
    item.to = out.name;
    if (query_.exclude == nullptr || !query_.exclude->Ignores(item.to)) out.items.push_back(std::move(item));
    return out;
  }
  out.items.push_back(std::move(item));
  ASSIGN_OR_RETURN(const os::UniqueFd directory, OpenDirectory(root_, real));
  RETURN_IF_ERROR(Walk(directory.get(), real, "", 0, Filter{query_.ignore, AboveOf(query_.ignore, real)},
                       Filter{query_.exclude, {}}, nullptr, true, &out));
  return out;
}

// Paths of `levels` parts below `base` that match, in order.
absl::Status Walker::Match(int directory, const std::string& base, const std::string& relative, size_t level,
                           const PathPattern& pattern, size_t levels, std::vector<std::string>* out) const {
  ASSIGN_OR_RETURN(std::vector<std::string> names, os::ListDirectoryAt(directory, "."), Printable(base));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string here = Join(relative, name);
    if (level < levels) {
      if (!pattern.MayMatchBelow(here)) continue;
      // Links on the way are not followed, as filepath.WalkDir doesn't.
      const absl::StatusOr<os::UniqueFd> child =
          os::OpenAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!child.ok()) continue;
      RETURN_IF_ERROR(Match(child->get(), base, here, level + 1, pattern, levels, out));
      continue;
    }
    if (!pattern.Matches(here)) continue;
    struct stat info;
    if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISSOCK(info.st_mode)) continue;
    const std::string path = Join(base, here);
    if (query_.ignore != nullptr && query_.ignore->Ignores(path) &&
        !(S_ISDIR(info.st_mode) && query_.ignore->MayTakeBackBelow(path)))
      continue;
    out->push_back(path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FoundSource>> Walker::TakeMatches(const std::string& source) {
  const std::vector<std::string> parts = absl::StrSplit(source, '/');
  const size_t literal = static_cast<size_t>(
      std::find_if(parts.begin(), parts.end(), [](const std::string& part) { return HasWildcards(part); }) -
      parts.begin());
  std::vector<FoundSource> out;
  const absl::StatusOr<std::string> base =
      ResolveBelow(root_, absl::StrJoin(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(literal), "/"),
                   query_.ignore);
  if (absl::IsNotFound(base.status())) return out;  // matches nothing
  RETURN_IF_ERROR(base.status());
  const std::string rest = absl::StrJoin(parts.begin() + static_cast<ptrdiff_t>(literal), parts.end(), "/");
  ASSIGN_OR_RETURN(const PathPattern pattern, PathPattern::Parse(rest, /*any_depth=*/false));
  const absl::StatusOr<os::UniqueFd> directory = OpenDirectory(root_, *base);
  if (ErrnoOf(directory.status()) == ENOTDIR) return out;
  RETURN_IF_ERROR(directory.status());
  std::vector<std::string> paths;
  RETURN_IF_ERROR(Match(directory->get(), *base, "", 1, pattern, parts.size() - literal, &paths));
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(FoundSource found, Take(path));
    if (!found.items.empty()) out.push_back(std::move(found));
  }
  return out;
}

absl::StatusOr<FoundSource> Walker::TakeParents(absl::string_view source) {
  // What stands before the pivot is left behind.
  const size_t pivot = source.find("/./");
  std::string base = pivot == absl::string_view::npos ? "" : CleanSource(source.substr(0, pivot));
  const std::string kept = CleanSource(pivot == absl::string_view::npos ? source : source.substr(pivot + 2));
  ASSIGN_OR_RETURN(base, ResolveBelow(root_, base, query_.ignore));
  ASSIGN_OR_RETURN(const PathPattern include, PathPattern::Parse(kept, /*any_depth=*/true));
  ASSIGN_OR_RETURN(const os::UniqueFd directory, OpenDirectory(root_, base));
  FoundSource out;
  out.is_directory = true;
  RETURN_IF_ERROR(Walk(directory.get(), base, "", 0, Filter{query_.ignore, AboveOf(query_.ignore, base)},
                       Filter{query_.exclude, {}}, kept.empty() ? nullptr : &include, kept.empty(), &out));
  if (out.items.empty() && include.is_literal() && !kept.empty() && query_.exclude == nullptr)
    return Missing(Join(base, kept));
  return out;
}

// That `path` is not there, and what may have been meant.
absl::Status Walker::Missing(const std::string& path) const {
  const absl::Status status =
      absl::NotFoundError(absl::StrCat("\"", Printable(path), "\" is not in ", query_.where));
  if (query_.ignore != nullptr && query_.ignore->Ignores(path) && ResolveBelow(root_, path, nullptr).ok()) {
    return WithHint(status, "it is there, but the ignore file leaves it out");
  }
  // The first part that is missing, and what lies beside it.
  std::string missing = path;
  while (!missing.empty() && !ResolveBelow(root_, Parent(missing), query_.ignore).ok())
    missing = Parent(missing);
  const absl::StatusOr<std::string> beside = ResolveBelow(root_, Parent(missing), query_.ignore);
  if (!beside.ok()) return status;
  const absl::StatusOr<std::vector<std::string>> names =
      os::ListDirectoryAt(root_, beside->empty() ? "." : *beside);
  if (!names.ok()) return status;
  std::vector<absl::string_view> known;
  for (const std::string& name : *names) {
    const std::string candidate = Join(*beside, name);
    if (query_.ignore == nullptr || !query_.ignore->Ignores(candidate)) known.push_back(name);
  }
  const absl::string_view nearest = Nearest(LastPart(missing), known);
  if (nearest.empty()) return status;
  return WithHint(status, absl::StrCat("did you mean ", Printable(Join(Parent(missing), nearest)), "?"));
}

}  // namespace

absl::StatusOr<std::string> ResolveBelow(int root, absl::string_view path, const IgnorePatterns* ignore) {
  std::deque<std::string> todo;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) todo.emplace_back(part);
  std::string done;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.front());
    todo.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      done = Parent(done);
      continue;
    }
    const std::string here = Join(done, part);
    struct stat info;
    // The directory on the way is a real one: every part before was looked at.
    if (fstatat(root, here.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOTDIR || errno == ENOENT)
        return absl::NotFoundError(absl::StrCat(Printable(here), " is not there"));
      return ErrnoStatus(errno, absl::StrCat("stat ", Printable(here)));
    }
    if (ignore != nullptr && !ignore->empty() && ignore->Ignores(here) &&
        !(S_ISDIR(info.st_mode) && ignore->MayTakeBackBelow(here)))
      return absl::NotFoundError(absl::StrCat(Printable(here), " is ignored"));
    if (!S_ISLNK(info.st_mode)) {
      if (!todo.empty() && !S_ISDIR(info.st_mode))
        return absl::NotFoundError(absl::StrCat(Printable(here), " is no directory"));
      done = here;
      continue;
    }
    if (++links > kMaxLinks)
      return absl::FailedPreconditionError(absl::StrCat(Printable(here), ": too many links"));
    ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(root, here));
    if (absl::StartsWith(target, "/")) done.clear();
    const std::vector<std::string> parts = absl::StrSplit(target, '/', absl::SkipEmpty());
    todo.insert(todo.begin(), parts.begin(), parts.end());
  }
  return done;
}

absl::StatusOr<std::vector<FoundSource>> FindSources(int root, absl::string_view source,
                                                     const SourceQuery& query) {
  if (absl::StrContains(source, '\0')) return absl::InvalidArgumentError("a source holds a NUL byte");
  Walker walker(root, query);
  std::vector<FoundSource> out;
  if (query.parents) {
    ASSIGN_OR_RETURN(FoundSource found, walker.TakeParents(source));
    if (!found.items.empty()) out.push_back(std::move(found));
    return out;
  }
  const std::string clean = CleanSource(source);
  if (!query.literal && HasWildcards(clean)) return walker.TakeMatches(clean);
  absl::StatusOr<FoundSource> found = walker.Take(clean);
  if (absl::IsNotFound(found.status()) && ErrnoOf(found.status()) == 0) return walker.Missing(clean);
  RETURN_IF_ERROR(found.status());
  if (!found->items.empty()) out.push_back(*std::move(found));
  return out;
}

}  // namespace coracle::build
