#pragma once
// Element types as files name them, and the conversions between them and the scalars of tensors.

#include <glia/core/error.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace GLIA_NS::io {

enum class FileType { boolean, u8, i8, u16, i16, f16, bf16, u32, i32, f32, u64, i64, f64 };

struct FileTypeInfo {
  FileType type;
  std::string_view safetensors;  // name in a safetensors header
  std::string_view npy;          // little-endian type code of a .npy header; empty: NumPy has no such type
  std::uint64_t bytes;
};

inline constexpr std::array<FileTypeInfo, 13> file_types{{
    {FileType::boolean, "BOOL", "|b1", 1},
    {FileType::u8, "U8", "|u1", 1},
    {FileType::i8, "I8", "|i1", 1},
    {FileType::u16, "U16", "<u2", 2},
    {FileType::i16, "I16", "<i2", 2},
    {FileType::f16, "F16", "<f2", 2},
    {FileType::bf16, "BF16", "", 2},
    {FileType::u32, "U32", "<u4", 4},
    {FileType::i32, "I32", "<i4", 4},
    {FileType::f32, "F32", "<f4", 4},
    {FileType::u64, "U64", "<u8", 8},
    {FileType::i64, "I64", "<i8", 8},
    {FileType::f64, "F64", "<f8", 8},
}};

constexpr const FileTypeInfo& file_type_info(FileType type) { return file_types[static_cast<std::size_t>(type)]; }

namespace detail {
// Number of bytes of `shape` elements of `element_bytes` each, or nothing if it does not fit 63 bits. Extents of 0 are
// left out of the check's product, because strides are made of the other extents.
constexpr std::optional<std::uint64_t> checked_bytes(const Shape& shape, std::uint64_t element_bytes) {
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  std::uint64_t product = element_bytes;
  bool empty = false;
  for (const Index extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (product > limit / static_cast<std::uint64_t>(extent)) return std::nullopt;
    product *= static_cast<std::uint64_t>(extent);
  }
  return empty ? 0 : product;
}

// Little-endian unsigned integer of the first sizeof(U) bytes.
template <class U>
constexpr U load_little(const unsigned char* bytes) {
  U out = 0;
  for (std::size_t i = 0; i < sizeof(U); ++i) out = static_cast<U>(out | static_cast<U>(static_cast<U>(bytes[i]) << (8 * i)));
  return out;
}
}  // namespace detail

}  // namespace GLIA_NS::io
