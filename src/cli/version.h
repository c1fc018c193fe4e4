// What the program calls itself.
#ifndef CORACLE_CLI_VERSION_H_
#define CORACLE_CLI_VERSION_H_

namespace coracle::cli {

inline constexpr char kVersionNumber[] = CORACLE_VERSION;
// Of the runtime-spec whose config.json is understood.
inline constexpr char kOciSpecVersion[] = "1.2.0";

}  // namespace coracle::cli

#endif  // CORACLE_CLI_VERSION_H_
