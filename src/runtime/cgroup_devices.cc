#include "runtime/cgroup_devices.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace coracle::runtime {
namespace {

// One v1 exception: a kind of device and what may be done with it.
struct Exception {
  char type;
  int64_t major, minor;  // -1: any
  unsigned access;       // bits of kRead ...
};
constexpr unsigned kRead = 1, kWrite = 2, kMknod = 4, kAll = 7;

absl::StatusOr<unsigned> ParseAccess(absl::string_view access) {
  if (access.empty()) return kAll;
  unsigned bits = 0;
  for (const char c : access) {
    if (c != 'r' && c != 'w' && c != 'm') {
      return absl::InvalidArgumentError(absl::StrCat("device access '", access, "': not of r, w and m"));
    }
    bits |= c == 'r' ? kRead : c == 'w' ? kWrite : kMknod;
  }
  return bits;
}

std::string Number(int64_t value) { return value < 0 ? "*" : absl::StrCat(value); }

std::string Text(const Exception& e) {
  std::string out = absl::StrCat(std::string(1, e.type), " ", Number(e.major), ":", Number(e.minor), " ");
  if ((e.access & kRead) != 0) out += 'r';
  if ((e.access & kWrite) != 0) out += 'w';
  if ((e.access & kMknod) != 0) out += 'm';
  return out;
}

bool SameDevice(const Exception& a, const Exception& b) {
  return a.type == b.type && a.major == b.major && a.minor == b.minor;
}
bool Overlap(const Exception& a, const Exception& b) {
  return a.type == b.type && (a.major < 0 || b.major < 0 || a.major == b.major) &&
         (a.minor < 0 || b.minor < 0 || a.minor == b.minor) && (a.access & b.access) != 0;
}

// What the rule list amounts to: a default and exceptions from it.
struct Reduced {
  bool default_allow = true;
  std::vector<Exception> exceptions;
};

absl::Status AddRule(bool allow, const Exception& rule, Reduced* state) {
  if (allow != state->default_allow) {
    for (Exception& e : state->exceptions) {
      if (SameDevice(e, rule)) {
        e.access |= rule.access;
        return absl::OkStatus();
      }
    }
    state->exceptions.push_back(rule);
    return absl::OkStatus();
  }
  for (Exception& e : state->exceptions) {
    if (!Overlap(e, rule)) continue;
    // A rule at least as wide as the exception takes its accesses away; a narrower one would split it.
    const bool covers =
        (rule.major < 0 || rule.major == e.major) && (rule.minor < 0 || rule.minor == e.minor);
    if (!covers) {
      return absl::FailedPreconditionError(absl::StrCat(
          "device rule '", Text(rule), "': cgroup v1 cannot take it out of the wider rule '", Text(e), "'"));
    }
    e.access &= ~rule.access;
  }
  std::erase_if(state->exceptions, [](const Exception& e) { return e.access == 0; });
  return absl::OkStatus();
}

absl::StatusOr<Reduced> Reduce(const std::vector<oci::DeviceCgroupRule>& rules) {
  Reduced state;
  for (const oci::DeviceCgroupRule& rule : rules) {
    ASSIGN_OR_RETURN(const unsigned access, ParseAccess(rule.access));
    const int64_t major = rule.major.value_or(-1), minor = rule.minor.value_or(-1);
    const bool any_type = rule.type.empty() || rule.type == "a";
    if (!any_type && rule.type != "b" && rule.type != "c") {
      return absl::InvalidArgumentError(absl::StrCat("device type '", rule.type, "': not a, b or c"));
    }
    if (any_type && major < 0 && minor < 0 && access == kAll) {
      state = Reduced{rule.allow, {}};
    } else if (any_type) {
      RETURN_IF_ERROR(AddRule(rule.allow, {'b', major, minor, access}, &state));
      RETURN_IF_ERROR(AddRule(rule.allow, {'c', major, minor, access}, &state));
    } else {
      RETURN_IF_ERROR(AddRule(rule.allow, {rule.type[0], major, minor, access}, &state));
    }
  }
  return state;
}

}  // namespace

std::vector<oci::DeviceCgroupRule> WithDefaultDevices(std::vector<oci::DeviceCgroupRule> rules) {
  if (rules.empty()) return rules;
  struct Known {
    char type;
    int64_t major, minor;
    const char* access;
  };
  static constexpr std::array<Known, 10> kDefaults = {{
      {'c', -1, -1, "m"},  // mknod alone opens nothing
      {'b', -1, -1, "m"},
      {'c', 1, 3, "rwm"},     // null
      {'c', 1, 8, "rwm"},     // random
      {'c', 1, 7, "rwm"},     // full
      {'c', 5, 0, "rwm"},     // tty
      {'c', 1, 5, "rwm"},     // zero
      {'c', 1, 9, "rwm"},     // urandom
      {'c', 136, -1, "rwm"},  // pseudo-terminals
      {'c', 5, 2, "rwm"},     // ptmx
  }};
  for (const Known& known : kDefaults) {
    oci::DeviceCgroupRule rule;
    rule.allow = true;
    rule.type = std::string(1, known.type);
    if (known.major >= 0) rule.major = known.major;
    if (known.minor >= 0) rule.minor = known.minor;
    rule.access = known.access;
    rules.push_back(std::move(rule));
  }
  return rules;
}

absl::StatusOr<std::vector<DeviceWrite>> PlanDevicesV1(const std::vector<oci::DeviceCgroupRule>& rules,
                                                       absl::string_view current) {
  ASSIGN_OR_RETURN(const Reduced wanted, Reduce(rules));
  // devices.list shows "a *:* rwm" while the default is to allow, and hides the exceptions from that.
  std::vector<std::string> lines = absl::StrSplit(current, '\n', absl::SkipEmpty());
  const bool now_allow = lines.size() == 1 && lines[0] == "a *:* rwm";
  std::set<std::string> have;
  if (!now_allow) have.insert(lines.begin(), lines.end());
  std::vector<DeviceWrite> writes;
  if (wanted.default_allow != now_allow) {
    writes.push_back({wanted.default_allow, "a"});
    have.clear();
  }
  std::set<std::string> want;
  for (const Exception& e : wanted.exceptions) want.insert(Text(e));
  if (!wanted.default_allow) {
    // Before the additions: an exception that shrinks shares its device with its successor.
    for (const std::string& line : have) {
      if (want.count(line) == 0) writes.push_back({false, line});
    }
  }
  for (const Exception& e : wanted.exceptions) {
    if (have.count(Text(e)) == 0) writes.push_back({!wanted.default_allow, Text(e)});
  }
  return writes;
}

}  // namespace coracle::runtime
