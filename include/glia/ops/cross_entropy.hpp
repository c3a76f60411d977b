#pragma once
// Cross entropy with class numbers or soft targets, and the negative log-likelihood.

#include <glia/kernels/cpu/cross_entropy.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/indexing.hpp>
#include <glia/ops/softmax.hpp>

#include <limits>

namespace GLIA_NS {

// What becomes of one loss per sample: kept, averaged, added, or added and divided by the extent of the first axis.
enum class Reduction { none, mean, sum, batch_mean };

struct CrossEntropyOptions {
  double label_smoothing = 0.0;       // in [0, 1]: this share of the target is spread evenly over all classes
  std::int64_t ignore_index = -100;   // rows with this label count nothing
  Reduction reduction = Reduction::mean;
};

namespace functor {
struct ReplaceLabel {
  std::int64_t from, to;
  template <class R> GLIA_HD R operator()(R label) const { return label == from ? to : label; }
};
struct IsNotLabel {
  std::int64_t value;
  template <class R> GLIA_HD bool operator()(R label) const { return label != value; }
};
}  // namespace functor

namespace detail {

template <class T, class D>
Tensor<T, D> reduce_loss(const char* op, const Tensor<T, D>& loss, Reduction reduction) {
  switch (reduction) {
    case Reduction::none: return loss;
    case Reduction::mean: return mean(loss);
    case Reduction::sum: return sum(loss);
    case Reduction::batch_mean: break;
  }
  if (loss.rank() == 0) raise<ShapeError>(op, "Reduction::batch_mean needs a first axis, got a scalar loss");
  const double rows = static_cast<double>(loss.shape()[0]);
  if constexpr (ReducedFloating<T>)  // their sum may be infinite where its share per row is not
    return sum(loss.template cast<float>() / static_cast<float>(rows)).template cast<T>();
  return scale(sum(loss), static_cast<T>(1.0 / rows));
}

// Rows of logits [..., C] as [rows, C]; the leading shape is that of labels and losses.
template <class T, class D>
Shape loss_shape(const char* op, const Tensor<T, D>& logits) {
  require_min_rank(op, "logits", logits, 1);
  Shape shape = logits.shape();
  shape.erase(shape.rank() - 1);
  return shape;
}

template <class T, class D>
void check_class_weight(const char* op, const Tensor<T, D>& weight, Index classes) {
  if (weight.defined()) require_shape(op, "weight", weight, {classes});
}

template <class T, class D>
const T* weight_pointer(const Tensor<T, D>& weight) {
  return weight.defined() ? weight.data() : nullptr;
}

// Calls of the kernels for contiguous logits x and labels y.
template <class T, class D>
struct CrossEntropyTerms {
  Tensor<T, D> weight;
  T smoothing{};
  std::int64_t ignore = 0;

  void forward(const Tensor<T, D>& x, const Tensor<std::int64_t, D>& y, Tensor<T, D>& loss, Tensor<T, D>& lse) const {
    cross_entropy_forward(D{}, x.data(), y.data(), weight_pointer(weight), lse.numel(), x.shape().back(), smoothing, ignore,
                          loss.mutable_data(), lse.mutable_data());
  }
  Tensor<T, D> backward(const Tensor<T, D>& dy, const Tensor<T, D>& x, const Tensor<T, D>& lse,
                        const Tensor<std::int64_t, D>& y) const {
    auto dx = Tensor<T, D>::empty(x.shape());
    cross_entropy_backward(D{}, dy.data(), x.data(), lse.data(), y.data(), weight_pointer(weight), lse.numel(), x.shape().back(),
                           smoothing, ignore, dx.mutable_data());
    return dx;
  }
  // Losses, log-sum-exps, and the gradient of the losses' sum times `share`, a scalar.
  Tensor<T, D> forward_backward(const Tensor<T, D>& share, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& y,
                                Tensor<T, D>& loss, Tensor<T, D>& lse) const {
    const NoGrad guard;
    const auto dy = plain_contiguous(share.expand({lse.numel()}));
    auto dx = Tensor<T, D>::empty(x.shape());
    cross_entropy_forward_backward(D{}, dy.data(), x.data(), y.data(), weight_pointer(weight), lse.numel(), x.shape().back(),
                                   smoothing, ignore, loss.mutable_data(), lse.mutable_data(), dx.mutable_data());
    return dx;
  }
};

// The ordinary backward is a fused kernel, a recorded one is composed of ops: loss = -sum(target * log_softmax(x)), with the
// target weighted and smoothed.
template <class T, class D>
struct CrossEntropyNode final : autograd::Node {
  autograd::Saved<T, D> logits;
  autograd::Saved<std::int64_t, D> labels;
  CrossEntropyTerms<T, D> terms;
  Tensor<T, D> lse;
  Tensor<T, D> share;     // of a reduced loss: what the loss of a row counts in it, a scalar
  Tensor<T, D> gradient;  // of a reduced loss, made with the loss: handed over by the first ordinary backward
  const char* name() const noexcept override { return "cross_entropy"; }
  void release() noexcept override {
    logits.reset(), labels.reset();
    lse = gradient = Tensor<T, D>();
  }

  void backward(autograd::Gradients& g) override {
    const auto x = logits.get(this);
    const auto y = plain_contiguous(labels.get(this));
    const auto dy = g.template output<T, D>();
    const Shape rows{lse.numel()};
    if (!grad_enabled()) {
      if (!share.defined()) return g.set(0, terms.backward(plain_contiguous(dy), plain_contiguous(x), lse, y));
      if (!gradient.defined()) {  // a further pass over a graph that is kept
        auto loss = Tensor<T, D>::empty(rows);
        gradient = terms.forward_backward(share, plain_contiguous(x), y, loss, lse);
      }
      return g.set(0, scaled(std::exchange(gradient, {}), dy));
    }
    // With lse = infinity all probabilities vanish, and what the kernel leaves is minus the target.
    const auto target = terms.backward(filled<T, D>(rows, T(-1)), filled<T, D>(x.shape(), T(0)),
                                       filled<T, D>(rows, std::numeric_limits<T>::infinity()), y);
    const auto scale = share.defined() ? mul(dy, share) : dy.unsqueeze(-1);
    g.set(0, mul(scale, sub(mul(softmax(x), sum(target, Axes{-1}, true)), target)));
  }

 private:
  // A loss is mostly where a backward pass starts: its own gradient is 1.
  static Tensor<T, D> scaled(Tensor<T, D> values, const Tensor<T, D>& factor) {
    if constexpr (std::same_as<D, Cpu>)
      if (*factor.data() == T(1)) return values;
    values.mul_(factor);
    return values;
  }
};

// The same with soft targets. Inputs: 0 logits, 1 targets.
template <class T, class D>
struct SoftCrossEntropyNode final : autograd::Node {
  autograd::Saved<T, D> logits, soft;
  Tensor<T, D> weight, lse;
  T smoothing{};
  const char* name() const noexcept override { return "cross_entropy"; }
  void release() noexcept override {
    logits.reset(), soft.reset();
    lse = Tensor<T, D>();
  }

  void backward(autograd::Gradients& g) override {
    const auto x = logits.get(this), t = soft.get(this);
    const Index rows = lse.numel(), classes = x.shape().back();
    if (!grad_enabled()) {
      const auto dy = plain_contiguous(g.template output<T, D>()), in = plain_contiguous(x);
      auto dx = Tensor<T, D>::empty(x.shape());
      auto dt = g.needs(1) ? Tensor<T, D>::empty(x.shape()) : Tensor<T, D>();
      soft_cross_entropy_backward(D{}, dy.data(), in.data(), lse.data(), plain_contiguous(t).data(), weight_pointer(weight),
                                  rows, classes, smoothing, dx.mutable_data(), dt.defined() ? dt.mutable_data() : nullptr);
      if (dt.defined()) g.set(1, dt);
      g.set(0, dx);
      return;
    }
    const auto dy = g.template output<T, D>().unsqueeze(-1);
    auto target = shift(scale(t, T(1) - smoothing), smoothing / static_cast<T>(std::max<Index>(classes, 1)));
    if (weight.defined()) target = mul(target, weight);
    if (g.needs(0)) g.set(0, mul(dy, sub(mul(softmax(x), sum(target, Axes{-1}, true)), target)));
    if (g.needs(1)) {
      auto dt = scale(mul(dy, log_softmax(x)), smoothing - T(1));
      if (weight.defined()) dt = mul(dt, weight);
      g.set(1, dt);
    }
  }
};

inline void check_smoothing(const char* op, double smoothing) {
  if (!(smoothing >= 0.0 && smoothing <= 1.0))
    raise<ValueError>(op, "label_smoothing must be between 0 and 1, got ", smoothing);
}

}  // namespace detail

// -log softmax(logits)[label] per row: logits [..., C], labels [...] in 0 .. C-1 or ignore_index, weight [C] or undefined. With
// Reduction::mean the sum is divided by the total weight of the labels that count. IndexError on a label outside the classes. Twice
// differentiable in the logits.
template <std::floating_point T, class D>
Tensor<T, D> cross_entropy(const Tensor<T, D>& logits, const Tensor<std::int64_t, D>& labels,
                           CrossEntropyOptions options = {}, const std::type_identity_t<Tensor<T, D>>& weight = {}) {
  const profile::Span span("cross_entropy");
  const Shape shape = detail::loss_shape("cross_entropy", logits);
  detail::require_shape("cross_entropy", "labels", labels, shape);
  const Index classes = logits.shape().back(), rows = shape.numel();
  detail::check_class_weight("cross_entropy", weight, classes);
  detail::check_smoothing("cross_entropy", options.label_smoothing);
  const auto y = detail::plain_contiguous(labels);
  detail::require_indices("cross_entropy", "labels", y, classes, options.ignore_index);
  detail::CrossEntropyTerms<T, D> terms{{}, static_cast<T>(options.label_smoothing), options.ignore_index};
  if (weight.defined()) terms.weight = detail::copy_values(weight.detach());  // the backward pass must not see later changes of it
  const auto x = detail::plain_contiguous(logits);
  auto loss = Tensor<T, D>::empty(shape), lse = Tensor<T, D>::empty(shape);
  Tensor<T, D> total, share, gradient;
  if (options.reduction == Reduction::mean) {
    total = Tensor<T, D>::empty({});
    cross_entropy_total_weight(D{}, y.data(), detail::weight_pointer(terms.weight), rows, options.ignore_index, total.mutable_data());
  }
  if (options.reduction != Reduction::none && grad_enabled() && autograd::wants_grad(logits)) {
    // The gradient of a reduced loss is known but for a factor: it is made while the logits are in the caches.
    const T counts = options.reduction == Reduction::sum ? T(1) : T(1) / static_cast<T>(shape.rank() == 0 ? 1 : shape[0]);
    share = total.defined() ? div(detail::filled<T, D>({}, T(1)), total) : detail::filled<T, D>({}, counts);
    gradient = terms.forward_backward(share, x, y, loss, lse);
  } else {
    terms.forward(x, y, loss, lse);
  }
  auto out = total.defined() ? div(sum(loss), total) : detail::reduce_loss("cross_entropy", loss, options.reduction);
  if (auto* node = autograd::record<detail::CrossEntropyNode<T, D>>(out, logits)) {
    node->logits.save(logits), node->labels.save(y);
    node->terms = terms, node->lse = lse, node->share = share, node->gradient = gradient;
  }
  return out;
}

// The same with probabilities as targets, of the shape of the logits; ignore_index plays no part, and the mean is over rows. Twice
// differentiable in both.
template <std::floating_point T, class D>
Tensor<T, D> cross_entropy(const Tensor<T, D>& logits, const Tensor<T, D>& target, CrossEntropyOptions options = {},
                           const std::type_identity_t<Tensor<T, D>>& weight = {}) {
  const profile::Span span("cross_entropy");
  const Shape shape = detail::loss_shape("cross_entropy", logits);
  detail::require_shape("cross_entropy", "target", target, logits.shape());
  const Index classes = logits.shape().back(), rows = shape.numel();
  detail::check_class_weight("cross_entropy", weight, classes);
  detail::check_smoothing("cross_entropy", options.label_smoothing);
  Tensor<T, D> w;
  if (weight.defined()) w = detail::copy_values(weight.detach());
  const T smoothing = static_cast<T>(options.label_smoothing);
  auto loss = Tensor<T, D>::empty(shape), lse = Tensor<T, D>::empty(shape);
  soft_cross_entropy_forward(D{}, detail::plain_contiguous(logits).data(), detail::plain_contiguous(target).data(),
                             detail::weight_pointer(w), rows, classes, smoothing, loss.mutable_data(), lse.mutable_data());
  if (auto* node = autograd::record<detail::SoftCrossEntropyNode<T, D>>(loss, logits, target)) {
    node->logits.save(logits), node->soft.save(target);
    node->weight = w, node->lse = lse;
    node->smoothing = smoothing;
  }
  return detail::reduce_loss("cross_entropy", loss, options.reduction);
}

// -log_probabilities[label] per row; arguments and reductions as in cross_entropy (label_smoothing must be 0).
template <std::floating_point T, class D>
Tensor<T, D> nll_loss(const Tensor<T, D>& log_probabilities, const Tensor<std::int64_t, D>& labels,
                      CrossEntropyOptions options = {}, const std::type_identity_t<Tensor<T, D>>& weight = {}) {
  const profile::Span span("cross_entropy");
  const Shape shape = detail::loss_shape("nll_loss", log_probabilities);
  detail::require_shape("nll_loss", "labels", labels, shape);
  const Index classes = log_probabilities.shape().back();
  detail::check_class_weight("nll_loss", weight, classes);
  if (options.label_smoothing != 0.0)
    raise<ValueError>("nll_loss", "label_smoothing belongs to cross_entropy, got ", options.label_smoothing);
  detail::require_indices("nll_loss", "labels", labels, classes, options.ignore_index);
  const auto safe = map(functor::ReplaceLabel{options.ignore_index, 0}, labels);
  const auto counted = map(functor::IsNotLabel{options.ignore_index}, labels).template cast<bool>();
  auto counts = counted.template cast<T>();
  if (weight.defined()) counts = mul(counts, embedding(weight.detach().unsqueeze(-1), safe).squeeze(-1));
  const auto picked = detail::gather_values(log_probabilities, log_probabilities.rank() - 1, safe.unsqueeze(-1)).squeeze(-1);
  // An ignored row counts nothing, even where its first class has log-probability -infinity.
  const auto loss = neg(where(counted, mul(picked, counts), zeros_like(picked)));
  if (options.reduction != Reduction::mean) return detail::reduce_loss("nll_loss", loss, options.reduction);
  return div(sum(loss), sum(counts));
}

}  // namespace GLIA_NS
