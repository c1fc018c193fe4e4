#include "archive/read_ahead.h"

#include <string>

#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

// Gives `good` bytes, then `last`.
class EndingSource : public ByteSource {
 public:
  EndingSource(size_t good, absl::Status last) : left_(good), last_(std::move(last)) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (left_ == 0 && !last_.ok()) return last_;
    const size_t count = std::min(left_, std::min<size_t>(buffer.size(), 100003));
    for (size_t i = 0; i < count; ++i) buffer[i] = static_cast<char>(position_++ * 31);
    left_ -= count;
    return count;
  }

 private:
  size_t left_, position_ = 0;
  absl::Status last_;
};

TEST_SUITE("archive/read_ahead") {
  TEST_CASE("the bytes come unchanged, below and beyond the threshold") {
    for (const size_t size : {size_t{0}, size_t{1}, kReadAheadThreshold, 3 * kReadAheadThreshold + 17}) {
      EndingSource plain(size, absl::OkStatus()), ahead(size, absl::OkStatus());
      ReadAheadSource source(ahead);
      StringSink expected, got;
      CHECK(Copy(plain, expected).ok());
      CHECK(Copy(source, got).value() == static_cast<int64_t>(size));
      CHECK(got.data() == expected.data());
      char byte;
      CHECK(source.Read(absl::MakeSpan(&byte, 1)).value() == 0);
    }
  }
  TEST_CASE("an error comes after all that was read before it") {
    EndingSource inner(3 * kReadAheadThreshold, absl::DataLossError("cut"));
    ReadAheadSource source(inner);
    StringSink got;
    CHECK(absl::IsDataLoss(Copy(source, got).status()));
    CHECK(got.data().size() == 3 * kReadAheadThreshold);
  }
  TEST_CASE("one that is not read to its end ends its thread") {
    EndingSource inner(100 * kReadAheadThreshold, absl::OkStatus());
    ReadAheadSource source(inner);
    std::string buffer(kReadAheadThreshold, '\0');
    size_t total = 0;
    while (total < 2 * kReadAheadThreshold)
      total += source.Read(absl::MakeSpan(buffer.data(), buffer.size())).value();
  }
}

}  // namespace
}  // namespace coracle::archive
