#pragma once
// Printing tensors, NumPy-style: nested brackets, long axes shortened.

#include <glia/ops/convert.hpp>

#include <cstdio>
#include <iosfwd>
#include <ostream>

namespace GLIA_NS {

namespace detail {
template <class T>
std::string format_element(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (Integral<T>) {
    return std::to_string(static_cast<long long>(value));
  } else {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", static_cast<double>(value));
    return buffer;
  }
}

template <class T>
void format_axis(std::string& out, const View<const T>& view, int axis, const T* data, std::size_t width, Index edge) {
  if (axis == view.rank()) {
    const std::string element = format_element<T>(*data);
    out.append(width - std::min(width, element.size()), ' ');
    out += element;
    return;
  }
  out += '[';
  const Index n = view.shape[axis];
  for (Index i = 0; i < n; ++i) {
    if (i > 0) {
      out += axis + 1 == view.rank() ? ", " : ",\n";
      if (axis + 1 != view.rank()) out.append(static_cast<std::size_t>(axis) + 1, ' ');
    }
    if (n > 2 * edge + 1 && i == edge) {
      out += "...";
      i = n - edge - 1;
      continue;
    }
    format_axis(out, view, axis + 1, data + i * view.strides[axis], width, edge);
  }
  out += ']';
}
}  // namespace detail

// The elements as text, at most 2 * edge + 1 per axis (then "..."). Works for every shape, empty and 0-d included.
template <class T, class D>
std::string to_string(const Tensor<T, D>& x, Index edge = 3) {
  if (!x.defined()) return "undefined";
  const NoGrad plain;
  const auto host = x.detach().template to<Cpu>();
  std::size_t width = 0;
  if (host.numel() <= 4096)
    for (const T value : host.to_vector()) width = std::max(width, detail::format_element<T>(value).size());
  std::string out;
  detail::format_axis<T>(out, host.view(), 0, host.data(), width, edge);
  return out;
}

// Text, shape and scalar: "[1, 2] float32 [2]".
template <class T, class D>
std::ostream& operator<<(std::ostream& stream, const Tensor<T, D>& x) {
  stream << to_string(x);
  if (x.defined()) stream << ' ' << dtype_name(dtype_of<T>) << ' ' << to_string(x.shape());
  return stream;
}

}  // namespace GLIA_NS
