// Names for containers whose user gave none.
#ifndef CORACLE_STORE_NAMES_GENERATOR_H_
#define CORACLE_STORE_NAMES_GENERATOR_H_

#include <string>

namespace coracle::store {

// "steady_heron": an adjective and a noun at random, thousands of pairs; with `attempt` > 1 (earlier ones
// were taken) a random number is appended.
std::string RandomName(int attempt);

}  // namespace coracle::store

#endif  // CORACLE_STORE_NAMES_GENERATOR_H_
