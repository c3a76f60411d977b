#pragma once
// The exception family. Every message names the op, the argument, what was expected and what came.

#include <glia/core/config.hpp>
#include <glia/core/shape.hpp>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace GLIA_NS {

// Root of all exceptions thrown by glia. what() reads "op: message" or "op: message (in module path)".
class Error : public std::exception {
 public:
  Error(std::string_view op, std::string_view message) : op_(op), message_(message) { compose(); }

  const char* what() const noexcept override { return what_.c_str(); }
  const std::string& op() const noexcept { return op_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& module() const noexcept { return module_; }

  // Names the module in which the error arose ("backbone.stage2.0.conv1"). The innermost module that knows its
  // name calls first and wins.
  void set_module(std::string_view path) {
    if (!module_.empty() || path.empty()) return;
    module_ = path;
    compose();
  }

 private:
  void compose() {
    what_ = op_;
    what_ += ": ";
    what_ += message_;
    if (!module_.empty()) {
      what_ += " (in ";
      what_ += module_;
      what_ += ')';
    }
  }

  std::string op_, message_, module_, what_;
};

// A shape, rank, axis count or stride that the op cannot take.
class ShapeError : public Error {
 public:
  using Error::Error;
};
// An axis or position outside its range.
class IndexError : public Error {
 public:
  using Error::Error;
};
// A file or byte string that is not what it claims to be.
class FormatError : public Error {
 public:
  using Error::Error;
};
// A device, driver or memory failure.
class DeviceError : public Error {
 public:
  using Error::Error;
};
// A request the autograd engine must refuse.
class AutogradError : public Error {
 public:
  using Error::Error;
};
// An argument value outside its domain (a negative learning rate, a zero stride, ...).
class ValueError : public Error {
 public:
  using Error::Error;
};

namespace detail {
// One part of a message, without its type: messages are put together by code that is compiled once.
class TextPart {
 public:
  TextPart(std::string_view words) : kind_(Kind::words), words_(words) {}
  TextPart(const Shape& shape) : kind_(Kind::shape), shape_(&shape) {}
  template <std::integral T>
  TextPart(T value) : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {
    if constexpr (std::same_as<T, bool>) kind_ = Kind::words, words_ = value ? "true" : "false";
    if constexpr (std::unsigned_integral<T> && sizeof(T) == 8) kind_ = Kind::natural;
  }
  template <std::floating_point T>
  TextPart(T value) : kind_(Kind::number), number_(static_cast<double>(value)) {}

  void append_to(std::string& out) const {
    switch (kind_) {
      case Kind::words: out += words_; break;
      case Kind::shape: out += to_string(*shape_); break;
      case Kind::integer: out += std::to_string(integer_); break;
      case Kind::natural: out += std::to_string(static_cast<std::uint64_t>(integer_)); break;
      case Kind::number: {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.7g", number_);
        out += digits;
      }
    }
  }

 private:
  enum class Kind { words, shape, integer, natural, number };
  Kind kind_;
  union {
    std::string_view words_;
    const Shape* shape_;
    std::int64_t integer_;
    double number_;
  };
};

[[gnu::cold, gnu::noinline]] inline std::string join_text(const TextPart* parts, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) parts[i].append_to(out);
  return out;
}

template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void raise_text(std::string_view op, const TextPart* parts, std::size_t count) {
  throw E(op, join_text(parts, count));
}

// Literals of all lengths become one type, so that messages of one form share one instantiation.
template <class T>
  requires std::convertible_to<const T&, std::string_view>
std::string_view plain_part(const T& part) {
  return part;
}
template <class T>
  requires std::is_arithmetic_v<T>
T plain_part(T part) {
  return part;
}
inline const Shape& plain_part(const Shape& part) { return part; }

template <class E, class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void raise_parts(std::string_view op, const Parts&... parts) {
  const TextPart list[] = {TextPart(parts)...};
  raise_text<E>(op, list, sizeof...(Parts));
}
}  // namespace detail

// Joins strings, numbers and shapes into one string.
template <class... Parts>
std::string text(const Parts&... parts) {
  const detail::TextPart list[] = {detail::TextPart(detail::plain_part(parts))...};
  return detail::join_text(list, sizeof...(Parts));
}

// Throws E("op: " + parts...). Out of line and cold, so that a check costs the caller one compare.
template <class E, class... Parts>
[[noreturn, gnu::always_inline]] inline void raise(std::string_view op, const Parts&... parts) {
  detail::raise_parts<E>(op, detail::plain_part(parts)...);
}

}  // namespace GLIA_NS
