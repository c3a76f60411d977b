#pragma once
// Losses for noisy labels: generalised cross entropy, symmetric cross entropy, early-learning regularisation.

#include <glia/nn/module.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/indexing.hpp>
#include <glia/ops/join.hpp>

namespace GLIA_NS::ssl {

namespace detail {
// The entry of each row of x [N, C] that labels [N] name: [N]. IndexError on a label outside the classes.
template <class T, class D>
Tensor<T, D> at_labels(const char* op, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& labels) {
  glia::detail::require_rank(op, "logits", x, 2);
  glia::detail::require_shape(op, "labels", labels, {x.size(0)});
  for (const std::int64_t y : labels.to_vector())
    if (y < 0 || y >= x.size(1)) raise<IndexError>(op, "label ", y, " is outside 0 .. ", x.size(1) - 1);
  return gather(x, 1, labels.unsqueeze(1)).squeeze(1);
}
template <class C>
struct GceOfLog {
  C q;
  static constexpr const char* name = "gce_loss";
  // (1 - e^(q l)) / q without cancellation near l = 0
  template <class R>
  GLIA_HD R operator()(R l) const {
    return math::expm1(l * R(q)) * R(-1 / q);
  }
};
template <class C>
struct CutProbability {
  C low, high;
  static constexpr const char* name = "probability";
  template <class R>
  GLIA_HD R operator()(R p) const {
    return math::clamp(p, R(low), R(high));
  }
};
}  // namespace detail

// Generalised cross entropy (Zhang and Sabuncu 2018): mean of (1 - p_y^q) / q; cross entropy for q -> 0, absolute error
// for q = 1. logits [N, C], labels [N]. Twice differentiable. ValueError unless 0 < q <= 1.
template <std::floating_point T, class D>
Tensor<T, D> gce_loss(const Tensor<T, D>& logits, const Tensor<std::int64_t, D>& labels, double q = 0.7) {
  if (!(q > 0.0 && q <= 1.0)) raise<ValueError>("gce_loss", "q must be in (0, 1], got ", q);
  const auto log_probability = detail::at_labels("gce_loss", log_softmax(logits), labels);
  return mean(map(detail::GceOfLog<T>{static_cast<T>(q)}, log_probability));
}

struct SceOptions {
  double alpha = 6.0, beta = 0.1;
  double floor = 1e-4;  // log 0 in the reverse term is replaced by log(floor)
};

// Symmetric cross entropy (Wang et al. 2019): alpha CE + beta RCE, RCE = -sum_c p_c log(label_c) with the zeros of the
// one-hot label read as `floor`, which is -log(floor) (1 - p_y).
template <std::floating_point T, class D>
Tensor<T, D> sce_loss(const Tensor<T, D>& logits, const Tensor<std::int64_t, D>& labels,
                      const SceOptions& options = {}) {
  if (!(options.floor > 0.0 && options.floor < 1.0))
    raise<ValueError>("sce_loss", "floor must be in (0, 1), got ", options.floor);
  const auto p = detail::at_labels("sce_loss", softmax(logits), labels);
  const auto reverse = scale(mean(T(1) - p), static_cast<T>(-math::log(options.floor)));
  return add(scale(cross_entropy(logits, labels), static_cast<T>(options.alpha)),
             scale(reverse, static_cast<T>(options.beta)));
}

struct ElrOptions {
  double beta = 0.9;    // memory of the targets (CIFAR-100 setting of the paper, as lambda)
  double lambda = 7.0;  // weight of the regulariser
};

// Early-learning regularisation (Liu et al. 2020): cross entropy + lambda * mean log(1 - <p, t>), where the target t of
// every training sample is the moving average of its predictions. Holds [samples, classes] numbers, saved with the
// model.
template <class Device = Cpu, class T = float>
struct ElrLoss {
  nn::Buffer<T, Device> targets;  // [samples, classes]
  ElrOptions options;
  GLIA_MEMBERS(targets)

  ElrLoss(Index samples, Index classes, const ElrOptions& o = {}) : options(o) {
    if (samples < 1 || classes < 2)
      raise<ValueError>("elr_loss", "needs samples and at least 2 classes, got ", samples, " and ", classes);
    if (!(o.beta >= 0.0 && o.beta < 1.0)) raise<ValueError>("elr_loss", "beta must be in [0, 1), got ", o.beta);
    targets = nn::Buffer<T, Device>(zeros<T, Device>({samples, classes}));
  }

  // logits [N, C], labels [N], samples [N]: the numbers of the samples in the training set. Updates their targets.
  Tensor<T, Device> forward(const Tensor<T, Device>& logits, const Tensor<std::int64_t, Device>& labels,
                            const Tensor<std::int64_t, Device>& samples) {
    glia::detail::require_rank("elr_loss", "logits", logits, 2);
    glia::detail::require_shape("elr_loss", "labels", labels, {logits.size(0)});
    glia::detail::require_shape("elr_loss", "samples", samples, {logits.size(0)});
    if (logits.size(1) != targets.shape()[1])
      raise<ShapeError>("elr_loss", "logits of shape ", logits.shape(), " for targets of shape ", targets.shape());
    const auto p = map(detail::CutProbability<T>{static_cast<T>(1e-4), static_cast<T>(1.0 - 1e-4)}, softmax(logits));
    const auto t = remember(p.detach(), samples);
    const auto overlap = sum(mul(p, t), Axes{1});
    return add(cross_entropy(logits, labels), scale(mean(log(T(1) - overlap)), static_cast<T>(options.lambda)));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& logits, const Tensor<std::int64_t, Device>& labels,
                               const Tensor<std::int64_t, Device>& samples) {
    return forward(logits, labels, samples);
  }

 private:
  // t = beta t + (1 - beta) p / sum(p) in the rows of the samples; returns these rows.
  Tensor<T, Device> remember(const Tensor<T, Device>& p, const Tensor<std::int64_t, Device>& samples) {
    const NoGrad plain;
    const auto fresh = scale(div(p, sum(p, Axes{1}, true)), static_cast<T>(1.0 - options.beta));
    const auto rows = samples.to_vector();
    std::vector<Tensor<T, Device>> out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= targets.shape()[0])
        raise<IndexError>("elr_loss", "sample ", rows[i], " is outside 0 .. ", targets.shape()[0] - 1);
      auto row = targets.tensor()[rows[i]];
      row.mul_(static_cast<T>(options.beta)).add_(fresh[static_cast<Index>(i)]);
      out.push_back(row.clone());
    }
    return out.empty() ? fresh : stack(out, 0);
  }
};

}  // namespace GLIA_NS::ssl
