#include "base/fault.h"
#include "base/status.h"
#include "store/store.h"

namespace coracle::store {
namespace {

std::string ExitPath(const Store& store, absl::string_view id) {
  return absl::StrCat(store.ContainerDir(id), "/exit");
}
std::string TombstonePath(const Store& store, absl::string_view id) {
  return absl::StrCat(store.runroot(), "/exits/", id);
}

}  // namespace

absl::StatusOr<ExitRecord> ReadExit(const Store& store, absl::string_view id) {
  auto exit = ReadRecord<ExitRecord>(ExitPath(store, id));
  if (absl::IsNotFound(exit.status())) exit = ReadRecord<ExitRecord>(TombstonePath(store, id));
  if (!absl::IsDataLoss(exit.status())) return exit;
  ExitRecord unknown;
  unknown.set_unknown(true);
  unknown.set_exit_code(255);
  unknown.set_container_id(std::string(id));
  unknown.set_error("the record of its exit was lost");
  return unknown;
}

absl::Status WriteExit(const Store& store, absl::string_view id, const ExitRecord& exit) {
  FaultPoint("store.exit");
  return WriteRecord(ExitPath(store, id), exit, os::Durability::kVolatile);
}

absl::Status WriteTombstone(const Store& store, const ExitRecord& exit) {
  if (exit.container_id().empty()) return absl::InvalidArgumentError("an exit record without container id");
  FaultPoint("store.tombstone");
  return WriteRecord(TombstonePath(store, exit.container_id()), exit, os::Durability::kVolatile);
}

}  // namespace coracle::store
