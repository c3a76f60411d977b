#pragma once
// Losses that compare two tensors element by element, and how losses are reduced. Classification: ops/cross_entropy.hpp.

#include <glia/ops/arithmetic.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/reduce.hpp>

namespace GLIA_NS {

namespace functor {
struct SquaredDifference {
  static constexpr const char* name = "mse_loss";
  template <class R> GLIA_HD R operator()(R a, R b) const { return (a - b) * (a - b); }
};
struct AbsoluteDifference {
  static constexpr const char* name = "l1_loss";
  template <class R> GLIA_HD R operator()(R a, R b) const { return math::abs(a - b); }
};
// d^2 / 2 below delta, delta (|d| - delta / 2) above, times `factor`.
template <class C>
struct Huber {
  C delta, factor;
  static constexpr const char* name = "huber_loss";
  template <class R> GLIA_HD R operator()(R a, R b) const {
    const R d = math::abs(a - b);
    return math::select(d < R(delta), d * d * R(0.5f), (d - R(delta) * R(0.5f)) * R(delta)) * R(factor);
  }
};
// -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)), with t weighted by `positive`.
template <class C>
struct BinaryCrossEntropy {
  C positive;
  static constexpr const char* name = "bce_with_logits";
  template <class R> GLIA_HD R operator()(R x, R t) const {
    return (R(1) - t) * x + (R(1) + (R(positive) - R(1)) * t) * math::softplus(-x);
  }
};
// t (log t - x), 0 where t = 0.
struct KlDivergence {
  static constexpr const char* name = "kl_div";
  template <class R> GLIA_HD R operator()(R x, R t) const {
    const R safe = math::select(t > R(0), t, R(1));
    return math::select(t > R(0), t * (math::log(safe) - x), R(0));
  }
};
struct KlDivergenceOfLogs {
  static constexpr const char* name = "kl_div";
  template <class R> GLIA_HD R operator()(R x, R log_t) const { return math::exp(log_t) * (log_t - x); }
};
template <class C>
struct CosineOfProducts {
  C epsilon;
  static constexpr const char* name = "cosine_similarity";
  template <class R> GLIA_HD R operator()(R dot, R norm_a, R norm_b) const {
    const R scale = norm_a * norm_b;
    return dot / math::select(scale > R(epsilon), scale, R(epsilon));
  }
};
}  // namespace functor

namespace detail {

// f(prediction, target) on every element, reduced. Both must have one shape: silent broadcasting hides mistakes in losses.
template <class F, class T, class D>
Tensor<T, D> elementwise_loss(const char* op, const F& f, const Tensor<T, D>& prediction, const Tensor<T, D>& target,
                              Reduction reduction) {
  require_defined(op, "prediction", prediction);
  require_shape(op, "target", target, prediction.shape());
  return reduce_loss(op, map(f, prediction, target), reduction);
}

}  // namespace detail

// (prediction - target)^2; both of one shape. This and the losses below are twice differentiable, in both arguments.
template <Floating T, class D>
Tensor<T, D> mse_loss(const Tensor<T, D>& prediction, const Tensor<T, D>& target, Reduction reduction = Reduction::mean) {
  return detail::elementwise_loss("mse_loss", functor::SquaredDifference{}, prediction, target, reduction);
}

// |prediction - target|, with gradient 0 at equality.
template <Floating T, class D>
Tensor<T, D> l1_loss(const Tensor<T, D>& prediction, const Tensor<T, D>& target, Reduction reduction = Reduction::mean) {
  return detail::elementwise_loss("l1_loss", functor::AbsoluteDifference{}, prediction, target, reduction);
}

// d^2 / 2 where |d| < delta, else delta (|d| - delta / 2) (Huber 1964). ValueError unless delta > 0.
template <Floating T, class D>
Tensor<T, D> huber_loss(const Tensor<T, D>& prediction, const Tensor<T, D>& target, double delta = 1.0,
                        Reduction reduction = Reduction::mean) {
  if (!(delta > 0.0)) raise<ValueError>("huber_loss", "delta must be positive, got ", delta);
  using C = detail::compute_t<T>;
  return detail::elementwise_loss("huber_loss", functor::Huber<C>{static_cast<C>(delta), C(1)}, prediction, target, reduction);
}

// huber_loss / beta: slope 1 far from the target (Girshick 2015). ValueError unless beta > 0.
template <Floating T, class D>
Tensor<T, D> smooth_l1_loss(const Tensor<T, D>& prediction, const Tensor<T, D>& target, double beta = 1.0,
                            Reduction reduction = Reduction::mean) {
  if (!(beta > 0.0)) raise<ValueError>("smooth_l1_loss", "beta must be positive, got ", beta);
  using C = detail::compute_t<T>;
  return detail::elementwise_loss("smooth_l1_loss", functor::Huber<C>{static_cast<C>(beta), static_cast<C>(1.0 / beta)},
                                  prediction, target, reduction);
}

// Binary cross entropy of sigmoid(logits) with targets in [0, 1], without overflow; positive targets weigh positive_weight.
template <Floating T, class D>
Tensor<T, D> bce_with_logits(const Tensor<T, D>& logits, const Tensor<T, D>& target, double positive_weight = 1.0,
                             Reduction reduction = Reduction::mean) {
  using C = detail::compute_t<T>;
  return detail::elementwise_loss("bce_with_logits", functor::BinaryCrossEntropy<C>{static_cast<C>(positive_weight)}, logits,
                                  target, reduction);
}

// Kullback-Leibler divergence from log-probabilities to target probabilities (log-probabilities if log_target):
// target (log target - log_prediction). Reduction::batch_mean gives the divergence per row.
template <Floating T, class D>
Tensor<T, D> kl_div(const Tensor<T, D>& log_prediction, const Tensor<T, D>& target, bool log_target = false,
                    Reduction reduction = Reduction::batch_mean) {
  return log_target
             ? detail::elementwise_loss("kl_div", functor::KlDivergenceOfLogs{}, log_prediction, target, reduction)
             : detail::elementwise_loss("kl_div", functor::KlDivergence{}, log_prediction, target, reduction);
}

// <a, b> / max(|a| |b|, epsilon) along `axis`, with broadcasting; the axis vanishes. Twice differentiable away from zero vectors.
template <Floating T, class D>
Tensor<T, D> cosine_similarity(const Tensor<T, D>& a, const Tensor<T, D>& b, Index axis = -1, double epsilon = 1e-8) {
  const auto product = mul(a, b);
  const int k = detail::require_axis("cosine_similarity", axis, product.rank());
  using C = detail::compute_t<T>;
  const auto full_a = a.expand(product.shape()), full_b = b.expand(product.shape());
  return map(functor::CosineOfProducts<C>{static_cast<C>(epsilon)}, sum(product, k), norm(full_a, k), norm(full_b, k));
}

}  // namespace GLIA_NS
