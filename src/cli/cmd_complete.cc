// `coracle __complete KIND`: the names that completion scripts offer. An unreadable store offers nothing.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "image/image_store.h"
#include "store/network.h"
#include "store/store.h"
#include "store/volume.h"

namespace coracle::cli {
namespace {

std::vector<std::string> ContainerNames(const store::Store& store, bool running_only) {
  std::vector<std::string> names;
  const absl::StatusOr<std::vector<store::ContainerRecord>> records = store::ReadAllContainers(store);
  if (!records.ok()) return names;
  for (const store::ContainerRecord& record : *records) {
    if (!running_only || store::MonitorAlive(store, record.id())) names.push_back(record.name());
  }
  return names;
}

std::vector<std::string> ImageNames(const store::Store& store) {
  std::vector<std::string> names;
  const absl::StatusOr<std::vector<image::ImageInfo>> images = image::List(store);
  if (!images.ok()) return names;
  for (const image::ImageInfo& image : *images)
    names.insert(names.end(), image.names.begin(), image.names.end());
  return names;
}

}  // namespace

int CmdComplete(Invocation& invocation) {
  const std::string& kind = invocation.args()[0];
  if (kind != "containers" && kind != "running" && kind != "images" && kind != "volumes" &&
      kind != "networks") {
    return invocation.Fail(
        absl::InvalidArgumentError(absl::StrCat("unknown kind of names '", Printable(kind), "'")));
  }
  const store::Store store(invocation.globals().root, invocation.globals().runroot);
  std::vector<std::string> names;
  if (kind == "volumes") {
    auto volumes = store::ListVolumes(store);
    if (volumes.ok()) names = *std::move(volumes);
  } else if (kind == "networks") {
    auto networks = store::ListNetworks(store);
    if (networks.ok()) names = *std::move(networks);
  } else {
    names = kind == "images" ? ImageNames(store) : ContainerNames(store, /*running_only=*/kind == "running");
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) invocation.out().WriteLine(name);
  return 0;
}

}  // namespace coracle::cli
