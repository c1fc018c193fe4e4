// A Dockerfile as values: what each instruction says, typed, before any variable is expanded.
//
// ParseDockerfile is pure: bytes in, values out, nothing expanded and nothing looked up. Expansion is
// build/expand.h and build/scope.h, the order of stages build/stage_graph.h.
// Source: docs.docker.com/reference/dockerfile; where that is silent, what BuildKit does.
#ifndef CORACLE_BUILD_DOCKERFILE_H_
#define CORACLE_BUILD_DOCKERFILE_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "build/source_position.h"

namespace coracle::build {

// A larger Dockerfile is refused.
inline constexpr size_t kMaxDockerfileBytes = 4 << 20;
// One with more instructions too.
inline constexpr size_t kMaxInstructions = 10000;

// <<NAME ... NAME. The content ends with its last newline; the tabs that "<<-" strips are gone already.
struct Heredoc {
  std::string name;
  std::string content;
  bool expand = true;       // false if the name was quoted
  bool strip_tabs = false;  // "<<-"
  std::string with_tabs;    // then: the content as it stands
};

// The program of RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD.
struct CommandLine {
  bool shell_form = true;
  // Shell form: one element, the text for the shell (none if nothing was given). Exec form: the arguments.
  std::vector<std::string> words;
};

struct KeyValue {
  std::string key;
  std::string value;
  bool legacy = false;  // written without "=": "ENV key value"
};

struct From {
  std::string base;      // unexpanded
  std::string name;      // AS name in lower case; "" without
  std::string platform;  // --platform, unexpanded
};

struct Arg {
  struct Declaration {
    std::string name;
    std::optional<std::string> value;  // unexpanded
  };
  std::vector<Declaration> declarations;
};

struct Env {
  std::vector<KeyValue> pairs;
};

struct Label {
  std::vector<KeyValue> pairs;
};

enum class MountType { kBind, kCache, kTmpfs, kSecret, kSsh };
enum class CacheSharing { kShared, kPrivate, kLocked };

// RUN --mount=... after expansion (ParseMount). Empty strings: not given.
struct RunMount {
  MountType type = MountType::kBind;
  std::string from;    // stage, build context or image; bind and cache
  std::string source;  // path in `from` (bind, cache); of a secret an older way to write its id
  std::string target;
  std::string id;   // cache, secret, ssh
  std::string env;  // secret: the variable that gets it. Set without a target: no file is made
  bool read_only = false;
  bool required = false;
  std::optional<unsigned> mode, uid, gid;
  std::optional<CacheSharing> sharing;  // default shared
  int64_t size = 0;                     // tmpfs: bytes, 0 without a limit
};

enum class RunNetwork { kDefault, kNone, kHost };

struct Run {
  CommandLine command;
  std::vector<Heredoc> heredocs;
  std::vector<std::string> mounts;  // the texts of --mount, unexpanded; see ExpandedMounts in build/scope.h
  RunNetwork network = RunNetwork::kDefault;
  bool insecure = false;  // --security=insecure
};

// What COPY and ADD share.
struct CopyBase {
  std::vector<std::string> sources;  // paths, patterns, URLs; unexpanded
  std::vector<Heredoc> heredocs;     // sources too: each becomes a file of its name
  std::string destination;           // unexpanded
  std::string chown;                 // unexpanded, as the next two
  std::string chmod;
  std::vector<std::string> exclude;
  bool link = false;
};

struct Copy : CopyBase {
  std::string from;  // never holds variables
  bool parents = false;
};

struct Add : CopyBase {
  std::string checksum;  // unexpanded
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
};

struct Cmd {
  CommandLine command;
};

struct Entrypoint {
  CommandLine command;
};

struct Shell {
  std::vector<std::string> words;
};

struct Workdir {
  std::string path;
};

struct User {
  std::string user;
};

struct Expose {
  std::vector<std::string> ports;
};

struct Volume {
  std::vector<std::string> paths;
};

struct StopSignal {
  std::string signal;
};

struct Healthcheck {
  bool none = false;
  CommandLine command;
  // Zero: not given.
  absl::Duration interval, timeout, start_period, start_interval;
  int retries = 0;
};

struct Maintainer {
  std::string name;
};

struct OnBuild {
  std::string instruction;  // as it stands after ONBUILD, with its heredocs; what an image's config records
};

using InstructionValue = std::variant<From, Arg, Env, Label, Run, Copy, Add, Cmd, Entrypoint, Shell, Workdir,
                                      User, Expose, Volume, StopSignal, Healthcheck, Maintainer, OnBuild>;

struct Instruction {
  Lines lines;
  std::string keyword;  // as written: "run", "RUN"
  std::string
      original;  // the instruction's text as one line, continuations joined, without heredocs' contents
  std::vector<std::string> comments;  // the comment lines directly above, without "#"
  InstructionValue value;
};

// "RUN", "ONBUILD": the name in upper case.
absl::string_view InstructionName(const InstructionValue& value);

struct Stage {
  Instruction from;                       // its value is a From
  std::vector<Instruction> instructions;  // no From among them
  const From& base() const { return std::get<From>(from.value); }
};

// Directives that were given; "" or nothing if not.
struct Directives {
  std::string syntax;
  std::string check;
  Lines check_lines;
};

// Invariants: at least one stage; global_args hold Arg values only.
struct Dockerfile {
  std::string name;  // for messages
  std::string text;
  char escape = '\\';
  Directives directives;
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;
  std::vector<Lines> empty_continuations;  // instructions with blank lines inside continuations
};

// Reads `text`; `name` is what messages call it. Errors: InvalidArgument with the lines it is about (LinesOf)
// and, where something is near, a hint. The message begins "<name>:<line>: ".
absl::StatusOr<Dockerfile> ParseDockerfile(absl::string_view name, absl::string_view text);

// The instruction that ONBUILD recorded in an image. `lines`: where the FROM stands that brought it.
// Errors: InvalidArgument.
absl::StatusOr<Instruction> ParseOnBuildTrigger(absl::string_view text, Lines lines);

// The text of one --mount, its variables expanded already. Errors: InvalidArgument.
absl::StatusOr<RunMount> ParseMount(absl::string_view text);

// What RUN runs. With heredocs: the text that the shell gets, or a script that has its own "#!" and is run as
// the file `script_name` (BuildKit shows it at /dev/pipes/<name>, mode 0755, read-only).
struct RunProgram {
  bool shell_form = true;
  std::vector<std::string> words;  // as CommandLine; empty if there is a script
  std::string script_name;
  std::string script;
};
RunProgram ProgramOf(const Run& run);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_DOCKERFILE_H_
