#pragma once
// Does an explanation say what the model looks at? Deletion and insertion curves, infidelity.

#include <glia/explain/gradient.hpp>

#include <numeric>

namespace GLIA_NS::explain {

struct CurveOptions {
  Index steps = 32;  // equal shares of the pixels that change hands
  Score score = Score::probability;
  Index chunk = 64;
};

// Target scores while pixels are taken away or put in, the most important first.
struct Curve {
  std::vector<double> share;                // 0, 1 / steps, ..., 1: pixels that changed
  std::vector<std::vector<double>> scores;  // [samples][steps + 1]
  std::vector<double> auc;                  // area under every sample's curve, by trapezoids

  // Mean over the samples of the curve, and of the areas.
  std::vector<double> mean() const {
    std::vector<double> out(share.size(), 0.0);
    for (const auto& row : scores)
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += row[k] / static_cast<double>(scores.size());
    return out;
  }
  double mean_auc() const {
    return auc.empty() ? 0.0 : std::accumulate(auc.begin(), auc.end(), 0.0) / static_cast<double>(auc.size());
  }
};

namespace detail {
// rank[i][p]: how many pixels of sample i are more important than p; equal ones in reading order.
template <class T, class D>
std::vector<std::vector<Index>> importance_ranks(const char* op, const Tensor<T, D>& heat) {
  const auto host = heat.to_vector();
  const auto n = static_cast<std::size_t>(heat.size(0)), pixels = n > 0 ? host.size() / n : 0;
  std::vector<std::vector<Index>> ranks(n, std::vector<Index>(pixels));
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = host.data() + i * pixels;
    for (std::size_t p = 0; p < pixels; ++p)
      if (std::isnan(row[p])) raise<ValueError>(op, "the attribution of sample ", i, " holds a NaN");
    std::vector<std::size_t> order(pixels);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
    for (std::size_t k = 0; k < pixels; ++k) ranks[i][order[k]] = static_cast<Index>(k);
  }
  return ranks;
}

// Curve from `from` to `to`: after share s the s most important pixels are those of `to`.
template <class T, class D, class Model>
Curve replacement_curve(const char* op, Model& model, const Tensor<T, D>& from, const Tensor<T, D>& to,
                        const Tensor<T, D>& heat, const Tensor<std::int64_t, D>& targets, const CurveOptions& options) {
  Shape pixel_shape = from.shape();
  if (heat.rank() != from.rank()) pixel_shape.erase(from.rank() - 1);
  glia::detail::require_shape(op, "attribution", heat, pixel_shape);
  require_positive(op, "steps", options.steps);
  const auto ranks = importance_ranks(op, heat);
  const auto classes = targets.to_vector();
  const Index samples = from.size(0), steps = options.steps;
  const Index pixels = samples > 0 ? heat.numel() / samples : 0;
  Curve out;
  for (Index k = 0; k <= steps; ++k) out.share.push_back(static_cast<double>(k) / static_cast<double>(steps));
  out.scores.assign(static_cast<std::size_t>(samples), std::vector<double>(static_cast<std::size_t>(steps + 1), 0.0));
  for_blocks(samples, steps + 1, options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
    const Index wide = i1 - i0;
    std::vector<T> taken(static_cast<std::size_t>((k1 - k0) * wide * pixels));
    std::size_t at = 0;
    for (Index k = k0; k < k1; ++k) {
      const Index limit = (2 * k * pixels + steps) / (2 * steps);  // k pixels / steps, rounded
      for (Index i = i0; i < i1; ++i)
        for (const Index rank : ranks[static_cast<std::size_t>(i)]) taken[at++] = rank < limit ? T(1) : T(0);
    }
    Shape mask_shape = pixel_shape;
    mask_shape[0] = wide;
    mask_shape.insert(0, k1 - k0);
    if (heat.rank() != from.rank()) mask_shape.push_back(1);
    const auto mask = from_vector<T, D>(taken, mask_shape);
    const auto before = from.slice(0, {i0, i1}).unsqueeze(0), after = to.slice(0, {i0, i1}).unsqueeze(0);
    const auto points = as_rows(add(mul(T(1) - mask, before), mul(mask, after)));
    const auto rows = repeat_targets(classes, i0, i1, k1 - k0);
    const auto values = target_values(op, model, points, std::span(rows), options.score);
    for (Index k = k0; k < k1; ++k)
      for (Index i = i0; i < i1; ++i)
        out.scores[static_cast<std::size_t>(i)][static_cast<std::size_t>(k)] =
            values[static_cast<std::size_t>((k - k0) * wide + i - i0)];
  });
  for (const auto& row : out.scores) {
    double area = 0;
    for (std::size_t k = 0; k + 1 < row.size(); ++k) area += 0.5 * (row[k] + row[k + 1]) / static_cast<double>(steps);
    out.auc.push_back(area);
  }
  return out;
}
}  // namespace detail

// Deletion (Petsiuk et al. 2018): pixels of x [N, ..., C] become those of `baseline` (shape of x or of one sample;
// zeros if undefined), the most important first. `attribution` orders them: one number per pixel [N, ...], or one per
// element [N, ..., C]. A good explanation makes the score fall early: a small area. ShapeError, IndexError, ValueError.
template <std::floating_point T, class D, class Model>
Curve deletion_curve(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                     const Tensor<T, D>& attribution, const CurveOptions& options = {},
                     const Tensor<T, D>& baseline = {}) {
  detail::require_inputs("deletion_curve", x, targets, options.chunk);
  const NoGrad plain;
  return detail::replacement_curve("deletion_curve", model, x.detach(),
                                   detail::filled_in("deletion_curve", "baseline", baseline, x), attribution.detach(),
                                   targets, options);
}

// Insertion: the other way, from the baseline (often a blurred copy) to x. A good explanation has a large area.
template <std::floating_point T, class D, class Model>
Curve insertion_curve(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                      const Tensor<T, D>& attribution, const CurveOptions& options = {},
                      const Tensor<T, D>& baseline = {}) {
  detail::require_inputs("insertion_curve", x, targets, options.chunk);
  const NoGrad plain;
  return detail::replacement_curve("insertion_curve", model,
                                   detail::filled_in("insertion_curve", "baseline", baseline, x), x.detach(),
                                   attribution.detach(), targets, options);
}

struct InfidelityOptions {
  Index copies = 32;   // perturbations of every sample
  double noise = 0.1;  // standard deviation of the perturbations, in units of x
  std::uint64_t seed = 0;
  bool normalize = false;  // scale the attributions of each sample best first: only their proportions count
  Index chunk = 64;
};

namespace detail {
// perturbation(i0, i1, k0, k1) -> [k1 - k0, i1 - i0, ...].
template <class T, class D, class Model, class Perturbation>
std::vector<double> infidelity_of(const char* op, Model& model, const Tensor<T, D>& x,
                                  const Tensor<std::int64_t, D>& targets, const Tensor<T, D>& attributions,
                                  Index copies, bool normalize, Index chunk, const Perturbation& perturbation) {
  require_inputs(op, x, targets, chunk);
  glia::detail::require_shape(op, "attributions", attributions, x.shape());
  const NoGrad plain;
  const auto classes = targets.to_vector();
  const auto n = static_cast<std::size_t>(x.size(0));
  std::vector<double> whole;
  for (Index i = 0; i < x.size(0); i += chunk) {
    const Index end = std::min(i + chunk, x.size(0));
    const auto part = std::span(classes).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(end - i));
    for (const double v : target_values(op, model, x.detach().slice(0, {i, end}), part, Score::logit))
      whole.push_back(v);
  }
  std::vector<double> pp(n, 0.0), pf(n, 0.0), ff(n, 0.0);  // moments of predicted and found change
  for_blocks(x.size(0), copies, chunk, [&](Index i0, Index i1, Index k0, Index k1) {
    const Tensor<T, D> block = perturbation(i0, i1, k0, k1);
    const auto here = x.detach().slice(0, {i0, i1}).unsqueeze(0);
    const auto rows = repeat_targets(classes, i0, i1, k1 - k0);
    const auto values = target_values(op, model, as_rows(sub(here, block)), std::span(rows), Score::logit);
    const auto predicted = sample_sums(as_rows(mul(block, attributions.detach().slice(0, {i0, i1}).unsqueeze(0))));
    for (std::size_t r = 0; r < values.size(); ++r) {
      const std::size_t i = static_cast<std::size_t>(i0) + r % static_cast<std::size_t>(i1 - i0);
      const double found = whole[i] - values[r];
      pp[i] += predicted[r] * predicted[r], pf[i] += predicted[r] * found, ff[i] += found * found;
    }
  });
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double beta = !normalize ? 1.0 : pp[i] > 0.0 ? pf[i] / pp[i] : 0.0;
    out[i] = std::max(0.0, beta * beta * pp[i] - 2.0 * beta * pf[i] + ff[i]) / static_cast<double>(copies);
  }
  return out;
}
}  // namespace detail

// Infidelity (Yeh et al. 2019) of every sample: mean over perturbations I of (I . attributions - (f(x) - f(x - I)))^2,
// f the target score; 0 for a linear model and its gradient. Attributions [N, ...] are per unit of x (a gradient, not
// input x gradient). Perturbations are normal noise. ShapeError, IndexError, ValueError.
template <std::floating_point T, class D, class Model>
std::vector<double> infidelity(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                               const Tensor<T, D>& attributions, const InfidelityOptions& options = {}) {
  detail::require_positive("infidelity", "copies", options.copies);
  if (!(options.noise > 0.0)) raise<ValueError>("infidelity", "noise must be positive, got ", options.noise);
  glia::detail::require_min_rank("infidelity", "input", x, 2);
  Shape sample = x.shape();
  sample.erase(0);
  return detail::infidelity_of("infidelity", model, x, targets, attributions, options.copies, options.normalize,
                               options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
                                 return scale(detail::noise_block<T, D>(sample, options.seed, i0, i1, k0, k1),
                                              static_cast<T>(options.noise));
                               });
}

// The same with perturbations of your own, [copies, N, ...]; of the options, `normalize` and `chunk` count.
template <std::floating_point T, class D, class Model>
std::vector<double> infidelity(Model&& model, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets,
                               const Tensor<T, D>& attributions, const Tensor<T, D>& perturbations,
                               const InfidelityOptions& options = {}) {
  glia::detail::require_min_rank("infidelity", "input", x, 2);
  glia::detail::require_min_rank("infidelity", "perturbations", perturbations, 1);
  Shape expected = x.shape();
  expected.insert(0, perturbations.size(0));
  glia::detail::require_shape("infidelity", "perturbations", perturbations, expected);
  detail::require_positive("infidelity", "the number of perturbations", perturbations.size(0));
  return detail::infidelity_of("infidelity", model, x, targets, attributions, perturbations.size(0), options.normalize,
                               options.chunk, [&](Index i0, Index i1, Index k0, Index k1) {
                                 return perturbations.detach().slice(0, {k0, k1}).slice(1, {i0, i1});
                               });
}

}  // namespace GLIA_NS::explain
