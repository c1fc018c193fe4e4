// The instructions of --change (import, commit), in the Dockerfile's language.
// Source: docker's documentation of `commit --change`; the Dockerfile reference.
#ifndef CORACLE_OCI_CHANGE_H_
#define CORACLE_OCI_CHANGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "oci/image_config.h"

namespace coracle::oci {

// Applies `changes` in order: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and
// WORKDIR, each "NAME arguments" or, as podman takes it too, "NAME=arguments". Commands are a JSON list or a
// shell line. ENTRYPOINT drops a CMD that none of the changes before it set. Variables are not expanded.
// Errors: InvalidArgument `change "...": ...`; `defaults` is then half changed.
absl::Status ApplyChanges(absl::Span<const std::string> changes, ContainerDefaults* defaults);

// Splits at blanks, as the Dockerfile does: quotes and backslashes keep blanks together and are taken off.
// Errors: InvalidArgument for a quote that does not end.
absl::StatusOr<std::vector<std::string>> SplitDockerWords(absl::string_view text);

// The ports that "80", "80/udp" or "8000-8010/tcp" name, as "80/tcp". Errors: InvalidArgument.
absl::StatusOr<std::vector<std::string>> ParseExposedPorts(absl::string_view text);

// `env` ("NAME=VALUE") with `name` set: in its place if it is there, else at the end.
void SetEnv(absl::string_view name, absl::string_view value, std::vector<std::string>* env);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_CHANGE_H_
