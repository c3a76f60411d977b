#pragma once
// Gradient clipping: by global norm, by value, and unit by unit against the parameter's own norm.

#include <glia/optim/optimizer.hpp>
#include <glia/optim/rules.hpp>

namespace GLIA_NS::optim {

// Options of clip_grad_norm.
struct ClipNormOptions {
  bool error_on_nonfinite = false;  // throw when the norm is infinite or NaN
};

// Options of clip_grad_adaptive.
struct AdaptiveClipOptions {
  double clip = 0.01;
  double epsilon = 1e-3;  // least parameter norm that counts
};

namespace detail {

// The parameters' gradients, made contiguous and free of history in place, so that they can be written.
template <class T, class D>
std::vector<std::pair<Tensor<T, D>, Tensor<T, D>>> writable_gradients(const char* op,
                                                                       const std::vector<nn::NamedTensor<T, D>>& parameters) {
  const NoGrad plain;
  std::vector<std::pair<Tensor<T, D>, Tensor<T, D>>> out;
  for (auto parameter : parameters) {
    const Tensor<T, D> gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    if (!gradient.is_contiguous() || gradient.requires_grad()) parameter.tensor.set_grad(gradient.detach().clone());
    out.emplace_back(parameter.tensor, plain_gradient(op, parameter));
  }
  return out;
}

template <class T>
struct ClampRule {
  static constexpr std::size_t buffers = 0;
  T limit;
  GLIA_HD void operator()(T& parameter, T gradient) const {
    parameter = gradient > limit ? limit : (gradient < -limit ? -limit : gradient);
  }
};

}  // namespace detail

// The 2-norm of all gradients taken as one vector; 0 if there are none. Sums in double, the same at any thread count.
template <class T, class D>
double grad_norm(const std::vector<nn::NamedTensor<T, D>>& parameters) {
  const profile::Span span("grad_norm", profile::Phase::update);
  std::vector<Tensor<T, D>> gradients;
  std::vector<UpdateSlot<T>> slots;
  for (const auto& parameter : parameters) {
    if (!parameter.tensor.grad().defined()) continue;
    gradients.push_back(detail::plain_gradient("grad_norm", parameter));
    slots.push_back({nullptr, gradients.back().data(), {}, gradients.back().numel()});
  }
  std::vector<double> squares(slots.size());
  sum_of_squares(D{}, std::span<const UpdateSlot<T>>(slots), squares.data());
  double total = 0.0;
  for (const double square : squares) total += square;
  return std::sqrt(total);
}

// Scales all gradients so that their common 2-norm is at most max_norm, by max_norm / (norm + 1e-6) as in PyTorch (Pascanu et
// al. 2013); returns the norm from before. A norm that is not finite is an Error if asked for, and otherwise leaves the
// gradients as they are: look at the returned value and skip the step.
template <class T, class D>
double clip_grad_norm(const std::vector<nn::NamedTensor<T, D>>& parameters, double max_norm, ClipNormOptions options = {}) {
  if (!(max_norm >= 0.0)) raise<ValueError>("clip_grad_norm", "max_norm must not be negative, got ", max_norm);
  const double norm = grad_norm(parameters);
  if (!std::isfinite(norm)) {
    if (!options.error_on_nonfinite) return norm;
    for (const auto& parameter : parameters)
      if (parameter.tensor.grad().defined() && !std::isfinite(grad_norm<T, D>({parameter})))
        raise<ValueError>("clip_grad_norm", "the gradient of parameter ", parameter.name, " is not finite");
    raise<ValueError>("clip_grad_norm", "the norm of the gradients is not finite");
  }
  const double factor = max_norm / (norm + 1e-6);
  if (factor < 1.0) {
    std::vector<UpdateSlot<T>> slots;
    auto gradients = detail::writable_gradients("clip_grad_norm", parameters);
    for (auto& [parameter, gradient] : gradients) {
      T* const g = gradient.mutable_data();
      slots.push_back({g, g, {}, gradient.numel()});
    }
    const std::vector<detail::CombineRule<T>> rules(slots.size(), {static_cast<T>(factor), T(0)});
    update_elements(D{}, std::span<const UpdateSlot<T>>(slots), std::span<const detail::CombineRule<T>>(rules));
  }
  return norm;
}
template <class T, class D>
double clip_grad_norm(Optimizer<T, D>& optimizer, std::type_identity_t<double> max_norm, ClipNormOptions options = {}) {
  return clip_grad_norm(optimizer.parameters(), max_norm, options);
}

// Brings every element of every gradient into [-limit, limit]; NaN stays.
template <class T, class D>
void clip_grad_value(const std::vector<nn::NamedTensor<T, D>>& parameters, double limit) {
  if (!(limit >= 0.0)) raise<ValueError>("clip_grad_value", "the limit must not be negative, got ", limit);
  std::vector<UpdateSlot<T>> slots;
  auto gradients = detail::writable_gradients("clip_grad_value", parameters);
  for (auto& [parameter, gradient] : gradients) {
    T* const g = gradient.mutable_data();
    slots.push_back({g, g, {}, gradient.numel()});
  }
  const std::vector<detail::ClampRule<T>> rules(slots.size(), {static_cast<T>(limit)});
  update_elements(D{}, std::span<const UpdateSlot<T>>(slots), std::span<const detail::ClampRule<T>>(rules));
}
template <class T, class D>
void clip_grad_value(Optimizer<T, D>& optimizer, std::type_identity_t<double> limit) {
  clip_grad_value(optimizer.parameters(), limit);
}

// Adaptive gradient clipping: the gradient of each output unit (row along axis 0; the whole of a parameter with fewer than two
// axes) gets at most clip * max(|unit|, epsilon) as its norm (Brock et al. 2021, arXiv:2102.06171). Leave the classifier out, as
// the paper does.
template <class T, class D>
void clip_grad_adaptive(const std::vector<nn::NamedTensor<T, D>>& parameters, AdaptiveClipOptions options = {}) {
  detail::require_not_negative("clip_grad_adaptive", "clip", options.clip);
  detail::require_not_negative("clip_grad_adaptive", "epsilon", options.epsilon);
  auto gradients = detail::writable_gradients("clip_grad_adaptive", parameters);
  for (auto& [parameter, gradient] : gradients) {
    const Index count = gradient.numel(), rows = gradient.rank() >= 2 ? gradient.shape()[0] : 1;
    if (count == 0) continue;
    const auto values = parameter.detach().contiguous();
    clip_rows(D{}, values.data(), gradient.mutable_data(), rows, count / rows, options.clip, options.epsilon);
  }
}
template <class T, class D>
void clip_grad_adaptive(Optimizer<T, D>& optimizer, AdaptiveClipOptions options = {}) {
  clip_grad_adaptive(optimizer.parameters(), options);
}

}  // namespace GLIA_NS::optim
