#include <fcntl.h>
#include <unistd.h>

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

// A damaged record (power cut) says no more than that there was one.
absl::StatusOr<ExitRecord> OrUnknown(absl::StatusOr<ExitRecord> exit, absl::string_view id) {
  if (!absl::IsDataLoss(exit.status())) return exit;
  ExitRecord unknown;
  unknown.set_unknown(true);
  unknown.set_exit_code(255);
  unknown.set_container_id(std::string(id));
  unknown.set_error("the record of its exit was lost");
  return unknown;
}

}  // namespace

absl::StatusOr<ExitRecord> ReadOwnExit(const Store& store, absl::string_view id) {
  return OrUnknown(ReadRecord<ExitRecord>(ExitPath(store, id)), id);
}

absl::StatusOr<ExitRecord> ReadExit(const Store& store, absl::string_view id) {
  auto exit = ReadOwnExit(store, id);
  return absl::IsNotFound(exit.status()) ? OrUnknown(ReadRecord<ExitRecord>(TombstonePath(store, id)), id)
                                         : exit;
}

void MarkStarted(const Store& store, absl::string_view id) {
  const os::UniqueFd made(open(ExitPath(store, id).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (made.valid()) (void)!write(made.get(), "-", 1);  // an empty one would count as none
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
