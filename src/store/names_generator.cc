#include "store/names_generator.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace coracle::store {
namespace {

constexpr std::array kAdjectives = {
    "able",     "agile",   "amber",  "autumn",   "balmy",  "bold",   "brave",   "breezy",  "bright",
    "brisk",    "buoyant", "calm",   "candid",   "cheery", "clear",  "clever",  "coastal", "copper",
    "coral",    "cosy",    "crisp",  "curious",  "dapper", "daring", "dawning", "deft",    "dewy",
    "drifting", "eager",   "early",  "earnest",  "easy",   "fabled", "fair",    "fleet",   "fluent",
    "fond",     "frosty",  "gentle", "gleaming", "glad",   "golden", "hardy",   "hazel",   "hearty",
    "honest",   "humble",  "icy",    "jolly",    "jovial", "keen",   "kind",    "lively",  "loyal",
    "lucid",    "lunar",   "mellow", "merry",    "mighty", "misty",  "modest",  "nimble",  "noble",
    "patient",  "placid",  "plucky", "polite",   "prompt", "proud",  "quick",   "quiet",   "rapid",
    "ready",    "rosy",    "rustic", "salty",    "serene", "silver", "snug",    "spry",    "steady",
    "sunny",    "swift",   "tidal",  "tidy",     "upbeat", "vivid",  "warm",    "wise",    "zesty",
};
constexpr std::array kNouns = {
    "albatross", "anchor", "atoll",   "barge",   "barnacle", "bay",      "beacon",  "birch",    "breaker",
    "bridge",    "brook",  "buoy",    "cape",    "channel",  "clipper",  "cloud",   "cockle",   "compass",
    "cove",      "crane",  "creek",   "current", "cutter",   "delta",    "dinghy",  "dolphin",  "dory",
    "dune",      "eddy",   "egret",   "estuary", "ferry",    "fjord",    "gale",    "gannet",   "grebe",
    "gull",      "gully",  "harbour", "helm",    "heron",    "inlet",    "island",  "jetty",    "kayak",
    "keel",      "kelp",   "ketch",   "kite",    "lagoon",   "lantern",  "limpet",  "lugger",   "mallard",
    "marsh",     "mast",   "meadow",  "mooring", "oar",      "osprey",   "otter",   "paddle",   "pebble",
    "pelican",   "petrel", "pier",    "pilot",   "plover",   "porpoise", "punt",    "quay",     "raft",
    "reed",      "reef",   "rigging", "ripple",  "river",    "rudder",   "sail",    "schooner", "seal",
    "shoal",     "skiff",  "sloop",   "strait",  "tern",     "tide",     "trawler", "wave",     "willow",
};

}  // namespace

std::string RandomName(int attempt) {
  uint32_t random[3] = {};
  // Without entropy the name is merely not random; a collision is tried again with another number.
  if (getrandom(random, sizeof(random), 0) != sizeof(random)) random[2] = static_cast<uint32_t>(attempt);
  std::string name =
      absl::StrCat(kAdjectives[random[0] % kAdjectives.size()], "_", kNouns[random[1] % kNouns.size()]);
  if (attempt > 1) absl::StrAppend(&name, "_", random[2] % 100000);
  return name;
}

}  // namespace coracle::store
