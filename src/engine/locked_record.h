// A container's record that is about to be changed.
#ifndef CORACLE_ENGINE_LOCKED_RECORD_H_
#define CORACLE_ENGINE_LOCKED_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/engine.h"

namespace coracle::engine {

// The op lock is held as long as this lives; record and state were read under it.
struct LockedRecord {
  store::FileLock lock;
  ContainerView view;
};
// Errors: as Look and store::LockContainer.
absl::StatusOr<LockedRecord> LockRecord(Engine& engine, const std::string& container);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_LOCKED_RECORD_H_
