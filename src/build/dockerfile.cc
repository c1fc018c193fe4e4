#include "build/dockerfile.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "build/dockerfile_lines.h"
#include "build/instruction_text.h"
#include "build/parse_instruction.h"

namespace coracle::build {
namespace {

// "<name>:<line>: " in front.
absl::Status WithPlace(const absl::Status& status, absl::string_view name) {
  const std::optional<Lines> lines = LinesOf(status);
  return Annotate(status,
                  lines.has_value() ? absl::StrCat(Printable(name), ":", lines->first) : Printable(name));
}

// Puts `instruction` where it belongs.
absl::Status Place(Instruction instruction, Dockerfile* file) {
  if (std::holds_alternative<From>(instruction.value)) {
    file->stages.push_back(Stage{std::move(instruction), {}});
  } else if (!file->stages.empty()) {
    file->stages.back().instructions.push_back(std::move(instruction));
  } else if (std::holds_alternative<Arg>(instruction.value)) {
    file->global_args.push_back(std::move(instruction));
  } else {
    return AtLines(WithHint(absl::InvalidArgumentError(
                                absl::StrCat(InstructionName(instruction.value), " before the first FROM")),
                            "only ARG may stand there"),
                   instruction.lines);
  }
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Dockerfile* file) {
  if (text.size() > kMaxDockerfileBytes)
    return absl::InvalidArgumentError(absl::StrCat("is larger than ", kMaxDockerfileBytes >> 20, " MiB"));
  if (absl::StrContains(text, '\0')) return absl::InvalidArgumentError("holds a NUL byte: it is no text");
  ASSIGN_OR_RETURN(DockerfileLines lines, JoinLines(text));
  file->escape = lines.escape;
  file->directives = std::move(lines.directives);
  for (const InstructionLine& line : lines.instructions) {
    if (line.empty_continuation) file->empty_continuations.push_back(line.lines);
    ASSIGN_OR_RETURN(Instruction instruction, ParseInstruction(line, file->escape));
    RETURN_IF_ERROR(Place(std::move(instruction), file));
  }
  if (lines.instructions.empty()) return absl::InvalidArgumentError("has no instructions");
  if (file->stages.empty()) return absl::InvalidArgumentError("has no FROM");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dockerfile> ParseDockerfile(absl::string_view name, absl::string_view text) {
  Dockerfile file;
  file.name = std::string(name);
  file.text = std::string(text);
  const absl::Status status = Read(text, &file);
  if (!status.ok()) return WithPlace(status, name);
  return file;
}

absl::StatusOr<Instruction> ParseOnBuildTrigger(absl::string_view text, Lines lines) {
  const auto parse = [&]() -> absl::StatusOr<Instruction> {
    ASSIGN_OR_RETURN(DockerfileLines joined, JoinLines(text));
    if (joined.instructions.size() != 1) return absl::InvalidArgumentError("is not one instruction");
    ASSIGN_OR_RETURN(Instruction instruction, ParseInstruction(joined.instructions[0], joined.escape));
    if (std::holds_alternative<From>(instruction.value) || std::holds_alternative<OnBuild>(instruction.value))
      return absl::InvalidArgumentError(
          absl::StrCat(InstructionName(instruction.value), " can't be a trigger"));
    return instruction;
  };
  absl::StatusOr<Instruction> instruction = parse();
  if (!instruction.ok()) {
    // The trigger's own lines are those of a text that the Dockerfile doesn't have.
    const absl::Status& status = instruction.status();
    return AtLines(
        absl::Status(status.code(), absl::StrCat("ONBUILD of the base (", Printable(text.substr(0, 80)),
                                                 "): ", status.message())),
        lines);
  }
  instruction->lines = lines;
  return instruction;
}

RunProgram ProgramOf(const Run& run) {
  RunProgram out;
  out.shell_form = run.command.shell_form;
  out.words = run.command.words;
  if (run.heredocs.empty() || out.words.empty()) return out;
  if (HeredocWord(out.words[0]).has_value()) {
    const Heredoc& heredoc = run.heredocs.front();
    if (absl::StartsWith(heredoc.content, "#!")) {
      out.script_name = heredoc.name;
      out.script = heredoc.content;
      out.shell_form = false;
      out.words.clear();
    } else {
      out.words = {heredoc.content};
    }
    return out;
  }
  // The shell itself reads them.
  for (const Heredoc& heredoc : run.heredocs) {
    absl::StrAppend(&out.words[0], "\n", heredoc.strip_tabs ? heredoc.with_tabs : heredoc.content,
                    heredoc.name);
  }
  return out;
}

}  // namespace coracle::build
