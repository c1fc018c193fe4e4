// Parts of a container's place on disk that store/ shares within itself.
#ifndef CORACLE_STORE_CONTAINER_DIRS_H_
#define CORACLE_STORE_CONTAINER_DIRS_H_

#include <string>

#include "store/store.h"

namespace coracle::store {

std::string RootRecordPath(const Store& store, absl::string_view id);
std::string RunRecordPath(const Store& store, absl::string_view id);
bool HasRecord(const Store& store, absl::string_view id);

// Removes <runroot>/containers/<id>, its op lock last. The caller holds a lock of the container.
absl::Status RemoveRunDir(const Store& store, absl::string_view id);

}  // namespace coracle::store

#endif  // CORACLE_STORE_CONTAINER_DIRS_H_
