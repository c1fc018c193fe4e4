// ps.
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/container_filter.h"
#include "cli/container_json.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "storage/disk_usage.h"
#include "store/store.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;

constexpr Heading kHeadings[] = {
    {"ID", "CONTAINER ID"},    {"CreatedHuman", "CREATED"}, {"CreatedAt", "CREATED AT"},
    {"RunningFor", "CREATED"}, {"ImageID", "IMAGE ID"},     {"LocalVolumes", "LOCAL VOLUMES"},
};
constexpr absl::string_view kColumns =
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
constexpr absl::string_view kColumnsWithSize =
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}";
constexpr absl::string_view kNamespaceColumns =
    "{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.CgroupNS}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t{{.PIDNS}}\t{{.UTS}}";
constexpr absl::string_view kMapFields[] = {"Labels", "Label"};

absl::Status Sort(const std::string& field, std::vector<ContainerView>& views) {
  const auto by = [&views](auto key) {
    std::stable_sort(views.begin(), views.end(),
                     [&key](const ContainerView& a, const ContainerView& b) { return key(a) < key(b); });
  };
  const auto command = [](const ContainerView& view) {
    return view.record.config().args().empty() ? std::string() : view.record.config().args(0);
  };
  if (field == "created" || field == "size")
    return absl::OkStatus();  // newest first already; sizes are sorted later
  if (field == "names") {
    by([](const ContainerView& v) { return v.record.name(); });
  } else if (field == "id") {
    by([](const ContainerView& v) { return v.record.id(); });
  } else if (field == "image") {
    by([](const ContainerView& v) { return v.record.image_name(); });
  } else if (field == "command") {
    by(command);
  } else if (field == "status") {
    by([](const ContainerView& v) { return std::string(engine::StatusName(v)); });
  } else if (field == "runningfor") {
    by([](const ContainerView& v) { return v.state.started_unix_nanos(); });
  } else {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat(
            "--sort ", field, ": expected command, created, id, image, names, runningfor, size or status")),
        125);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ContainerView>> Choose(const ParsedCommand& parsed, engine::Engine& engine) {
  ASSIGN_OR_RETURN(const ContainerFilter filter, ContainerFilter::Parse(engine, parsed.GetList("filter")));
  const int64_t last = parsed.GetBool("latest") ? 1 : parsed.GetInt("last");
  const bool all = parsed.GetBool("all") || last >= 0 || filter.MentionsStatus();
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, engine::LookAll(engine, /*sweep=*/all));
  std::vector<ContainerView> chosen;
  for (ContainerView& view : views) {
    if (last >= 0 && static_cast<int64_t>(chosen.size()) >= last) break;
    if ((all || engine::IsRunning(view)) && filter.Matches(view)) chosen.push_back(std::move(view));
  }
  return chosen;
}

// Inode of one of the container's namespaces, as /proc shows it; empty if it does not run.
std::string NamespaceInode(const ContainerView& view, const char* name) {
  if (!engine::IsRunning(view)) return "";
  const auto link = os::ReadLinkAt(AT_FDCWD, absl::StrCat("/proc/", view.state.pid(), "/ns/", name));
  if (!link.ok()) return "";
  const size_t open = link->find('[');
  return open == std::string::npos ? "" : link->substr(open + 1, link->size() - open - 2);
}

void AddNamespaces(const ContainerView& view, Json& row) {
  row["CgroupNS"] = NamespaceInode(view, "cgroup");
  row["IPC"] = NamespaceInode(view, "ipc");
  row["MNT"] = NamespaceInode(view, "mnt");
  row["NET"] = NamespaceInode(view, "net");
  row["PIDNS"] = NamespaceInode(view, "pid");
  row["UTS"] = NamespaceInode(view, "uts");
}

absl::Status Show(Invocation& invocation, engine::Engine& engine) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, Choose(parsed, engine));
  RETURN_IF_ERROR(Sort(parsed.GetString("sort"), views));
  ListingOptions options{parsed.GetString("format"), parsed.GetBool("quiet"), parsed.GetBool("noheading")};
  const bool with_size = parsed.GetBool("size") || parsed.GetString("sort") == "size";
  const bool namespaces = parsed.GetBool("namespace");
  const absl::string_view columns = namespaces               ? kNamespaceColumns
                                    : parsed.GetBool("size") ? kColumnsWithSize
                                                             : kColumns;
  const bool own_format = !options.format.empty() && options.format != "table";
  const ListedFields fields(own_format ? absl::string_view(options.format) : columns);
  std::vector<std::pair<int64_t, Json>> rows;
  rows.reserve(views.size());
  for (const ContainerView& view : views) {
    std::optional<int64_t> size;
    if (with_size) {
      ASSIGN_OR_RETURN(size, storage::ContainerBytes(engine.store, view.record.id()));
    }
    Json row = options.format == "json" ? PsJson(view, size)
                                        : PsRow(view, size, !parsed.GetBool("no-trunc"), fields);
    if (namespaces && options.format != "json") AddNamespaces(view, row);
    rows.emplace_back(size.value_or(0), std::move(row));
  }
  if (parsed.GetString("sort") == "size") {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  std::vector<Json> values;
  for (auto& [size, row] : rows) values.push_back(std::move(row));
  const ListingFormat listing{kHeadings, columns, "{{.ID}}", kMapFields, {}};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, options, values));
  invocation.out().Write(text);
  return absl::OkStatus();
}

}  // namespace

int CmdPs(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const uint64_t seconds = invocation.parsed().GetUint("watch");
  for (;;) {
    const absl::Status status = Show(invocation, engine);
    if (!status.ok() || seconds == 0) return invocation.Fail(status);
    const absl::Status flushed = invocation.out().Flush();
    if (!flushed.ok()) return invocation.Fail(flushed);
    sleep(static_cast<unsigned>(seconds));
    invocation.out().Write("\x1b[H\x1b[2J");
  }
}

}  // namespace coracle::cli
