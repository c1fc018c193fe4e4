// From the name of a place to the source or sink there: any transport.
#ifndef CORACLE_ENGINE_IMAGE_ENDS_H_
#define CORACLE_ENGINE_IMAGE_ENDS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "engine/transfer.h"
#include "image/transport.h"
#include "image/transport_name.h"
#include "os/cancel.h"
#include "registry/access.h"
#include "store/store.h"

namespace coracle::engine {

struct EndOptions {
  std::string spool_dir;                // where archives that can't be read in place are kept meanwhile
  const store::Store* store = nullptr;  // for containers-storage:
  registry::Access* access = nullptr;   // for docker://; outlives the end
  bool single_id = false;               // a user namespace of one id
  std::vector<std::string> more_tags;   // of a docker-archive, beside the one in its name
  ProgressObserver* progress = nullptr;
  const os::CancelFlag* cancel = nullptr;
};

// What the ends of a transfer share with the rest of it.
EndOptions EndsOf(const Engine& engine, const TransferContext& context);

// Errors: of opening it; FailedPrecondition if the options lack what the transport needs.
absl::StatusOr<std::unique_ptr<image::ImageSource>> OpenSource(const image::TransportName& name,
                                                               const EndOptions& options);

struct SinkEnd {
  std::shared_ptr<void> owner;  // of what the sink writes into
  std::unique_ptr<image::ImageSink> sink;
};
// Commit() is all that is needed to finish. Errors: of opening it; AlreadyExists for a docker-archive that is
// there, which can't be changed.
absl::StatusOr<SinkEnd> OpenSink(const image::TransportName& name, const EndOptions& options);

// A directory for temporary files: `tmpdir` or, if that is not to be written to, /var/tmp or /tmp.
std::string SpoolDirectory(const std::string& tmpdir);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_IMAGE_ENDS_H_
