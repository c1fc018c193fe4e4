// inspect, container inspect and image inspect.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/container_json.h"
#include "cli/image_json.h"
#include "cli/inspect_transport.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "storage/disk_usage.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kMapFields[] = {"Labels",  "Annotations",  "Networks", "Ports",   "PortBindings",
                                            "Volumes", "ExposedPorts", "Tmpfs",    "Sysctls", "Data"};
constexpr absl::string_view kListFields[] = {"Cmd", "Entrypoint", "OnBuild", "Env"};

// An image says of its config only what it has; a template may ask for any of the documented fields.
void CompleteConfig(Json& image) {
  Json& config = image["Config"];
  for (const char* field : {"User", "WorkingDir", "StopSignal"}) config.emplace(field, "");
  for (const char* field : {"Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "OnBuild", "Volumes"}) {
    config.emplace(field, nullptr);
  }
}

enum class Kind { kAny, kContainer, kImage };

absl::StatusOr<Json> InspectOne(engine::Engine& engine, const std::string& name, Kind kind, bool size) {
  if (kind != Kind::kImage) {
    const auto view = engine::Look(engine, name);
    if (view.ok()) {
      std::optional<int64_t> bytes;
      if (size) {
        ASSIGN_OR_RETURN(bytes, storage::ContainerBytes(engine.store, view->record.id()));
      }
      return InspectJson(engine, *view, bytes);
    }
    if (kind == Kind::kContainer || !absl::IsNotFound(view.status())) return view.status();
  }
  auto image = image::Find(engine.store, name);
  if (absl::IsNotFound(image.status()) && kind == Kind::kAny) {
    return WithExitCode(absl::NotFoundError(absl::StrCat("no such object: \"", name, "\"")), 125);
  }
  if (!image.ok()) return WithExitCode(image.status(), 125);
  return ImageInspectJson(engine.store, *image);
}

bool IsTemplate(absl::string_view format) { return !format.empty() && format != "json"; }

int Inspect(Invocation& invocation, Kind kind, bool size, bool latest) {
  const std::string format = invocation.parsed().GetString("format");
  engine::Engine engine = MakeEngine(invocation);
  std::vector<std::string> names = invocation.args();
  if (latest) {
    const auto view = engine::Latest(engine);
    if (!view.ok()) return invocation.Fail(view.status());
    names.push_back(view->record.id());
  }
  std::vector<Json> objects;
  int code = 0;
  std::vector<absl::Status> errors;
  for (const std::string& name : names) {
    auto object = InspectOne(engine, name, kind, size);
    if (object.ok()) {
      if (IsTemplate(format) && object->contains("RootFS")) CompleteConfig(*object);
      objects.push_back(*std::move(object));
    } else {
      errors.push_back(object.status());
    }
  }
  ExecuteOptions options;
  options.strict = true;
  options.map_fields = kMapFields;
  options.list_fields = kListFields;
  const auto text = RenderInspect(format, objects, options);
  if (!text.ok()) return invocation.Fail(WithExitCode(text.status(), 125));
  invocation.out().Write(*text);
  for (const absl::Status& error : errors) code = invocation.Fail(error);
  return code;
}

}  // namespace

int CmdInspect(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string type = parsed.GetString("type");
  Kind kind = Kind::kAny;
  if (type == "container") kind = Kind::kContainer;
  if (type == "image") kind = Kind::kImage;
  if (kind == Kind::kAny && type != "all" && !type.empty()) {
    return invocation.Fail(WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--type ", type, ": expected container, image or all")),
        125));
  }
  return Inspect(invocation, kind, parsed.GetBool("size"), parsed.GetBool("latest"));
}

int CmdContainerInspect(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  return Inspect(invocation, Kind::kContainer, parsed.GetBool("size"), parsed.GetBool("latest"));
}

int CmdImageInspect(Invocation& invocation) {
  if (InspectsTransport(invocation.parsed())) return invocation.Fail(InspectTransports(invocation));
  return Inspect(invocation, Kind::kImage, /*size=*/false, /*latest=*/false);
}

}  // namespace coracle::cli
