// build: an image from a Dockerfile.
#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/status.h"
#include "build/dockerfile.h"
#include "build/lint.h"
#include "build/source_position.h"
#include "cli/build_context.h"
#include "cli/build_options.h"
#include "cli/build_output.h"
#include "cli/build_progress.h"
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
                           const build::BuildResult& result) {
  Json json;
  json["containerimage.config.digest"] = absl::StrCat("sha256:", result.image.id);
  json["containerimage.descriptor"] = Json{{"mediaType", result.image.manifest_media_type},
                                           {"digest", result.image.manifest_digest},
                                           {"size", result.image.manifest_size}};
  json["containerimage.digest"] = result.image.manifest_digest;
  if (!request.tags.empty()) json["image.name"] = absl::StrJoin(request.tags, ",");
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

absl::StatusOr<int> Check(Invocation& invocation, const engine::Engine& engine,
                          const build::BuildRequest& request) {
  ASSIGN_OR_RETURN(const build::Dockerfile file,
                   build::ParseDockerfile(request.dockerfile_name, request.dockerfile));
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
  ASSIGN_OR_RETURN(const build::LintReport report, build::Lint(file, inputs));
  invocation.out().Write(build::FormatLintReport(file, report));
  return report.findings.empty() ? 0 : kBuildFailed;
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
                        const build::BuildResult& result, bool print) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string iidfile = parsed.GetString("iidfile"), metadata = parsed.GetString("metadata-file");
  if (!iidfile.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, iidfile, absl::StrCat("sha256:", result.image.id), 0644),
                    "--iidfile");
  }
  if (!metadata.empty()) RETURN_IF_ERROR(WriteMetadata(metadata, request, result), "--metadata-file");
  if (print) invocation.out().WriteLine(result.image.id);
  return absl::OkStatus();
}

absl::StatusOr<int> Build(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  build::BuildRequest request;
  RETURN_IF_ERROR(ReadBuildOptions(parsed, request));
  std::vector<BuildOutput> outputs;
  bool push = parsed.GetBool("push"), to_stdout = false;
  for (const std::string& text : parsed.GetList("output")) {
    ASSIGN_OR_RETURN(BuildOutput output, ParseBuildOutput(text));
    request.tags.insert(request.tags.end(), output.names.begin(), output.names.end());
    push |= output.push;
    to_stdout |= output.destination == "-";
    outputs.push_back(std::move(output));
  }
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
  const auto failed = [&](const absl::Status& status) {
    ShowFailure(request, *view, status);
    return WithExitCode(status, kBuildFailed);
  };
  if (parsed.GetBool("check")) {
    const auto code = Check(invocation, engine, request);
    return code.ok() ? code : failed(code.status());
  }
  // Without it the result is the same, only later.
  if (!parsed.GetList("cache-from").empty()) view->Warn("--cache-from is not supported yet, ignoring it");
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, /*quiet=*/true, "Copying"));
  const auto result = engine::BuildImage(engine, transfer->context(), request, *view);
  view->Close();
  if (!result.ok()) {
    const absl::Status status = transfer->Result(result.status());
    // Whoever pressed Ctrl-C knows why it ended.
    if (transfer->context().cancel->IsSet()) return status;
    return failed(status);
  }
  for (const BuildOutput& output : outputs)
    RETURN_IF_ERROR(WriteBuildOutput(engine, output, *result, request, words.scratch), "--output");
  if (push) RETURN_IF_ERROR(PushTags(engine, transfer->context(), request));
  RETURN_IF_ERROR(TellResult(invocation, request, *result, /*print=*/!to_stdout));
  return 0;
}

}  // namespace

int CmdBuild(Invocation& invocation) {
  const absl::StatusOr<int> code = Build(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
