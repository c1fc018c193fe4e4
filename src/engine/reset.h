// Everything back to the first day: system reset.
#ifndef CORACLE_ENGINE_RESET_H_
#define CORACLE_ENGINE_RESET_H_

#include "absl/status/status.h"
#include "engine/engine.h"

namespace coracle::engine {

// Stops and removes all containers, unmounts what 'mount' commands left, and removes networks, volumes,
// images, build cache and the store's own files. Files in the store's directories that are none of ours stay,
// and so do the directories then.
//
// Each kind of object disappears at once (by a rename), names first and content last: cut at any point it
// leaves what the next command makes a store of, and another reset removes. Errors: FailedPrecondition, exit
// code 125, naming who is at work in the store (a pull, a build), with nothing removed; else the first, after
// going on.
absl::Status ResetStore(Engine& engine);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_RESET_H_
