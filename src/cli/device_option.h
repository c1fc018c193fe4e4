// One --device, of a container or of the steps of a build.
#ifndef CORACLE_CLI_DEVICE_OPTION_H_
#define CORACLE_CLI_DEVICE_OPTION_H_

#include <string>

#include "absl/status/status.h"
#include "store/records.pb.h"

namespace coracle::cli {

// HOST[:CONTAINER[:rwm]]. Errors: InvalidArgument or Unimplemented, exit code 125.
using DeviceList = google::protobuf::RepeatedPtrField<store::DeviceRequest>;
absl::Status ReadDevice(const std::string& text, DeviceList& devices);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_DEVICE_OPTION_H_
