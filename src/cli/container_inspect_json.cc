// The object of `container inspect`.
#include <algorithm>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/signal_name.h"
#include "base/time_format.h"
#include "cli/container_json.h"
#include "engine/default_limits.h"
#include "oci/capability_names.h"
#include "oci/default_spec.h"
#include "store/volume.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;
using store::ContainerConfig;

constexpr uint64_t kDefaultShmBytes = 64 << 20;

template <typename Repeated>
Json Strings(const Repeated& values) {
  Json list = Json::array();
  for (const auto& value : values) list.push_back(value);
  return list;
}

Json StringsOrNull(const google::protobuf::RepeatedPtrField<std::string>& values) {
  return values.empty() ? Json(nullptr) : Strings(values);
}

Json Pairs(const google::protobuf::RepeatedPtrField<store::StringPair>& pairs) {
  Json object = Json::object();
  for (const store::StringPair& pair : pairs) object[pair.key()] = pair.value();
  return object;
}

Json HealthJson(const store::HealthState& health) {
  Json log = Json::array();
  for (const store::HealthLogEntry& entry : health.log()) {
    log.push_back({{"Start", TimeText(entry.start_unix_nanos())},
                   {"End", TimeText(entry.end_unix_nanos())},
                   {"ExitCode", entry.exit_code()},
                   {"Output", entry.output()}});
  }
  return {{"Status", health.status()}, {"FailingStreak", health.failing_streak()}, {"Log", log}};
}

// As an image's configuration has it: times in nanoseconds.
Json HealthcheckJson(const store::HealthConfig& health) {
  Json json;
  json["Test"] = Strings(health.test());
  json["StartPeriod"] = health.start_period_nanos();
  json["StartInterval"] = health.start_interval_nanos();
  json["Interval"] = health.interval_nanos();
  json["Timeout"] = health.timeout_nanos();
  json["Retries"] = health.retries();
  return json;
}

Json StateJson(const ContainerView& view) {
  const bool running = engine::IsRunning(view);
  Json state;
  state["OciVersion"] = "1.2.0";
  state["Status"] = std::string(engine::StatusName(view));
  state["Running"] = running;
  state["Paused"] = view.state.status() == store::PAUSED;
  state["Restarting"] = false;
  state["OOMKilled"] = view.exit.has_value() && view.exit->oom_killed();
  state["Dead"] = false;
  state["Pid"] = running ? view.state.pid() : 0;
  state["ConmonPid"] = running ? view.state.monitor_pid() : 0;
  state["ExitCode"] = running || !view.exit.has_value() ? 0 : view.exit->exit_code();
  state["Error"] = view.exit.has_value() ? view.exit->error() : "";
  state["StartedAt"] = TimeText(running ? view.state.started_unix_nanos()
                                        : (view.exit.has_value() ? view.exit->started_unix_nanos() : 0));
  state["FinishedAt"] = TimeText(!running && view.exit.has_value() ? view.exit->finished_unix_nanos() : 0);
  if (running && view.state.cgroup_paths_size() > 0) state["CgroupPath"] = view.state.cgroup_paths(0);
  state["Health"] = view.health.has_value() ? HealthJson(*view.health) : Json(nullptr);
  return state;
}

Json ConfigJson(const ContainerView& view) {
  const store::ContainerRecord& record = view.record;
  const ContainerConfig& config = record.config();
  Json json;
  json["Hostname"] = config.hostname().empty() ? record.id().substr(0, 12) : config.hostname();
  json["Domainname"] = config.domainname();
  json["User"] = config.user();
  json["AttachStdin"] = !config.detach() && config.open_stdin();
  json["AttachStdout"] = !config.detach();
  json["AttachStderr"] = !config.detach();
  json["Tty"] = config.tty();
  json["OpenStdin"] = config.open_stdin();
  json["StdinOnce"] = config.open_stdin() && !config.detach();
  json["Env"] = Strings(config.env());
  json["Cmd"] = StringsOrNull(config.command());
  json["Image"] = record.image_name();
  json["Volumes"] = nullptr;
  json["WorkingDir"] = config.workdir().empty() ? "/" : config.workdir();
  json["Entrypoint"] = StringsOrNull(config.entrypoint());
  json["OnBuild"] = nullptr;
  json["Labels"] = Pairs(config.labels());
  json["Annotations"] = Pairs(config.annotations());
  const auto signal = ParseSignal(config.stop_signal().empty() ? "SIGTERM" : config.stop_signal());
  json["StopSignal"] = signal.ok() ? SignalName(*signal) : config.stop_signal();
  json["StopTimeout"] = config.has_stop_timeout_seconds() ? config.stop_timeout_seconds() : 10;
  json["Healthcheck"] = config.has_health() ? HealthcheckJson(config.health()) : Json(nullptr);
  if (config.has_health()) {
    json["HealthcheckOnFailureAction"] =
        config.health().on_failure().empty() ? "none" : config.health().on_failure();
    if (!config.health().startup_test().empty()) {
      json["StartupHealthCheck"] = {{"Test", Strings(config.health().startup_test())}};
    }
  }
  json["CreateCommand"] = Strings(record.create_command());
  json["Timeout"] = config.timeout_seconds();
  char umask[8];
  (void)snprintf(umask, sizeof(umask), "%04o", config.has_umask() ? config.umask() : 022U);
  json["Umask"] = umask;
  if (!config.timezone().empty()) json["Timezone"] = config.timezone();
  Json ports = Json::object();
  for (const std::string& port : config.exposed_ports()) ports[port] = Json::object();
  json["ExposedPorts"] = ports;
  return json;
}

void AddLimits(const ContainerConfig& config, Json& json) {
  const store::Limits& limits = config.limits();
  json["Memory"] = limits.memory_bytes();
  json["MemoryReservation"] = limits.memory_reservation_bytes();
  json["MemorySwap"] = engine::MemorySwapInForce(config);
  json["MemorySwappiness"] = limits.has_memory_swappiness() ? limits.memory_swappiness() : -1;
  json["NanoCpus"] = limits.cpus_nano();
  json["CpuShares"] = limits.cpu_shares();
  json["CpuPeriod"] = limits.cpu_period_usec();
  json["CpuQuota"] = limits.cpu_quota_usec();
  json["CpuRealtimePeriod"] = limits.cpu_rt_period_usec();
  json["CpuRealtimeRuntime"] = limits.cpu_rt_runtime_usec();
  json["CpusetCpus"] = limits.cpuset_cpus();
  json["CpusetMems"] = limits.cpuset_mems();
  json["PidsLimit"] = engine::PidsLimitInForce(config);
  json["BlkioWeight"] = limits.blkio_weight();
  json["OomKillDisable"] = limits.oom_kill_disable();
  json["OomScoreAdj"] = config.oom_score_adj();
  Json ulimits = Json::array();
  for (const store::Ulimit& ulimit : config.ulimits()) {
    ulimits.push_back({{"Name", ulimit.name()}, {"Hard", ulimit.hard()}, {"Soft", ulimit.soft()}});
  }
  json["Ulimits"] = ulimits;
}

std::string ModeOr(const std::string& mode, const char* fallback) { return mode.empty() ? fallback : mode; }

bool IsAccess(absl::string_view option) { return option == "ro" || option == "rw" || option == "rro"; }
bool IsPropagation(absl::string_view option) {
  return absl::EndsWith(option, "private") || absl::EndsWith(option, "shared") ||
         absl::EndsWith(option, "slave") || absl::EndsWith(option, "unbindable");
}

bool IsWritable(const store::Mount& mount) {
  bool writable = mount.type() != "image";
  for (const std::string& option : mount.options()) {
    if (IsAccess(option)) writable = option == "rw";
  }
  return writable;
}

std::string PropagationOf(const store::Mount& mount) {
  for (const std::string& option : mount.options()) {
    if (IsPropagation(option)) return option;
  }
  return "rprivate";
}

// The options of a mount with those that the engine adds.
std::vector<std::string> ShownOptions(const store::Mount& mount) {
  std::vector<std::string> options(mount.options().begin(), mount.options().end());
  const auto has = [&options](absl::string_view a, absl::string_view b) {
    return std::any_of(options.begin(), options.end(),
                       [&](const std::string& o) { return o == a || o == b; });
  };
  if (mount.type() == "volume" && !has("suid", "nosuid")) options.push_back("nosuid");
  if (mount.type() == "volume" && !has("dev", "nodev")) options.push_back("nodev");
  if (mount.chown()) options.push_back("U");
  if (mount.overlay()) options.push_back("O");
  if (mount.no_copy()) options.push_back("nocopy");
  if (!mount.id_map().empty()) options.push_back(absl::StrCat("idmap=", mount.id_map()));
  if (mount.type() != "image" && !has("bind", "rbind")) options.push_back("rbind");
  return options;
}

// "rw,rprivate,nosuid,nodev,rbind"
std::string BindOptions(const store::Mount& mount) {
  std::string text = IsWritable(mount) ? "rw" : "ro";
  absl::StrAppend(&text, ",", PropagationOf(mount));
  for (const std::string& option : ShownOptions(mount)) {
    if (!IsAccess(option) && !IsPropagation(option)) absl::StrAppend(&text, ",", option);
  }
  return text;
}

Json HostConfigJson(const ContainerView& view) {
  const ContainerConfig& config = view.record.config();
  Json json;
  Json binds = Json::array();
  Json tmpfs = Json::object();
  for (const store::Mount& mount : config.mounts()) {
    if (mount.type() == "bind" || mount.type() == "volume") {
      binds.push_back(absl::StrCat(mount.source(), ":", mount.destination(), ":", BindOptions(mount)));
    } else if (mount.type() == "tmpfs") {
      tmpfs[mount.destination()] = absl::StrJoin(mount.options(), ",");
    }
  }
  json["Binds"] = binds;
  json["Tmpfs"] = tmpfs;
  json["CgroupMode"] = ModeOr(config.cgroupns_mode(), "private");
  json["CgroupParent"] = config.cgroup_parent();
  json["Cgroups"] = config.cgroups();
  json["ContainerIDFile"] = config.cid_file();
  json["LogConfig"] = {{"Type", config.log().driver()},
                       {"Config", nullptr},
                       {"Path", config.log().path()},
                       {"Tag", config.log().tag()},
                       {"Size", absl::StrCat(config.log().max_size_bytes(), "B")}};
  json["NetworkMode"] = config.network_mode();
  json["PortBindings"] = PortBindingsJson(view);
  json["PublishAllPorts"] = config.publish_all();
  json["Links"] = config.links().empty() ? Json(nullptr) : Strings(config.links());
  json["RestartPolicy"] = {{"Name", config.restart().name()},
                           {"MaximumRetryCount", config.restart().maximum_retries()}};
  json["AutoRemove"] = view.record.auto_remove();
  json["CapAdd"] = Strings(config.cap_add());
  json["CapDrop"] = Strings(config.cap_drop());
  json["Dns"] = Strings(config.dns_servers());
  json["DnsOptions"] = Strings(config.dns_options());
  json["DnsSearch"] = Strings(config.dns_searches());
  json["ExtraHosts"] = Strings(config.host_entries());
  json["GroupAdd"] = Strings(config.group_add());
  json["IpcMode"] = ModeOr(config.ipc_mode(), "private");
  json["PidMode"] = ModeOr(config.pid_mode(), "private");
  json["UTSMode"] = ModeOr(config.uts_mode(), "private");
  json["UsernsMode"] = config.userns_mode();
  json["Privileged"] = config.privileged();
  json["ReadonlyRootfs"] = config.read_only();
  Json security = Json::array();
  if (config.no_new_privileges()) security.push_back("no-new-privileges");
  if (!config.seccomp_profile().empty())
    security.push_back(absl::StrCat("seccomp=", config.seccomp_profile()));
  json["SecurityOpt"] = security;
  json["ShmSize"] = config.shm_size_bytes() == 0 ? kDefaultShmBytes : config.shm_size_bytes();
  json["Runtime"] = config.runtime().empty() ? "coracle" : config.runtime();
  json["Init"] = config.init();
  Json devices = Json::array();
  for (const store::DeviceRequest& device : config.devices()) {
    devices.push_back({{"PathOnHost", device.host_path()},
                       {"PathInContainer", device.container_path()},
                       {"CgroupPermissions", device.access()}});
  }
  json["Devices"] = devices;
  AddLimits(config, json);
  return json;
}

Json MountsJson(const store::Store& store, const ContainerConfig& config) {
  Json mounts = Json::array();
  for (const store::Mount& mount : config.mounts()) {
    // As podman: what lies in memory is told by HostConfig.Tmpfs.
    if (mount.type() != "bind" && mount.type() != "volume" && mount.type() != "image") continue;
    const bool is_volume = mount.type() == "volume";
    Json json;
    json["Type"] = mount.type();
    json["Name"] = is_volume ? mount.source() : "";
    json["Source"] = is_volume ? store::VolumeDataDir(store, mount.source()) : mount.source();
    json["Destination"] = mount.destination();
    json["Driver"] = is_volume ? "local" : "";
    json["Mode"] = "";
    Json options = Json::array();
    for (const std::string& option : ShownOptions(mount)) {
      if (!IsAccess(option) && !IsPropagation(option)) options.push_back(option);
    }
    json["Options"] = options;
    json["RW"] = IsWritable(mount);
    json["Propagation"] = mount.type() == "image" ? "" : PropagationOf(mount);
    json["SubPath"] = mount.subpath();
    mounts.push_back(std::move(json));
  }
  return mounts;
}

}  // namespace

Json InspectJson(const engine::Engine& engine, const ContainerView& view, std::optional<int64_t> size_bytes) {
  const store::ContainerRecord& record = view.record;
  const ContainerConfig& config = record.config();
  Json json;
  json["Id"] = record.id();
  json["Created"] = TimeText(record.created_unix_nanos());
  json["Path"] = config.args().empty() ? "" : config.args(0);
  Json args = Json::array();
  for (int i = 1; i < config.args_size(); ++i) args.push_back(config.args(i));
  json["Args"] = args;
  json["State"] = StateJson(view);
  json["Image"] = record.image_id();
  json["ImageName"] = record.image_name();
  json["Rootfs"] = record.rootfs();
  json["Pod"] = "";
  const std::string run_dir = engine.store.ContainerRunDir(record.id());
  json["ResolvConfPath"] = absl::StrCat(run_dir, "/resolv.conf");
  json["HostnamePath"] = absl::StrCat(run_dir, "/hostname");
  json["HostsPath"] = absl::StrCat(run_dir, "/hosts");
  json["StaticDir"] = engine.store.ContainerDir(record.id());
  json["LogPath"] = config.log().path().empty()
                        ? absl::StrCat(engine.store.ContainerDir(record.id()), "/ctr.log")
                        : config.log().path();
  json["OCIRuntime"] = config.runtime().empty() ? "coracle" : config.runtime();
  json["Name"] = record.name();
  json["RestartCount"] = engine::IsRunning(view) ? view.state.restart_count()
                                                 : (view.exit.has_value() ? view.exit->restart_count() : 0);
  json["Driver"] = "overlay";
  json["Platform"] = "linux";
  json["AppArmorProfile"] = config.apparmor_profile();
  const std::vector<std::string> add(config.cap_add().begin(), config.cap_add().end());
  const std::vector<std::string> drop(config.cap_drop().begin(), config.cap_drop().end());
  const auto capabilities =
      oci::MergeCapabilities(oci::DefaultCapabilities(), add, drop, config.privileged());
  json["EffectiveCaps"] = capabilities.ok() ? Strings(*capabilities) : Json::array();
  json["BoundingCaps"] = json["EffectiveCaps"];
  json["ExecIDs"] = Json::array();
  if (size_bytes.has_value()) json["SizeRw"] = *size_bytes;
  json["Mounts"] = MountsJson(engine.store, config);
  json["Dependencies"] = Json::array();
  json["NetworkSettings"] = NetworkSettingsJson(engine, view);
  json["Namespace"] = "";
  json["IsInfra"] = false;
  json["IsService"] = false;
  json["Config"] = ConfigJson(view);
  json["HostConfig"] = HostConfigJson(view);
  return json;
}

}  // namespace coracle::cli
