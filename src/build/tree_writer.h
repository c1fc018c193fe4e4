// Writes files and directories into a new layer, over the layers below, without mounting anything.
//
// Links in a destination are followed as inside the image's root. Directories that are there below keep
// owner, mode and times; what is copied over them says its own.
#ifndef CORACLE_BUILD_TREE_WRITER_H_
#define CORACLE_BUILD_TREE_WRITER_H_

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/copy_ahead.h"
#include "build/layer_work.h"
#include "os/unique_fd.h"
#include "storage/merged_tree.h"

namespace coracle::build {

// Owner, mode (permission bits) and time of what is made.
struct NodeAttributes {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0755;
  std::optional<timespec> mtime;  // not set: as it comes
};

class TreeWriter {
 public:
  static absl::StatusOr<TreeWriter> Open(const LayerWork& work);
  TreeWriter(TreeWriter&&) = default;

  // Where `path` leads: relative to the root, without links. What does not exist stays as it is written.
  struct Place {
    std::string path;
    bool exists = false;
    bool is_directory = false;
  };
  // Errors: FailedPrecondition for a loop of links, or a path through something that is no directory.
  absl::StatusOr<Place> Resolve(absl::string_view path) const;

  // Paths here are as Resolve gives them. Missing parents are made with `parents`, 0755.
  absl::Status MakeDirectories(const std::string& path, const NodeAttributes& parents);
  // A directory with these attributes, new or not.
  absl::Status PutDirectory(const std::string& path, const NodeAttributes& attributes);
  // A copy of the file, link or node `from_name` in `from`. Another name of a file that was copied becomes a
  // hard link.
  absl::Status PutNode(const std::string& path, int from, const std::string& from_name,
                       const struct stat& info, const NodeAttributes& attributes);
  absl::Status PutContent(const std::string& path, absl::string_view content,
                          const NodeAttributes& attributes);
  // Files that PutNode may take from there instead of copying them.
  void UseCopies(CopyAhead* copies) { copies_ = copies; }
  // Directories' times, when nothing more is written in them.
  absl::Status Finish();

  // The upper directory of `path`, which was made: for who writes there by other means.
  absl::StatusOr<int> Enter(const std::string& path, const NodeAttributes& parents);

 private:
  // A directory of the upper tree on the way to where we write.
  struct Level {
    std::string name;
    os::UniqueFd fd;
    std::optional<storage::MergedTree::Directory> below;
    std::optional<storage::MergedTree::Opened> opened;
  };
  struct Times {
    std::string path;
    timespec mtime;
  };

  TreeWriter(storage::MergedTree below, os::UniqueFd root, const LayerWork& work)
      : below_(std::move(below)),
        root_(std::move(root)),
        upper_(work.upper()),
        user_xattr_(work.user_xattr()) {}
  absl::Status Push(const std::string& name, const NodeAttributes& attributes);
  absl::Status LikeBelow(const Level& parent, const storage::MergedTree::Entry& entry,
                         const std::string& name, int fd);
  absl::Status ClearFor(const Level& parent, const std::string& name);
  std::string PathOf(const std::string& name) const;
  absl::Status CopyRegular(int to, const std::string& name, int from, const std::string& from_name,
                           const NodeAttributes& attributes);

  storage::MergedTree below_;
  os::UniqueFd root_;
  std::string upper_;
  bool user_xattr_;
  std::vector<Level> levels_;  // the root first
  std::vector<Times> times_;
  CopyAhead* copies_ = nullptr;
  absl::flat_hash_map<std::pair<dev_t, ino_t>, std::string> copied_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_TREE_WRITER_H_
