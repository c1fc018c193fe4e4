// cp: between a container and the host, two containers, or a container and a tar stream.
#ifndef CORACLE_ENGINE_COPY_H_
#define CORACLE_ENGINE_COPY_H_

#include "absl/status/status.h"
#include "engine/copy_rules.h"
#include "engine/engine.h"

namespace coracle::engine {

struct CopyRequest {
  CopyArgument source, destination;
  bool keep_owners = false;  // else the container's user, or ours on the host
  bool follow_link = false;  // of the source itself
  bool overwrite = false;    // a directory may take the place of a file and the other way round
};

// By the rules of copy_rules.h. A stream is standard input or output; tar, on input compressed or not.
// Errors: InvalidArgument, NotFound, FailedPrecondition naming the path; exit code 125.
absl::Status CopyFiles(Engine& engine, const CopyRequest& request);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_COPY_H_
