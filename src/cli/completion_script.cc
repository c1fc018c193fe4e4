// All three scripts work alike: generated tables say, for the path of commands typed so far ("container
// list"), which words may follow, which options take a value, and what kind of name an argument is.
#include "cli/completion_script.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/text.h"
#include "cli/command_table.h"

namespace coracle::cli {
namespace {

// A command by one of its names, with everything a script wants to know.
struct Entry {
  std::string path;  // "" for the root
  const Command* command;
};

void CollectEntries(const Command& command, const std::string& path, std::vector<Entry>& entries) {
  entries.push_back({path, &command});
  for (const Node& node : command.children) {
    if (node.command->Has(kHidden)) continue;
    CollectEntries(*node.command, path.empty() ? std::string(node.name) : absl::StrCat(path, " ", node.name),
                   entries);
  }
}

std::vector<Entry> AllEntries() {
  std::vector<Entry> entries;
  CollectEntries(kRootCommand, "", entries);
  return entries;
}

bool TakesValue(const Option& option) {
  return option.type != OptionType::kBool && option.type != OptionType::kOptional;
}

// Visible options of `command`; `visit(option)`.
template <typename Visit>
void ForEachOption(const Command& command, Visit visit) {
  for (const OptionSet& set : command.options) {
    for (const Option& option : set) {
      if (!option.hidden && !option.unsupported) visit(option);
    }
  }
}

// "-x" and "--long" of an option.
std::vector<std::string> Spellings(const Option& option) {
  std::vector<std::string> spellings = {absl::StrCat("--", option.name)};
  if (option.letter != '\0') spellings.push_back(absl::StrCat("-", std::string(1, option.letter)));
  return spellings;
}

absl::string_view KindOf(const Command& command) {
  switch (command.completes) {
    case Completes::kContainers:
      return "containers";
    case Completes::kRunning:
      return "running";
    case Completes::kImages:
      return "images";
    case Completes::kObjects:
      return "containers images";
    case Completes::kFiles:
      return "files";
    case Completes::kShells:
      return "shells";
    case Completes::kVolumes:
      return "volumes";
    case Completes::kNetworks:
      return "networks";
    case Completes::kCommands:
    case Completes::kNothing:
      return "";
  }
  return "";
}

std::vector<std::string> ChildNames(const Command& command) {
  std::vector<std::string> names;
  const Command& parent = command.completes == Completes::kCommands ? kRootCommand : command;
  for (const Node& node : parent.children) {
    if (!node.command->Has(kHidden)) names.emplace_back(node.name);
  }
  return names;
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// The tables of bash and zsh, which share the syntax of `case`: a function that sets words, options,
// with_value and kind for the path in $1.
std::string ShellTables(absl::string_view function) {
  std::string out = absl::StrCat(function, "() {\n  case \"$1\" in\n");
  for (const Entry& entry : AllEntries()) {
    std::vector<std::string> options = {"--help"};
    std::vector<std::string> with_value;
    ForEachOption(*entry.command, [&](const Option& option) {
      for (const std::string& spelling : Spellings(option)) {
        options.push_back(spelling);
        if (TakesValue(option)) with_value.push_back(spelling);
      }
    });
    absl::StrAppend(&out, "    ", Quoted(entry.path), ")\n");
    absl::StrAppend(&out, "      c_commands=", Quoted(absl::StrJoin(ChildNames(*entry.command), " ")), "\n");
    absl::StrAppend(&out, "      c_options=", Quoted(absl::StrJoin(options, " ")), "\n");
    absl::StrAppend(&out, "      c_with_value=", Quoted(absl::StrJoin(with_value, " ")), "\n");
    absl::StrAppend(&out, "      c_kind=", Quoted(KindOf(*entry.command)), "\n      ;;\n");
  }
  absl::StrAppend(&out, "    *) return 1 ;;\n  esac\n}\n");
  return out;
}

// Walks the words before the cursor: leaves the path of commands in `line_path`, "value" in `state` where the
// word under the cursor is an option's value, "arguments" behind the first argument of a command, else "".
constexpr char kWalk[] = R"sh(
_coracle_walk() {
  local word skip='' known=''
  line_path='' state=''
  _coracle_table ''
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    if [ -n "$state" ]; then continue; fi
    case "$word" in
      -*=*) ;;
      -*) case " $c_with_value " in *" $word "*) skip=1 ;; esac ;;
      *)
        known=''
        case " $c_commands " in *" $word "*) known=1 ;; esac
        if [ -n "$known" ] && _coracle_table "${line_path:+$line_path }$word"; then
          line_path="${line_path:+$line_path }$word"
        else
          state='arguments'
        fi
        ;;
    esac
  done
  if [ -n "$skip" ]; then state='value'; fi
}
_coracle_names() {
  local one
  for one in $c_kind; do
    case "$one" in
      shells) printf '%s\n' bash zsh fish ;;
      files) ;;
      *) coracle __complete "$one" 2>/dev/null ;;
    esac
  done
}
)sh";

constexpr char kBash[] = R"sh(
_coracle() {
  local c_commands c_options c_with_value c_kind line_path state
  local cur words cword
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n := cur words cword
  else
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur="${COMP_WORDS[COMP_CWORD]}"
  fi
  _coracle_walk "${words[@]:1:cword-1}"
  COMPREPLY=()
  if [ "$state" = value ]; then
    compopt -o default 2>/dev/null
  elif [ "${cur#-}" != "$cur" ] && [ "$state" != arguments ]; then
    COMPREPLY=($(compgen -W "$c_options" -- "$cur"))
  elif [ -n "$c_commands" ]; then
    COMPREPLY=($(compgen -W "$c_commands" -- "$cur"))
  elif [ -n "$c_kind" ] && [ "$c_kind" != files ]; then
    COMPREPLY=($(compgen -W "$(_coracle_names)" -- "$cur"))
  else
    compopt -o default 2>/dev/null
  fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _coracle coracle
)sh";

constexpr char kZsh[] = R"sh(
_coracle() {
  setopt local_options sh_word_split
  local c_commands c_options c_with_value c_kind line_path state
  local current="${words[CURRENT]}"
  _coracle_walk "${(@)words[2,CURRENT-1]}"
  if [ "$state" = value ]; then
    _files
  elif [ "${current#-}" != "$current" ] && [ "$state" != arguments ]; then
    compadd -- ${(s: :)c_options}
  elif [ -n "$c_commands" ]; then
    compadd -- ${(s: :)c_commands}
  elif [ -n "$c_kind" ] && [ "$c_kind" != files ]; then
    compadd -- ${(f)"$(_coracle_names)"}
  else
    _files
  fi
}
if
  ["${funcstack[1]}" = _coracle]; then
  _coracle "$@"
else
  compdef _coracle coracle
fi
)sh";

constexpr char kFishHead[] = R"sh(# fish completions of coracle; generated
function __coracle_at
    set -l words (commandline -opc)
    set -l path
    for word in $words[2..-1]
        switch $word
            case '-*'
                continue
            case '*'
                if contains -- (string join ' ' $path $word) $__coracle_paths
                    set path $path $word
                end
        end
    end
    test "$path" = "$argv"
end
complete -c coracle -f
)sh";

// Blanks between the words of a test's path must survive fish's own splitting, hence the list of words.
std::string FishScript() {
  std::string out = kFishHead;
  std::vector<std::string> paths;
  for (const Entry& entry : AllEntries()) {
    if (!entry.path.empty()) paths.push_back(Quoted(entry.path));
  }
  absl::StrAppend(&out, "set -g __coracle_paths ", absl::StrJoin(paths, " "), "\n");
  for (const Entry& entry : AllEntries()) {
    const std::string where =
        absl::StrCat("complete -c coracle -n ", Quoted(absl::StrCat("__coracle_at ", entry.path)));
    for (const Node& node : entry.command->children) {
      if (node.command->Has(kHidden)) continue;
      absl::StrAppend(&out, where, " -a ", node.name, " -d ", Quoted(node.command->summary), "\n");
    }
    ForEachOption(*entry.command, [&](const Option& option) {
      absl::StrAppend(&out, where, " -l ", option.name);
      if (option.letter != '\0') absl::StrAppend(&out, " -s ", std::string(1, option.letter));
      if (TakesValue(option)) absl::StrAppend(&out, " -r");
      if (option.placeholder == "FILE" || option.placeholder == "DIR") absl::StrAppend(&out, " -F");
      absl::StrAppend(&out, " -d ", Quoted(option.help), "\n");
    });
    const absl::string_view kind = KindOf(*entry.command);
    if (kind == "files") {
      absl::StrAppend(&out, where, " -F\n");
    } else if (kind == "shells") {
      absl::StrAppend(&out, where, " -a 'bash zsh fish'\n");
    } else if (!kind.empty()) {
      for (const absl::string_view one : {"containers", "running", "images", "volumes", "networks"}) {
        if (!absl::StrContains(kind, one)) continue;
        absl::StrAppend(&out, where, " -a '(coracle __complete ", one, " 2>/dev/null)'\n");
      }
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(absl::string_view shell) {
  if (shell == "bash") {
    return absl::StrCat("# bash completions of coracle; generated\n", ShellTables("_coracle_table"), kWalk,
                        kBash);
  }
  if (shell == "zsh") {
    return absl::StrCat("#compdef coracle\n# zsh completions of coracle; generated\n",
                        ShellTables("_coracle_table"), kWalk, kZsh);
  }
  if (shell == "fish") return FishScript();
  return absl::InvalidArgumentError(
      absl::StrCat("completion for '", Printable(shell), "': use bash, zsh or fish"));
}

}  // namespace coracle::cli
