#pragma once
// Tensors from nothing: constants, ranges, random numbers, host data.

#include <glia/core/random.hpp>
#include <glia/kernels/cpu/random.hpp>
#include <glia/ops/type_table.hpp>

#include <concepts>
#include <numeric>

namespace GLIA_NS {

// A tensor of zeros: zeros({2, 3}), zeros<double>({2, 3}).
template <class T = float, class D = Cpu>
Tensor<T, D> zeros(const Shape& shape) {
  return detail::filled<T, D>(shape, T(0));
}
template <class T = float, class D = Cpu>
Tensor<T, D> ones(const Shape& shape) {
  return detail::filled<T, D>(shape, T(1));
}
template <class T = float, class D = Cpu>
Tensor<T, D> full(const Shape& shape, std::type_identity_t<T> value) {
  return detail::filled<T, D>(shape, value);
}
template <class T, class D>
Tensor<T, D> zeros_like(const Tensor<T, D>& x) {
  return zeros<T, D>(x.shape());
}
template <class T, class D>
Tensor<T, D> ones_like(const Tensor<T, D>& x) {
  return ones<T, D>(x.shape());
}

// A tensor of the given shape with a copy of `values` in row-major order. ShapeError if the counts differ.
template <class T, class D = Cpu>
Tensor<T, D> from_span(std::span<const T> values, const Shape& shape) {
  auto out = Tensor<T, D>::empty(shape);
  if (static_cast<Index>(values.size()) != out.numel())
    raise<ShapeError>("from_span", values.size(), " values do not fill shape ", shape, " (", out.numel(), " elements)");
  copy_bytes(D{}, Cpu{}, out.mutable_data(), values.data(), values.size() * sizeof(T));
  return out;
}
template <class T, class D = Cpu>
  requires(!std::is_same_v<T, bool>)
Tensor<T, D> from_vector(const std::vector<T>& values, const Shape& shape) {
  return from_span<T, D>(std::span<const T>(values), shape);
}
template <class T, class D = Cpu>
  requires(!std::is_same_v<T, bool>)
Tensor<T, D> from_vector(const std::vector<T>& values) {
  return from_vector<T, D>(values, {static_cast<Index>(values.size())});
}
// tensor<float>({1, 2, 3}, {3})
template <class T = float, class D = Cpu>
Tensor<T, D> tensor(std::initializer_list<T> values, const Shape& shape) {
  return from_span<T, D>(std::span<const T>(values.begin(), values.size()), shape);
}
template <class T = float, class D = Cpu>
Tensor<T, D> tensor(std::initializer_list<T> values) {
  return tensor<T, D>(values, {static_cast<Index>(values.size())});
}
// A 0-d tensor.
template <class T = float, class D = Cpu>
Tensor<T, D> scalar(std::type_identity_t<T> value) {
  return full<T, D>({}, value);
}

// A tensor over memory owned by the caller, contiguous row-major; `release` runs when the last handle goes. ShapeError for a shape
// that no tensor can have.
template <class T, class D = Cpu>
Tensor<T, D> from_blob(T* data, const Shape& shape, std::function<void()> release = {}) {
  const Index count = detail::checked_numel("from_blob", shape, sizeof(T));
  auto storage = make_ref<Storage>(data, static_cast<std::size_t>(count) * sizeof(T), std::move(release));
  return Tensor<T, D>(make_ref<TensorImpl>(std::move(storage), 0, shape, contiguous_strides(shape),
                                           &detail::type_table<T, D>()));
}

namespace detail {
// Whole numbers in 64-bit arithmetic: doubles skip some from 2^53 on.
template <std::integral T>
std::vector<T> whole_range(T start, T stop, T step) {
  using U = std::uint64_t;
  const auto lower = static_cast<U>(start), upper = static_cast<U>(stop), by = static_cast<U>(step);
  const bool up = step > T(0), empty = up ? start >= stop : start <= stop;
  const U steps = step == T(0) || empty ? 0 : (up ? (upper - lower - 1) / by : (lower - upper - 1) / (U{0} - by)) + 1;
  if (step == T(0) || steps > U{1000000000000000})
    raise<ValueError>("arange", "cannot go from ", start, " to ", stop, " by steps of ", step);
  std::vector<T> values(static_cast<std::size_t>(steps));
  for (U i = 0; i < steps; ++i) values[static_cast<std::size_t>(i)] = static_cast<T>(lower + i * by);
  return values;
}
template <class T>
std::vector<T> real_range(T start, T stop, T step) {
  const double from = static_cast<double>(start), by = static_cast<double>(step);
  const double span = static_cast<double>(stop) - from;
  if (by == 0.0 || !(span / by < 1e15)) raise<ValueError>("arange", "cannot go from ", from, " by steps of ", by);
  const double steps = span / by;
  const Index n = steps > 0.0 ? static_cast<Index>(steps) + (static_cast<double>(static_cast<Index>(steps)) < steps ? 1 : 0) : 0;
  std::vector<T> values(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = static_cast<T>(from + by * static_cast<double>(i));
  return values;
}
}  // namespace detail

// start, start + step, ... below stop (above it for a negative step). ValueError for a step of 0.
template <class T = float, class D = Cpu>
Tensor<T, D> arange(std::type_identity_t<T> start, std::type_identity_t<T> stop, std::type_identity_t<T> step = T(1)) {
  std::vector<T> values;
  if constexpr (std::integral<T>)
    values = detail::whole_range<T>(start, stop, step);
  else
    values = detail::real_range<T>(start, stop, step);
  return from_span<T, D>(std::span<const T>(values), {static_cast<Index>(values.size())});
}
template <class T = float, class D = Cpu>
Tensor<T, D> arange(std::type_identity_t<T> stop) {
  return arange<T, D>(T(0), stop);
}

// `count` evenly spaced values from start to stop, both included.
template <Floating T = float, class D = Cpu>
Tensor<T, D> linspace(std::type_identity_t<T> start, std::type_identity_t<T> stop, Index count) {
  if (count < 0) raise<ValueError>("linspace", "the count must not be negative, got ", count);
  std::vector<T> values(static_cast<std::size_t>(count));
  const double a = static_cast<double>(start), b = static_cast<double>(stop);
  for (Index i = 0; i < count; ++i) {
    const double t = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    values[static_cast<std::size_t>(i)] = static_cast<T>(a * (1.0 - t) + b * t);
  }
  return from_span<T, D>(std::span<const T>(values), {count});
}

// Identity matrix [n, m]; m = n if left out.
template <class T = float, class D = Cpu>
Tensor<T, D> eye(Index n, Index m = -1) {
  if (m < 0) m = n;
  auto host = zeros<T, Cpu>({n, m});
  for (Index i = 0; i < std::min(n, m); ++i) host.mutable_data()[i * m + i] = T(1);
  if constexpr (std::is_same_v<D, Cpu>)
    return host;
  else
    return host.template to<D>();
}

// Uniform numbers in [low, high); in a 16-bit float they may round to high. Advances the generator; the same numbers on every
// device and thread count.
template <Floating T = float, class D = Cpu>
Tensor<T, D> rand(const Shape& shape, Generator& generator, std::type_identity_t<T> low = T(0),
                  std::type_identity_t<T> high = T(1)) {
  auto out = Tensor<T, D>::empty(shape);
  const auto key = generator.key;
  const auto counter = generator.reserve(out.numel());
  fill_uniform(D{}, out.mutable_data(), out.numel(), key, counter, low, high);
  return out;
}

// Normal numbers of the given mean and standard deviation.
template <Floating T = float, class D = Cpu>
Tensor<T, D> randn(const Shape& shape, Generator& generator, std::type_identity_t<T> mean = T(0),
                   std::type_identity_t<T> deviation = T(1)) {
  auto out = Tensor<T, D>::empty(shape);
  const auto key = generator.key;
  const auto counter = generator.reserve(out.numel());
  fill_normal(D{}, out.mutable_data(), out.numel(), key, counter, mean, deviation);
  return out;
}

// Ones with probability p, else zeros.
template <class T = float, class D = Cpu>
Tensor<T, D> bernoulli(const Shape& shape, Generator& generator, double p) {
  if (!(p >= 0.0 && p <= 1.0)) raise<ValueError>("bernoulli", "the probability must be in [0, 1], got ", p);
  auto out = Tensor<T, D>::empty(shape);
  const auto key = generator.key;
  const auto counter = generator.reserve(out.numel());
  fill_bernoulli(D{}, out.mutable_data(), out.numel(), key, counter, p);
  return out;
}

// A random order of 0 .. n-1.
template <class D = Cpu>
Tensor<std::int64_t, D> permutation(Index n, Generator& generator) {
  auto out = Tensor<std::int64_t, D>::empty({n});
  const auto key = generator.key;
  const auto counter = generator.reserve(n);
  random_permutation(D{}, out.mutable_data(), n, key, counter);
  return out;
}

}  // namespace GLIA_NS
