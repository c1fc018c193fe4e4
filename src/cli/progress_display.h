// Shows how far a transfer is, on standard error: a line for each piece of work that moves while it runs, on
// a terminal; plain lines elsewhere.
#ifndef CORACLE_CLI_PROGRESS_DISPLAY_H_
#define CORACLE_CLI_PROGRESS_DISPLAY_H_

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "base/progress.h"

namespace coracle::cli {

class ProgressDisplay : public ProgressObserver {
 public:
  enum class Style {
    kNone,      // --quiet
    kLines,     // one line when a piece is over
    kTerminal,  // drawn again ten times a second
  };
  // kNone if `quiet`; kTerminal if standard error is a terminal that can move its cursor (TERM is set and not
  // "dumb").
  static Style ChooseStyle(bool quiet);

  // `verb` stands before each piece's label: "Copying".
  ProgressDisplay(Style style, std::string verb) : style_(style), verb_(std::move(verb)) {}
  // Takes back what is drawn of pieces that are not over.
  ~ProgressDisplay() override;

  int Begin(absl::string_view label, int64_t total_bytes) override;
  void Advance(int item, int64_t bytes) override;
  void State(int item, absl::string_view state) override;
  void End(int item, absl::string_view outcome) override;
  void Note(absl::string_view line) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    std::string label, state;
    int64_t total = -1, done = 0;
    bool active = true;
    // For the rate: the last sample, and the smoothed bytes per second.
    Clock::time_point sampled;
    int64_t sampled_done = 0;
    double rate = 0;
  };

  void Sample(Item& item, Clock::time_point now);
  std::string Line(const Item& item, size_t columns) const;
  std::string TotalLine(size_t columns) const;
  // Writes `above`, lines that stay, and draws what is active below them.
  void Draw(const std::string& above, bool force);
  void Erase(std::string& out);

  const Style style_;
  const std::string verb_;
  std::mutex mutex_;
  std::vector<Item> items_;
  size_t drawn_lines_ = 0;
  Clock::time_point drawn_{};
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_PROGRESS_DISPLAY_H_
