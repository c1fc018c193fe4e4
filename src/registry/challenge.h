// The WWW-Authenticate header: what a server wants to see before it answers.
// Source: RFC 9110 section 11.6.1; docker's "Token Authentication Specification".
#ifndef CORACLE_REGISTRY_CHALLENGE_H_
#define CORACLE_REGISTRY_CHALLENGE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace coracle::registry {

struct Challenge {
  std::string scheme;                                           // lower case: "bearer", "basic"
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, values unquoted

  // The value of the parameter; empty if there is none.
  absl::string_view Get(absl::string_view name) const;
};

// The challenges of one header's value, in its order: there may be several, divided by commas as their
// parameters are. What does not follow the grammar ends the reading; what was whole before it is kept.
std::vector<Challenge> ParseChallenges(absl::string_view value);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_CHALLENGE_H_
