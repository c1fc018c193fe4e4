// `coracle oci list`: the containers of this state directory.
#include "base/json.h"
#include "base/status.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {
namespace {

absl::StatusOr<std::string> AsJson(const runtime::OciStore& store,
                                   const std::vector<runtime::OciState>& states) {
  Json list = Json::array();
  for (const runtime::OciState& state : states) {
    absl::StatusOr<std::string> document = runtime::OciStateDocument(store, state.id, /*indent=*/0);
    if (!document.ok()) continue;  // gone since
    ASSIGN_OR_RETURN(Json entry, ParseJson(*document));
    list.push_back(std::move(entry));
  }
  return DumpJson(list);
}

std::string AsTable(const runtime::OciStore& store, const std::vector<runtime::OciState>& states) {
  std::string text = "ID\tPID\tSTATUS\tBUNDLE\tCREATED\n";
  for (const runtime::OciState& state : states) {
    const runtime::OciStatus status = store.StatusOf(state);
    absl::StrAppend(&text, state.id, "\t", status == runtime::OciStatus::kStopped ? 0 : state.pid, "\t",
                    runtime::OciStatusName(status), "\t", state.bundle, "\t", state.created, "\n");
  }
  return AlignColumns(text);
}

}  // namespace

int CmdOciList(Invocation& invocation) {
  const runtime::OciStore store = OciStoreOf(invocation);
  const absl::StatusOr<std::vector<runtime::OciState>> states = store.List();
  if (!states.ok()) return OciFail(invocation, states.status());
  const std::string format = invocation.parsed().GetString("format");
  if (invocation.parsed().GetBool("quiet")) {
    for (const runtime::OciState& state : *states) invocation.out().WriteLine(state.id);
  } else if (format == "json") {
    const absl::StatusOr<std::string> text = AsJson(store, *states);
    if (!text.ok()) return OciFail(invocation, text.status());
    invocation.out().WriteLine(*text);
  } else if (format == "table") {
    invocation.out().Write(AsTable(store, *states));
  } else {
    return OciFail(invocation,
                   absl::InvalidArgumentError(absl::StrCat("--format ", format, ": table or json")));
  }
  return 0;
}

}  // namespace coracle::cli
