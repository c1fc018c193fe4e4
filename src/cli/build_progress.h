// How a build is shown, on standard error: plain lines as BuildKit's, a view that is drawn again on a
// terminal, JSON lines for programs, or nothing.
#ifndef CORACLE_CLI_BUILD_PROGRESS_H_
#define CORACLE_CLI_BUILD_PROGRESS_H_

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/progress.h"

namespace coracle::cli {

// What all of them keep: names, times, and the last lines of each step, for the report of a failure.
class BuildView : public build::BuildProgress {
 public:
  // `style`: auto, plain, tty, rawjson, quiet. auto is tty on a terminal, else plain. Errors:
  // InvalidArgument.
  static absl::StatusOr<std::unique_ptr<BuildView>> Make(absl::string_view style, bool quiet);

  void Begin(int step, absl::string_view name) final;
  void Output(int step, absl::string_view text) final;
  void End(int step, bool cached) final;
  void Fail(int step, absl::string_view message) final;
  void Warn(absl::string_view line) override;
  void Tick() override {}
  // What is drawn stays as it is; nothing more is shown.
  virtual void Close() {}

  // The failed step's name and last output, as BuildKit frames it; empty if none failed.
  std::string FailureReport() const;

 protected:
  using Clock = std::chrono::steady_clock;
  struct Step {
    std::string name;
    Clock::time_point begun, ended;
    bool running = true, cached = false, failed = false;
    std::string partial;             // a line without its end
    std::vector<std::string> lines;  // the last ones, with times in front
  };
  // A step began, ended or failed; a whole line came.
  virtual void OnBegin(int number, const Step& step) = 0;
  virtual void OnLine(int number, const Step& step, absl::string_view time, absl::string_view line) = 0;
  virtual void OnEnd(int number, const Step& step, absl::string_view error) = 0;
  static double Seconds(const Step& step, Clock::time_point until);

  std::map<int, Step> steps_;

 private:
  void TakeLine(int number, Step& step, absl::string_view line);
  int failed_ = 0;
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_PROGRESS_H_
