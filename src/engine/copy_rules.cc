#include "engine/copy_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::engine {
namespace {

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

}  // namespace

CopyArgument ParseCopyArgument(absl::string_view text) {
  if (text == "-") return {"", "-", true};
  const size_t colon = text.find(':');
  const bool local = colon == absl::string_view::npos || colon == 0 || text[0] == '/' || text[0] == '.';
  if (local) return {"", std::string(text), false};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)), false};
}

CopyPath ReadCopyPath(absl::string_view path) {
  CopyPath read;
  for (;;) {
    if (absl::EndsWith(path, "/.") || path == ".") {
      read.contents = read.directory = true;
      path.remove_suffix(1);
      if (path.empty()) break;
    } else if (path.size() > 1 && path.back() == '/') {
      read.directory = true;
      path.remove_suffix(1);
    } else {
      break;
    }
  }
  read.clean = path.empty() ? "." : std::string(path);
  if (path == "/") {
    read.contents = read.directory = true;
    return read;
  }
  read.name = read.clean.substr(read.clean.rfind('/') + 1);
  // They have no name that could be given to a copy.
  if (read.name == "." || read.name == "..") {
    read.contents = read.directory = true;
    read.name.clear();
  }
  return read;
}

absl::StatusOr<CopyAction> DecideCopy(const CopyPath& source, CopyKind source_kind,
                                      const CopyPath& destination, CopyKind destination_kind) {
  if (source_kind == CopyKind::kFile) {
    if (source.directory) return Refuse(absl::StrCat(source.clean, ": is not a directory"));
    switch (destination_kind) {
      case CopyKind::kDirectory:
        return CopyAction::kInto;
      case CopyKind::kFile:
        if (destination.directory) return Refuse(absl::StrCat(destination.clean, ": is not a directory"));
        return CopyAction::kAs;
      case CopyKind::kMissing:
        if (!destination.directory) return CopyAction::kAs;
        return WithExitCode(
            absl::NotFoundError(absl::StrCat(destination.clean, ": the destination directory must exist")),
            125);
    }
  }
  switch (destination_kind) {
    case CopyKind::kFile:
      return Refuse(
          absl::StrCat(destination.clean, ": destination must be a directory when copying a directory"));
    case CopyKind::kMissing:
      return CopyAction::kAs;
    case CopyKind::kDirectory:
      break;
  }
  return source.contents ? CopyAction::kContents : CopyAction::kInto;
}

}  // namespace coracle::engine
