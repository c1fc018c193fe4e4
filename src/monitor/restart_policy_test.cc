#include "monitor/restart_policy.h"

#include "doctest/doctest.h"

namespace coracle::monitor {
namespace {

RestartDecider Decider(const char* name, uint32_t retries = 0) {
  store::RestartPolicy policy;
  policy.set_name(name);
  policy.set_maximum_retries(retries);
  return RestartDecider(policy);
}

TEST_SUITE("monitor/restart_policy") {
  TEST_CASE("waits double up to a minute and begin anew after a stable run") {
    RestartDecider decider = Decider("always");
    CHECK(decider.NextDelayMillis(0, 10, 0, false) == 100);
    CHECK(decider.NextDelayMillis(0, 10, 1, false) == 200);
    for (int i = 0; i < 20; ++i) (void)decider.NextDelayMillis(0, 10, 2, false);
    CHECK(decider.NextDelayMillis(0, 10, 3, false) == 60000);
    CHECK(decider.NextDelayMillis(0, 10000, 4, false) == 100);
  }
  TEST_CASE("on-failure counts, a stop by the user ends every policy") {
    RestartDecider decider = Decider("on-failure", 2);
    CHECK(decider.NextDelayMillis(0, 10, 0, false) == -1);
    CHECK(decider.NextDelayMillis(1, 10, 1, false) == 100);
    CHECK(decider.NextDelayMillis(1, 10, 2, false) == -1);
    CHECK(Decider("on-failure").NextDelayMillis(1, 10, 100, false) == 100);
    CHECK(Decider("unless-stopped").NextDelayMillis(1, 10, 0, true) == -1);
    CHECK(Decider("no").NextDelayMillis(1, 10, 0, false) == -1);
    CHECK(Decider("").NextDelayMillis(1, 10, 0, false) == -1);
  }
}

}  // namespace
}  // namespace coracle::monitor
