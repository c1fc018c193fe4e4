#include "base/signal_name.h"

#include <csignal>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/text.h"

namespace coracle {
namespace {

// As every engine counts them, whatever the C library reserves for its threads: signal(7).
constexpr int kRealTimeMin = 34;
constexpr int kRealTimeMax = 64;

struct NamedSignal {
  const char* name;
  int number;
};
// The name that is printed stands before its aliases.
constexpr NamedSignal kSignals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT},     {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGABRT},      {"BUS", SIGBUS},       {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"POLL", SIGIO},       {"PWR", SIGPWR},       {"SYS", SIGSYS},   {"UNUSED", SIGSYS},
};

// SimpleAtoi would also take blanks and signs.
bool IsNumber(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

// The number of "RTMIN", "RTMIN+3", "RTMAX-1"; 0 if `name` is none of these.
int ParseRealTime(absl::string_view name) {
  const bool from_min = absl::ConsumePrefix(&name, "RTMIN");
  if (!from_min && !absl::ConsumePrefix(&name, "RTMAX")) return 0;
  const int base = from_min ? kRealTimeMin : kRealTimeMax;
  if (name.empty()) return base;
  if (name[0] != (from_min ? '+' : '-') || !IsNumber(name.substr(1))) return 0;
  int offset = 0;
  if (!absl::SimpleAtoi(name.substr(1), &offset) || offset > kRealTimeMax - kRealTimeMin) return 0;
  return from_min ? base + offset : base - offset;
}

}  // namespace

absl::StatusOr<int> ParseSignal(absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view name = upper;
  absl::ConsumePrefix(&name, "-");
  int number = 0;
  if (IsNumber(name)) {
    if (absl::SimpleAtoi(name, &number) && number >= 1 && number <= kMaxSignal) return number;
  } else {
    absl::ConsumePrefix(&name, "SIG");
    for (const NamedSignal& signal : kSignals) {
      if (name == signal.name) return signal.number;
    }
    number = ParseRealTime(name);
    if (number != 0) return number;
  }
  return absl::InvalidArgumentError(absl::StrCat("invalid signal: ", Printable(text)));
}

std::string SignalName(int signal) {
  for (const NamedSignal& known : kSignals) {
    if (known.number == signal) return absl::StrCat("SIG", known.name);
  }
  if (signal < kRealTimeMin || signal > kRealTimeMax) return absl::StrCat(signal);
  if (signal == kRealTimeMin) return "SIGRTMIN";
  if (signal == kRealTimeMax) return "SIGRTMAX";
  return absl::StrCat("SIGRTMIN+", signal - kRealTimeMin);
}

}  // namespace coracle
