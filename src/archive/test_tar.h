// For tests: archives written byte by byte, so that they can be wrong in any way; directories to unpack into.
#ifndef CORACLE_ARCHIVE_TEST_TAR_H_
#define CORACLE_ARCHIVE_TEST_TAR_H_

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "archive/tar_header.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace coracle::archive {

struct TestEntry {
  std::string path;
  char type = '0';
  std::string content;
  std::string link;
  unsigned mode = 07777777;  // unset: 0755 for directories, else 0644
  long mtime = 1000000000;
  unsigned uid = geteuid(), gid = getegid();  // what an ordinary user may set
  unsigned dev_major = 0, dev_minor = 0;
};

inline std::string Blocks(absl::string_view content) {
  std::string out(content);
  out.resize((out.size() + 511) / 512 * 512, '\0');
  return out;
}

inline RawTarHeader TestHeader(const TestEntry& entry, size_t size) {
  RawTarHeader header = {};
  memcpy(header.name, entry.path.data(), std::min<size_t>(entry.path.size(), 100));
  memcpy(header.link_name, entry.link.data(), std::min<size_t>(entry.link.size(), 100));
  snprintf(header.mode, 8, "%07o", entry.mode <= 07777 ? entry.mode : entry.type == '5' ? 0755u : 0644u);
  snprintf(header.uid, 8, "%07o", entry.uid);
  snprintf(header.gid, 8, "%07o", entry.gid);
  snprintf(header.size, 12, "%011zo", size);
  snprintf(header.mtime, 12, "%011lo", entry.mtime);
  snprintf(header.dev_major, 8, "%07o", entry.dev_major);
  snprintf(header.dev_minor, 8, "%07o", entry.dev_minor);
  header.type = entry.type;
  memcpy(header.magic, "ustar", 6);
  memcpy(header.version, "00", 2);
  SetChecksum(header);
  return header;
}

inline std::string HeaderBytes(const RawTarHeader& header) {
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header));
}

inline std::string Member(const TestEntry& entry) {
  return HeaderBytes(TestHeader(entry, entry.content.size())) + Blocks(entry.content);
}

inline std::string PaxRecord(absl::string_view key, absl::string_view value) {
  size_t length = key.size() + value.size() + 3;
  for (size_t digits = 1;; ++digits) {
    if (absl::StrCat(length + digits).size() == digits)
      return absl::StrCat(length + digits, " ", key, "=", value, "\n");
  }
}

// A pax header for the next entry; 'g' makes it global.
inline std::string Pax(absl::string_view records, char type = 'x') {
  return Member({.path = "PaxHeaders/x", .type = type, .content = std::string(records)});
}

inline std::string EndMarker() { return std::string(1024, '\0'); }

// A directory that goes with the object.
class TestDirectory {
 public:
  TestDirectory() {
    char path[] = "/tmp/coracle-test-XXXXXX";
    path_ = mkdtemp(path);
    fd_.Reset(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~TestDirectory() { (void)os::RemoveTreeAt(AT_FDCWD, path_); }
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  std::string Read(absl::string_view name) const {
    return os::ReadFileAt(fd(), name).value_or("(unreadable)");
  }
  std::string Link(absl::string_view name) const { return os::ReadLinkAt(fd(), name).value_or("(no link)"); }
  struct stat Stat(const std::string& name) const {
    struct stat info = {};
    (void)fstatat(fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW);
    return info;
  }
  bool Has(absl::string_view name) const { return os::ExistsAt(fd(), name); }

 private:
  std::string path_;
  os::UniqueFd fd_;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TEST_TAR_H_
