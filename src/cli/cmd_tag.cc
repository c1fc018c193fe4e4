// tag, untag and image exists.
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "image/image_store.h"

namespace coracle::cli {

int CmdTag(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const std::vector<std::string>& args = invocation.args();
  for (size_t i = 1; i < args.size(); ++i) {
    const absl::Status status = image::Tag(engine.store, args[0], args[i]);
    if (!status.ok()) return invocation.Fail(status);
  }
  return 0;
}

int CmdUntag(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const std::vector<std::string> names(invocation.args().begin() + 1, invocation.args().end());
  return invocation.Fail(image::Untag(engine.store, invocation.args()[0], names));
}

int CmdImageExists(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const auto found = image::Find(engine.store, invocation.args()[0]);
  if (absl::IsNotFound(found.status())) return 1;
  return invocation.Fail(found.status());
}

}  // namespace coracle::cli
