// --cidfile: a new file that gets the container's id.
#ifndef CORACLE_CLI_CIDFILE_H_
#define CORACLE_CLI_CIDFILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::cli {

// Invariants: nothing, or a file of ours that is removed again unless Write succeeded.
class Cidfile {
 public:
  // Creates `path` exclusively, so that a file in the way is told before anything is made. Empty: nothing.
  static absl::StatusOr<Cidfile> Claim(const std::string& path);
  Cidfile(Cidfile&& other) noexcept = default;
  Cidfile& operator=(Cidfile&&) = delete;
  ~Cidfile();

  absl::Status Write(const std::string& id);

 private:
  Cidfile() = default;
  std::string path_;
  os::UniqueFd fd_;  // open until written
};

// Our own command line, kept in the container's record.
std::vector<std::string> CommandLine();

}  // namespace coracle::cli

#endif  // CORACLE_CLI_CIDFILE_H_
