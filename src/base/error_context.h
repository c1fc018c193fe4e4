// Contexts of errors that would say a name twice.
#ifndef CORACLE_BASE_ERROR_CONTEXT_H_
#define CORACLE_BASE_ERROR_CONTEXT_H_

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace coracle {

// Annotate() with a context that names `object`: a message that begins with "<object>: " loses that.
inline absl::Status AnnotateNaming(const absl::Status& status, absl::string_view context,
                                   absl::string_view object) {
  const std::string twice = absl::StrCat(object, ": ");
  if (status.ok() || !absl::StartsWith(status.message(), twice)) return Annotate(status, context);
  absl::Status shorter(status.code(), status.message().substr(twice.size()));
  status.ForEachPayload(
      [&](absl::string_view key, const absl::Cord& payload) { shorter.SetPayload(key, payload); });
  return Annotate(shorter, context);
}

// Annotate() with "<kind> <object>", or with "<kind>" alone if the message names the object anywhere.
inline absl::Status AnnotateUnlessNamed(const absl::Status& status, absl::string_view kind,
                                        absl::string_view object) {
  if (absl::StrContains(status.message(), object)) return Annotate(status, kind);
  return Annotate(status, absl::StrCat(kind, " ", object));
}

}  // namespace coracle

#endif  // CORACLE_BASE_ERROR_CONTEXT_H_
