#pragma once
// Batch, layer and group normalisation of channels-last tensors. The ordinary backward pass runs fused kernels; a recorded one
// (create_graph) is composed of ops, so all of them are twice differentiable. gamma, beta and statistics are ParameterScalar<T>:
// float for bfloat16 and half, whose normalisation is computed in float and rounded once, forward and backward.

#include <glia/kernels/cpu/batch_norm.hpp>
#include <glia/kernels/cpu/layer_norm.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/softmax.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS {

// Options of the normalisation ops.
struct NormOptions {
  double epsilon = 1e-5;  // added to the variance
  bool relu = false;      // batch_norm only: max(0, ...) fused into the same pass
};

// What batch_norm returns in training: the output and the statistics of this batch [C], which carry no gradient.
template <class T, class D>
struct BatchNormResult {
  Tensor<T, D> output;
  Tensor<ParameterScalar<T>, D> mean, variance;  // variance is the biased one
  Index count = 0;                               // values per channel; count / (count - 1) * variance is the unbiased one
};

namespace functor {
struct InverseRoot {
  double epsilon;
  template <class R> GLIA_HD R operator()(R x) const { return R(1) / math::sqrt(x + R(epsilon)); }
};
struct PositiveMask {
  template <class R> GLIA_HD R operator()(R x) const { return math::select(x > R(0), R(1), R(0)); }
};
}  // namespace functor

namespace detail {

// 1 / sqrt(x + epsilon) = r, with dr/dx = -r^3 / 2 in ops.
template <class T, class D>
struct InverseRootNode final : autograd::Node {
  autograd::Saved<T, D> r;
  const char* name() const noexcept override { return "normalization"; }
  void release() noexcept override { r.reset(); }
  void backward(autograd::Gradients& g) override {
    const auto root = r.get(this);
    g.set(0, scale(mul(g.template output<T, D>(), mul(root, mul(root, root))), T(-0.5)));
  }
};
template <class T, class D>
Tensor<T, D> inverse_root(const Tensor<T, D>& x, double epsilon) {
  auto out = map_values<T>(functor::InverseRoot{epsilon}, x.shape(), x);
  if (auto* node = autograd::record<InverseRootNode<T, D>>(out, x)) node->r.save_output(out);
  return out;
}

// Gradients of y = (x - mean) / sqrt(var + eps) * gamma + beta with respect to x, gamma and beta, in ops. `stats` are the axes of
// x that mean and variance run over; `params` those over which gamma is broadcast.
template <class T, class D>
struct NormalizationGradient {
  Tensor<T, D> dx, dgamma, dbeta;

  [[gnu::cold]] NormalizationGradient(const Tensor<T, D>& dy, const Tensor<T, D>& x, const Tensor<T, D>& gamma, const Axes& stats,
                        const Axes& params, double epsilon) {
    const auto deviation = sub(x, glia::mean(x, stats, true));
    const auto inverse = inverse_root(glia::mean(mul(deviation, deviation), stats, true), epsilon);
    finish(dy, mul(deviation, inverse), inverse, gamma, stats, params);
  }
  // With given statistics that do not depend on x.
  [[gnu::cold]] NormalizationGradient(const Tensor<T, D>& dy, const Tensor<T, D>& x, const Tensor<T, D>& gamma, const Tensor<T, D>& mean,
                        const Tensor<T, D>& inverse, const Axes& params) {
    const auto normal = mul(sub(x, mean), inverse);
    dx = gamma.defined() ? mul(mul(dy, gamma), inverse) : mul(dy, inverse);
    dgamma = sum(mul(dy, normal), params);
    dbeta = sum(dy, params);
  }

 private:
  [[gnu::cold]] void finish(const Tensor<T, D>& dy, const Tensor<T, D>& normal, const Tensor<T, D>& inverse, const Tensor<T, D>& gamma,
              const Axes& stats, const Axes& params) {
    const auto g = gamma.defined() ? mul(dy, gamma) : dy;
    const auto slope = glia::mean(mul(g, normal), stats, true);
    dx = mul(inverse, sub(sub(g, glia::mean(g, stats, true)), mul(normal, slope)));
    dgamma = sum(mul(dy, normal), params);
    dbeta = sum(dy, params);
  }
};

inline Axes leading_axes(int count) {
  Axes axes;
  for (int i = 0; i < count; ++i) axes.push_back(i);
  return axes;
}

template <class T, class D>
void require_channel_vector(const char* op, const char* argument, const Tensor<T, D>& v, Index channels, bool optional) {
  if (optional && !v.defined()) return;
  require_shape(op, argument, v, {channels});
}

template <class T, class D>
const T* data_or_null(const Tensor<T, D>& x) {
  return x.defined() ? x.data() : nullptr;
}

template <class T, class D>
Tensor<T, D> contiguous_or_undefined(const Tensor<T, D>& x) {
  return x.defined() ? plain_contiguous(x) : x;
}

// One number per channel of a Tensor<T, D>, as a parameter is kept; nothing is deduced from such an argument.
template <class T, class D>
using ChannelVector = Tensor<ParameterScalar<T>, D>;

// Inputs: 0 x, 1 gamma, 2 beta, 3 residual.
template <class T, class D>
struct BatchNormNode final : autograd::Node {
  using P = ParameterScalar<T>;
  autograd::Saved<T, D> x, y;          // beta and y only for the mask of a fused ReLU
  autograd::Saved<P, D> gamma, beta;
  Tensor<P, D> mean, inv_std;          // no history
  bool training = true, relu = false, has_residual = false;
  double epsilon = 0;
  const char* name() const noexcept override { return "batch_norm"; }
  void release() noexcept override {
    x.reset(), gamma.reset(), beta.reset(), y.reset();
    mean = inv_std = Tensor<P, D>();
  }

  void backward(autograd::Gradients& g) override {
    const auto input = x.get(this);
    const auto weight = gamma.get(this);
    if (grad_enabled())
      composed(g, input.template cast<P>(), weight);
    else
      fused(g, input, weight);
  }

 private:
  // 1 where the output is positive: that does not change in a neighbourhood, so it carries no gradient.
  Tensor<P, D> active(const Tensor<P, D>& input, const Tensor<P, D>& weight) {
    const NoGrad plain;
    const auto mask = [](const Tensor<P, D>& v) { return map_values<P>(functor::PositiveMask{}, v.shape(), v); };
    if (has_residual) return mask(y.get(this).template cast<P>());
    auto value = mul(sub(input, mean), weight.defined() ? mul(inv_std, weight) : inv_std);
    const auto offset = beta.get(this);
    return mask(offset.defined() ? add(value, offset) : value);
  }

  [[gnu::cold, gnu::noinline]] void composed(autograd::Gradients& g, const Tensor<P, D>& input, const Tensor<P, D>& weight) {
    auto dy = g.template output<T, D>().template cast<P>();
    if (relu) dy = mul(dy, active(input, weight));
    const Axes rows = leading_axes(input.rank() - 1);
    // A single axis means one row: an empty list would mean all axes.
    const auto as_rows = [&](const Tensor<P, D>& t) { return rows.empty() ? t.reshape({1, t.shape()[0]}) : t; };
    const Axes axes = rows.empty() ? Axes{0} : rows;
    const auto result = training ? NormalizationGradient<P, D>(as_rows(dy), as_rows(input), weight, axes, axes, epsilon)
                                 : NormalizationGradient<P, D>(as_rows(dy), as_rows(input), weight, mean, inv_std, axes);
    g.set(0, result.dx.reshape(input.shape()).template cast<T>());
    if (edges.size() > 1) give(g, result.dgamma, result.dbeta, dy.template cast<T>());
  }

  void fused(autograd::Gradients& g, const Tensor<T, D>& input, const Tensor<P, D>& weight) {
    const auto dy = plain_contiguous(g.template output<T, D>()), in = plain_contiguous(input), out = y.get(this);
    const auto scale = contiguous_or_undefined(weight), offset = contiguous_or_undefined(beta.get(this));
    const Index channels = mean.numel(), rows = channels == 0 ? 0 : in.numel() / channels;
    auto sum_dy = Tensor<P, D>::empty({channels}), sum_dy_xhat = Tensor<P, D>::empty({channels});
    Tensor<T, D> masked;
    if (relu && g.needs(3)) masked = Tensor<T, D>::empty(in.shape());
    batch_norm_backward_sums(D{}, dy.data(), in.data(), data_or_null(out), rows, channels, mean.data(), inv_std.data(),
                             data_or_null(scale), data_or_null(offset), relu,
                             masked.defined() ? masked.mutable_data() : nullptr, sum_dy.mutable_data(),
                             sum_dy_xhat.mutable_data());
    if (g.needs(0)) {
      auto dx = Tensor<T, D>::empty(in.shape());
      const auto& source = masked.defined() ? masked : dy;
      batch_norm_backward_input(D{}, source.data(), in.data(), data_or_null(out), rows, channels, mean.data(), inv_std.data(),
                                data_or_null(scale), data_or_null(offset), relu && !masked.defined(), sum_dy.data(),
                                sum_dy_xhat.data(), training, dx.mutable_data());
      g.set(0, dx);
    }
    give(g, sum_dy_xhat, sum_dy, masked.defined() ? masked : dy);
  }

  void give(autograd::Gradients& g, const Tensor<P, D>& dgamma, const Tensor<P, D>& dbeta, const Tensor<T, D>& dresidual) {
    if (g.needs(1)) g.set(1, dgamma);
    if (g.needs(2)) g.set(2, dbeta);
    if (g.needs(3)) g.set(3, dresidual);
  }
};

template <class T, class D>
Tensor<T, D> batch_norm_apply(const Tensor<T, D>& x, const ChannelVector<T, D>& mean, const ChannelVector<T, D>& variance,
                              const ChannelVector<T, D>& gamma, const ChannelVector<T, D>& beta, const Tensor<T, D>& residual,
                              const NormOptions& options, bool training) {
  const auto in = plain_contiguous(x), add = contiguous_or_undefined(residual);
  const auto weight = contiguous_or_undefined(gamma), offset = contiguous_or_undefined(beta);
  const Index channels = mean.numel(), rows = channels == 0 ? 0 : in.numel() / channels;
  ChannelVector<T, D> inv_std, centre;
  {
    const NoGrad plain;
    inv_std = inverse_root(variance.detach(), options.epsilon);
    centre = copy_values(mean);  // the caller has the statistics too, and may change them
  }
  auto out = Tensor<T, D>::empty(x.shape());
  batch_norm_forward(D{}, in.data(), data_or_null(add), rows, channels, centre.data(), inv_std.data(), data_or_null(weight),
                     data_or_null(offset), options.relu, out.mutable_data());
  if (auto* node = autograd::record<BatchNormNode<T, D>>(out, x, gamma, beta, residual)) {
    node->x.save(x), node->gamma.save(gamma);
    if (options.relu) node->beta.save(beta);
    if (options.relu && residual.defined()) node->y.save_output(out);
    node->has_residual = residual.defined();
    node->mean = centre, node->inv_std = inv_std;
    node->training = training, node->relu = options.relu, node->epsilon = options.epsilon;
  }
  return out;
}

template <class T, class D>
Index check_batch_norm(const char* op, const Tensor<T, D>& x, const ChannelVector<T, D>& gamma, const ChannelVector<T, D>& beta,
                       const Tensor<T, D>& residual) {
  require_min_rank(op, "input", x, 1);
  const Index channels = x.shape().back();
  require_channel_vector(op, "gamma", gamma, channels, true);
  require_channel_vector(op, "beta", beta, channels, true);
  if (residual.defined()) require_shape(op, "residual", residual, x.shape());
  return channels;
}

// Mean and variance of every channel of x, without the output.
template <class T, class D>
BatchNormResult<T, D> batch_statistics(const char* op, const Tensor<T, D>& x, Index channels) {
  const Index rows = channels == 0 ? 0 : x.numel() / channels;
  if (rows == 0 && channels > 0)
    raise<ValueError>(op, "training statistics need at least one value per channel, got shape ", x.shape());
  BatchNormResult<T, D> result;
  result.mean = ChannelVector<T, D>::empty({channels}), result.variance = ChannelVector<T, D>::empty({channels});
  result.count = rows;
  batch_norm_statistics(D{}, plain_contiguous(x).data(), rows, channels, result.mean.mutable_data(),
                        result.variance.mutable_data());
  return result;
}

}  // namespace detail

// Normalises every channel (the last axis) of x over all other axes with the statistics of x itself:
// y = act((x - mean) / sqrt(variance + epsilon) * gamma + beta + residual) (Ioffe, Szegedy 2015). gamma, beta [C] and residual (shape of x)
// may be undefined; act is ReLU if options.relu. ValueError if there are channels but no values.
template <Floating T, class D>
BatchNormResult<T, D> batch_norm(const Tensor<T, D>& x, const Tensor<ParameterScalar<T>, D>& gamma = {},
                                 const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {},
                                 const std::type_identity_t<Tensor<T, D>>& residual = {}) {
  const profile::Span span("batch_norm");
  const Index channels = detail::check_batch_norm("batch_norm", x, gamma, beta, residual);
  BatchNormResult<T, D> result = detail::batch_statistics("batch_norm", x, channels);
  result.output = detail::batch_norm_apply(x, result.mean, result.variance, gamma, beta, residual, options, true);
  return result;
}

// The same with given statistics mean, variance [C], which get no gradient (inference).
template <Floating T, class D>
Tensor<T, D> batch_norm_inference(const Tensor<T, D>& x, const Tensor<ParameterScalar<T>, D>& mean,
                                  const Tensor<ParameterScalar<T>, D>& variance,
                                  const Tensor<ParameterScalar<T>, D>& gamma = {},
                                  const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {},
                                  const std::type_identity_t<Tensor<T, D>>& residual = {}) {
  const profile::Span span("batch_norm_inference");
  const Index channels = detail::check_batch_norm("batch_norm_inference", x, gamma, beta, residual);
  detail::require_channel_vector("batch_norm_inference", "mean", mean, channels, false);
  detail::require_channel_vector("batch_norm_inference", "variance", variance, channels, false);
  return detail::batch_norm_apply<T, D>(x, mean.detach(), variance.detach(), gamma, beta, residual, options, false);
}

namespace detail {

// Layer norm is the case [rows, 1, 1, channels] of group norm: one group, one pixel. Inputs: 0 x, 1 gamma, 2 beta.
template <class T, class D>
struct GroupNormNode final : autograd::Node {
  using P = ParameterScalar<T>;
  autograd::Saved<T, D> x;
  autograd::Saved<P, D> gamma;
  Tensor<P, D> mean, inv_std;
  Index images = 0, pixels = 0, groups = 0, depth = 0;
  bool layer = false;
  double epsilon = 0;
  const char* name() const noexcept override { return layer ? "layer_norm" : "group_norm"; }
  void release() noexcept override {
    x.reset(), gamma.reset();
    mean = inv_std = Tensor<P, D>();
  }

  void backward(autograd::Gradients& g) override {
    const auto input = x.get(this);
    const auto weight = gamma.get(this);
    const Index channels = groups * depth;
    if (grad_enabled()) {
      const Shape split{images, pixels, groups, depth};
      const NormalizationGradient<P, D> result(
          g.template output<T, D>().template cast<P>().reshape(split), input.template cast<P>().reshape(split),
          weight.defined() ? weight.reshape({groups, depth}) : weight, Axes{1, 3}, Axes{0, 1}, epsilon);
      g.set(0, result.dx.reshape(input.shape()).template cast<T>());
      if (g.needs(1)) g.set(1, result.dgamma.reshape({channels}));
      if (g.needs(2)) g.set(2, result.dbeta.reshape({channels}));
      return;
    }
    const auto dy = plain_contiguous(g.template output<T, D>()), in = plain_contiguous(input);
    const auto scale = contiguous_or_undefined(weight);
    const bool affine = g.needs(1) || g.needs(2);
    auto dx = Tensor<T, D>::empty(in.shape());
    auto dgamma = Tensor<P, D>::empty({channels}), dbeta = Tensor<P, D>::empty({channels});
    if (layer) {
      layer_norm_backward_input(D{}, dy.data(), in.data(), mean.data(), inv_std.data(), data_or_null(scale), images, channels,
                                dx.mutable_data());
      if (affine)
        layer_norm_backward_affine(D{}, dy.data(), in.data(), mean.data(), inv_std.data(), images, channels,
                                   dgamma.mutable_data(), dbeta.mutable_data());
    } else {
      group_norm_backward(D{}, dy.data(), in.data(), mean.data(), inv_std.data(), data_or_null(scale), images, pixels, groups,
                          depth, dx.mutable_data(), dgamma.mutable_data(), dbeta.mutable_data());
    }
    g.set(0, dx);
    if (g.needs(1)) g.set(1, dgamma);
    if (g.needs(2)) g.set(2, dbeta);
  }
};

template <class T, class D>
Tensor<T, D> group_norm_apply(const Tensor<T, D>& x, Index images, Index pixels, Index groups, Index depth, bool layer,
                              const ChannelVector<T, D>& gamma, const ChannelVector<T, D>& beta, double epsilon) {
  const profile::Span span(layer ? "layer_norm" : "group_norm");
  const auto in = plain_contiguous(x);
  const auto weight = contiguous_or_undefined(gamma), offset = contiguous_or_undefined(beta);
  auto out = Tensor<T, D>::empty(x.shape());
  auto mean = ChannelVector<T, D>::empty({images * groups}), inv_std = ChannelVector<T, D>::empty({images * groups});
  if (layer)
    layer_norm_forward(D{}, in.data(), images, depth, data_or_null(weight), data_or_null(offset), epsilon, out.mutable_data(),
                       mean.mutable_data(), inv_std.mutable_data());
  else
    group_norm_forward(D{}, in.data(), images, pixels, groups, depth, data_or_null(weight), data_or_null(offset), epsilon,
                       out.mutable_data(), mean.mutable_data(), inv_std.mutable_data());
  if (auto* node = autograd::record<GroupNormNode<T, D>>(out, x, gamma, beta)) {
    node->x.save(x), node->gamma.save(gamma);
    node->mean = mean, node->inv_std = inv_std;
    node->images = images, node->pixels = pixels, node->groups = groups, node->depth = depth;
    node->layer = layer, node->epsilon = epsilon;
  }
  return out;
}

}  // namespace detail

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis of every row (Ba, Kiros, Hinton 2016). gamma, beta
// [C] may be undefined.
template <Floating T, class D>
Tensor<T, D> layer_norm(const Tensor<T, D>& x, const Tensor<ParameterScalar<T>, D>& gamma = {},
                        const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {}) {
  detail::require_min_rank("layer_norm", "input", x, 1);
  const Index channels = x.shape().back();
  detail::require_channel_vector("layer_norm", "gamma", gamma, channels, true);
  detail::require_channel_vector("layer_norm", "beta", beta, channels, true);
  return detail::group_norm_apply(x, channels == 0 ? 0 : x.numel() / channels, 1, 1, channels, true, gamma, beta,
                                  options.epsilon);
}

// Splits the channels (last axis) into `groups` and normalises each over its channels and the pixels of its image (Wu, He
// 2018). x is [..., H, W, C], or [N, C]; gamma, beta [C] may be undefined. ShapeError if the groups do not divide C.
template <Floating T, class D>
Tensor<T, D> group_norm(const Tensor<T, D>& x, Index groups, const Tensor<ParameterScalar<T>, D>& gamma = {},
                        const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {}) {
  detail::require_min_rank("group_norm", "input", x, 2);
  const int rank = x.rank();
  const Index channels = x.shape().back();
  if (groups < 1 || channels % groups != 0)
    raise<ShapeError>("group_norm", groups, " groups do not divide the ", channels, " channels of input ", x.shape());
  detail::require_channel_vector("group_norm", "gamma", gamma, channels, true);
  detail::require_channel_vector("group_norm", "beta", beta, channels, true);
  const Index pixels = rank == 2 ? 1 : x.shape()[rank - 3] * x.shape()[rank - 2];
  const Index image = pixels * channels;
  return detail::group_norm_apply(x, image == 0 ? 0 : x.numel() / image, pixels, groups, channels / groups, false, gamma, beta,
                                  options.epsilon);
}

}  // namespace GLIA_NS
