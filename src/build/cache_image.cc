#include "build/cache_image.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/status.h"
#include "base/time_format.h"
#include "build/built_image.h"
#include "oci/platform.h"
#include "storage/layer_store.h"
#include "store/build_cache.h"
#include "store/lease.h"

namespace coracle::build {
namespace {

constexpr char kLabel[] = "coracle.build-cache.v1";
constexpr char kInlineLabel[] = "coracle.build-cache.inline.v1";
// A label that says more is refused.
constexpr size_t kMaxLabelBytes = 16 << 20;

bool IsHex(absl::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> ListOf(const Json& object, const char* key) {
  std::vector<std::string> list;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return list;
  for (const Json& one : *found)
    if (one.is_string()) list.push_back(one.get<std::string>());
  return list;
}

Json Describe(const KeptStep& step) {
  Json below = Json::array();
  for (const LayerRef& layer : step.below) below.push_back(layer.id);
  return Json{{"keys", step.keys},
              {"layer", step.step.layer.id},
              {"created", FormatRfc3339Nano(absl::FromUnixNanos(step.step.created_unix_nanos))},
              {"description", step.description},
              {"below", std::move(below)}};
}

// One line of the label. What makes no sense, or names a layer that did not come along, is passed over.
absl::Status TakeStep(const store::Store& store, const Json& told, const std::set<std::string>& layers,
                      int& taken) {
  if (!told.is_object()) return absl::OkStatus();
  store::BuildCacheRecord record;
  record.set_layer_id(TextOf(told, "layer"));
  if (layers.count(record.layer_id()) == 0) return absl::OkStatus();
  const auto layer = storage::ReadLayer(store, record.layer_id());
  if (!layer.ok()) return absl::OkStatus();
  record.set_content_bytes(layer->content_bytes());
  record.set_unpacked_bytes(layer->unpacked_bytes());
  record.set_description(TextOf(told, "description"));
  absl::Time created;
  if (absl::ParseTime(absl::RFC3339_full, TextOf(told, "created"), &created, nullptr))
    record.set_created_unix_nanos(absl::ToUnixNanos(created));
  for (const std::string& id : ListOf(told, "below"))
    if (IsHex(id)) record.add_parents(id);
  for (const std::string& key : ListOf(told, "keys")) {
    if (!IsHex(key)) continue;
    ASSIGN_OR_RETURN(const auto known, store::ReadBuildCache(store, key));
    if (known.has_value()) continue;
    record.set_key(key);
    RETURN_IF_ERROR(store::WriteBuildCache(store, record));
    ++taken;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredImage> StoreCacheImage(const store::Store& store, const std::vector<KeptStep>& steps) {
  if (steps.empty()) return absl::FailedPreconditionError("there are no steps to keep");
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "build cache"));
  BuiltImage image;
  Json told = Json::array();
  std::set<std::string> seen;
  for (const KeptStep& step : steps) {
    told.push_back(Describe(step));
    if (!seen.insert(step.step.layer.id).second) continue;
    RETURN_IF_ERROR(lease.ClaimLayer(step.step.layer.id));
    RETURN_IF_ERROR(storage::ReadLayer(store, step.step.layer.id).status(), step.description);
    image.layers.push_back(step.step.layer);
  }
  const oci::Platform host = oci::HostPlatform();
  image.config.os = host.os;
  image.config.architecture = host.architecture;
  image.config.variant = host.variant;
  image.config.created = FormatRfc3339Nano(absl::UnixEpoch());
  image.config.config.labels[kLabel] = told.dump(-1, ' ', false, Json::error_handler_t::replace);
  return StoreBuiltImage(store, lease, std::move(image));
}

bool IsCacheImage(const oci::ImageConfig& config) { return config.config.labels.count(kLabel) != 0; }

void DropInlineCache(oci::ImageConfig& config) { config.config.labels.erase(kInlineLabel); }

void AddInlineCache(const std::vector<KeptStep>& steps, const std::vector<LayerRef>& layers,
                    std::optional<int64_t> epoch, oci::ImageConfig& config) {
  std::set<std::string> ids;
  for (const LayerRef& layer : layers) ids.insert(layer.id);
  // Stages end in no fixed order.
  std::map<std::string, Json> told;
  for (const KeptStep& step : steps) {
    if (ids.count(step.step.layer.id) == 0) continue;
    Json one = Describe(step);
    if (epoch.has_value()) one["created"] = FormatRfc3339Nano(absl::FromUnixSeconds(*epoch));
    std::string key = DumpJson(one["keys"]);
    told.emplace(std::move(key), std::move(one));
  }
  Json list = Json::array();
  for (auto& [key, one] : told) list.push_back(std::move(one));
  config.config.labels[kInlineLabel] = DumpJson(list);
}

absl::StatusOr<int> TakeCacheImage(const store::Store& store, const oci::ImageConfig& config) {
  auto label = config.config.labels.find(kLabel);
  if (label == config.config.labels.end()) label = config.config.labels.find(kInlineLabel);
  if (label == config.config.labels.end()) return absl::NotFoundError("it holds no build cache");
  if (label->second.size() > kMaxLabelBytes)
    return absl::InvalidArgumentError("its build cache is too large");
  ASSIGN_OR_RETURN(const Json told, ParseJson(label->second), "build cache");
  if (!told.is_array()) return absl::InvalidArgumentError("its build cache is no list");
  std::set<std::string> layers;
  for (const oci::Digest& id : config.diff_ids) layers.insert(std::string(id.hex()));
  int taken = 0;
  for (const Json& one : told) RETURN_IF_ERROR(TakeStep(store, one, layers, taken));
  return taken;
}

}  // namespace coracle::build
