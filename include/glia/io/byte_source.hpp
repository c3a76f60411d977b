#pragma once
// Bytes at any position of a file or of memory, for parsers that run on both.

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

}  // namespace GLIA_NS::io
