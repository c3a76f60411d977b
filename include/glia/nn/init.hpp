#pragma once
// Initial values of weights. The first axis of a weight counts outputs ([out, in], [O, KH, KW, I / groups]); numbers
// come from one process-wide generator unless another is given, drawn on the host, so they are the same on every
// device.

#include <glia/core/math.hpp>
#include <glia/nn/module.hpp>

#include <cmath>

namespace GLIA_NS::nn {

// The generator that layers draw their initial weights from, in the order of construction. Not for use by two threads
// at once.
GLIA_LAZY Generator& init_generator() {
  static Generator generator{0};
  return generator;
}

namespace init {

namespace detail {
template <class T, class D>
Tensor<T, D>& tensor_of(nn::detail::OwnedTensor<T, D>& weight) {
  return weight.tensor();
}
template <class T, class D>
Tensor<T, D>& tensor_of(Tensor<T, D>& weight) {
  return weight;
}
template <class W>
using scalar_of = typename std::remove_cvref_t<decltype(tensor_of(std::declval<W&>()))>::scalar_type;

// Writes `count` host values into the weight, unrecorded.
template <class T, class D>
void assign(const char* op, Tensor<T, D>& weight, const std::vector<T>& values) {
  const NoGrad plain;
  if (!weight.defined()) raise<Error>(op, "the weight is undefined");
  weight.copy_(from_vector<T, Cpu>(values, weight.shape()).template to<D>());
}
template <class T, class D>
void assign(const char* op, Tensor<T, D>& weight, const Tensor<T, Cpu>& values) {
  const NoGrad plain;
  if (!weight.defined()) raise<Error>(op, "the weight is undefined");
  weight.copy_(values.template to<D>());
}
}  // namespace detail

// How many inputs feed one output, and how many outputs one input feeds (as PyTorch counts them for [out, ...]
// weights).
struct Fans {
  Index in = 1, out = 1;
};
GLIA_LAZY Fans fans(const Shape& weight) {
  if (weight.rank() < 2) raise<ShapeError>("fans", "a weight needs at least two axes, got shape ", weight);
  const Index n = weight.numel();
  return {weight[0] == 0 ? 0 : n / weight[0], weight.back() == 0 ? 0 : n / weight.back()};
}

// Factors that keep the variance of activations, by the non-linearity that follows.
inline constexpr double gain_linear = 1.0;
inline constexpr double gain_tanh = 5.0 / 3.0;
inline constexpr double gain_relu = 1.4142135623730951;
GLIA_LAZY double gain_leaky_relu(double slope) { return std::sqrt(2.0 / (1.0 + slope * slope)); }

enum class FanMode { in, out, average };

struct KaimingOptions {
  FanMode fan = FanMode::in;
  double gain = gain_relu;
};

// Every function takes a Parameter, Buffer or Tensor and overwrites its elements, unrecorded.

template <class W>
void constant(W& weight, double value) {
  const NoGrad plain;
  detail::tensor_of(weight).fill_(static_cast<detail::scalar_of<W>>(value));
}

// Uniform in [low, high).
template <class W>
[[gnu::cold]] void uniform(W& weight, double low, double high, Generator& generator = init_generator()) {
  using T = detail::scalar_of<W>;
  auto& tensor = detail::tensor_of(weight);
  detail::assign("uniform", tensor, rand<T, Cpu>(tensor.shape(), generator, static_cast<T>(low), static_cast<T>(high)));
}

template <class W>
[[gnu::cold]] void normal(W& weight, double mean, double deviation, Generator& generator = init_generator()) {
  using T = detail::scalar_of<W>;
  auto& tensor = detail::tensor_of(weight);
  detail::assign("normal", tensor,
                 randn<T, Cpu>(tensor.shape(), generator, static_cast<T>(mean), static_cast<T>(deviation)));
}

namespace detail {
GLIA_LAZY double fan_count(const Shape& shape, FanMode mode) {
  const Fans f = fans(shape);
  const double in = static_cast<double>(f.in), out = static_cast<double>(f.out);
  const double count = mode == FanMode::in ? in : mode == FanMode::out ? out : 0.5 * (in + out);
  return count > 0.0 ? count : 1.0;
}
}  // namespace detail

// Variance gain^2 / fan (He, Zhang, Ren, Sun 2015).
template <class W>
[[gnu::cold]] void kaiming_uniform(W& weight, KaimingOptions options = {}, Generator& generator = init_generator()) {
  const double bound =
      options.gain * std::sqrt(3.0 / detail::fan_count(detail::tensor_of(weight).shape(), options.fan));
  uniform(weight, -bound, bound, generator);
}
template <class W>
[[gnu::cold]] void kaiming_normal(W& weight, KaimingOptions options = {}, Generator& generator = init_generator()) {
  const double deviation = options.gain / std::sqrt(detail::fan_count(detail::tensor_of(weight).shape(), options.fan));
  normal(weight, 0.0, deviation, generator);
}

// Variance 2 gain^2 / (fan_in + fan_out) (Glorot, Bengio 2010).
template <class W>
void xavier_uniform(W& weight, double gain = gain_linear, Generator& generator = init_generator()) {
  kaiming_uniform(weight, {FanMode::average, gain}, generator);
}
template <class W>
void xavier_normal(W& weight, double gain = gain_linear, Generator& generator = init_generator()) {
  kaiming_normal(weight, {FanMode::average, gain}, generator);
}

// Bounds of a truncated normal distribution, in units of the weight.
struct TruncatedNormalOptions {
  double mean = 0.0, deviation = 1.0;
  double low = -2.0, high = 2.0;
};

// Normal numbers, redrawn until they lie in [low, high]. ValueError if less than 1 % of the distribution does.
template <class W>
void truncated_normal(W& weight, TruncatedNormalOptions options = {}, Generator& generator = init_generator()) {
  auto& tensor = detail::tensor_of(weight);
  const double root = 0.70710678118654752440 / options.deviation;
  const double inside =
      0.5 * (math::erf((options.high - options.mean) * root) - math::erf((options.low - options.mean) * root));
  if (!(options.deviation > 0.0 && inside >= 0.01))
    raise<ValueError>("truncated_normal", "a normal distribution of mean ", options.mean, " and deviation ",
                      options.deviation, " has (almost) nothing in [", options.low, ", ", options.high, "]");
  using T = detail::scalar_of<W>;
  std::vector<T> values(static_cast<std::size_t>(tensor.numel()));
  std::vector<std::size_t> open(values.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  while (!open.empty()) {
    const auto draw = randn<double, Cpu>({static_cast<Index>(open.size())}, generator, options.mean, options.deviation);
    std::size_t left = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const double x = draw.data()[i];
      if (x >= options.low && x <= options.high)
        values[open[i]] = static_cast<T>(x);
      else
        open[left++] = open[i];
    }
    open.resize(left);
  }
  detail::assign("truncated_normal", tensor, values);
}

// Rows (or columns, if there are fewer of them) of the weight seen as a matrix [first axis, all others] are orthogonal
// and of length `gain` (Saxe, McClelland, Ganguli 2014): Gram-Schmidt, done twice, on normal numbers.
template <class W>
void orthogonal(W& weight, double gain = 1.0, Generator& generator = init_generator()) {
  auto& tensor = detail::tensor_of(weight);
  const Shape shape = tensor.shape();
  if (shape.rank() < 2) raise<ShapeError>("orthogonal", "a weight needs at least two axes, got shape ", shape);
  const Index rows = shape[0], columns = rows == 0 ? 0 : shape.numel() / rows;
  const Index count = std::min(rows, columns), length = std::max(rows, columns);
  const auto numbers = randn<double, Cpu>({count, length}, generator);
  std::vector<double> basis = numbers.to_vector();
  for (Index i = 0; i < count; ++i) {
    double* v = basis.data() + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (Index j = 0; j < i; ++j) {
        const double* u = basis.data() + j * length;
        double dot = 0.0;
        for (Index k = 0; k < length; ++k) dot += u[k] * v[k];
        for (Index k = 0; k < length; ++k) v[k] -= dot * u[k];
      }
      double square = 0.0;
      for (Index k = 0; k < length; ++k) square += v[k] * v[k];
      const double factor = 1.0 / std::sqrt(square);
      for (Index k = 0; k < length; ++k) v[k] *= factor;
    }
  }
  using T = detail::scalar_of<W>;
  std::vector<T> values(static_cast<std::size_t>(shape.numel()));
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c)
      values[static_cast<std::size_t>(r * columns + c)] =
          static_cast<T>(gain * basis[static_cast<std::size_t>(rows <= columns ? r * length + c : c * length + r)]);
  detail::assign("orthogonal", tensor, values);
}

// A convolution weight [O, KH, KW, I / groups] that passes its input through: output channel j of every group is input
// channel j, the others are zero (Zagoruyko, Komodakis 2017).
template <class W>
void dirac(W& weight, Index groups = 1) {
  auto& tensor = detail::tensor_of(weight);
  const Shape s = tensor.shape();
  if (s.rank() != 4) raise<ShapeError>("dirac", "needs a weight [O, KH, KW, I / groups], got shape ", s);
  if (groups < 1 || s[0] % groups != 0)
    raise<ShapeError>("dirac", groups, " groups do not divide the ", s[0], " output channels of ", s);
  using T = detail::scalar_of<W>;
  std::vector<T> values(static_cast<std::size_t>(s.numel()), T(0));
  const Index depth = s[0] / groups;
  for (Index o = 0; o < s[0]; ++o) {
    const Index channel = o % depth;
    if (channel >= s[3]) continue;
    values[static_cast<std::size_t>(((o * s[1] + s[1] / 2) * s[2] + s[2] / 2) * s[3] + channel)] = T(1);
  }
  detail::assign("dirac", tensor, values);
}

}  // namespace init

namespace detail {
// What Linear and Conv2d start from: weight and bias uniform in +-1 / sqrt(fan_in), as in PyTorch.
template <class T, class D>
void init_default(Parameter<T, D>& weight, Parameter<T, D>& bias) {
  const double fan = init::detail::fan_count(weight.shape(), init::FanMode::in);
  const double bound = 1.0 / std::sqrt(fan);
  init::uniform(weight, -bound, bound);
  if (bias.defined()) init::uniform(bias, -bound, bound);
}

// A random stream of its own for a layer, from the generator of initial weights.
GLIA_LAZY RandomState next_random_state() {
  Generator& generator = init_generator();
  return RandomState{generator.split(generator.reserve(1))};
}
}  // namespace detail

}  // namespace GLIA_NS::nn

namespace GLIA_NS {
// Restarts the generator of initial weights and of the layers' random streams: the same seed and the same order of
// construction give the same model.
GLIA_LAZY void manual_seed(std::uint64_t seed) { nn::init_generator() = Generator(seed); }
}  // namespace GLIA_NS
