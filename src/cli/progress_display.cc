#include "cli/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/size.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kSample = std::chrono::milliseconds(500);
constexpr size_t kBarCells = 24;

struct Window {
  size_t rows = 24, columns = 80;
};

Window WindowSize() {
  struct winsize size = {};
  Window window;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return window;
  if (size.ws_row > 0) window.rows = size.ws_row;
  if (size.ws_col > 0) window.columns = size.ws_col;
  return window;
}

// Best effort: who has closed standard error wants to see nothing.
void WriteError(const std::string& text) { (void)os::WriteAll(STDERR_FILENO, text); }

std::string Bar(int64_t done, int64_t total) {
  const size_t full = total <= 0
                          ? 0
                          : std::min(kBarCells, static_cast<size_t>(static_cast<double>(done) * kBarCells /
                                                                    static_cast<double>(total)));
  return absl::StrCat("[", std::string(full, '='), full < kBarCells ? ">" : "",
                      std::string(full < kBarCells ? kBarCells - full - 1 : 0, ' '), "]");
}

std::string Amounts(int64_t done, int64_t total, double rate) {
  std::string text = HumanSize(done, 3);
  if (total >= 0) absl::StrAppend(&text, " / ", HumanSize(total, 3));
  if (rate >= 1) absl::StrAppend(&text, "  ", HumanSize(static_cast<int64_t>(rate), 3), "/s");
  return text;
}

}  // namespace

ProgressDisplay::Style ProgressDisplay::ChooseStyle(bool quiet) {
  if (quiet) return Style::kNone;
  const char* term = getenv("TERM");
  const bool moves = term != nullptr && *term != '\0' && strcmp(term, "dumb") != 0;
  return moves && isatty(STDERR_FILENO) ? Style::kTerminal : Style::kLines;
}

ProgressDisplay::~ProgressDisplay() {
  std::string out;
  Erase(out);
  if (!out.empty()) WriteError(out);
}

int ProgressDisplay::Begin(absl::string_view label, int64_t total_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Item& item = items_.emplace_back();
  item.label = Printable(label);
  item.total = total_bytes;
  item.sampled = Clock::now();
  Draw("", /*force=*/false);
  return static_cast<int>(items_.size()) - 1;
}

void ProgressDisplay::Advance(int number, int64_t bytes) {
  if (style_ != Style::kTerminal || number < 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  items_[static_cast<size_t>(number)].done += bytes;
  Draw("", /*force=*/false);
}

void ProgressDisplay::State(int number, absl::string_view state) {
  if (number < 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Item& item = items_[static_cast<size_t>(number)];
  item.state = Printable(state);
  // Whoever waits for somebody should be seen to do so where nothing moves, too.
  if (style_ == Style::kLines && state.substr(0, 7) == "waiting") {
    WriteError(absl::StrCat(verb_, " ", item.label, " ", item.state, "\n"));
  }
  Draw("", /*force=*/true);
}

void ProgressDisplay::End(int number, absl::string_view outcome) {
  if (number < 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Item& item = items_[static_cast<size_t>(number)];
  item.active = false;
  item.done = std::max(item.done, item.total);
  const std::string line = absl::StrCat(verb_, " ", item.label, " ", Printable(outcome), "\n");
  if (style_ == Style::kLines) WriteError(line);
  Draw(line, /*force=*/true);
}

void ProgressDisplay::Note(absl::string_view text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string line = absl::StrCat(Printable(text), "\n");
  if (style_ == Style::kLines) WriteError(line);
  Draw(line, /*force=*/true);
}

void ProgressDisplay::Sample(Item& item, Clock::time_point now) {
  const auto passed = now - item.sampled;
  if (passed < kSample) return;
  const double seconds = std::chrono::duration<double>(passed).count();
  const double rate = static_cast<double>(item.done - item.sampled_done) / seconds;
  item.rate = item.rate == 0 ? rate : 0.5 * item.rate + 0.5 * rate;
  item.sampled = now;
  item.sampled_done = item.done;
}

std::string ProgressDisplay::Line(const Item& item, size_t columns) const {
  std::string line = absl::StrCat(verb_, " ", item.label, " ", Bar(item.done, item.total), " ",
                                  Amounts(item.done, item.total, item.rate), "  ", item.state);
  if (line.size() >= columns) line.resize(columns - 1);
  return line;
}

std::string ProgressDisplay::TotalLine(size_t columns) const {
  int64_t done = 0, total = 0;
  double rate = 0;
  size_t over = 0;
  for (const Item& item : items_) {
    done += item.done;
    total += std::max(item.total, item.done);
    if (item.active) rate += item.rate;
    over += item.active ? 0 : 1;
  }
  std::string line = absl::StrCat("Total ", over, "/", items_.size(), "  ", Amounts(done, total, rate));
  if (line.size() >= columns) line.resize(columns - 1);
  return line;
}

void ProgressDisplay::Erase(std::string& out) {
  if (drawn_lines_ == 0) return;
  absl::StrAppend(&out, "\x1b[", drawn_lines_, "A\r\x1b[J");
  drawn_lines_ = 0;
}

void ProgressDisplay::Draw(const std::string& above, bool force) {
  if (style_ != Style::kTerminal) return;
  const Clock::time_point now = Clock::now();
  if (!force && now - drawn_ < kRedraw) return;
  drawn_ = now;
  std::string out;
  Erase(out);
  absl::StrAppend(&out, above);
  const Window window = WindowSize();
  // One row stays for the cursor, one for the total.
  const size_t room = window.rows > 3 ? window.rows - 2 : 1;
  for (Item& item : items_) {
    if (!item.active) continue;
    Sample(item, now);
    if (drawn_lines_ >= room) continue;
    absl::StrAppend(&out, Line(item, window.columns), "\n");
    ++drawn_lines_;
  }
  if (drawn_lines_ > 1) {
    absl::StrAppend(&out, TotalLine(window.columns), "\n");
    ++drawn_lines_;
  }
  WriteError(out);
}

}  // namespace coracle::cli
