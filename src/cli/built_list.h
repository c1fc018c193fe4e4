// Images that one build made for several platforms, as lists under its names.
#ifndef CORACLE_CLI_BUILT_LIST_H_
#define CORACLE_CLI_BUILT_LIST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "engine/transfer.h"

namespace coracle::cli {

// Makes each of `names` the list of these images (ids); a list of that name is replaced, unless `amend`: then
// they are added to it. Errors: as of manifest create and add.
absl::Status MakeBuiltLists(engine::Engine& engine, engine::TransferContext& transfer,
                            const std::vector<std::string>& names, const std::vector<std::string>& images,
                            bool amend);
// Errors: as of manifest push.
absl::Status PushBuiltLists(engine::Engine& engine, engine::TransferContext& transfer,
                            const std::vector<std::string>& names);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILT_LIST_H_
