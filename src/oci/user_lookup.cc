#include "oci/user_lookup.h"

#include <algorithm>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

// Digits only; nothing if `text` is no number or does not fit.
std::optional<uint32_t> ParseId(absl::string_view text) {
  uint32_t id = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != absl::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(text, &id)) return std::nullopt;
  return id;
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

// The id that the number `text` gives. Errors: InvalidArgument above kMaxUserId.
absl::StatusOr<uint32_t> RequireId(absl::string_view text) {
  const std::optional<uint32_t> id = ParseId(text);
  if (id.has_value() && *id <= kMaxUserId) return *id;
  return absl::InvalidArgumentError(
      absl::StrCat("id ", Printable(text), ": uids and gids must be in range 0-", kMaxUserId));
}

// Calls `visit(fields)` for each line with at least `count` fields until it returns false.
template <typename F>
void ForEachEntry(absl::string_view text, size_t count, F visit) {
  for (const absl::string_view line : absl::StrSplit(text.substr(0, kMaxUserFileBytes), '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(absl::StripAsciiWhitespace(line), ':');
    if (fields.size() < count || fields[0].empty()) continue;
    if (!visit(fields)) return;
  }
}

// Fills `user` from the first entry that `spec` names, or that has user->uid if `spec` is empty.
bool FindUser(absl::string_view spec, absl::string_view passwd_text, ResolvedUser* user) {
  const std::optional<uint32_t> wanted = spec.empty() ? user->uid : ParseId(spec);
  bool found = false;
  ForEachEntry(passwd_text, 4, [&](const std::vector<absl::string_view>& fields) {
    const std::optional<uint32_t> uid = ParseId(fields[2]);
    const std::optional<uint32_t> gid = ParseId(fields[3]);
    if (!uid.has_value() || !gid.has_value() || *uid > kMaxUserId || *gid > kMaxUserId) return true;
    found = wanted.has_value() ? *uid == *wanted : fields[0] == spec;
    if (!found) return true;
    user->uid = *uid;
    user->gid = *gid;
    user->name = std::string(fields[0]);
    if (fields.size() > 5 && !fields[5].empty()) user->home = std::string(fields[5]);
    return false;
  });
  return found;
}

std::vector<uint32_t> GroupsOf(absl::string_view user, absl::string_view group_text) {
  std::vector<uint32_t> gids;
  ForEachEntry(group_text, 4, [&](const std::vector<absl::string_view>& fields) {
    const std::optional<uint32_t> gid = ParseId(fields[2]);
    if (!gid.has_value() || *gid > kMaxUserId) return true;
    for (const absl::string_view member : absl::StrSplit(fields[3], ',')) {
      if (absl::StripAsciiWhitespace(member) != user) continue;
      gids.push_back(*gid);
      break;
    }
    return true;
  });
  return gids;
}

absl::StatusOr<uint32_t> ResolveGroup(absl::string_view group, absl::string_view group_text) {
  if (IsNumber(group)) return RequireId(group);
  std::optional<uint32_t> found;
  ForEachEntry(group_text, 3, [&](const std::vector<absl::string_view>& fields) {
    const std::optional<uint32_t> gid = ParseId(fields[2]);
    if (fields[0] == group && gid.has_value() && *gid <= kMaxUserId) found = gid;
    return !found.has_value();
  });
  if (found.has_value()) return *found;
  return absl::NotFoundError(
      absl::StrCat("unable to find group ", Printable(group), ": no matching entries in group file"));
}

void SortAndUnique(std::vector<uint32_t>* ids) {
  absl::c_sort(*ids);
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace

absl::StatusOr<ResolvedUser> ResolveUser(absl::string_view spec, absl::string_view passwd_text,
                                         absl::string_view group_text) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(spec, absl::MaxSplits(':', 1));
  ResolvedUser user;
  if (!FindUser(parts.first, passwd_text, &user) && !parts.first.empty()) {
    if (!IsNumber(parts.first)) {
      return absl::NotFoundError(absl::StrCat("unable to find user ", Printable(parts.first),
                                              ": no matching entries in passwd file"));
    }
    ASSIGN_OR_RETURN(user.uid, RequireId(parts.first));
  }
  if (!parts.second.empty()) {
    ASSIGN_OR_RETURN(user.gid, ResolveGroup(parts.second, group_text));
  } else if (!user.name.empty()) {
    user.additional_gids = GroupsOf(user.name, group_text);
    SortAndUnique(&user.additional_gids);
    const auto own = absl::c_find(user.additional_gids, user.gid);
    if (own != user.additional_gids.end()) user.additional_gids.erase(own);
  }
  return user;
}

absl::StatusOr<std::vector<uint32_t>> ResolveGroups(absl::Span<const std::string> groups,
                                                    absl::string_view group_text) {
  std::vector<uint32_t> gids;
  for (const std::string& group : groups) {
    ASSIGN_OR_RETURN(gids.emplace_back(), ResolveGroup(group, group_text));
  }
  SortAndUnique(&gids);
  return gids;
}

}  // namespace coracle::oci
