// system df.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/size.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/commands_storage.h"
#include "cli/image_json.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/disk_report.h"

namespace coracle::cli {
namespace {

using engine::DiskReport;
using engine::DiskTotal;

Json TotalRow(absl::string_view type, const DiskTotal& total) {
  const int64_t percent = total.bytes == 0 ? 0 : total.reclaimable_bytes * 100 / total.bytes;
  return {{"Type", std::string(type)},
          {"Total", total.total},
          {"TotalCount", total.total},
          {"Active", total.active},
          {"RawSize", total.bytes},
          {"RawReclaimable", total.reclaimable_bytes},
          {"Size", HumanSize(total.bytes)},
          {"Reclaimable", absl::StrCat(HumanSize(total.reclaimable_bytes), " (", percent, "%)")}};
}

absl::Status ShowTotals(Invocation& invocation, const DiskReport& report) {
  const ListingFormat listing = {.headings = {},
                                 .columns = "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
                                 .quiet = "{{.Type}}"};
  const ListingOptions options = {.format = invocation.parsed().GetString("format")};
  const auto text =
      RenderListing(listing, options,
                    {TotalRow("Images", report.images), TotalRow("Containers", report.containers),
                     TotalRow("Local Volumes", report.volumes)});
  if (!text.ok()) return WithExitCode(text.status(), 125);
  invocation.out().Write(*text);
  return absl::OkStatus();
}

std::string Ago(int64_t unix_nanos) { return HumanDuration(absl::Now() - absl::FromUnixNanos(unix_nanos)); }

std::string ImageTable(const DiskReport& report) {
  std::string text = "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS\n";
  for (const engine::ImageDisk& image : report.image_list) {
    for (const Json& row : ImageRows(image.info, /*truncate=*/true, ListedFields("."))) {
      absl::StrAppend(&text, row.value("Repository", ""), "\t", row.value("Tag", ""), "\t",
                      ShortId(image.info.record.id()), "\t", Ago(image.info.record.created_unix_nanos()),
                      "\t", HumanSize(image.bytes), "\t", HumanSize(image.bytes - image.unique_bytes), "\t",
                      HumanSize(image.unique_bytes), "\t", image.containers, "\n");
    }
  }
  return AlignColumns(text);
}

std::string ContainerTable(const DiskReport& report) {
  std::string text = "CONTAINER ID\tIMAGE\tCOMMAND\tSIZE\tCREATED\tSTATUS\tNAMES\n";
  for (const engine::ContainerDisk& one : report.container_list) {
    const store::ContainerRecord& record = one.view.record;
    absl::StrAppend(&text, ShortId(record.id()), "\t", record.image_name(), "\t",
                    Printable(absl::StrJoin(record.config().args(), " ")).substr(0, 60), "\t",
                    HumanSize(one.bytes), "\t", Ago(record.created_unix_nanos()), "\t",
                    engine::StatusName(one.view), "\t", record.name(), "\n");
  }
  return AlignColumns(text);
}

std::string VolumeTable(const DiskReport& report) {
  std::string text = "VOLUME NAME\tLINKS\tSIZE\n";
  for (const engine::VolumeDisk& one : report.volume_list) {
    absl::StrAppend(&text, one.record.name(), "\t", one.containers, "\t", HumanSize(one.bytes), "\n");
  }
  return AlignColumns(text);
}

absl::Status SystemDf(Invocation& invocation) {
  const bool verbose = invocation.parsed().GetBool("verbose");
  if (verbose && !invocation.parsed().GetString("format").empty()) {
    return WithExitCode(absl::InvalidArgumentError("--format and --verbose do not go together"), 125);
  }
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const DiskReport report, engine::ReportDisk(engine));
  if (!verbose) return ShowTotals(invocation, report);
  invocation.out().Write(absl::StrCat("Images space usage:\n\n", ImageTable(report),
                                      "\nContainers space usage:\n\n", ContainerTable(report),
                                      "\nLocal Volumes space usage:\n\n", VolumeTable(report)));
  return absl::OkStatus();
}

}  // namespace

int CmdSystemDf(Invocation& invocation) { return invocation.Fail(SystemDf(invocation)); }

}  // namespace coracle::cli
