#include "engine/locked_record.h"

#include <utility>

#include "base/status.h"

namespace coracle::engine {

absl::StatusOr<LockedRecord> LockRecord(Engine& engine, const std::string& container) {
  ASSIGN_OR_RETURN(const ContainerView before, Look(engine, container));
  ASSIGN_OR_RETURN(store::FileLock lock, store::LockContainer(engine.store, before.record.id()));
  LockedRecord locked{std::move(lock), before};
  // Not by Look, which might want the lock itself.
  ASSIGN_OR_RETURN(locked.view.record, store::ReadContainer(engine.store, before.record.id()));
  ASSIGN_OR_RETURN(locked.view.state, store::ReadState(engine.store, before.record.id()));
  return locked;
}

}  // namespace coracle::engine
