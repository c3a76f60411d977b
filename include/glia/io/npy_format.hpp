#pragma once
// The .npy layout, versions 1 to 3: magic, header length, a Python dict literal, then the elements.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include <glia/io/dtype.hpp>
#include <glia/io/file.hpp>

#include <algorithm>
#include <string>

namespace GLIA_NS::io {

struct NpyHeader {
  FileType type = FileType::f32;
  bool fortran_order = false;  // true: the first axis varies fastest in the file
  Shape shape;
  std::uint64_t data_begin = 0;  // byte of the file at which the elements start
};

namespace detail {

template <class = void>
class BasicNpyDictReader;
using NpyDictReader = BasicNpyDictReader<>;  // GLIA_LAZY for a class

// Reader of the dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
template <class>
class BasicNpyDictReader {
 public:
  BasicNpyDictReader(std::string_view dict, std::size_t base, std::string_view source)
      : text_(dict), base_(base), source_(source) {}

  NpyHeader read() {
    NpyHeader out;
    bool have_type = false, have_order = false, have_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::size_t start = at_;
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !have_type) {
        have_type = true;
        out.type = type();
      } else if (key == "fortran_order" && !have_order) {
        have_order = true;
        out.fortran_order = boolean();
      } else if (key == "shape" && !have_shape) {
        have_shape = true;
        out.shape = shape();
      } else {
        fail(start, "unexpected or repeated key '", key.substr(0, 40), "'");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail(at_, "text after the end of the dict");
    if (!have_type || !have_order || !have_shape) fail(at_, "descr, fortran_order and shape are all needed");
    return out;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(std::size_t offset, const Parts&... parts) const {
    raise<FormatError>("load_npy", "\"", source_, "\", byte ", base_ + offset, ": ", parts...);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(at_, "expected '", std::string(1, wanted), "' in the header");
  }

  std::string_view string() {
    skip_space();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail(at_, "expected a quoted string");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) fail(at_, "string without an end");
    const std::string_view out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out;
  }

  FileType type() {
    skip_space();
    const std::size_t start = at_;
    if (at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '('))
      fail(start, "structured element types are not supported");
    const std::string_view code = string();
    if (code.size() >= 2 && code.front() == '>' && code.back() != '1')
      fail(start, "big-endian elements ('", code.substr(0, 8), "') are not supported; save with a little-endian dtype");
    for (const FileTypeInfo& info : file_types) {
      if (info.npy.empty()) continue;
      const bool same_code = code.size() == 3 && code.substr(1) == info.npy.substr(1);
      // One-byte types have no byte order: any mark is accepted.
      if (same_code && (code == info.npy || (info.bytes == 1 && (code[0] == '<' || code[0] == '>')))) return info.type;
    }
    fail(start, "element type '", code.substr(0, 40), "' is not supported");
  }

  bool boolean() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail(at_, "expected True or False");
  }

  Shape shape() {
    Shape out;
    expect('(');
    while (!accept(')')) {
      const std::size_t start = at_;
      Index extent = 0;
      bool digits = false;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        const Index digit = text_[at_] - '0';
        if (extent > (std::numeric_limits<Index>::max() - digit) / 10) fail(start, "extent too large");
        extent = extent * 10 + digit;
        digits = true;
      }
      if (!digits) fail(start, "expected an extent of at least 0");
      if (out.rank() == max_rank) fail(start, "more than ", max_rank, " axes are not supported");
      out.push_back(extent);
      if (!accept(',')) {
        // (5) would be the number 5 in Python, yet its meaning is clear.
        expect(')');
        break;
      }
    }
    return out;
  }

  std::string_view text_;
  std::size_t base_ = 0;
  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace detail

// Bytes that hold the header of every file with plain elements.
inline constexpr std::size_t npy_prefix_bytes = 65536 + 12;

// Header of a .npy file of `file_size` bytes that begins with `prefix`: the whole file, or at least its first
// min(file_size, npy_prefix_bytes) bytes. Errors: FormatError with `source` (the file), byte and reason.
GLIA_LAZY NpyHeader parse_npy_header(Bytes prefix, std::uint64_t file_size, std::string_view source) {
  constexpr std::string_view op = "load_npy";
  constexpr unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (prefix.size() < 10 || !std::equal(magic, magic + 6, prefix.begin()))
    raise<FormatError>(op, "\"", source, "\", byte 0: not a .npy file");
  const int major = prefix[6], minor = prefix[7];
  if (major < 1 || major > 3 || minor != 0)
    raise<FormatError>(op, "\"", source, "\", byte 6: version ", major, ".", minor, ", expected 1.0, 2.0 or 3.0");
  const std::size_t start = major == 1 ? 10 : 12;
  if (prefix.size() < start) raise<FormatError>(op, "\"", source, "\": file ends inside the header length");
  const std::uint64_t length = major == 1 ? detail::load_little<std::uint16_t>(prefix.data() + 8)
                                          : detail::load_little<std::uint32_t>(prefix.data() + 8);
  if (length > prefix.size() - start)
    raise<FormatError>(op, "\"", source, "\", byte 8: header of ", length, " bytes, but only ", prefix.size() - start,
                       " follow or are allowed");
  NpyHeader out =
      detail::NpyDictReader({reinterpret_cast<const char*>(prefix.data()) + start, static_cast<std::size_t>(length)},
                            start, source)
          .read();
  out.data_begin = start + length;
  const std::uint64_t bytes_each = file_type_info(out.type).bytes;
  const auto expected = detail::checked_bytes(out.shape, bytes_each);
  if (!expected) raise<FormatError>(op, "\"", source, "\": shape ", out.shape, " has too many elements");
  if (*expected != file_size - out.data_begin)
    raise<FormatError>(op, "\"", source, "\": shape ", out.shape, " of ", bytes_each, "-byte elements needs ",
                       *expected, " bytes, but ", file_size - out.data_begin, " follow the header");
  return out;
}

// The bytes in front of the elements of a C-ordered version 1.0 file. Errors: FormatError if NumPy lacks the type.
GLIA_LAZY std::string encode_npy_header(FileType type, const Shape& shape) {
  const FileTypeInfo& info = file_type_info(type);
  if (info.npy.empty())
    raise<FormatError>("save_npy", "NumPy has no type for ", info.safetensors, "; convert to float32");
  std::string dict = text("{'descr': '", info.npy, "', 'fortran_order': False, 'shape': (");
  for (int axis = 0; axis < shape.rank(); ++axis) dict += text(shape[axis], axis + 1 < shape.rank() ? ", " : "");
  dict += shape.rank() == 1 ? ",), }" : "), }";
  // Blanks and a line end, so that the elements start at a multiple of 64.
  dict.append((64 - (10 + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string out = "\x93NUMPY";
  out += '\1';
  out += '\0';
  out += static_cast<char>(dict.size() & 0xff);
  out += static_cast<char>((dict.size() >> 8) & 0xff);
  return out + dict;
}

}  // namespace GLIA_NS::io
