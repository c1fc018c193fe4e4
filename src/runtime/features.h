// What this runtime can do, as a document for engines that ask before they use it.
// Source: runtime-spec features.md, features-linux.md.
#ifndef CORACLE_RUNTIME_FEATURES_H_
#define CORACLE_RUNTIME_FEATURES_H_

#include <string>

namespace coracle::runtime {

// What the program supports, whatever this host has.
std::string FeaturesDocument(int indent);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_FEATURES_H_
