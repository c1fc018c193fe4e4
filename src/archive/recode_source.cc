#include "archive/recode_source.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"

namespace coracle::archive {

absl::StatusOr<std::unique_ptr<RecodeSource>> RecodeSource::Open(std::unique_ptr<ByteSource> input,
                                                                 Compression to, int level) {
  std::unique_ptr<RecodeSource> source(new RecodeSource);
  source->input_ = std::move(input);
  ASSIGN_OR_RETURN(source->plain_, Decompressor::Open(*source->input_));
  ASSIGN_OR_RETURN(source->compressor_, MakeCompressor(to, source->coded_, level));
  source->block_.reset(new char[kStreamBufferBytes]);
  return source;
}

absl::StatusOr<size_t> RecodeSource::Read(absl::Span<char> buffer) {
  while (given_ == coded_.data().size() && !ended_) {
    coded_.data().clear();
    given_ = 0;
    ASSIGN_OR_RETURN(const size_t count, plain_->Read(absl::MakeSpan(block_.get(), kStreamBufferBytes)));
    if (count > 0) {
      RETURN_IF_ERROR(compressor_->Write({block_.get(), count}));
    } else {
      RETURN_IF_ERROR(compressor_->Finish());
      ended_ = true;
    }
  }
  const size_t count = std::min(buffer.size(), coded_.data().size() - given_);
  memcpy(buffer.data(), coded_.data().data() + given_, count);
  given_ += count;
  return count;
}

}  // namespace coracle::archive
