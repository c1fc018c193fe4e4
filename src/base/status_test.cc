#include "base/status.h"

#include <cerrno>

#include "doctest/doctest.h"

namespace coracle {
namespace {

absl::Status Outer() {
  RETURN_IF_ERROR(ErrnoStatus(ENOENT, "open /x"), "read config of ", "web");
  return absl::OkStatus();
}

TEST_SUITE("base/status") {
  TEST_CASE("context stands in front, code and errno stay") {
    const absl::Status status = Outer();
    CHECK(status.message() == "read config of web: open /x: No such file or directory");
    CHECK(absl::IsNotFound(status));
    CHECK(ErrnoOf(status) == ENOENT);
  }
  TEST_CASE("hint and exit code survive context") {
    const absl::Status leaf =
        WithHint(WithExitCode(absl::NotFoundError("no such image: foo"), 125), "try 'coracle pull foo'");
    const absl::Status status = Annotate(leaf, "run");
    CHECK(StatusLine(status) == "run: no such image: foo: try 'coracle pull foo'");
    CHECK(ExitCodeOf(status) == 125);
    CHECK_FALSE(ExitCodeOf(absl::NotFoundError("x")).has_value());
  }
}

}  // namespace
}  // namespace coracle
