// A record file of any bytes is an error or a message, and a message that was read is written so that it is
// read back equal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "store/store.h"

namespace {

template <typename Message>
void RoundTrip(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) return;
  const auto again =
      coracle::store::DecodeRecordFrame(coracle::store::EncodeRecordFrame(message.SerializeAsString()));
  Message second;
  if (!again.ok() || !second.ParseFromString(*again)) abort();
  if (second.SerializeAsString() != message.SerializeAsString()) abort();
}

void RoundTripAll(const std::string& bytes) {
  RoundTrip<coracle::store::ContainerRecord>(bytes);
  RoundTrip<coracle::store::ContainerState>(bytes);
  RoundTrip<coracle::store::ExitRecord>(bytes);
  RoundTrip<coracle::store::ImageRecord>(bytes);
  RoundTrip<coracle::store::TagRecord>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto message = coracle::store::DecodeRecordFrame(input);
  if (message.ok()) {
    if (coracle::store::EncodeRecordFrame(*message) != input) abort();
    RoundTripAll(*message);
  } else {
    // The check sum keeps nearly all inputs from the parser; it must stand them too.
    RoundTripAll(input);
  }
  return 0;
}
