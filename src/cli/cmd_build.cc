// build: an image from a Dockerfile.
#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "build/dockerfile.h"
#include "build/lint.h"
#include "build/source_position.h"
#include "cli/build_attest.h"
#include "cli/build_cache_options.h"
#include "cli/build_context.h"
#include "cli/build_options.h"
#include "cli/build_output.h"
#include "cli/build_progress.h"
#include "cli/built_list.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/build.h"
#include "image/image_store.h"
#include "os/file.h"
#include "store/lease.h"

namespace coracle::cli {
namespace {

// As docker's: what a Dockerfile gets wrong is no fault of the command line.
constexpr int kBuildFailed = 1;

absl::Status WriteMetadata(const std::string& path, const build::BuildRequest& request,
                           const build::BuildResult& result, const engine::AttestedImage* attested) {
  Json json;
  json["containerimage.config.digest"] = absl::StrCat("sha256:", result.image.id);
  json["containerimage.descriptor"] = Json{{"mediaType", result.image.manifest_media_type},
                                           {"digest", result.image.manifest_digest},
                                           {"size", result.image.manifest_size}};
  json["containerimage.digest"] = result.image.manifest_digest;
  if (!request.tags.empty()) json["image.name"] = absl::StrJoin(request.tags, ",");
  if (attested != nullptr) {
    for (const build::Attestation& one : attested->attestations)
      if (absl::StrContains(one.predicate_type, "provenance"))
        json["buildx.build.provenance"] = one.predicate;
  }
  return os::WriteFileAt(AT_FDCWD, path, absl::StrCat(json.dump(2), "\n"), 0644);
}

// The lines of the Dockerfile that an error is about, and what the failed step printed.
void ShowFailure(const build::BuildRequest& request, const BuildView& view, const absl::Status& status) {
  std::string text = view.FailureReport();
  const auto lines = build::LinesOf(status);
  if (lines.has_value())
    absl::StrAppend(&text, build::SourceExcerpt(request.dockerfile_name, request.dockerfile, *lines));
  (void)os::WriteAll(STDERR_FILENO, text);
}

absl::StatusOr<build::LintReport> LintOf(const engine::Engine& engine, const build::BuildRequest& request,
                                         const build::Dockerfile& file) {
  build::ScopeInputs scope;
  scope.build_args = request.build_args;
  scope.build_platform = oci::HostPlatform();
  scope.target_platform = request.platform.value_or(oci::HostPlatform());
  scope.target_stage = request.target;
  ASSIGN_OR_RETURN(const build::GlobalScope global, build::GlobalScope::Make(file, std::move(scope)));
  build::LintInputs inputs;
  inputs.global = &global;
  const auto ignore = request.ignores.find("");
  if (ignore != request.ignores.end()) inputs.ignore = &ignore->second;
  const auto options = request.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  if (options != request.build_args.end()) inputs.options = options->second;
  inputs.image_environment = [&engine](const std::string& name) -> std::optional<std::vector<std::string>> {
    const auto info = image::Find(engine.store, name);
    if (!info.ok()) return std::nullopt;
    const auto json = image::ReadConfig(engine.store, info->record);
    if (!json.ok()) return std::nullopt;
    const auto config = oci::ParseImageConfig(*json);
    if (!config.ok()) return std::nullopt;
    return config->config.env;
  };
  return build::Lint(file, inputs);
}

absl::StatusOr<int> Check(Invocation& invocation, const engine::Engine& engine,
                          const build::BuildRequest& request) {
  ASSIGN_OR_RETURN(const build::Dockerfile file,
                   build::ParseDockerfile(request.dockerfile_name, request.dockerfile));
  ASSIGN_OR_RETURN(const build::LintReport report, LintOf(engine, request, file));
  invocation.out().Write(build::FormatLintReport(file, report));
  return report.findings.empty() ? 0 : kBuildFailed;
}

// What `# check=error=true` makes an error of. What keeps the file from being read the build itself tells.
absl::Status RefuseFindings(const engine::Engine& engine, const build::BuildRequest& request) {
  const auto file = build::ParseDockerfile(request.dockerfile_name, request.dockerfile);
  if (!file.ok()) return absl::OkStatus();
  const auto report = LintOf(engine, request, *file);
  if (!report.ok() || !report->is_error) return absl::OkStatus();
  (void)os::WriteAll(STDERR_FILENO, build::FormatLintReport(*file, *report));
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                          request.dockerfile_name, ": it asks that findings of the checks are errors")),
                      kBuildFailed);
}

// As BuildKit has it, at the end of a build: a line for each.
void ShowFindings(const engine::Engine& engine, const build::BuildRequest& request) {
  const auto file = build::ParseDockerfile(request.dockerfile_name, request.dockerfile);
  if (!file.ok()) return;
  const auto report = LintOf(engine, request, *file);
  if (!report.ok() || report->findings.empty()) return;
  const size_t count = report->findings.size();
  std::string text = absl::StrCat("\n", count, count == 1 ? " warning" : " warnings",
                                  " found (use --check to see the lines):\n");
  for (const build::Finding& finding : report->findings) {
    absl::StrAppend(&text, " - ", finding.rule, ": ", finding.message, " (line ", finding.lines.first, ")\n");
  }
  (void)os::WriteAll(STDERR_FILENO, text);
}

absl::Status PushTags(engine::Engine& engine, engine::TransferContext& context,
                      const build::BuildRequest& request) {
  if (request.tags.empty())
    return absl::InvalidArgumentError("--push: the image has no name; give it one with --tag");
  for (const std::string& tag : request.tags)
    RETURN_IF_ERROR(engine::PushImage(engine, context, tag, "", {}).status(), "push ", tag);
  return absl::OkStatus();
}

absl::Status TellResult(Invocation& invocation, const build::BuildRequest& request,
                        const build::BuildResult& result, const engine::AttestedImage* attested, bool print) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string iidfile = parsed.GetString("iidfile"), metadata = parsed.GetString("metadata-file");
  if (!iidfile.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, iidfile, absl::StrCat("sha256:", result.image.id), 0644),
                    "--iidfile");
  }
  if (!metadata.empty())
    RETURN_IF_ERROR(WriteMetadata(metadata, request, result, attested), "--metadata-file");
  if (print) invocation.out().WriteLine(result.image.id);
  return absl::OkStatus();
}

// What one command builds, and where it goes.
struct Plan {
  build::BuildRequest request;
  std::vector<std::optional<oci::Platform>> platforms;
  std::vector<BuildOutput> outputs;
  BuildCachePlaces caches;
  AttestOptions attest;
  absl::Time started = absl::Now();
  std::vector<std::string> lists;  // names of the lists of several platforms
  bool push = false, to_stdout = false;
  bool several() const { return platforms.size() > 1; }
};

// What is said of an image goes with it, in an index beside it.
absl::Status CheckAttest(const Plan& plan) {
  if (!plan.attest.any()) return absl::OkStatus();
  if (plan.request.docker_format)
    return WithExitCode(absl::InvalidArgumentError("attestations need --format oci"), 125);
  for (const BuildOutput& output : plan.outputs) {
    if (output.kind != BuildOutput::Kind::kImage && output.kind != BuildOutput::Kind::kOci)
      return NotSupportedYet("attestations with --output other than type=oci, image or registry");
  }
  return absl::OkStatus();
}

absl::StatusOr<Plan> ReadPlan(const ParsedCommand& parsed) {
  Plan plan;
  RETURN_IF_ERROR(ReadBuildOptions(parsed, plan.request));
  ASSIGN_OR_RETURN(plan.platforms, ReadBuildPlatforms(parsed));
  ASSIGN_OR_RETURN(plan.caches, ReadBuildCachePlaces(parsed));
  const auto wanted = plan.request.build_args.find("BUILDKIT_INLINE_CACHE");
  plan.request.inline_cache = plan.caches.is_inline || (wanted != plan.request.build_args.end() &&
                                                        (wanted->second == "1" || wanted->second == "true"));
  ASSIGN_OR_RETURN(plan.attest, ReadAttestOptions(parsed));
  plan.push = parsed.GetBool("push");
  bool only_files = !parsed.GetList("output").empty();
  for (const std::string& text : parsed.GetList("output")) {
    ASSIGN_OR_RETURN(BuildOutput output, ParseBuildOutput(text));
    plan.request.tags.insert(plan.request.tags.end(), output.names.begin(), output.names.end());
    plan.push |= output.push;
    plan.to_stdout |= output.destination == "-";
    only_files &= output.kind == BuildOutput::Kind::kLocal || output.kind == BuildOutput::Kind::kTar;
    plan.outputs.push_back(std::move(output));
  }
  RETURN_IF_ERROR(CheckAttest(plan));
  // Somebody who wants files and gives no name wants no image.
  plan.request.keep_image = !only_files || !plan.request.tags.empty();
  const std::string manifest = parsed.GetString("manifest");
  if (!manifest.empty()) plan.lists.push_back(manifest);
  if (!plan.several()) return plan;
  for (const BuildOutput& output : plan.outputs) {
    if (output.kind != BuildOutput::Kind::kImage)
      return NotSupportedYet("--output of several platforms other than type=image");
  }
  plan.lists.insert(plan.lists.end(), plan.request.tags.begin(), plan.request.tags.end());
  plan.request.tags.clear();
  return plan;
}

// For one platform after the other.
absl::StatusOr<std::vector<build::BuildResult>> BuildAll(engine::Engine& engine, Transfer& transfer,
                                                         Plan& plan, BuildView& view) {
  std::vector<build::BuildResult> results;
  build::BuildRequest& request = plan.request;
  for (const std::optional<oci::Platform>& platform : plan.platforms) {
    request.platform = platform;
    if (plan.several()) request.progress_label = oci::PlatformName(*platform);
    if (!results.empty()) request.last_number = results.back().last_number;
    ASSIGN_OR_RETURN(build::BuildResult result,
                     engine::BuildImage(engine, transfer.context(), request, view));
    results.push_back(std::move(result));
  }
  return results;
}

absl::Status PushWithAttestations(engine::Engine& engine, engine::TransferContext& context, const Plan& plan,
                                  const std::vector<engine::AttestedImage>& images) {
  const std::vector<std::string>& names = plan.several() ? plan.lists : plan.request.tags;
  if (names.empty())
    return absl::InvalidArgumentError("--push: the image has no name; give it one with --tag");
  for (const std::string& name : names)
    RETURN_IF_ERROR(engine::PushAttested(engine, context, images, name), "push");
  return absl::OkStatus();
}

// The store keeps images, and no statements about them.
void WarnOfUnattached(const Plan& plan, BuildView& view) {
  if (!plan.attest.any() || plan.push) return;
  for (const BuildOutput& output : plan.outputs)
    if (output.kind == BuildOutput::Kind::kOci) return;
  view.Warn("attestations go with --push and with --output type=oci: the store's image has none");
}

// Everything that happens to what was built.
absl::Status Deliver(Invocation& invocation, engine::Engine& engine, Transfer& transfer, const Plan& plan,
                     const std::vector<build::BuildResult>& results, const std::string& scratch) {
  const build::BuildRequest& request = plan.request;
  std::vector<build::KeptStep> steps;
  std::vector<std::string> images;
  for (const build::BuildResult& result : results) {
    steps.insert(steps.end(), result.steps.begin(), result.steps.end());
    images.push_back(result.image.id);
  }
  std::vector<engine::AttestedImage> attested;
  for (size_t i = 0; plan.attest.any() && i < results.size(); ++i) {
    ASSIGN_OR_RETURN(attested.emplace_back(),
                     AttestResult(engine, plan.attest, request, results[i], {plan.started, absl::Now()}));
  }
  for (const BuildOutput& output : plan.outputs) {
    if (output.kind == BuildOutput::Kind::kOci && !attested.empty()) {
      RETURN_IF_ERROR(
          engine::SaveAttested(engine, transfer.context(), attested, output.destination, request.tags),
          "--output");
      continue;
    }
    RETURN_IF_ERROR(WriteBuildOutput(engine, output, results.back(), request, scratch), "--output");
  }
  const bool amend = !invocation.parsed().GetString("manifest").empty();
  RETURN_IF_ERROR(MakeBuiltLists(engine, transfer.context(), plan.lists, images, amend));
  if (plan.push && !attested.empty()) {
    RETURN_IF_ERROR(PushWithAttestations(engine, transfer.context(), plan, attested));
  } else if (plan.push && plan.several()) {
    if (plan.lists.empty())
      return absl::InvalidArgumentError("--push: the images have no name; give them one with --tag");
    RETURN_IF_ERROR(PushBuiltLists(engine, transfer.context(), plan.lists));
  } else if (plan.push) {
    RETURN_IF_ERROR(PushTags(engine, transfer.context(), request));
  }
  RETURN_IF_ERROR(SendBuildCaches(engine, transfer.context(), plan.caches, steps));
  for (size_t i = 0; i < results.size(); ++i) {
    const bool print = !plan.to_stdout && !results[i].image.id.empty();
    RETURN_IF_ERROR(
        TellResult(invocation, request, results[i], attested.empty() ? nullptr : &attested[i], print));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Build(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(Plan plan, ReadPlan(parsed));
  build::BuildRequest& request = plan.request;
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildView> view,
                   BuildView::Make(parsed.GetString("progress"), parsed.GetBool("quiet")));
  engine::Engine engine = MakeEngine(invocation);
  RETURN_IF_ERROR(engine.store.EnsureExists());
  ContextWords words;
  if (!invocation.args().empty()) words.place = invocation.args()[0];
  words.files = parsed.GetList("file");
  words.ignore_file = parsed.GetString("ignorefile");
  // What comes over a pipe has its place there, and goes with it.
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(engine.store, "build context"));
  words.scratch = lease.work_dir();
  RETURN_IF_ERROR(ReadBuildContext(words, request));
  RETURN_IF_ERROR(FetchContexts(words.scratch, request));
  const auto failed = [&](const absl::Status& status) {
    ShowFailure(request, *view, status);
    return WithExitCode(status, kBuildFailed);
  };
  request.platform = plan.platforms.front();
  if (parsed.GetBool("check")) {
    const auto code = Check(invocation, engine, request);
    return code.ok() ? code : failed(code.status());
  }
  RETURN_IF_ERROR(RefuseFindings(engine, request));
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, /*quiet=*/true, "Copying"));
  WarnOfUnattached(plan, *view);
  FetchBuildCaches(engine, transfer->context(), plan.caches, *view);
  const auto results = BuildAll(engine, *transfer, plan, *view);
  view->Close();
  if (!results.ok()) {
    const absl::Status status = transfer->Result(results.status());
    // Whoever pressed Ctrl-C knows why it ended.
    if (transfer->context().cancel->IsSet()) return status;
    return failed(status);
  }
  if (!parsed.GetBool("quiet")) ShowFindings(engine, request);
  RETURN_IF_ERROR(Deliver(invocation, engine, *transfer, plan, *results, words.scratch));
  return 0;
}

}  // namespace

int CmdBuild(Invocation& invocation) {
  const absl::StatusOr<int> code = Build(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
