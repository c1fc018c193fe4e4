#include "build/stage_graph.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "build/run_mount.h"

namespace coracle::build {
namespace {

absl::Status Place(const Dockerfile& file, const absl::Status& status) {
  const std::optional<Lines> lines = LinesOf(status);
  return Annotate(status, lines.has_value() ? absl::StrCat(Printable(file.name), ":", lines->first)
                                            : Printable(file.name));
}

bool IsContext(const std::set<std::string>& contexts, absl::string_view name) {
  return contexts.count(std::string(name)) != 0;
}

// The last stage called `name` among the first `count`; -1 if none. A name given twice means the later one.
int FindStage(const StageGraph& graph, absl::string_view name, int count) {
  for (int i = std::min<int>(count, static_cast<int>(graph.stages.size())) - 1; i >= 0; --i)
    if (!graph.stages[i].name.empty() && absl::EqualsIgnoreCase(graph.stages[i].name, name)) return i;
  return -1;
}

void AddNeed(StageNode* node, const SourceRef& source) {
  if (source.kind != SourceRef::Kind::kStage) return;
  if (std::find(node->needs.begin(), node->needs.end(), source.stage) == node->needs.end())
    node->needs.push_back(source.stage);
}

class Builder {
 public:
  Builder(const Dockerfile& file, const GlobalScope& global, const std::set<std::string>& contexts)
      : file_(file), global_(global), contexts_(contexts) {}

  absl::StatusOr<StageGraph> Build(absl::string_view target) {
    RETURN_IF_ERROR(AddBases());
    for (size_t i = 0; i < file_.stages.size(); ++i) {
      for (const Instruction& instruction : file_.stages[i].instructions)
        RETURN_IF_ERROR(AddSources(static_cast<int>(i), instruction));
    }
    ASSIGN_OR_RETURN(graph_.target, FindTarget(target));
    FindNeeded();
    return std::move(graph_);
  }

 private:
  absl::Status AddBases();
  absl::Status AddSources(int stage, const Instruction& instruction);
  absl::StatusOr<int> FindTarget(absl::string_view target) const;
  void FindNeeded();

  const Dockerfile& file_;
  const GlobalScope& global_;
  const std::set<std::string>& contexts_;
  StageGraph graph_;
};

absl::Status Builder::AddBases() {
  for (const Stage& stage : file_.stages) {
    StageNode node;
    node.index = static_cast<int>(graph_.stages.size());
    node.name = stage.base().name;
    ASSIGN_OR_RETURN(GlobalScope::Base base, global_.ExpandFrom(stage.from));
    node.platform = base.platform;
    node.base.name = base.name;
    const int earlier = FindStage(graph_, base.name, node.index);
    if (!node.name.empty() && IsContext(contexts_, node.name)) {
      // A build context of the stage's name takes the stage's place.
      node.base = SourceRef{SourceRef::Kind::kContext, -1, node.name};
    } else if (earlier >= 0) {
      node.base.kind = SourceRef::Kind::kStage;
      node.base.stage = earlier;
    } else if (IsContext(contexts_, base.name)) {
      node.base.kind = SourceRef::Kind::kContext;
    } else if (base.name == "scratch") {
      node.base.kind = SourceRef::Kind::kScratch;
    }
    AddNeed(&node, node.base);
    graph_.stages.push_back(std::move(node));
  }
  return absl::OkStatus();
}

absl::Status Builder::AddSources(int stage, const Instruction& instruction) {
  std::vector<std::string> names;
  if (const auto* copy = std::get_if<Copy>(&instruction.value)) {
    if (!copy->from.empty()) names.push_back(copy->from);
  } else if (const auto* run = std::get_if<Run>(&instruction.value)) {
    for (const std::string& text : run->mounts) {
      // Values that hold variables don't hide "from", which holds none.
      ASSIGN_OR_RETURN(std::string from, FromOfMount(text));
      if (!from.empty()) names.push_back(std::move(from));
    }
  }
  for (const std::string& name : names) {
    absl::StatusOr<SourceRef> source = ResolveFrom(graph_, stage, name, contexts_, instruction.lines);
    if (!source.ok()) return Annotate(source.status(), InstructionName(instruction.value));
    AddNeed(&graph_.stages[stage], *source);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Builder::FindTarget(absl::string_view target) const {
  const int count = static_cast<int>(graph_.stages.size());
  if (target.empty()) return count - 1;
  const int named = FindStage(graph_, target, count);
  if (named >= 0) return named;
  int index = 0;
  if (absl::SimpleAtoi(target, &index) && index >= 0 && index < count) return index;
  const absl::Status status =
      absl::NotFoundError(absl::StrCat("no stage is called \"", Printable(target), "\""));
  std::vector<absl::string_view> names;
  for (const StageNode& node : graph_.stages)
    if (!node.name.empty()) names.push_back(node.name);
  const absl::string_view nearest = Nearest(absl::AsciiStrToLower(target), names);
  return nearest.empty() ? status : WithHint(status, absl::StrCat("did you mean ", nearest, "?"));
}

void Builder::FindNeeded() {
  std::vector<bool> needed(graph_.stages.size(), false);
  needed[graph_.target] = true;
  // Stages need only earlier ones, so that one pass from the end sees all.
  for (int i = graph_.target; i >= 0; --i) {
    if (!needed[i]) continue;
    for (const int other : graph_.stages[i].needs) needed[other] = true;
  }
  for (size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) graph_.needed.push_back(static_cast<int>(i));
}

}  // namespace

absl::StatusOr<SourceRef> ResolveFrom(const StageGraph& graph, int stage, absl::string_view from,
                                      const std::set<std::string>& context_names, Lines lines) {
  const auto error = [&](absl::string_view what) { return AtLines(absl::InvalidArgumentError(what), lines); };
  SourceRef out;
  out.name = std::string(from);
  int index = FindStage(graph, from, stage);
  int number = 0;
  if (index < 0 && absl::SimpleAtoi(from, &number)) {
    index = number;
    if (index < 0 || index >= static_cast<int>(graph.stages.size()))
      return error(absl::StrCat("there is no stage ", from, ": the Dockerfile has ", graph.stages.size()));
    if (index == stage) return error(absl::StrCat("stage ", from, " can't take from itself"));
    if (index > stage) return error(absl::StrCat("stage ", from, " comes only later"));
  }
  if (index >= 0) {
    out.kind = SourceRef::Kind::kStage;
    out.stage = index;
    return out;
  }
  if (IsContext(context_names, from)) {
    out.kind = SourceRef::Kind::kContext;
    return out;
  }
  const int later = FindStage(graph, from, static_cast<int>(graph.stages.size()));
  if (later == stage) return error(absl::StrCat("stage ", Printable(from), " can't take from itself"));
  if (later > stage) {
    return WithHint(error(absl::StrCat("stage ", Printable(from), " comes only later")),
                    "a stage takes from earlier ones: move it up");
  }
  out.kind = absl::EqualsIgnoreCase(from, "scratch") ? SourceRef::Kind::kScratch : SourceRef::Kind::kImage;
  return out;
}

absl::StatusOr<StageGraph> MakeStageGraph(const Dockerfile& file, const GlobalScope& global,
                                          const std::set<std::string>& context_names,
                                          absl::string_view target) {
  absl::StatusOr<StageGraph> graph = Builder(file, global, context_names).Build(target);
  if (!graph.ok()) return Place(file, graph.status());
  return graph;
}

}  // namespace coracle::build
