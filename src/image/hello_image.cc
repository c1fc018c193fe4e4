#include "image/hello_image.h"

#include <unistd.h>

#include "absl/strings/strip.h"
#include "archive/tar_writer.h"
#include "base/status.h"
#include "image/import_stream.h"
#include "programs/embedded.h"

namespace coracle::image {
namespace {

constexpr int64_t kCreatedUnixSeconds = 1767225600;  // 2026-01-01: any constant, so that the id is one

}  // namespace

bool IsHello(absl::string_view reference) {
  absl::ConsumePrefix(&reference, "localhost/");
  return reference == "hello" || reference == "hello:latest";
}

absl::Status MakeHelloImage(const store::Store& store) {
  archive::StringSink tar;
  archive::TarWriter writer(tar);
  archive::TarEntry entry;
  entry.path = "hello";
  entry.mode = 0755;
  entry.size = static_cast<int64_t>(HelloProgram().size());
  entry.mtime.tv_sec = kCreatedUnixSeconds;
  RETURN_IF_ERROR(writer.WriteEntry(entry));
  RETURN_IF_ERROR(writer.WriteContent(HelloProgram()));
  RETURN_IF_ERROR(writer.Finish());

  ImportSpec spec;
  spec.options.reference = "localhost/hello:latest";
  spec.options.changes = {"CMD [\"/hello\"]"};
  spec.options.message = "the welcome that comes with coracle";
  spec.options.single_id = geteuid() != 0;
  spec.created_unix_nanos = kCreatedUnixSeconds * 1000000000;
  spec.created_by = "coracle";
  archive::MemorySource source(tar.data());
  RETURN_IF_ERROR(ImportStream(store, source, spec).status(), "make the image hello");
  return absl::OkStatus();
}

}  // namespace coracle::image
