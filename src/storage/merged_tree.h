// A tree made of directories stacked as overlay stacks them, read without mounting anything.
//
// Whiteouts and opaque directories hide, a directory shows what all layers have of it, anything else is of
// the topmost layer that has it. Layers of fuse-overlayfs, which marks by names (.wh.x) where it can't by
// device or attribute, are read too. No link is ever followed, so the top layer may be one that a container
// is writing.
#ifndef CORACLE_STORAGE_MERGED_TREE_H_
#define CORACLE_STORAGE_MERGED_TREE_H_

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archive/whiteout.h"
#include "os/unique_fd.h"

namespace coracle::storage {

class MergedTree {
 public:
  // `directories`: absolute, top first, at least one.
  static absl::StatusOr<MergedTree> Open(const std::vector<std::string>& directories, bool user_xattr);

  // A directory: of which layers (indices into `directories`, ascending) it is made.
  struct Directory {
    std::string path;  // relative; empty: the root
    std::vector<size_t> layers;
  };
  Directory Root() const;

  // Something in a directory.
  struct Entry {
    struct stat info = {};
    size_t layer = 0;         // the topmost that has it
    bool is_opaque = false;   // a directory that hides what lower layers have of it
    std::vector<size_t> all;  // of a directory: all layers that it is made of
  };

  // The layers of `directory` opened, for looking up names in it.
  class Opened {
   public:
    // What `name` is; nothing if there is none, or it is hidden.
    absl::StatusOr<std::optional<Entry>> Find(const std::string& name) const;
    // Adds the names that the first `layers` layers of the directory have, those of whiteouts among them.
    absl::Status AddNames(size_t layers, std::map<std::string, bool>& names) const;
    size_t layers() const { return parts_.size(); }
    int fd(size_t part) const { return parts_[part].fd.get(); }
    // The descriptor of layer `layer` (as in Entry) of this directory.
    int FdOfLayer(size_t layer) const;

   private:
    friend class MergedTree;
    struct Part {
      size_t layer;
      os::UniqueFd fd;
    };
    // Whether `name` is hidden from the layers below this one; `found` gets it if it is there.
    absl::StatusOr<bool> FindIn(const Part& part, const std::string& name, Entry& entry, bool& found) const;

    const archive::OverlayMarks* marks_ = nullptr;
    std::vector<Part> parts_;
  };
  absl::StatusOr<Opened> OpenDirectory(const Directory& directory) const;

  const std::vector<std::string>& directories() const { return directories_; }
  int root_fd(size_t layer) const { return roots_[layer].get(); }
  static Directory Child(const Directory& directory, const std::string& name, const Entry& entry);

 private:
  MergedTree(std::vector<std::string> directories, bool user_xattr)
      : directories_(std::move(directories)), marks_(user_xattr) {}

  std::vector<std::string> directories_;
  archive::OverlayMarks marks_;
  std::vector<os::UniqueFd> roots_;
};

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_MERGED_TREE_H_
