#pragma once
// Batch normalisation and SiLU in one op, with a residual added behind the activation.

#include <glia/kernels/cpu/batch_norm_silu.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/normalization.hpp>

namespace GLIA_NS {

namespace detail {

// Whether D has the fused kernels; elsewhere the op is composed of batch_norm, silu and add.
template <class T, class D>
inline constexpr bool has_batch_norm_silu = requires(const T* in, const ParameterScalar<T>* of, T* out) {
  batch_norm_silu_forward(D{}, in, in, Index{}, Index{}, of, of, of, of, out);
};

// Inputs: 0 x, 1 gamma, 2 beta, 3 residual.
template <class T, class D>
struct BatchNormSiluNode final : autograd::Node {
  using P = ParameterScalar<T>;
  autograd::Saved<T, D> x;
  autograd::Saved<P, D> gamma, beta;
  Tensor<P, D> mean, variance, inv_std;  // no history
  bool training = true;
  double epsilon = 0;
  const char* name() const noexcept override { return "batch_norm_silu"; }
  void release() noexcept override {
    x.reset(), gamma.reset(), beta.reset();
    mean = variance = inv_std = Tensor<P, D>();
  }

  void backward(autograd::Gradients& g) override {
    const auto input = x.get(this), dy = g.template output<T, D>();
    const auto weight = gamma.get(this), offset = beta.get(this);
    if (g.needs(3)) g.set(3, dy);
    if (grad_enabled()) {
      composed(g, dy.template cast<P>(), input.template cast<P>(), weight, offset);
      return;
    }
    const auto source = plain_contiguous(dy), in = plain_contiguous(input);
    const auto w = contiguous_or_undefined(weight), b = contiguous_or_undefined(offset);
    const Index channels = mean.numel(), rows = channels == 0 ? 0 : in.numel() / channels;
    auto sum_dy = Tensor<P, D>::empty({channels}), sum_dy_xhat = Tensor<P, D>::empty({channels});
    batch_norm_silu_backward_sums(D{}, source.data(), in.data(), rows, channels, mean.data(), inv_std.data(),
                                  data_or_null(w), data_or_null(b), sum_dy.mutable_data(), sum_dy_xhat.mutable_data());
    if (g.needs(0)) {
      auto dx = Tensor<T, D>::empty(in.shape());
      batch_norm_silu_backward_input(D{}, source.data(), in.data(), rows, channels, mean.data(), inv_std.data(),
                                     data_or_null(w), data_or_null(b), sum_dy.data(), sum_dy_xhat.data(), training,
                                     dx.mutable_data());
      g.set(0, dx);
    }
    if (g.needs(1)) g.set(1, sum_dy_xhat);
    if (g.needs(2)) g.set(2, sum_dy);
  }

 private:
  // The gradients of the normalised value, composed of ops, get dy * silu'(value); both depend on all inputs again.
  void composed(autograd::Gradients& g, const Tensor<P, D>& dy, const Tensor<P, D>& input, const Tensor<P, D>& weight,
                const Tensor<P, D>& offset) {
    const NormOptions plain{epsilon, false};
    const auto value = training ? batch_norm(input, weight, offset, plain).output
                                : batch_norm_inference(input, mean, variance, weight, offset, plain);
    const auto dvalue = mul(dy, map(Partial<functor::Silu, 0>{}, value));
    const Axes rows = leading_axes(input.rank() - 1), axes = rows.empty() ? Axes{0} : rows;
    const auto as_rows = [&](const Tensor<P, D>& t) { return rows.empty() ? t.reshape({1, t.shape()[0]}) : t; };
    const auto result = training
                            ? NormalizationGradient<P, D>(as_rows(dvalue), as_rows(input), weight, axes, axes, epsilon)
                            : NormalizationGradient<P, D>(as_rows(dvalue), as_rows(input), weight, mean, inv_std, axes);
    g.set(0, result.dx.reshape(input.shape()).template cast<T>());
    if (g.needs(1)) g.set(1, result.dgamma);
    if (g.needs(2)) g.set(2, result.dbeta);
  }
};

template <class T, class D>
Tensor<T, D> batch_norm_silu_apply(const Tensor<T, D>& x, const ChannelVector<T, D>& mean,
                                   const ChannelVector<T, D>& variance, const ChannelVector<T, D>& gamma,
                                   const ChannelVector<T, D>& beta, const Tensor<T, D>& residual,
                                   const NormOptions& options, bool training) {
  const auto in = plain_contiguous(x), add = contiguous_or_undefined(residual);
  const auto weight = contiguous_or_undefined(gamma), offset = contiguous_or_undefined(beta);
  const Index channels = mean.numel(), rows = channels == 0 ? 0 : in.numel() / channels;
  ChannelVector<T, D> inv_std, centre, spread;
  {
    const NoGrad plain;
    inv_std = map(functor::InverseRoot{options.epsilon}, variance.detach()).contiguous();
    centre = copy_values(mean);  // the caller has the statistics too, and may change them
    spread = copy_values(variance);
  }
  auto out = Tensor<T, D>::empty(x.shape());
  batch_norm_silu_forward(D{}, in.data(), data_or_null(add), rows, channels, centre.data(), inv_std.data(),
                          data_or_null(weight), data_or_null(offset), out.mutable_data());
  if (auto* node = autograd::record<BatchNormSiluNode<T, D>>(out, x, gamma, beta, residual)) {
    node->x.save(x), node->gamma.save(gamma), node->beta.save(beta);
    node->mean = centre, node->variance = spread, node->inv_std = inv_std;
    node->training = training, node->epsilon = options.epsilon;
  }
  return out;
}

inline void check_no_relu(const char* op, const NormOptions& options) {
  if (options.relu) raise<ValueError>(op, "the relu option does not apply: the activation is SiLU");
}

}  // namespace detail

// silu(batch_norm(x, gamma, beta)) + residual in the passes of the normalisation alone: batch_norm's arguments and
// result, except that the residual (shape of x, or undefined) comes after the activation. Twice differentiable.
// ValueError if options.relu is set.
template <Floating T, class D>
BatchNormResult<T, D> batch_norm_silu(const Tensor<T, D>& x, const Tensor<ParameterScalar<T>, D>& gamma = {},
                                      const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {},
                                      const std::type_identity_t<Tensor<T, D>>& residual = {}) {
  const profile::Span span("batch_norm_silu");
  detail::check_no_relu("batch_norm_silu", options);
  if constexpr (detail::has_batch_norm_silu<T, D>) {
    const Index channels = detail::check_batch_norm("batch_norm_silu", x, gamma, beta, residual);
    BatchNormResult<T, D> result = detail::batch_statistics("batch_norm_silu", x, channels);
    result.output =
        detail::batch_norm_silu_apply(x, result.mean, result.variance, gamma, beta, residual, options, true);
    return result;
  } else {
    BatchNormResult<T, D> result = batch_norm(x, gamma, beta, options);
    result.output = silu(result.output);
    if (residual.defined()) result.output = add(result.output, residual);
    return result;
  }
}

// The same with given statistics mean, variance [C], which get no gradient (inference).
template <Floating T, class D>
Tensor<T, D> batch_norm_silu_inference(const Tensor<T, D>& x, const Tensor<ParameterScalar<T>, D>& mean,
                                       const Tensor<ParameterScalar<T>, D>& variance,
                                       const Tensor<ParameterScalar<T>, D>& gamma = {},
                                       const Tensor<ParameterScalar<T>, D>& beta = {}, NormOptions options = {},
                                       const std::type_identity_t<Tensor<T, D>>& residual = {}) {
  const profile::Span span("batch_norm_silu_inference");
  detail::check_no_relu("batch_norm_silu_inference", options);
  if constexpr (detail::has_batch_norm_silu<T, D>) {
    const Index channels = detail::check_batch_norm("batch_norm_silu_inference", x, gamma, beta, residual);
    detail::require_channel_vector("batch_norm_silu_inference", "mean", mean, channels, false);
    detail::require_channel_vector("batch_norm_silu_inference", "variance", variance, channels, false);
    return detail::batch_norm_silu_apply<T, D>(x, mean.detach(), variance.detach(), gamma, beta, residual, options,
                                               false);
  } else {
    const auto y = silu(batch_norm_inference(x, mean, variance, gamma, beta, options));
    return residual.defined() ? add(y, residual) : y;
  }
}

}  // namespace GLIA_NS
