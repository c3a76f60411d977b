#pragma once
// Bytes at any position of a file or of memory, for parsers that run on both.

#include <glia/io/dtype.hpp>
#include <glia/io/file.hpp>

#include <memory>

namespace GLIA_NS::io {

// Copies share the file; memory must outlive them.
class ByteSource {
 public:
  explicit ByteSource(std::shared_ptr<const InputFile> file)
      : file_(std::move(file)), name_(file_->path().string()), size_(file_->size()) {}
  explicit ByteSource(Bytes memory, std::string name = "memory")
      : memory_(memory), name_(std::move(name)), size_(memory.size()) {}

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }

  // Fills `out` from `offset` on. Errors: FormatError naming `op`, source and byte if the source ends before;
  // FileError.
  void read(std::uint64_t offset, std::span<unsigned char> out, std::string_view op) const {
    if (offset > size_ || out.size() > size_ - offset)
      raise<FormatError>(op, "\"", name_, "\", byte ", offset, ": ", out.size(),
                         " bytes expected, but the file has only ", size_);
    if (file_) return file_->read_at(offset, out);
    std::copy_n(memory_.data() + offset, out.size(), out.data());
  }

 private:
  std::shared_ptr<const InputFile> file_;
  Bytes memory_;
  std::string name_;
  std::uint64_t size_ = 0;
};

namespace detail {

// Reads a source forwards through a buffer.
class ForwardReader {
 public:
  ForwardReader(const ByteSource& source, std::uint64_t begin, std::uint64_t end, std::string_view op)
      : source_(&source), at_(begin), end_(end), op_(op) {}

  std::uint64_t position() const { return at_; }
  std::uint64_t left() const { return end_ - at_; }

  // The next `count` bytes, valid until the next call.
  Bytes take(std::uint64_t count) {
    if (count > left())
      raise<FormatError>(op_, "\"", source_->name(), "\", byte ", at_, ": the pickle ends where ", count,
                         " more bytes were expected");
    if (at_ < buffer_begin_ || at_ + count > buffer_begin_ + buffer_.size()) {
      buffer_.resize(static_cast<std::size_t>(std::min(left(), std::max<std::uint64_t>(count, 1 << 14))));
      buffer_begin_ = at_;
      source_->read(at_, buffer_, op_);
    }
    const Bytes out(buffer_.data() + (at_ - buffer_begin_), static_cast<std::size_t>(count));
    at_ += count;
    return out;
  }
  template <class U>
  U number() {
    return load_little<U>(take(sizeof(U)).data());
  }

 private:
  const ByteSource* source_;
  std::uint64_t at_, end_, buffer_begin_ = 0;
  std::string_view op_;
  std::vector<unsigned char> buffer_;
};

}  // namespace detail
}  // namespace GLIA_NS::io
