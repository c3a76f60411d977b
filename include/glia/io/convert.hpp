#pragma once
// Elements of a file as elements of a tensor.

#include <glia/core/scalar.hpp>
#include <glia/io/dtype.hpp>
#include <glia/io/file.hpp>

#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

namespace GLIA_NS::io {

static_assert(std::endian::native == std::endian::little,
              "the file formats are little-endian, as every supported host is");

// The file's name for a tensor's scalar.
template <Scalar T>
constexpr FileType file_type_of() {
  switch (dtype_of<T>) {
    case DType::float32:
      return FileType::f32;
    case DType::float64:
      return FileType::f64;
    case DType::bfloat16:
      return FileType::bf16;
    case DType::float16:
      return FileType::f16;
    case DType::int32:
      return FileType::i32;
    case DType::int64:
      return FileType::i64;
    case DType::uint8:
      return FileType::u8;
    case DType::boolean:
      return FileType::boolean;
  }
  return FileType::f32;
}

namespace detail {

// Calls f with a value of the C++ type that holds elements of `type`.
template <class F>
void with_file_type(FileType type, F&& f) {
  switch (type) {
    case FileType::boolean:
      return f(bool{});
    case FileType::u8:
      return f(std::uint8_t{});
    case FileType::i8:
      return f(std::int8_t{});
    case FileType::u16:
      return f(std::uint16_t{});
    case FileType::i16:
      return f(std::int16_t{});
    case FileType::f16:
      return f(half{});
    case FileType::bf16:
      return f(bfloat16{});
    case FileType::u32:
      return f(std::uint32_t{});
    case FileType::i32:
      return f(std::int32_t{});
    case FileType::f32:
      return f(float{});
    case FileType::u64:
      return f(std::uint64_t{});
    case FileType::i64:
      return f(std::int64_t{});
    case FileType::f64:
      return f(double{});
  }
}

template <class S>
inline constexpr bool is_real = std::is_floating_point_v<S> || ReducedFloating<S>;

// One element; FormatError if T cannot hold its value (fractions are refused whole, see convert_elements).
template <class T, class S>
T convert_element(S value, const std::string& where) {
  if constexpr (std::is_same_v<T, S>) {
    return value;
  } else if constexpr (is_real<T>) {
    if constexpr (is_real<S>) {
      if constexpr (std::is_same_v<T, double> || std::is_same_v<S, double>)
        return T(static_cast<double>(value));
      else
        return T(static_cast<float>(value));
    } else {
      return T(static_cast<double>(value));
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != S(0);
  } else if constexpr (std::is_same_v<S, bool>) {
    return static_cast<T>(value ? 1 : 0);
  } else {
    if (!std::in_range<T>(value))
      raise<FormatError>("convert", where, ": value ", value, " does not fit ", dtype_name(dtype_of<T>));
    return static_cast<T>(value);
  }
}

// Checks the bytes of truth values: only 0 and 1 are any.
GLIA_LAZY void require_truth_values(Bytes bytes, const std::string& where) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] > 1)
      raise<FormatError>("convert", where, ": element ", i, " is ", int{bytes[i]}, ", not a truth value");
}

// Converts raw elements of a file to T. Floating-point values do not become integers. Errors: FormatError.
template <class T>
void convert_elements(FileType type, Bytes bytes, T* out, const std::string& where) {
  with_file_type(type, [&]<class S>(S) {
    if constexpr (is_real<S> && !is_real<T>) {
      raise<FormatError>("convert", where, ": holds ", file_type_info(type).safetensors, ", which does not convert to ",
                         dtype_name(dtype_of<T>));
    } else {
      if constexpr (std::is_same_v<S, bool>) require_truth_values(bytes, where);
      for (std::size_t i = 0; i < bytes.size() / sizeof(S); ++i) {
        S value;
        std::memcpy(&value, bytes.data() + i * sizeof(S), sizeof(S));
        out[i] = convert_element<T>(value, where);
      }
    }
  });
}

}  // namespace detail
}  // namespace GLIA_NS::io
