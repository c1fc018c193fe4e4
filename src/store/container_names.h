// Claims of container names; see store.h for when a claim holds.
#ifndef CORACLE_STORE_CONTAINER_NAMES_H_
#define CORACLE_STORE_CONTAINER_NAMES_H_

#include <optional>
#include <string>

#include "store/store.h"

namespace coracle::store {

// Claims `name` for `id`, whose op lock the caller holds. Errors: AlreadyExists as CreateContainer.
absl::Status ClaimName(const Store& store, const std::string& name, const std::string& id);

// Takes the claim back, if it is that of `id`, whose op or liveness lock the caller holds. Missing is fine.
absl::Status ReleaseName(const Store& store, const std::string& name, absl::string_view id);

// The id that claims `name`, whether or not the claim holds.
std::optional<std::string> ClaimantOf(const Store& store, absl::string_view name);

// Removes the claim of `name` if it is stale.
absl::Status SweepName(const Store& store, const std::string& name);

}  // namespace coracle::store

#endif  // CORACLE_STORE_CONTAINER_NAMES_H_
