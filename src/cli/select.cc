#include "cli/select.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command_table.h"
#include "cli/container_filter.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

bool HasOption(const Invocation& invocation, absl::string_view name) {
  return FindOption(invocation.parsed().command(), name) != nullptr;
}

bool Wants(const Invocation& invocation, absl::string_view option) {
  return HasOption(invocation, option) && invocation.parsed().GetBool(option);
}

std::vector<std::string> Values(const Invocation& invocation, absl::string_view option) {
  return HasOption(invocation, option) ? invocation.parsed().GetList(option) : std::vector<std::string>();
}

absl::Status AddMatching(Invocation& invocation, engine::Engine& engine, const SelectOptions& options,
                         Selected& selected) {
  ASSIGN_OR_RETURN(const ContainerFilter filter,
                   ContainerFilter::Parse(engine, Values(invocation, "filter")));
  ASSIGN_OR_RETURN(std::vector<engine::ContainerView> views, engine::LookAll(engine));
  for (engine::ContainerView& view : views) {
    if (!filter.Matches(view) || (options.eligible && !options.eligible(view))) continue;
    std::string id = view.record.id();
    selected.containers.push_back({std::move(id), std::move(view)});
  }
  return absl::OkStatus();
}

void AddNamed(engine::Engine& engine, const SelectOptions& options, const std::string& name,
              Invocation& invocation, Selected& selected) {
  auto view = engine::Look(engine, name);
  if (!view.ok()) {
    if (options.ignore_missing && absl::IsNotFound(view.status())) return;
    selected.exit_code = invocation.Fail(view.status());
    return;
  }
  const bool twice =
      std::any_of(selected.containers.begin(), selected.containers.end(),
                  [&view](const Selection& s) { return s.view.record.id() == view->record.id(); });
  if (!twice) selected.containers.push_back({name, *std::move(view)});
}

}  // namespace

engine::Engine MakeEngine(const Invocation& invocation) {
  const Globals& globals = invocation.globals();
  engine::Settings settings;
  settings.storage_driver = globals.storage_driver;
  settings.cgroup_manager = globals.cgroup_manager;
  settings.runtime = globals.runtime;
  settings.tmpdir = globals.tmpdir;
  settings.own_command = {"coracle",       "--root",   globals.root,  "--runroot",
                          globals.runroot, "--tmpdir", globals.tmpdir};
  const auto add = [&settings](const char* option, const std::string& value) {
    if (!value.empty()) settings.own_command.push_back(absl::StrCat(option, "=", value));
  };
  add("--storage-driver", globals.storage_driver);
  add("--cgroup-manager", globals.cgroup_manager);
  add("--runtime", globals.runtime);
  return {store::Store(globals.root, globals.runroot), std::move(settings)};
}

absl::StatusOr<Selected> SelectContainers(Invocation& invocation, engine::Engine& engine,
                                          const SelectOptions& options) {
  Selected selected;
  const bool all = Wants(invocation, "all") || Wants(invocation, "running");
  const bool latest = Wants(invocation, "latest");
  const std::vector<std::string> filters = Values(invocation, "filter");
  const std::vector<std::string> files = Values(invocation, "cidfile");
  if ((all || latest) && !invocation.args().empty()) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat("--", all ? "all" : "latest",
                                                                " and named containers exclude each other")),
                        125);
  }
  if (all || (!filters.empty() && invocation.args().empty())) {
    RETURN_IF_ERROR(AddMatching(invocation, engine, options, selected));
    return selected;
  }
  if (latest) {
    ASSIGN_OR_RETURN(engine::ContainerView view, engine::Latest(engine));
    std::string id = view.record.id();
    selected.containers.push_back({std::move(id), std::move(view)});
    return selected;
  }
  for (const std::string& file : files) {
    const auto id = os::ReadFileAt(AT_FDCWD, file, 4096);
    if (!id.ok()) {
      if (!(options.ignore_missing && absl::IsNotFound(id.status())))
        selected.exit_code = invocation.Fail(id.status());
      continue;
    }
    AddNamed(engine, options, std::string(absl::StripAsciiWhitespace(*id)), invocation, selected);
  }
  for (const std::string& name : invocation.args()) AddNamed(engine, options, name, invocation, selected);
  return selected;
}

int ForEachSelected(Invocation& invocation, engine::Engine& engine, const SelectOptions& options,
                    absl::FunctionRef<absl::Status(Selection&)> act) {
  absl::StatusOr<Selected> selected = SelectContainers(invocation, engine, options);
  if (!selected.ok()) return invocation.Fail(selected.status());
  int code = selected->exit_code;
  for (Selection& selection : selected->containers) {
    const absl::Status status = act(selection);
    if (status.ok()) {
      invocation.out().WriteLine(selection.shown);
    } else {
      code = invocation.Fail(status);
    }
  }
  return code;
}

absl::StatusOr<engine::ContainerView> SelectOne(Invocation& invocation, engine::Engine& engine) {
  if (Wants(invocation, "latest")) return engine::Latest(engine);
  return engine::Look(engine, invocation.args()[0]);
}

}  // namespace coracle::cli
