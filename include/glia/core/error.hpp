#pragma once
// The exception family. Every message names the op, the argument, what was expected and what came.

#include <glia/core/config.hpp>
#include <glia/core/shape.hpp>

#include <concepts>
#include <exception>
#include <string>
#include <string_view>
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
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, const Shape& part) { out += to_string(part); }
// Constrained, because a string literal would rather become a bool than a string_view.
template <std::same_as<bool> T>
void append(std::string& out, T part) {
  out += part ? "true" : "false";
}
template <std::integral T>
  requires(!std::same_as<T, bool>)
void append(std::string& out, T part) {
  out += std::to_string(part);
}
template <std::floating_point T>
void append(std::string& out, T part) {
  std::string digits = std::to_string(part);
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  out += digits;
}
}  // namespace detail

// Joins strings, numbers and shapes into one string.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

// Throws E("op: " + parts...). Out of line and cold, so that a check costs the caller one compare.
template <class E, class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void raise(std::string_view op, const Parts&... parts) {
  throw E(op, text(parts...));
}

}  // namespace GLIA_NS
