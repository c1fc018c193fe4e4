#include "build/archive_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "archive/decompress.h"
#include "archive/tar_reader.h"
#include "archive/unpack.h"
#include "base/status.h"
#include "os/process.h"
#include "os/run_program.h"
#include "os/unique_fd.h"

namespace coracle::build {
namespace {

// The formats that the host's own programs inflate.
constexpr absl::string_view kXzMagic("\xfd\x37zXZ\0", 6);
constexpr absl::string_view kBzip2Magic("BZh");

// `file`'s content, inflated by whoever can.
class ArchiveStream {
 public:
  // `file` stays the caller's; its position moves.
  static absl::StatusOr<std::unique_ptr<ArchiveStream>> Open(int file) {
    char magic[8] = {};
    const ssize_t count = pread(file, magic, sizeof(magic), 0);
    if (count < 0) return ErrnoStatus(errno, "read");
    if (lseek(file, 0, SEEK_SET) != 0) return ErrnoStatus(errno, "seek");
    const absl::string_view head(magic, static_cast<size_t>(count));
    auto stream = std::make_unique<ArchiveStream>();
    int input = file;
    const absl::string_view program = absl::StartsWith(head, kXzMagic)      ? "xz"
                                      : absl::StartsWith(head, kBzip2Magic) ? "bzip2"
                                                                            : "";
    if (!program.empty()) {
      RETURN_IF_ERROR(stream->Spawn(program, file));
      input = stream->pipe_.get();
    }
    stream->input_ = std::make_unique<archive::FdSource>(input);
    ASSIGN_OR_RETURN(stream->plain_, archive::Decompressor::Open(*stream->input_));
    return stream;
  }

  archive::ByteSource& plain() { return *plain_; }

  // To be called after the end: whether the program had all of it.
  absl::Status Finish() {
    if (!child_.running()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const os::ExitStatus status, child_.Wait());
    if (status.Code() == 0) return absl::OkStatus();
    return absl::DataLossError("the archive is damaged");
  }

 private:
  absl::Status Spawn(absl::string_view name, int file) {
    const std::string program = os::FindInPath(name);
    if (program.empty()) {
      return absl::UnimplementedError(
          absl::StrCat("it is compressed with ", name, ", which is not installed here"));
    }
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
    pipe_ = os::UniqueFd(pipes[0]);
    const os::UniqueFd output(pipes[1]);
    os::CloneResult clone;
    const int result = os::CloneProcess({}, &clone);
    if (result < 0) return ErrnoStatus(-result, absl::StrCat("start ", program));
    if (clone.pid == 0) {
      (void)signal(SIGPIPE, SIG_DFL);
      if (dup2(file, STDIN_FILENO) < 0 || dup2(output.get(), STDOUT_FILENO) < 0) _exit(126);
      const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (nowhere >= 0) (void)dup2(nowhere, STDERR_FILENO);
      (void)os::SetCloseOnExecFrom(3);
      execl(program.c_str(), program.c_str(), "-dc", static_cast<char*>(nullptr));
      _exit(127);
    }
    child_ = os::ChildProcess(clone.pid, os::UniqueFd(clone.pidfd));
    return absl::OkStatus();
  }

  os::ChildProcess child_;
  os::UniqueFd pipe_;
  std::unique_ptr<archive::FdSource> input_;
  std::unique_ptr<archive::Decompressor> plain_;
};

}  // namespace

absl::StatusOr<bool> IsArchive(int file) {
  auto stream = ArchiveStream::Open(file);
  // Compressed in another way: a file like any other.
  if (absl::IsUnimplemented(stream.status()) &&
      !absl::StrContains(stream.status().message(), "not installed"))
    return false;
  if (absl::IsDataLoss(stream.status())) return false;
  RETURN_IF_ERROR(stream.status());
  archive::TarReader reader((*stream)->plain());
  archive::TarEntry entry;
  const absl::StatusOr<bool> any = reader.Next(entry);
  if (lseek(file, 0, SEEK_SET) != 0) return ErrnoStatus(errno, "seek");
  return any.ok() && *any;
}

absl::Status UnpackArchive(int file, int root) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveStream> stream, ArchiveStream::Open(file));
  archive::UnpackOptions options;
  options.keep_root = true;
  RETURN_IF_ERROR(archive::Unpack(stream->plain(), root, options).status());
  return stream->Finish();
}

}  // namespace coracle::build
