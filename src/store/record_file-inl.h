// The typed part of record files; included by store.h.
#ifndef CORACLE_STORE_RECORD_FILE_INL_H_
#define CORACLE_STORE_RECORD_FILE_INL_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"

namespace coracle::store {

// ReadRecord without the type; `path` is relative to `dirfd`.
absl::Status ReadRecordAt(int dirfd, const std::string& path, google::protobuf::MessageLite& message);

template <typename Message>
absl::StatusOr<Message> ReadRecord(const std::string& path) {
  Message message;
  const absl::Status status = ReadRecordAt(AT_FDCWD, path, message);
  if (!status.ok()) return status;
  return message;
}

}  // namespace coracle::store

#endif  // CORACLE_STORE_RECORD_FILE_INL_H_
