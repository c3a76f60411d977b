#pragma once
// Does an explanation depend on the model at all? Layers lose their trained weights one after the other, and the map
// must change (Adebayo et al. 2018). And the rank correlation that measures it.

#include <glia/explain/model.hpp>
#include <glia/nn/module.hpp>

#include <functional>
#include <numeric>
#include <string>

namespace GLIA_NS::explain {

namespace detail {
// Ranks from 0; equal values share the mean of their ranks.
GLIA_LAZY std::vector<double> tied_ranks(const double* values, std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(n);
  for (std::size_t first = 0; first < n;) {
    std::size_t last = first + 1;
    while (last < n && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t k = first; k < last; ++k) ranks[order[k]] = 0.5 * static_cast<double>(first + last - 1);
    first = last;
  }
  return ranks;
}

GLIA_LAZY double spearman(const double* a, const double* b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    if (std::isnan(a[i]) || std::isnan(b[i])) return std::numeric_limits<double>::quiet_NaN();
  const auto ra = tied_ranks(a, n), rb = tied_ranks(b, n);
  const double middle = 0.5 * (static_cast<double>(n) - 1.0);
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double u = ra[i] - middle, v = rb[i] - middle;
    aa += u * u, bb += v * v, ab += u * v;
  }
  return aa > 0.0 && bb > 0.0 ? ab / std::sqrt(aa * bb) : std::numeric_limits<double>::quiet_NaN();
}
}  // namespace detail

// Spearman's rank correlation of two maps, sample by sample: [N, ...] each -> N numbers in [-1, 1]; NaN where a map is
// constant or holds a NaN. ShapeError if the shapes differ.
template <std::floating_point T, class D>
std::vector<double> rank_correlation(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  glia::detail::require_min_rank("rank_correlation", "first map", a, 1);
  glia::detail::require_shape("rank_correlation", "second map", b, a.shape());
  const auto first = a.to_vector(), second = b.to_vector();
  const std::vector<double> u(first.begin(), first.end()), v(second.begin(), second.end());
  const auto n = static_cast<std::size_t>(a.size(0)), each = n > 0 ? u.size() / n : 0;
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(detail::spearman(u.data() + i * each, v.data() + i * each, each));
  return out;
}

struct RandomizationOptions {
  bool cascade = true;  // layers stay random while the next ones follow; else one at a time
  std::uint64_t seed = 0;
};

// After a layer (and, in a cascade, all behind it) was randomised: mean over the samples of the rank correlation of its
// map with the trained model's. A constant map counts as 0.
struct RandomizedLayer {
  std::string layer;
  double correlation = 0;
};

// Model randomisation check: on a copy of `model`, from the last layer to the first in the order of their declaration,
// every parameter with more than one element is drawn again from a normal distribution of its own mean and deviation
// (running statistics and single learned numbers stay). explain(copy) returns the map of the same inputs, [N, ...].
// Correlations near 0 after the first layers mean that the map depends on what was learned. ValueError for a model
// without parameters.
template <class M, class Explain>
std::vector<RandomizedLayer> randomization_check(const M& model, Explain&& explain,
                                                 const RandomizationOptions& options = {}) {
  constexpr const char* op = "randomization_check";
  M copy(model);
  struct Entry {
    std::string layer;
    std::vector<std::function<void(Generator)>> redraw;
    std::vector<std::function<void()>> restore;
  };
  std::vector<Entry> layers;
  nn::visit(copy, [&](const std::string& path, auto& part) {
    using X = std::remove_cvref_t<decltype(part)>;
    if constexpr (nn::is_parameter<X>) {
      using Values = typename X::tensor_type;
      using T = typename Values::scalar_type;
      using D = typename Values::device_type;
      if (part.tensor().numel() < 2) return;
      const auto dot = path.rfind('.');
      const std::string layer = dot == std::string::npos ? path : path.substr(0, dot);
      const auto found =
          std::find_if(layers.begin(), layers.end(), [&](const Entry& entry) { return entry.layer == layer; });
      Entry& entry = found == layers.end() ? layers.emplace_back(Entry{layer, {}, {}}) : *found;
      const Values values = part.tensor(), trained = values.detach().clone();
      entry.redraw.push_back([values, trained](Generator generator) {
        const NoGrad plain;
        const auto host = trained.to_vector();
        double mean = 0, square = 0;
        for (const T v : host) mean += static_cast<double>(v) / static_cast<double>(host.size());
        for (const T v : host) {
          const double d = static_cast<double>(v) - mean;
          square += d * d / static_cast<double>(host.size());
        }
        Values(values).copy_(
            randn<T, D>(values.shape(), generator, static_cast<T>(mean), static_cast<T>(std::sqrt(square))));
      });
      entry.restore.push_back([values, trained] {
        const NoGrad plain;
        Values(values).copy_(trained);
      });
    }
  });
  if (layers.empty()) raise<ValueError>(op, "the model has no parameters to randomise");
  const auto reference = explain(copy);
  std::vector<RandomizedLayer> out;
  std::uint64_t tag = 0;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    for (const auto& redraw : layer->redraw) redraw(Generator(options.seed).split(tag++));
    const auto correlations = rank_correlation(reference, explain(copy));
    double total = 0;
    for (const double c : correlations) total += std::isnan(c) ? 0.0 : c;
    out.push_back({layer->layer, correlations.empty() ? 0.0 : total / static_cast<double>(correlations.size())});
    if (!options.cascade)
      for (const auto& restore : layer->restore) restore();
  }
  return out;
}

}  // namespace GLIA_NS::explain
