// copy: an image from any place to any other, past the store.
#include <memory>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_archive.h"
#include "cli/container_options.h"
#include "cli/interrupt.h"
#include "cli/invocation.h"
#include "cli/progress_display.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/image_ends.h"
#include "image/copy_image.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

// --src-x or --dest-x, else --x.
absl::StatusOr<registry::AccessOptions> AccessFor(const ParsedCommand& parsed, absl::string_view side) {
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  const std::string authfile = parsed.GetString(absl::StrCat(side, "-authfile"));
  if (!authfile.empty()) options.authfile = authfile;
  options.creds = parsed.GetString(absl::StrCat(side, "-creds"));
  options.cert_dir = parsed.GetString(absl::StrCat(side, "-cert-dir"));
  options.anonymous = parsed.GetBool(absl::StrCat(side, "-no-creds"));
  if (options.anonymous && !options.creds.empty()) {
    return OptionError(absl::StrCat(side, "-no-creds"), "true", absl::StrCat("excludes --", side, "-creds"));
  }
  const std::string verify = absl::StrCat(side, "-tls-verify");
  if (parsed.WasSet(verify)) options.tls_verify = parsed.GetBool(verify);
  return options;
}

absl::StatusOr<std::optional<registry::Access>> OpenFor(const ParsedCommand& parsed, absl::string_view side,
                                                        const image::TransportName& name) {
  if (name.transport != image::Transport::kDocker) return std::nullopt;
  ASSIGN_OR_RETURN(registry::AccessOptions options, AccessFor(parsed, side));
  ASSIGN_OR_RETURN(registry::Access access, registry::Access::Open(std::move(options)));
  return std::make_optional(std::move(access));
}

absl::Status ReadCompression(const ParsedCommand& parsed, image::CopyOptions& options) {
  const std::string format = parsed.GetString("dest-compress-format");
  const bool decompress = parsed.GetBool("dest-decompress");
  if (format == "gzip" || (format.empty() && parsed.GetBool("dest-compress"))) {
    options.compression = archive::Compression::kGzip;
  } else if (format == "zstd") {
    options.compression = archive::Compression::kZstd;
  } else if (!format.empty()) {
    return OptionError("dest-compress-format", format, "it is one of gzip, zstd");
  }
  options.force_compression = parsed.GetBool("dest-force-compress-format");
  if (decompress) {
    if (options.compression.has_value()) {
      return OptionError("dest-decompress", "true", "excludes the options that compress");
    }
    options.compression = archive::Compression::kNone;
    options.force_compression = true;
  }
  const std::string level = parsed.GetString("dest-compress-level");
  if (level.empty()) return absl::OkStatus();
  const int most = options.compression == archive::Compression::kZstd ? 19 : 9;
  if (!absl::SimpleAtoi(level, &options.compression_level) || options.compression_level < 1 ||
      options.compression_level > most) {
    return OptionError("dest-compress-level", level, absl::StrCat("expected a number from 1 to ", most));
  }
  return absl::OkStatus();
}

absl::StatusOr<image::CopyOptions> ReadOptions(const ParsedCommand& parsed) {
  image::CopyOptions options;
  options.all = parsed.GetBool("all");
  const std::string multi = parsed.GetString("multi-arch");
  if (multi == "all") {
    options.all = true;
  } else if (multi == "index-only") {
    return NotSupportedYet("--multi-arch index-only");
  } else if (!multi.empty() && multi != "system") {
    return OptionError("multi-arch", multi, "it is one of system, all");
  }
  options.preserve_digests = parsed.GetBool("preserve-digests");
  const std::string format = parsed.GetString("format");
  if (format == "oci") {
    options.format = image::ManifestFormat::kOci;
  } else if (format == "v2s2" || format == "docker") {
    options.format = image::ManifestFormat::kDocker;
  } else if (!format.empty()) {
    return OptionError("format", format, "it is one of oci, v2s2");
  }
  ASSIGN_OR_RETURN(const std::optional<oci::Platform> platform, ReadPlatform(parsed));
  if (platform.has_value()) options.platform = *platform;
  RETURN_IF_ERROR(ReadCompression(parsed, options));
  return options;
}

absl::Status Copy(Invocation& invocation, InterruptGuard& interrupt) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const image::TransportName from, image::ParseTransportName(invocation.args()[0]));
  ASSIGN_OR_RETURN(const image::TransportName to, image::ParseTransportName(invocation.args()[1]));
  ASSIGN_OR_RETURN(image::CopyOptions options, ReadOptions(parsed));
  // As skopeo: what is made to be passed on is compressed, unless its digest is to stay.
  const bool passed_on = to.transport == image::Transport::kDocker ||
                         to.transport == image::Transport::kOci ||
                         to.transport == image::Transport::kOciArchive;
  if (passed_on && !options.preserve_digests && !options.compression.has_value()) {
    options.compression = archive::Compression::kGzip;
  }
  ASSIGN_OR_RETURN(std::optional<registry::Access> source_access, OpenFor(parsed, "src", from));
  ASSIGN_OR_RETURN(std::optional<registry::Access> sink_access, OpenFor(parsed, "dest", to));

  ProgressDisplay progress(ProgressDisplay::ChooseStyle(parsed.GetBool("quiet")), "Copying");
  options.progress = &progress;
  options.cancel = &interrupt.flag();
  const engine::Engine engine = MakeEngine(invocation);
  engine::EndOptions ends;
  ends.spool_dir = engine::SpoolDirectory(invocation.globals().tmpdir);
  ends.store = &engine.store;
  ends.single_id = OnlyOneIdMapped();
  ends.more_tags = parsed.GetList("additional-tag");
  ends.progress = &progress;
  ends.cancel = &interrupt.flag();
  ends.access = source_access.has_value() ? &*source_access : nullptr;
  ASSIGN_OR_RETURN(const std::unique_ptr<image::ImageSource> source, engine::OpenSource(from, ends));
  ends.access = sink_access.has_value() ? &*sink_access : nullptr;
  ASSIGN_OR_RETURN(const engine::SinkEnd end, engine::OpenSink(to, ends));
  ASSIGN_OR_RETURN(const image::CopyResult result, image::CopyImage(*source, *end.sink, options));

  const std::string digestfile = parsed.GetString("digestfile");
  if (!digestfile.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, digestfile, result.top.digest.str()));
  }
  for (auto* access : {&source_access, &sink_access}) {
    if (!access->has_value()) continue;
    for (const std::string& warning : (*access)->TakeWarnings()) PrintWarning(warning);
  }
  return absl::OkStatus();
}

}  // namespace

int CmdCopy(Invocation& invocation) {
  InterruptGuard interrupt;
  const absl::Status status = Copy(invocation, interrupt);
  return invocation.Fail(interrupt.Result(status.ok() ? status : Annotate(status, "copy")));
}

}  // namespace coracle::cli
