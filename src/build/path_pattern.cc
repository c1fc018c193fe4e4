#include "build/path_pattern.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::build {

std::string CleanPath(absl::string_view path) {
  const bool rooted = absl::StartsWith(path, "/");
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  if (parts.empty()) return rooted ? "/" : ".";
  return absl::StrCat(rooted ? "/" : "", absl::StrJoin(parts, "/"));
}

bool HasWildcards(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
      return true;
    }
  }
  return false;
}

absl::StatusOr<PathPattern> PathPattern::Parse(absl::string_view pattern, bool any_depth) {
  PathPattern out;
  out.text_ = std::string(pattern);
  out.literal_ = !HasWildcards(pattern) && !absl::StrContains(pattern, '\\');
  RETURN_IF_ERROR(out.Read(pattern, any_depth), "pattern ", Printable(pattern));
  return out;
}

absl::Status PathPattern::Read(absl::string_view pattern, bool any_depth) {
  using Kind = Token::Kind;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' && any_depth && i + 1 < pattern.size() && pattern[i + 1] == '*') {
      ++i;
      while (i + 1 < pattern.size() && pattern[i + 1] == '*') ++i;
      if (i + 1 < pattern.size() && pattern[i + 1] == '/') ++i;
      if (i + 1 == pattern.size()) {
        tokens_.push_back({Kind::kEverything});
      } else {
        tokens_.push_back({Kind::kDirectories});
        tokens_.push_back({Kind::kInDirectories});
      }
    } else if (c == '*') {
      if (tokens_.empty() || tokens_.back().kind != Kind::kStar) tokens_.push_back({Kind::kStar});
    } else if (c == '?') {
      tokens_.push_back({Kind::kAny});
    } else if (c == '[') {
      ASSIGN_OR_RETURN(i, ReadClass(pattern, i));
    } else {
      if (c == '\\' && ++i == pattern.size()) return absl::InvalidArgumentError("ends in an escape");
      tokens_.push_back({Kind::kCharacter, pattern[i]});
    }
  }
  if (tokens_.size() > kMaxPatternTokens) return absl::InvalidArgumentError("is too long");
  return absl::OkStatus();
}

// `at` is where "[" stands; gives where "]" does.
absl::StatusOr<size_t> PathPattern::ReadClass(absl::string_view pattern, size_t at) {
  Class out;
  size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '^' || pattern[i] == '!')) {
    out.negated = true;
    ++i;
  }
  const auto take = [&](unsigned char* c) {
    if (i < pattern.size() && pattern[i] == '\\') ++i;
    if (i >= pattern.size()) return false;
    *c = static_cast<unsigned char>(pattern[i++]);
    return true;
  };
  while (i < pattern.size() && (pattern[i] != ']' || out.ranges.empty())) {
    unsigned char low = 0;
    if (!take(&low)) break;
    unsigned char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      if (!take(&high)) break;
    }
    out.ranges.emplace_back(low, high);
  }
  if (i >= pattern.size() || pattern[i] != ']') return absl::InvalidArgumentError("\"[\" without \"]\"");
  tokens_.push_back({Token::Kind::kClass, 0, static_cast<int>(classes_.size())});
  classes_.push_back(std::move(out));
  return i;
}

bool PathPattern::InClass(const Token& token, unsigned char c) const {
  const Class& set = classes_[static_cast<size_t>(token.class_index)];
  const bool in = std::any_of(set.ranges.begin(), set.ranges.end(),
                              [&](const auto& range) { return c >= range.first && c <= range.second; });
  return in != set.negated && c != '/';
}

void PathPattern::Reach(uint64_t* states, size_t at) const {
  while (true) {
    states[at / 64] |= uint64_t{1} << (at % 64);
    if (at == tokens_.size()) return;
    const Token::Kind kind = tokens_[at].kind;
    if (kind == Token::Kind::kStar || kind == Token::Kind::kEverything) {
      ++at;  // also nothing
    } else if (kind == Token::Kind::kDirectories) {
      states[(at + 1) / 64] |= uint64_t{1} << ((at + 1) % 64);
      at += 2;  // no directory at all
    } else {
      return;
    }
  }
}

bool PathPattern::Run(absl::string_view path, uint64_t* states) const {
  const size_t words = (tokens_.size() + 64) / 64;
  std::memset(states, 0, kWords * sizeof(uint64_t));
  Reach(states, 0);
  for (const char c : path) {
    uint64_t next[kWords] = {};
    bool any = false;
    for (size_t w = 0; w < words; ++w) {
      for (uint64_t bits = states[w]; bits != 0; bits &= bits - 1) {
        const size_t at = w * 64 + static_cast<size_t>(__builtin_ctzll(bits));
        if (at == tokens_.size()) continue;
        const Token& token = tokens_[at];
        switch (token.kind) {
          case Token::Kind::kCharacter:
            if (c != token.character) continue;
            Reach(next, at + 1);
            break;
          case Token::Kind::kAny:
            if (c == '/') continue;
            Reach(next, at + 1);
            break;
          case Token::Kind::kClass:
            if (!InClass(token, static_cast<unsigned char>(c))) continue;
            Reach(next, at + 1);
            break;
          case Token::Kind::kStar:
            if (c == '/') continue;
            Reach(next, at);
            break;
          case Token::Kind::kEverything:
            Reach(next, at);
            break;
          case Token::Kind::kDirectories:
            continue;  // its other half takes the characters
          case Token::Kind::kInDirectories:
            next[at / 64] |= uint64_t{1} << (at % 64);
            if (c == '/') Reach(next, at + 1);
            break;
        }
        any = true;
      }
    }
    if (!any) return false;
    std::memcpy(states, next, sizeof(next));
  }
  return true;
}

bool PathPattern::Matches(absl::string_view path) const {
  if (literal_) return path == text_;
  uint64_t states[kWords];
  if (!Run(path, states)) return false;
  return (states[tokens_.size() / 64] >> (tokens_.size() % 64) & 1) != 0;
}

bool PathPattern::MayMatchBelow(absl::string_view path) const {
  if (path.empty() || path == ".") return true;
  if (literal_)
    return text_.size() > path.size() && text_[path.size()] == '/' && absl::StartsWith(text_, path);
  uint64_t states[kWords];
  if (!Run(path, states)) return false;
  // Something must be left that takes a "/".
  std::string deeper(path);
  deeper += '/';
  return Run(deeper, states);
}

}  // namespace coracle::build
