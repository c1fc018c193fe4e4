// A Dockerfile as anybody may write it: refused with a line, or read to what keeps its invariants, expanded
// and ordered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "build/dockerfile.h"
#include "build/scope.h"
#include "build/stage_graph.h"

namespace {

using namespace coracle::build;

void Require(bool holds) {
  if (!holds) abort();
}

void CheckLines(Lines lines, Lines* before) {
  Require(lines.first > before->last && lines.last >= lines.first);
  *before = lines;
}

void CheckInstruction(const Instruction& instruction, StageScope& scope) {
  const auto expanded = scope.Expand(instruction);
  if (!expanded.ok()) {
    Require(LinesOf(expanded.status())->first == instruction.lines.first);
    return;
  }
  Require(expanded->value.index() == instruction.value.index());
  if (const auto* run = std::get_if<Run>(&instruction.value)) ProgramOf(*run);
  if (const auto* trigger = std::get_if<OnBuild>(&instruction.value)) {
    // It was tried when it was read: it must be readable again from what the image keeps.
    (void)ParseOnBuildTrigger(trigger->instruction, instruction.lines);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 16384) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto file = ParseDockerfile("Dockerfile", text);
  if (!file.ok()) {
    Require(!file.status().message().empty());
    const auto lines = LinesOf(file.status());
    if (lines.has_value()) {
      Require(lines->first > 0 && lines->last >= lines->first);
      SourceExcerpt("Dockerfile", text, *lines);
    }
    return 0;
  }
  Require(!file->stages.empty());
  ScopeInputs inputs;
  inputs.build_args["A"] = "a b";
  inputs.target_platform = inputs.build_platform = coracle::oci::HostPlatform();
  const auto global = GlobalScope::Make(*file, inputs);
  if (!global.ok()) return 0;
  const auto graph = MakeStageGraph(*file, *global, {"context"}, "");
  if (graph.ok()) {
    Require(graph->needed.back() == graph->target);
    for (const StageNode& node : graph->stages)
      for (const int other : node.needs) Require(other >= 0 && other < node.index);
  }
  Lines before;
  for (const Instruction& arg : file->global_args) CheckLines(arg.lines, &before);
  for (const Stage& stage : file->stages) {
    CheckLines(stage.from.lines, &before);
    StageScope scope(*global, {"PATH=/bin"});
    for (const Instruction& instruction : stage.instructions) {
      CheckLines(instruction.lines, &before);
      CheckInstruction(instruction, scope);
    }
  }
  return 0;
}
