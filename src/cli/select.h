// Which containers a command acts on: arguments, --all, --latest, --cidfile, --filter; and acting on each.
#ifndef CORACLE_CLI_SELECT_H_
#define CORACLE_CLI_SELECT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "cli/invocation.h"
#include "engine/engine.h"

namespace coracle::cli {

engine::Engine MakeEngine(const Invocation& invocation);

struct Selection {
  std::string shown;  // as the user named it, else the id
  engine::ContainerView view;
};

struct SelectOptions {
  bool ignore_missing = false;  // --ignore
  // With --all or --filter: only those for which this holds; null: every one.
  std::function<bool(const engine::ContainerView&)> eligible;
};

// What was found, and how many names failed: each of those has been reported on standard error.
struct Selected {
  std::vector<Selection> containers;
  int exit_code = 0;
};
// Options that the command does not have are not looked at. Errors: of the selection as a whole.
absl::StatusOr<Selected> SelectContainers(Invocation& invocation, engine::Engine& engine,
                                          const SelectOptions& options);

// Calls `act` on each; prints what the user named it by when it returns OK, else the error. The exit code for
// the command.
int ForEachSelected(Invocation& invocation, engine::Engine& engine, const SelectOptions& options,
                    absl::FunctionRef<absl::Status(Selection&)> act);

// The one container of commands that take one: the first argument, or --latest.
absl::StatusOr<engine::ContainerView> SelectOne(Invocation& invocation, engine::Engine& engine);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_SELECT_H_
