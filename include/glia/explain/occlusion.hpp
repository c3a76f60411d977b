#pragma once
// Occlusion: how much the score falls when a window of the image is covered.

#include <glia/explain/model.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/matmul.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::explain {

struct OcclusionOptions {
  Index window = 8, stride = 4;
  double fill = 0;  // what covered pixels become; 0 is the mean colour of a normalised image
  Score score = Score::logit;
  Index chunk = 64;
};

namespace detail {
// Upper left corners along one side: multiples of the stride, the last window may be cut by the border.
GLIA_LAZY std::vector<Index> window_starts(Index size, Index window, Index stride) {
  std::vector<Index> out{0};
  while (out.back() + window < size) out.push_back(out.back() + stride);
  return out;
}
// Ones under windows [first, last) of the grid: [last - first, H, W, 1].
template <class T, class D>
Tensor<T, D> window_masks(const std::vector<Index>& tops, const std::vector<Index>& lefts, Index window, Index height,
                          Index width, Index first, Index last) {
  std::vector<T> mask(static_cast<std::size_t>((last - first) * height * width), T(0));
  for (Index p = first; p < last; ++p) {
    const Index top = tops[static_cast<std::size_t>(p) / lefts.size()];
    const Index left = lefts[static_cast<std::size_t>(p) % lefts.size()];
    for (Index y = top; y < std::min(top + window, height); ++y)
      for (Index x = left; x < std::min(left + window, width); ++x)
        mask[static_cast<std::size_t>(((p - first) * height + y) * width + x)] = T(1);
  }
  return from_vector<T, D>(mask, {last - first, height, width, 1});
}
}  // namespace detail

// Occlusion (Zeiler and Fergus 2014): for every pixel the mean, over the windows that cover it, of the fall of the
// target's score: x [N, H, W, C], targets [N] -> [N, H, W]. Positive where the pixel supports the class. No gradients.
// ShapeError, IndexError, ValueError (a stride beyond the window would leave pixels out).
template <std::floating_point T, class D, class Model>
Tensor<T, D> occlusion(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                       const OcclusionOptions& options = {}) {
  constexpr const char* op = "occlusion";
  detail::require_inputs(op, x, targets, options.chunk);
  glia::detail::require_rank(op, "input", x, 4);
  detail::require_positive(op, "window", options.window);
  detail::require_positive(op, "stride", options.stride);
  if (options.stride > options.window)
    raise<ValueError>(op, "stride (", options.stride, ") must not exceed window (", options.window, ")");
  const NoGrad plain;
  const Index height = x.size(1), width = x.size(2);
  const auto tops = detail::window_starts(height, options.window, options.stride);
  const auto lefts = detail::window_starts(width, options.window, options.stride);
  const auto windows = static_cast<Index>(tops.size() * lefts.size());
  const auto classes = targets.to_vector();
  std::vector<double> whole;
  for (Index i = 0; i < x.size(0); i += options.chunk) {
    const Index end = std::min(i + options.chunk, x.size(0));
    const auto part = std::span(classes).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(end - i));
    for (const double v : detail::target_values(op, model, x.detach().slice(0, {i, end}), part, options.score))
      whole.push_back(v);
  }
  auto total = zeros<T, D>({x.size(0), height * width});
  detail::for_blocks(x.size(0), windows, options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
    const Index samples = i1 - i0, count = k1 - k0;
    const auto mask = detail::window_masks<T, D>(tops, lefts, options.window, height, width, k0, k1);
    const auto shown = mul(T(1) - mask.unsqueeze(1), x.detach().slice(0, {i0, i1}).unsqueeze(0));
    const auto points = detail::as_rows(add(shown, scale(mask.unsqueeze(1), static_cast<T>(options.fill))));
    const auto rows = detail::repeat_targets(classes, i0, i1, count);
    const auto values = detail::target_values(op, model, points, std::span(rows), options.score);
    std::vector<T> fall(values.size());  // [samples, count]
    for (Index k = 0; k < count; ++k)
      for (Index i = 0; i < samples; ++i)
        fall[static_cast<std::size_t>(i * count + k)] =
            static_cast<T>(whole[static_cast<std::size_t>(i0 + i)] - values[static_cast<std::size_t>(k * samples + i)]);
    const auto flat = mask.reshape({count, height * width});
    total.slice(0, {i0, i1}).add_(matmul(from_vector<T, D>(fall, {samples, count}), flat));
  });
  std::vector<T> covers(static_cast<std::size_t>(height * width), T(0));
  for (const Index top : tops)
    for (const Index left : lefts)
      for (Index y = top; y < std::min(top + options.window, height); ++y)
        for (Index c = left; c < std::min(left + options.window, width); ++c)
          covers[static_cast<std::size_t>(y * width + c)] += T(1);
  return div(total, from_vector<T, D>(covers, {1, height * width})).reshape({x.size(0), height, width});
}

}  // namespace GLIA_NS::explain
