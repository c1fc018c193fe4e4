#include "cli/transfer_options.h"

#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/container_options.h"
#include "cli/enter.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "os/user_namespace.h"

namespace coracle::cli {
namespace {

bool Has(const ParsedCommand& parsed, absl::string_view option) {
  return FindOption(parsed.command(), option) != nullptr;
}

std::string Text(const ParsedCommand& parsed, absl::string_view option) {
  return Has(parsed, option) ? parsed.GetString(option) : std::string();
}

// podman takes a duration, and a plain number as seconds.
absl::StatusOr<absl::Duration> ReadDelay(const std::string& text) {
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds) && seconds >= 0) return absl::Seconds(seconds);
  const auto duration = ParseGoDuration(text);
  if (duration.ok() && *duration >= absl::ZeroDuration()) return *duration;
  return OptionError("retry-delay", text, "expected a duration, like 2s");
}

// Until the answer is one of the numbers; an empty one is the first.
absl::StatusOr<size_t> ChooseImage(absl::string_view name, const std::vector<oci::ImageReference>& candidates,
                                   const os::CancelFlag& cancel) {
  std::string question = absl::StrCat("The short name \"", Printable(name), "\" may be:\n");
  for (size_t i = 0; i < candidates.size(); ++i) {
    absl::StrAppend(&question, "  ", i + 1, "  ", candidates[i].str(), "\n");
  }
  absl::StrAppend(&question, "Which one? [1] ");
  while (true) {
    ASSIGN_OR_RETURN(const std::string answer, Ask(question, &cancel));
    if (answer.empty()) return 0;
    size_t number = 0;
    if (absl::SimpleAtoi(answer, &number) && number >= 1 && number <= candidates.size()) return number - 1;
    question = absl::StrCat("A number from 1 to ", candidates.size(), ": ");
  }
}

}  // namespace

bool OnlyOneIdMapped() {
  const auto ids = os::ReadIdMap("/proc/self/uid_map");
  return ids.ok() && ids->size() == 1 && ids->front().count == 1;
}

absl::StatusOr<registry::AccessOptions> ReadAccessOptions(const ParsedCommand& parsed) {
  registry::AccessOptions options;
  options.paths = registry::UserPathsFromEnvironment(CallingUser());
  // docker's --config: a directory whose config.json has the credentials.
  if (parsed.GlobalWasSet("config")) options.paths.docker_config = parsed.GlobalString("config");
  options.authfile = Text(parsed, "authfile");
  options.creds = Text(parsed, "creds");
  options.cert_dir = Text(parsed, "cert-dir");
  if (Has(parsed, "tls-verify") && parsed.WasSet("tls-verify")) {
    options.tls_verify = parsed.GetBool("tls-verify");
  }
  const std::string retries = Text(parsed, "retry");
  if (!retries.empty() && (!absl::SimpleAtoi(retries, &options.client.retry.retries) ||
                           options.client.retry.retries < 0 || options.client.retry.retries > 1000)) {
    return OptionError("retry", retries, "expected a number from 0 to 1000");
  }
  const std::string delay = Text(parsed, "retry-delay");
  if (!delay.empty()) {
    ASSIGN_OR_RETURN(options.client.retry.delay, ReadDelay(delay));
    options.client.retry.max_delay = std::max(options.client.retry.max_delay, options.client.retry.delay);
  }
  return options;
}

absl::StatusOr<std::optional<oci::Platform>> ReadPlatform(const ParsedCommand& parsed) {
  const std::string platform = Text(parsed, "platform");
  const std::string arch = Text(parsed, "arch"), os_name = Text(parsed, "os"),
                    variant = Text(parsed, "variant");
  const bool parts = !arch.empty() || !os_name.empty() || !variant.empty();
  if (!platform.empty()) {
    if (parts) return OptionError("platform", platform, "excludes --arch, --os and --variant");
    auto wanted = oci::ParsePlatform(platform);
    if (!wanted.ok()) return OptionError("platform", platform, wanted.status().message());
    return *std::move(wanted);
  }
  if (!parts) return std::nullopt;
  oci::Platform wanted = oci::HostPlatform();
  if (!os_name.empty()) wanted.os = os_name;
  if (!arch.empty()) {
    wanted.architecture = arch;
    wanted.variant.clear();
  }
  if (!variant.empty()) wanted.variant = variant;
  return oci::NormalizePlatform(std::move(wanted));
}

Transfer::Transfer(registry::Access access, bool quiet, std::string verb)
    : access_(std::move(access)),
      progress_(ProgressDisplay::ChooseStyle(quiet), std::move(verb)),
      context_{access_, &progress_, &interrupt_.flag(), nullptr} {
  if (!CanAsk() || isatty(STDERR_FILENO) == 0) return;
  context_.choose = [this](absl::string_view name, const std::vector<oci::ImageReference>& candidates) {
    return ChooseImage(name, candidates, interrupt_.flag());
  };
}

Transfer::~Transfer() {
  for (const std::string& warning : access_.TakeWarnings()) PrintWarning(warning);
}

absl::StatusOr<std::unique_ptr<Transfer>> Transfer::Open(const ParsedCommand& parsed, bool quiet,
                                                         std::string verb) {
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  auto access = registry::Access::Open(std::move(options));
  if (!access.ok()) return WithExitCode(access.status(), 125);
  return std::unique_ptr<Transfer>(new Transfer(*std::move(access), quiet, std::move(verb)));
}

}  // namespace coracle::cli
