// Path patterns of .dockerignore, COPY --exclude and COPY --parents, and of wildcards in sources.
#ifndef CORACLE_BUILD_PATH_PATTERN_H_
#define CORACLE_BUILD_PATH_PATTERN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// A longer pattern is refused.
inline constexpr size_t kMaxPatternTokens = 1023;

// "a/./b/../c//" is "a/c"; "" is "."; a path that begins with "/" stays so, and ".." can't lead above it. As
// Go's filepath.Clean.
std::string CleanPath(absl::string_view path);

// "*" any text without "/", "?" one such character, "[a-z]" one of a class, "\x" the character x. With
// `any_depth`, "**" is any number of directories ("**/a" is "a" too, "a/**" all below a).
class PathPattern {
 public:
  // Errors: InvalidArgument for a class without its end, or a pattern that is too long.
  static absl::StatusOr<PathPattern> Parse(absl::string_view pattern, bool any_depth);

  bool Matches(absl::string_view path) const;
  // Whether something below the directory `path` can match. May say yes too often.
  bool MayMatchBelow(absl::string_view path) const;
  // No "*", "?", "[" or "\".
  bool is_literal() const { return literal_; }

 private:
  struct Token {
    enum class Kind { kCharacter, kAny, kStar, kClass, kEverything, kDirectories, kInDirectories } kind;
    char character = 0;
    int class_index = -1;
  };
  struct Class {
    bool negated = false;
    std::vector<std::pair<unsigned char, unsigned char>> ranges;
  };
  static constexpr size_t kWords = (kMaxPatternTokens + 64) / 64;

  absl::Status Read(absl::string_view pattern, bool any_depth);
  absl::StatusOr<size_t> ReadClass(absl::string_view pattern, size_t at);
  void Reach(uint64_t* states, size_t at) const;
  bool InClass(const Token& token, unsigned char c) const;
  // Runs over `path`; the states reached are in `states`. False: none is left.
  bool Run(absl::string_view path, uint64_t* states) const;

  std::string text_;
  bool literal_ = true;
  std::vector<Token> tokens_;
  std::vector<Class> classes_;
};

// Whether `text` has one of "*?[" that no "\" stands before.
bool HasWildcards(absl::string_view text);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_PATH_PATTERN_H_
