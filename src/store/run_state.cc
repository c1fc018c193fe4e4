#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "base/fault.h"
#include "base/status.h"
#include "store/store.h"

namespace coracle::store {

std::string BootId() {
  static const std::string id = [] {
    const auto text = os::ReadFileAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256);
    return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : std::string();
  }();
  return id;
}

absl::StatusOr<ContainerState> ReadState(const Store& store, absl::string_view id) {
  auto state = ReadRecord<ContainerState>(absl::StrCat(store.ContainerRunDir(id), "/state"));
  if (!state.ok()) {
    if (absl::IsNotFound(state.status())) return ContainerState();
    return state.status();
  }
  // A runroot that is no tmpfs outlives the reboot; what it says does not.
  if (state->boot_id() != BootId()) return ContainerState();
  return state;
}

absl::Status WriteState(const Store& store, absl::string_view id, const ContainerState& state) {
  FaultPoint("store.state");
  const std::string path = absl::StrCat(store.ContainerRunDir(id), "/state");
  if (state.boot_id() == BootId()) return WriteRecord(path, state, os::Durability::kVolatile);
  ContainerState stamped = state;
  stamped.set_boot_id(BootId());
  return WriteRecord(path, stamped, os::Durability::kVolatile);
}

absl::Status ClearState(const Store& store, absl::string_view id) {
  const std::string path = absl::StrCat(store.ContainerRunDir(id), "/state");
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove ", path));
}

absl::StatusOr<HealthState> ReadHealth(const Store& store, absl::string_view id) {
  auto health = ReadRecord<HealthState>(absl::StrCat(store.ContainerRunDir(id), "/health"));
  return absl::IsNotFound(health.status()) ? HealthState() : health;
}

absl::Status WriteHealth(const Store& store, absl::string_view id, const HealthState& health) {
  return WriteRecord(absl::StrCat(store.ContainerRunDir(id), "/health"), health, os::Durability::kVolatile);
}

bool MonitorAlive(const Store& store, absl::string_view id) {
  return FileLock::IsHeld(absl::StrCat(store.ContainerRunDir(id), "/lock"));
}

}  // namespace coracle::store
