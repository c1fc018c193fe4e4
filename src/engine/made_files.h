// The files made for each container at its start: hosts, hostname, resolv.conf, .containerenv, the tiny init.
#ifndef CORACLE_ENGINE_MADE_FILES_H_
#define CORACLE_ENGINE_MADE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "engine/spec_builder.h"
#include "store/store.h"

namespace coracle::engine {

// Writes them below `run_dir` and names them in `input`.
absl::Status MakeFiles(const store::Store& store, const store::ContainerRecord& record,
                       const std::string& run_dir, SpecInput& input);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_MADE_FILES_H_
