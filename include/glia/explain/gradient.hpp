#pragma once
// Explanations from one gradient or an average of gradients: saliency, input x gradient, SmoothGrad.

#include <glia/explain/model.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::explain {

// Gradient of every sample's target score with respect to the sample: x [N, ...], targets [N] -> [N, ...]. In spiking
// networks the spikes contribute their surrogate derivatives. ShapeError, IndexError (no such class), ValueError.
template <std::floating_point T, class D, class Model>
Tensor<T, D> input_gradient(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                            Index chunk = 64) {
  constexpr const char* op = "input_gradient";
  detail::require_inputs(op, x, targets, chunk);
  const auto classes = targets.to_vector();
  std::vector<Tensor<T, D>> parts;
  for (Index i = 0; i < x.size(0); i += chunk) {
    const Index end = std::min(i + chunk, x.size(0));
    parts.push_back(detail::target_gradient(
        op, model, x.slice(0, {i, end}),
        std::span(classes).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(end - i))));
  }
  return detail::joined(parts, x.shape());
}

// Saliency (Simonyan et al. 2014): the absolute gradient, [N, ...].
template <std::floating_point T, class D, class Model>
Tensor<T, D> saliency(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets, Index chunk = 64) {
  const NoGrad plain;
  return abs(input_gradient(model, x, targets, chunk));
}

// Input x gradient (Shrikumar et al. 2016), [N, ...]; exact for linear models.
template <std::floating_point T, class D, class Model>
Tensor<T, D> input_x_gradient(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                              Index chunk = 64) {
  const NoGrad plain;
  return mul(x.detach(), input_gradient(model, x, targets, chunk));
}

// Mean gradient, mean squared gradient or variance of the gradient over the noisy copies.
enum class Average { mean, square, variance };

struct SmoothGradOptions {
  Index copies = 32;    // noisy copies of every sample
  double noise = 0.15;  // standard deviation, as a share of the sample's range (largest - smallest value)
  Average average = Average::mean;
  std::uint64_t seed = 0;
  Index chunk = 64;
};

// The noise of one copy of one sample, standard normal, in the shape of a sample: it depends on the seed and the two
// numbers alone, whatever the chunk.
template <std::floating_point T, class D>
Tensor<T, D> sample_noise(const Shape& sample, std::uint64_t seed, Index number, Index copy) {
  Generator generator =
      Generator(seed).split(static_cast<std::uint64_t>(number)).split(static_cast<std::uint64_t>(copy));
  return randn<T, D>(sample, generator);
}

namespace detail {
// Noise of copies [k0, k1) of samples [i0, i1): [copies, samples, ...].
template <class T, class D>
Tensor<T, D> noise_block(const Shape& sample, std::uint64_t seed, Index i0, Index i1, Index k0, Index k1) {
  std::vector<Tensor<T, D>> rows;
  for (Index k = k0; k < k1; ++k)
    for (Index i = i0; i < i1; ++i) rows.push_back(sample_noise<T, D>(sample, seed, i, k));
  return as_block(stack(rows, 0), k1 - k0, i1 - i0);
}

// Largest minus smallest value of every sample.
template <class T, class D>
std::vector<double> sample_ranges(const Tensor<T, D>& x) {
  const auto host = x.to_vector();
  const auto n = static_cast<std::size_t>(x.size(0));
  const auto each = static_cast<std::ptrdiff_t>(n > 0 ? host.size() / n : 0);
  std::vector<double> out;
  for (auto row = host.begin(); each > 0 && row != host.end(); row += each) {
    const auto [low, high] = std::minmax_element(row, row + each);
    out.push_back(static_cast<double>(*high) - static_cast<double>(*low));
  }
  out.resize(n, 0.0);
  return out;
}
}  // namespace detail

// SmoothGrad (Smilkov et al. 2017): the gradient averaged over noisy copies of the sample, [N, ...]. The same result
// for any chunk, up to rounding. ValueError for a negative noise level.
template <std::floating_point T, class D, class Model>
Tensor<T, D> smooth_grad(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                         const SmoothGradOptions& options = {}) {
  constexpr const char* op = "smooth_grad";
  detail::require_inputs(op, x, targets, options.chunk);
  detail::require_positive(op, "copies", options.copies);
  if (!(options.noise >= 0.0)) raise<ValueError>(op, "noise must not be negative, got ", options.noise);
  const NoGrad plain;
  const auto classes = targets.to_vector();
  const auto ranges = detail::sample_ranges(x);
  Shape sample = x.shape();
  sample.erase(0);
  auto total = zeros<T, D>(x.shape()), squares = zeros<T, D>(x.shape());
  detail::for_blocks(x.size(0), options.copies, options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
    std::vector<double> width(ranges.begin() + i0, ranges.begin() + i1);
    for (double& w : width) w *= options.noise;
    const auto noise = mul(detail::noise_block<T, D>(sample, options.seed, i0, i1, k0, k1),
                           detail::column<T, D>(width, x.rank()).unsqueeze(0));
    const auto points = detail::as_rows(add(noise, x.detach().slice(0, {i0, i1}).unsqueeze(0)));
    const auto rows = detail::repeat_targets(classes, i0, i1, k1 - k0);
    const auto g = detail::as_block(detail::target_gradient(op, model, points, std::span(rows)), k1 - k0, i1 - i0);
    total.slice(0, {i0, i1}).add_(sum(g, Axes{0}));
    if (options.average != Average::mean) squares.slice(0, {i0, i1}).add_(sum(mul(g, g), Axes{0}));
  });
  const T share = static_cast<T>(1.0 / static_cast<double>(options.copies));
  const auto mean_gradient = scale(total, share);
  if (options.average == Average::mean) return mean_gradient;
  const auto mean_square = scale(squares, share);
  return options.average == Average::square ? mean_square : sub(mean_square, mul(mean_gradient, mean_gradient));
}

// One number per pixel: the sum of absolute attributions over the last axis, [N, ..., C] -> [N, ...].
template <std::floating_point T, class D>
Tensor<T, D> heat_map(const Tensor<T, D>& attributions) {
  glia::detail::require_min_rank("heat_map", "attributions", attributions, 2);
  const NoGrad plain;
  return sum(abs(attributions), Axes{-1});
}

}  // namespace GLIA_NS::explain
