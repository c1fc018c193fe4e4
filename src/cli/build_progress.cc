#include "cli/build_progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/container_options.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kKeptLines = 200;          // of a step, for the report
constexpr size_t kMaxLineBytes = 64 << 10;  // a longer one is cut into several

void Write(absl::string_view text) {
  (void)os::WriteAll(STDERR_FILENO, text);  // nobody to tell
}

// A line of a step's output as it is shown: without the colours and cursor movements that programs write,
// tabs as blanks, and other control characters escaped.
std::string Shown(absl::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\t') {
      text.append(8 - text.size() % 8, ' ');
    } else if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      // ECMA-48 5.4: parameters and intermediates, then one final byte.
      for (i += 2; i < line.size() && (line[i] < '@' || line[i] > '~');) ++i;
    } else {
      text += line[i];
    }
  }
  return Printable(text);
}

// "#5 [2/3] RUN make", "#5 0.123 text", "#5 DONE 0.2s".
class PlainView : public BuildView {
 protected:
  void OnBegin(int number, const Step& step) override {
    Switch(number);
    Write(absl::StrCat("#", number, " ", step.name, "\n"));
  }
  void OnLine(int number, const Step& step, absl::string_view time, absl::string_view line) override {
    if (number != current_) {
      Switch(number);
      Write(absl::StrCat("#", number, " ", step.name, "\n"));
    }
    Write(absl::StrCat("#", number, " ", time, " ", line, "\n"));
  }
  void OnEnd(int number, const Step& step, absl::string_view error) override {
    Switch(number);
    if (!error.empty()) {
      Write(absl::StrCat("#", number, " ERROR: ", error, "\n"));
    } else if (step.cached) {
      Write(absl::StrCat("#", number, " CACHED\n"));
    } else {
      Write(absl::StrFormat("#%d DONE %.1fs\n", number, Seconds(step, step.ended)));
    }
    Write("\n");
    current_ = 0;
  }

 private:
  void Switch(int number) {
    if (current_ != 0 && current_ != number) Write("\n");
    current_ = number;
  }
  int current_ = 0;  // whose lines stand last
};

class QuietView : public BuildView {
 public:
  void Warn(absl::string_view) override {}

 protected:
  void OnBegin(int, const Step&) override {}
  void OnLine(int, const Step&, absl::string_view, absl::string_view) override {}
  void OnEnd(int, const Step&, absl::string_view) override {}
};

// The members of BuildKit's stream, one object a line.
class JsonView : public BuildView {
 public:
  void Warn(absl::string_view line) override {
    Print("warnings", Json{{"short", absl::Base64Escape(line)}, {"level", 1}});
  }

 protected:
  void OnBegin(int number, const Step& step) override { Print("vertexes", Vertex(number, step)); }
  void OnLine(int number, const Step& step, absl::string_view, absl::string_view line) override {
    Print("logs", Json{{"vertex", Digest(number, step)},
                       {"stream", 1},
                       {"data", absl::Base64Escape(absl::StrCat(line, "\n"))},
                       {"timestamp", FormatRfc3339Nano(absl::Now())}});
  }
  void OnEnd(int number, const Step& step, absl::string_view error) override {
    Json vertex = Vertex(number, step);
    vertex["completed"] = FormatRfc3339Nano(absl::Now());
    if (step.cached) vertex["cached"] = true;
    if (!error.empty()) vertex["error"] = std::string(error);
    Print("vertexes", vertex);
  }

 private:
  static std::string Digest(int number, const Step& step) {
    return absl::StrCat("sha256:", Sha256Hex(absl::StrCat(number, step.name)));
  }
  Json Vertex(int number, const Step& step) {
    auto& begun = begun_[number];
    if (begun.empty()) begun = FormatRfc3339Nano(absl::Now());
    return Json{{"digest", Digest(number, step)}, {"name", step.name}, {"started", begun}};
  }
  static void Print(const char* kind, Json object) {
    Json line;
    line[kind] = Json::array({std::move(object)});
    Write(absl::StrCat(line.dump(-1, ' ', false, Json::error_handler_t::replace), "\n"));
  }
  std::map<int, std::string> begun_;
};

// A line for each step; what runs shows its last lines. Steps that are done fold away where there are more
// than the terminal has lines.
class TerminalView : public BuildView {
 public:
  ~TerminalView() override { Close(); }
  void Tick() override { Draw(/*last=*/false); }
  void Close() override {
    if (closed_) return;
    Draw(/*last=*/true);
    closed_ = true;
  }
  void Warn(absl::string_view line) override {
    Erase();
    Write(absl::StrCat("warning: ", Printable(line), "\n"));
  }

 protected:
  void OnBegin(int, const Step&) override {}
  void OnLine(int, const Step&, absl::string_view, absl::string_view) override {}
  void OnEnd(int, const Step&, absl::string_view) override {}

 private:
  static constexpr size_t kShownLines = 6;

  void Erase() {
    if (drawn_ > 0) Write(absl::StrCat("\x1b[", drawn_, "A\r\x1b[J"));
    drawn_ = 0;
  }

  static std::string Row(const std::string& left, const std::string& right, size_t columns) {
    const size_t room = columns > right.size() + 2 ? columns - right.size() - 2 : 1;
    std::string text = left.size() > room ? left.substr(0, room) : left;
    text.append(room - text.size() + 1, ' ');
    return absl::StrCat(text, right, "\n");
  }

  void Draw(bool last) {
    if (closed_ || steps_.empty()) return;
    winsize size = {};
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const size_t columns = size.ws_col > 20 ? size.ws_col : 80;
    const size_t rows = size.ws_row > 6 ? size.ws_row : 24;
    const auto now = Clock::now();
    size_t done = 0;
    for (const auto& [number, step] : steps_) done += step.running ? 0 : 1;
    std::vector<std::string> shown;
    for (const auto& [number, step] : steps_) {
      const std::string mark = step.cached ? " => CACHED " : step.failed ? " => ERROR " : " => ";
      shown.push_back(Row(absl::StrCat(mark, step.name),
                          absl::StrFormat("%.1fs", Seconds(step, step.running ? now : step.ended)), columns));
      if (!step.running || last) continue;
      const size_t first = step.lines.size() > kShownLines ? step.lines.size() - kShownLines : 0;
      for (size_t i = first; i < step.lines.size(); ++i) {
        shown.push_back(Row(absl::StrCat(" => => # ", step.lines[i]), "", columns));
      }
    }
    // Rows that do not fit are the oldest.
    const size_t room = rows - 2;
    const size_t skip = !last && shown.size() > room ? shown.size() - room : 0;
    std::string text =
        Row(absl::StrFormat("[+] Building %.1fs (%d/%d)%s", Seconds(steps_.begin()->second, now), done,
                            steps_.size(), last ? " FINISHED" : ""),
            "", columns);
    for (size_t i = skip; i < shown.size(); ++i) text += shown[i];
    Erase();
    Write(text);
    drawn_ = shown.size() - skip + 1;
  }

  size_t drawn_ = 0;
  bool closed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BuildView>> BuildView::Make(absl::string_view style, bool quiet) {
  if (quiet || style == "quiet") return std::make_unique<QuietView>();
  if (style == "rawjson") return std::make_unique<JsonView>();
  const char* term = getenv("TERM");
  const bool terminal = isatty(STDERR_FILENO) == 1 && term != nullptr && absl::string_view(term) != "dumb";
  if (style == "plain" || (style == "auto" && !terminal)) return std::make_unique<PlainView>();
  if (style == "tty" || style == "auto") {
    if (!terminal) return OptionError("progress", style, "standard error is not a terminal");
    return std::make_unique<TerminalView>();
  }
  return OptionError("progress", style, "it is auto, plain, tty, rawjson or quiet");
}

double BuildView::Seconds(const Step& step, Clock::time_point until) {
  return std::chrono::duration<double>(until - step.begun).count();
}

void BuildView::Begin(int number, absl::string_view name) {
  Step& step = steps_[number];
  step.name = Printable(name);
  step.begun = Clock::now();
  OnBegin(number, step);
}

void BuildView::TakeLine(int number, Step& step, absl::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  // Of a line that a program wrote over itself, the last state.
  const size_t over = line.rfind('\r');
  if (over != absl::string_view::npos) line.remove_prefix(over + 1);
  const std::string text = Shown(line);
  const std::string time = absl::StrFormat("%.3f", Seconds(step, Clock::now()));
  if (step.lines.size() >= kKeptLines) step.lines.erase(step.lines.begin());
  step.lines.push_back(absl::StrCat(time, " ", text));
  OnLine(number, step, time, text);
}

void BuildView::Output(int number, absl::string_view text) {
  Step& step = steps_[number];
  step.partial.append(text.data(), text.size());
  size_t begin = 0;
  while (true) {
    const size_t end = step.partial.find('\n', begin);
    if (end == std::string::npos) break;
    TakeLine(number, step, absl::string_view(step.partial).substr(begin, end - begin));
    begin = end + 1;
  }
  step.partial.erase(0, begin);
  if (step.partial.size() < kMaxLineBytes) return;
  TakeLine(number, step, step.partial);
  step.partial.clear();
}

void BuildView::End(int number, bool cached) {
  Step& step = steps_[number];
  if (!step.partial.empty()) TakeLine(number, step, step.partial);
  step.partial.clear();
  step.running = false;
  step.cached = cached;
  step.ended = Clock::now();
  OnEnd(number, step, "");
}

void BuildView::Fail(int number, absl::string_view message) {
  Step& step = steps_[number];
  if (!step.partial.empty()) TakeLine(number, step, step.partial);
  step.partial.clear();
  step.running = false;
  step.failed = true;
  step.ended = Clock::now();
  failed_ = number;
  OnEnd(number, step, Printable(message));
}

void BuildView::Warn(absl::string_view line) { Write(absl::StrCat("warning: ", Printable(line), "\n")); }

std::string BuildView::FailureReport() const {
  const auto found = steps_.find(failed_);
  if (found == steps_.end()) return "";
  std::string text = absl::StrCat("------\n > ", found->second.name, ":\n");
  for (const std::string& line : found->second.lines) absl::StrAppend(&text, line, "\n");
  return text + "------\n";
}

}  // namespace coracle::cli
