#include "base/signal_name.h"

#include <csignal>

#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/signal_name") {
  TEST_CASE("names and numbers are read in every form users write") {
    CHECK(ParseSignal("SIGTERM").value() == SIGTERM);
    CHECK(ParseSignal("term").value() == SIGTERM);
    CHECK(ParseSignal("15").value() == 15);
    CHECK(ParseSignal("-9").value() == 9);
    CHECK(ParseSignal("SigKill").value() == SIGKILL);
    CHECK(ParseSignal("RTMIN").value() == 34);
    CHECK(ParseSignal("rtmin+3").value() == 37);
    CHECK(ParseSignal("SIGRTMAX-1").value() == 63);
    CHECK(ParseSignal("33").value() == 33);
  }
  TEST_CASE("what is no signal is refused") {
    for (const char* text : {"", "0", "65", "-", "SIG", "FOO", "9x", "RTMIN-1", "RTMIN+31", "RTMIN+",
                             "RTMAX+1", "99999999999999999999", "15 ", "RTMIN+-1"}) {
      CAPTURE(text);
      CHECK(ParseSignal(text).status().code() == absl::StatusCode::kInvalidArgument);
    }
    CHECK(ParseSignal("FOO").status().message() == "invalid signal: FOO");
  }
  TEST_CASE("the name of a number reads back to the number") {
    for (int signal = 1; signal <= kMaxSignal; ++signal)
      CHECK(ParseSignal(SignalName(signal)).value() == signal);
    CHECK(SignalName(6) == "SIGABRT");
    CHECK(SignalName(37) == "SIGRTMIN+3");
    CHECK(SignalName(0) == "0");
  }
}

}  // namespace
}  // namespace coracle
