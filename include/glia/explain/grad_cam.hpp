#pragma once
// Grad-CAM: where in a feature map the evidence for a class lies. And the scaling of maps to the size of the image.

#include <glia/explain/model.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/matmul.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::explain {

namespace detail {
// Bilinear interpolation from `from` to `to` positions as a matrix [to, from]: pixel centres are aligned, the border
// value goes on outside.
template <class T, class D>
Tensor<T, D> interpolation(Index from, Index to) {
  std::vector<T> rows(static_cast<std::size_t>(from * to), T(0));
  for (Index i = 0; i < to; ++i) {
    const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double place = std::min(std::max(at, 0.0), static_cast<double>(from - 1));
    const auto low = static_cast<Index>(place);
    const Index high = std::min(low + 1, from - 1);
    const double share = place - static_cast<double>(low);
    rows[static_cast<std::size_t>(i * from + low)] += static_cast<T>(1.0 - share);
    rows[static_cast<std::size_t>(i * from + high)] += static_cast<T>(share);
  }
  return from_vector<T, D>(rows, {to, from});
}
}  // namespace detail

// Maps [..., h, w] -> [..., height, width], bilinear. ShapeError, ValueError.
template <std::floating_point T, class D>
Tensor<T, D> resize_maps(const Tensor<T, D>& maps, Index height, Index width) {
  glia::detail::require_min_rank("resize_maps", "maps", maps, 2);
  detail::require_positive("resize_maps", "height", std::min(height, maps.size(-2)));
  detail::require_positive("resize_maps", "width", std::min(width, maps.size(-1)));
  return matmul(matmul(detail::interpolation<T, D>(maps.size(-2), height), maps),
                detail::interpolation<T, D>(maps.size(-1), width).transpose());
}

// What a model with a view into it returns: features [N, h, w, K] and the scores [N, classes] computed from them.
template <class T, class D>
struct FeaturesAndScores {
  Tensor<T, D> features, scores;
};

struct GradCamOptions {
  bool positive = true;  // evidence for the class alone (the paper's ReLU)
  bool resize = true;    // to the height and width of an input [N, H, W, C]
  Index chunk = 64;
};

// Grad-CAM (Selvaraju et al. 2017): the feature maps weighted with the mean gradient of the target score over each
// map, [N, H, W] (or [N, h, w]). model(x) returns FeaturesAndScores (anything with two parts that unpacks so); the
// scores must be computed from exactly these features. Of a spiking sequence, return its mean over time. ShapeError if
// the features are not [N, h, w, K], AutogradError if the scores do not depend on them.
template <std::floating_point T, class D, class Model>
Tensor<T, D> grad_cam(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                      const GradCamOptions& options = {}) {
  constexpr const char* op = "grad_cam";
  detail::require_inputs(op, x, targets, options.chunk);
  if (options.resize) glia::detail::require_rank(op, "input", x, 4);
  const auto classes = targets.to_vector();
  std::vector<Tensor<T, D>> parts;
  for (Index i = 0; i < x.size(0); i += options.chunk) {
    const Index end = std::min(i + options.chunk, x.size(0));
    Tensor<T, D> features, gradient;
    {
      const GradMode recording(true);
      auto input = x.detach().slice(0, {i, end}).detach();
      input.set_requires_grad();  // so that the features have a history even if all weights are frozen
      auto&& [seen, scores] = model(input);
      features = seen;
      glia::detail::require_rank(op, "features", features, 4);
      if (features.size(0) != end - i)
        raise<ShapeError>(op, "features must hold ", end - i, " samples, got shape ", features.shape());
      glia::detail::require_rank(op, "scores", scores, 2);
      if (scores.size(0) != end - i)
        raise<ShapeError>(op, "the model must return [", end - i, ", classes], got shape ", scores.shape());
      if (!features.requires_grad() || !scores.requires_grad())
        raise<AutogradError>(op,
                             "features and scores have no gradient history: the model must compute them from its "
                             "input by ops, with recording on");
      const auto part = std::span(classes).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(end - i));
      gradient = grad(scores, {features}, {}, detail::target_rows<T, D>(op, part, scores.size(1)))[0];
    }
    const NoGrad plain;
    const auto weights = mean(gradient.detach(), Axes{1, 2}, true);
    auto map = sum(mul(weights, features.detach()), Axes{3});
    if (options.positive) map = relu(map);
    parts.push_back(options.resize ? resize_maps(map, x.size(1), x.size(2)) : map);
  }
  return detail::joined(parts, {0, x.size(1), options.resize ? x.size(2) : Index{1}});
}

}  // namespace GLIA_NS::explain
