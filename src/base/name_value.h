// Lists of "NAME=VALUE", as environments are written. An entry without "=" is a name alone.
#ifndef CORACLE_BASE_NAME_VALUE_H_
#define CORACLE_BASE_NAME_VALUE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace coracle {

inline absl::string_view NameOf(absl::string_view entry) { return entry.substr(0, entry.find('=')); }

// The first entry of that name, or null. For vectors and protobuf's lists.
template <typename List>
auto FindByName(List& list, absl::string_view name) -> decltype(&*list.begin()) {
  for (auto& entry : list) {
    if (NameOf(entry) == name) return &entry;
  }
  return nullptr;
}

// Takes the place of the entry with its name, or comes last.
inline void SetByName(std::vector<std::string>& list, std::string entry) {
  if (std::string* existing = FindByName(list, NameOf(entry)); existing != nullptr) {
    *existing = std::move(entry);
  } else {
    list.push_back(std::move(entry));
  }
}

}  // namespace coracle

#endif  // CORACLE_BASE_NAME_VALUE_H_
