#include "engine/environment.h"

#include "absl/strings/str_cat.h"
#include "base/name_value.h"
#include "base/text.h"
#include "oci/default_spec.h"

namespace coracle::engine {
std::string HostnameOf(const store::ContainerRecord& record) {
  const std::string& given = record.config().hostname();
  return given.empty() ? std::string(ShortId(record.id())) : given;
}

std::vector<std::string> Environment(const store::ContainerRecord& record,
                                     const std::vector<std::string>& own, absl::string_view home, bool tty) {
  std::vector<std::string> env(record.config().env().begin(), record.config().env().end());
  for (const std::string& entry : own) SetByName(env, entry);
  const auto add_default = [&env](absl::string_view name, absl::string_view value) {
    if (FindByName(env, name) == nullptr) env.push_back(absl::StrCat(name, "=", value));
  };
  if (FindByName(env, "PATH") == nullptr) env.insert(env.begin(), oci::kDefaultPath);
  add_default("container", "coracle");
  if (tty) add_default("TERM", "xterm");
  add_default("HOSTNAME", HostnameOf(record));
  add_default("HOME", home.empty() ? "/" : home);
  return env;
}

}  // namespace coracle::engine
