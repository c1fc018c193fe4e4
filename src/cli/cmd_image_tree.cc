// image tree: an image's layers, and whose top layers they are.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/size.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands_archive.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "image/image_store.h"
#include "storage/layer_store.h"

namespace coracle::cli {
namespace {

using Layers = std::vector<std::string>;

Layers LayersOf(const image::ImageInfo& info) {
  return {info.record.layer_ids().begin(), info.record.layer_ids().end()};
}

// Layers are known by their content; a place in a tree is one with all the layers below it.
struct Forest {
  std::map<Layers, std::vector<std::string>> tops;  // names of the images that end there
  std::map<Layers, std::vector<Layers>> above;      // what stands on it
};

Forest Grow(const std::vector<image::ImageInfo>& images) {
  Forest forest;
  for (const image::ImageInfo& info : images) {
    const Layers all = LayersOf(info);
    if (all.empty()) continue;
    std::vector<std::string>& names = forest.tops[all];
    if (info.names.empty()) names.push_back(std::string(ShortId(info.record.id())));
    names.insert(names.end(), info.names.begin(), info.names.end());
    for (size_t size = 1; size <= all.size(); ++size) {
      std::vector<Layers>& children = forest.above[Layers(all.begin(), all.begin() + size - 1)];
      Layers child(all.begin(), all.begin() + size);
      if (std::find(children.begin(), children.end(), child) == children.end()) {
        children.push_back(std::move(child));
      }
    }
  }
  return forest;
}

class Printer {
 public:
  Printer(const store::Store& store, const Forest& forest, Output& out)
      : store_(store), forest_(forest), out_(out) {}

  // One layer below the other.
  void Chain(const Layers& all) {
    for (size_t size = 1; size <= all.size(); ++size) {
      Line("", size == all.size(), Layers(all.begin(), all.begin() + size));
    }
  }
  // What stands on `base`, not by recursion: images may have hundreds of layers.
  void Tree(const Layers& base) {
    struct Step {
      Layers layers;
      std::string indent;
      bool last;
    };
    std::vector<Step> todo = {{base, "", true}};
    while (!todo.empty()) {
      const Step step = std::move(todo.back());
      todo.pop_back();
      Line(step.indent, step.last, step.layers);
      const auto found = forest_.above.find(step.layers);
      if (found == forest_.above.end()) continue;
      const std::vector<Layers>& children = found->second;
      const std::string indent = absl::StrCat(step.indent, step.last ? "    " : "│   ");
      for (size_t i = children.size(); i-- > 0;) {
        todo.push_back({children[i], indent, i + 1 == children.size()});
      }
    }
  }

 private:
  void Line(const std::string& indent, bool last, const Layers& layers) {
    const auto record = storage::ReadLayer(store_, layers.back());
    std::string line = absl::StrCat(indent, last ? "└── " : "├── ", "ID: ", ShortId(layers.back()),
                                    " Size: ", record.ok() ? HumanSize(record->unpacked_bytes()) : "unknown");
    const auto top = forest_.tops.find(layers);
    if (top != forest_.tops.end()) {
      absl::StrAppend(&line, " Top Layer of: [", absl::StrJoin(top->second, ", "), "]");
    }
    out_.WriteLine(line);
  }

  const store::Store& store_;
  const Forest& forest_;
  Output& out_;
};

absl::Status Show(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const image::ImageInfo info, image::Find(engine.store, invocation.args()[0]));
  ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
  const Forest forest = Grow(images);
  Output& out = invocation.out();
  out.WriteLine(absl::StrCat("Image ID: ", ShortId(info.record.id())));
  out.WriteLine(absl::StrCat("Tags:     [", absl::StrJoin(info.names, " "), "]"));
  out.WriteLine(absl::StrCat("Size:     ", HumanSize(info.record.size_bytes())));
  const Layers all = LayersOf(info);
  if (all.empty()) {
    out.WriteLine("No Image Layers");
    return absl::OkStatus();
  }
  out.WriteLine("Image Layers");
  Printer printer(engine.store, forest, out);
  if (invocation.parsed().GetBool("whatrequires")) {
    printer.Tree(all);
  } else {
    printer.Chain(all);
  }
  return absl::OkStatus();
}

}  // namespace

int CmdImageTree(Invocation& invocation) { return invocation.Fail(Show(invocation)); }

}  // namespace coracle::cli
