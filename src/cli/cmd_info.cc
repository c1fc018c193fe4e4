// info: what this host offers.
#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/json.h"
#include "base/status.h"
#include "base/table.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/version.h"
#include "image/image_store.h"
#include "oci/platform.h"
#include "os/file.h"
#include "runtime/cgroup.h"
#include "storage/driver.h"

namespace coracle::cli {
namespace {

std::string FileLine(const char* path) {
  const auto text = os::ReadFileAt(AT_FDCWD, path, 1 << 16);
  return text.ok() ? std::string(absl::StripTrailingAsciiWhitespace(*text)) : "";
}

Json Distribution() {
  Json json{{"distribution", ""}, {"version", ""}};
  const std::string text = FileLine("/etc/os-release");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "ID="))
      json["distribution"] = std::string(absl::StripPrefix(absl::StripSuffix(line, "\""), "\""));
    if (absl::ConsumePrefix(&line, "VERSION_ID="))
      json["version"] = std::string(absl::StripPrefix(absl::StripSuffix(line, "\""), "\""));
  }
  return json;
}

Json HostJson(const Globals& globals) {
  utsname name = {};
  (void)uname(&name);  // cannot fail with a valid buffer
  struct sysinfo memory = {};
  (void)sysinfo(&memory);
  const runtime::CgroupHost cgroups = runtime::ProbeCgroups();
  Json json;
  json["arch"] = oci::HostPlatform().architecture;
  json["cgroupControllers"] = Json::array();
  for (const std::string& controller : cgroups.controllers) json["cgroupControllers"].push_back(controller);
  json["cgroupManager"] = globals.cgroup_manager.empty() ? "cgroupfs" : globals.cgroup_manager;
  json["cgroupVersion"] = cgroups.version;
  json["cgroupWritable"] = cgroups.writable;
  json["cpus"] = get_nprocs();
  json["distribution"] = Distribution();
  json["hostname"] = name.nodename;
  json["kernel"] = name.release;
  json["logDriver"] = "k8s-file";
  json["memFree"] = static_cast<uint64_t>(memory.freeram) * memory.mem_unit;
  json["memTotal"] = static_cast<uint64_t>(memory.totalram) * memory.mem_unit;
  json["swapFree"] = static_cast<uint64_t>(memory.freeswap) * memory.mem_unit;
  json["swapTotal"] = static_cast<uint64_t>(memory.totalswap) * memory.mem_unit;
  json["ociRuntime"] = {
      {"name", "coracle"}, {"path", "/proc/self/exe"}, {"version", std::string(kVersionNumber)}};
  json["os"] = "linux";
  const std::string apparmor = FileLine("/sys/module/apparmor/parameters/enabled");
  json["security"] = {{"rootless", globals.rootless},
                      {"seccompEnabled", !FileLine("/proc/sys/kernel/seccomp/actions_avail").empty()},
                      {"apparmorEnabled", apparmor == "Y"},
                      {"selinuxEnabled", os::ExistsAt(AT_FDCWD, "/sys/fs/selinux/enforce")}};
  json["uptime"] = FormatGoDuration(absl::Seconds(memory.uptime));
  return json;
}

absl::StatusOr<Json> StoreJson(engine::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
  ASSIGN_OR_RETURN(const storage::DriverChoice driver,
                   storage::ChooseDriver(engine.store, engine.settings.storage_driver));
  const auto count = [&views](store::ContainerStatus status) {
    return std::count_if(views.begin(), views.end(),
                         [status](const engine::ContainerView& v) { return v.state.status() == status; });
  };
  Json json;
  json["graphDriverName"] = std::string(storage::DriverName(driver.driver));
  json["graphDriverWhy"] = driver.why;
  json["graphRoot"] = engine.store.root();
  json["runRoot"] = engine.store.runroot();
  json["containerStore"] = {
      {"number", views.size()},
      {"paused", count(store::PAUSED)},
      {"running", count(store::RUNNING)},
      {"stopped", static_cast<int64_t>(views.size()) - count(store::PAUSED) - count(store::RUNNING)}};
  json["imageStore"] = {{"number", images.size()}};
  json["schema"] = store::kNewestSchema;
  return json;
}

// "key: value" lines, indented, as podman shows it.
void AppendReadable(const Json& value, int depth, std::string& text) {
  for (const auto& [key, member] : value.items()) {
    absl::StrAppend(&text, std::string(static_cast<size_t>(depth) * 2, ' '), key, ":");
    if (member.is_object()) {
      text += '\n';
      AppendReadable(member, depth + 1, text);
    } else if (member.is_array()) {
      absl::StrAppend(&text, " ",
                      absl::StrJoin(member, " ",
                                    [](std::string* out, const Json& item) {
                                      absl::StrAppend(
                                          out, item.is_string() ? item.get<std::string>() : DumpJson(item));
                                    }),
                      "\n");
    } else {
      absl::StrAppend(&text, " ", member.is_string() ? member.get<std::string>() : DumpJson(member), "\n");
    }
  }
}

absl::Status Info(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  Json json;
  json["host"] = HostJson(invocation.globals());
  ASSIGN_OR_RETURN(json["store"], StoreJson(engine));
  json["version"] = {{"APIVersion", std::string(kVersionNumber)},
                     {"Version", std::string(kVersionNumber)},
                     {"OsArch", oci::PlatformName(oci::HostPlatform())}};
  // What docker calls some of these, for templates of its users.
  json["ServerVersion"] = std::string(kVersionNumber);
  json["Driver"] = json["store"]["graphDriverName"];
  json["CgroupVersion"] = json["host"]["cgroupVersion"];
  json["Containers"] = json["store"]["containerStore"]["number"];
  json["ContainersRunning"] = json["store"]["containerStore"]["running"];
  json["Images"] = json["store"]["imageStore"]["number"];
  json["OperatingSystem"] = json["host"]["distribution"]["distribution"];
  json["KernelVersion"] = json["host"]["kernel"];
  json["NCPU"] = json["host"]["cpus"];
  json["MemTotal"] = json["host"]["memTotal"];
  const std::string format = invocation.parsed().GetString("format");
  if (format == "json") {
    invocation.out().WriteLine(DumpJson(json, 4));
  } else if (!format.empty()) {
    ASSIGN_OR_RETURN(const std::string text, RenderInspect(format, {json}, {}));
    invocation.out().Write(text);
  } else {
    std::string text;
    for (const char* part : {"host", "store", "version"}) {
      absl::StrAppend(&text, part, ":\n");
      AppendReadable(json[part], 1, text);
    }
    invocation.out().Write(text);
  }
  return absl::OkStatus();
}

}  // namespace

int CmdInfo(Invocation& invocation) { return invocation.Fail(Info(invocation)); }

}  // namespace coracle::cli
