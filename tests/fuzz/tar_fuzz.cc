// Whatever an archive says, nothing outside the root it is unpacked into is made, changed or removed.
//
// The world of a run is a directory with the root beside a witness. Where we may, it is also "/": then an
// absolute name that gets out meets the witness, not this machine.
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "archive/decompress.h"
#include "archive/tar_header.h"
#include "archive/unpack.h"
#include "os/file.h"

namespace {

using namespace coracle;

constexpr char kWitness[][20] = {"outside", "outside/file", "outside/dir"};
constexpr archive::UnpackOptions kPlain = {
    .squash_ids = true, .skip_devices = true, .max_bytes = 1 << 20, .max_entries = 200};

struct World {
  std::string path;
  os::UniqueFd fd, real_root, real_directory;
  bool confined = false;

  World() {
    char name[] = "/tmp/coracle-tar-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    path = name;
    fd.Reset(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    real_root.Reset(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    real_directory.Reset(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (mkdirat(fd.get(), "outside", 0755) != 0 || mkdirat(fd.get(), "outside/dir", 0755) != 0 ||
        !os::WriteFileAt(fd.get(), "outside/file", "safe").ok()) {
      abort();
    }
    confined = chroot("/") == 0;
    if (!confined && unshare(CLONE_NEWUSER) == 0) confined = chroot("/") == 0;
  }
  ~World() { (void)os::RemoveTreeAt(AT_FDCWD, path); }

  // The world becomes both the root and the working directory: /proc/self/cwd and plain paths lead there too.
  void Enter() const {
    if (fchdir(fd.get()) != 0) abort();
    if (confined && chroot(".") != 0) abort();
  }
  void Leave() const {
    if (fchdir(real_root.get()) != 0) abort();
    if (confined && chroot(".") != 0) abort();
    if (fchdir(real_directory.get()) != 0) abort();
  }

  std::vector<struct stat> LookAtWitness() const {
    std::vector<struct stat> all;
    for (const char* name : kWitness) {
      struct stat info;
      if (fstatat(fd.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) abort();
      all.push_back(info);
    }
    return all;
  }
};

void CheckUnchanged(const World& world, const std::vector<struct stat>& before) {
  const std::vector<struct stat> after = world.LookAtWitness();
  for (size_t i = 0; i < before.size(); ++i) {
    // ctime moves with every change of content, names, owner, mode, times, links and attributes.
    if (before[i].st_ino != after[i].st_ino || before[i].st_nlink != after[i].st_nlink ||
        memcmp(&before[i].st_ctim, &after[i].st_ctim, sizeof(timespec)) != 0) {
      fprintf(stderr, "changed: %s\n", kWitness[i]);
      abort();
    }
  }
  auto names = os::ListDirectoryAt(world.fd.get(), ".");
  if (!names.ok()) abort();
  std::sort(names->begin(), names->end());
  if (*names != std::vector<std::string>{"outside", "root"}) abort();
}

void UnpackOnce(const World& world, absl::string_view data, const archive::UnpackOptions& options) {
  if (mkdirat(world.fd.get(), "root", 0755) != 0) abort();
  const os::UniqueFd root(openat(world.fd.get(), "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::vector<struct stat> before = world.LookAtWitness();
  world.Enter();
  archive::MemorySource source(data);
  auto inflated = archive::Decompressor::Open(source, {.max_output_bytes = 4 << 20});
  if (inflated.ok()) (void)archive::Unpack(**inflated, root.get(), options).status();
  world.Leave();
  CheckUnchanged(world, before);
  if (!os::RemoveTreeAt(world.fd.get(), "root").ok()) abort();
}

// Sets right the checksum of whatever looks like a header, which mutation alone never would.
std::string WithChecksums(std::string data) {
  using archive::kTarBlockBytes;
  for (size_t i = 0; i + kTarBlockBytes <= data.size(); i += kTarBlockBytes) {
    archive::RawTarHeader header;
    memcpy(&header, data.data() + i, kTarBlockBytes);
    if (memcmp(header.magic, "ustar", 5) != 0) continue;
    archive::SetChecksum(header);
    memcpy(data.data() + i, &header, kTarBlockBytes);
  }
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  archive::UnpackOptions overlay = kPlain;
  overlay.whiteouts = archive::Whiteouts::kOverlay;
  overlay.user_xattr = true;
  UnpackOnce(world, bytes, kPlain);
  UnpackOnce(world, WithChecksums(bytes), overlay);
  return 0;
}
