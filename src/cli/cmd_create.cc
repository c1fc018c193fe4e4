// create: a container that is not started.
#include "base/status.h"
#include "cli/cidfile.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/pull_for_run.h"
#include "cli/select.h"

namespace coracle::cli {
namespace {

absl::Status Create(Invocation& invocation) {
  ASSIGN_OR_RETURN(engine::CreateRequest request,
                   ReadContainerOptions(invocation.parsed(), /*is_create=*/true));
  request.create_command = CommandLine();
  engine::Engine engine = MakeEngine(invocation);
  RETURN_IF_ERROR(PullForRun(invocation, engine, request));
  ASSIGN_OR_RETURN(Cidfile cidfile, Cidfile::Claim(request.config.cid_file()));
  ASSIGN_OR_RETURN(const engine::Created created, engine::CreateContainer(engine, std::move(request)));
  RETURN_IF_ERROR(cidfile.Write(created.record.id()));
  invocation.out().WriteLine(created.record.id());
  return absl::OkStatus();
}

}  // namespace

int CmdCreate(Invocation& invocation) { return invocation.Fail(Create(invocation)); }

}  // namespace coracle::cli
