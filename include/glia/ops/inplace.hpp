#pragma once
// In-place writes. They bump the storage's version; recorded ones rebase the tensor's history.

#include <glia/ops/convert.hpp>

namespace GLIA_NS {

namespace detail {

// Refuses writes to memory that several elements share, and writes that autograd could not account for. Returns whether
// the write has to be recorded.
template <class T, class D, class... Others>
bool begin_write(const char* op, Tensor<T, D>& target, const Others&... others) {
  require_defined(op, "target", target);
  for (int i = 0; i < target.rank(); ++i)
    if (target.shape()[i] > 1 && target.strides()[i] == 0)
      raise<ShapeError>(op, "the target of shape ", target.shape(), " is expanded along axis ", i,
                        ", so that its elements share memory; write to a clone()");
  if constexpr (Floating<T>) {
    if (!grad_enabled()) return false;
    const bool recorded = autograd::wants_grad(target) || (autograd::wants_grad(others) || ...);
    if (!recorded) return false;
    if (target.requires_grad() && target.is_leaf())
      raise<AutogradError>(op, "a leaf that requires gradients is written in place; do it under glia::NoGrad");
    if (target.impl()->is_view())
      raise<AutogradError>(op,
                           "an in-place write to a view would change the history of its base; write to the "
                           "base or work on a clone()");
    if (target.impl()->storage->views() > 0)
      raise<AutogradError>(op,
                           "a recorded in-place write to a tensor with views would change what they show, but not their "
                           "history; work on a clone()");
    return true;
  } else {
    return false;
  }
}

// Writes `value` (broadcast to the target) into target's memory.
template <class T, class D>
void write_values(Tensor<T, D>& target, const Tensor<T, D>& value) {
  copy_elements(D{}, value.view(), target.mutable_view());
}

// target := result, where `result` was computed with the history that target shall have from now on.
template <class T, class D>
void rebase(Tensor<T, D>& target, const Tensor<T, D>& result) {
  {
    const NoGrad plain;
    write_values(target, result);
  }
  GradientState& to = target.impl()->gradient_state();
  if (result.requires_grad() && !result.is_leaf()) {
    to.grad_fn = result.impl()->gradient->grad_fn;
    to.output_number = result.impl()->gradient->output_number;
  } else {
    to.grad_fn = nullptr;
  }
}

template <class T, class D>
void require_fits(const char* op, const Tensor<T, D>& target, const Tensor<T, D>& other) {
  require_defined(op, "argument", other);
  if (require_broadcast(op, target.shape(), other.shape()) != target.shape())
    raise<ShapeError>(op, "an argument of shape ", other.shape(), " does not fit into the target's shape ",
                      target.shape());
}

// Whether a block-wise write to the contiguous `target` could change elements of `other` that are still to be read: it
// is another view of the same memory.
template <class T, class D, class U>
bool reads_elsewhere(const Tensor<T, D>& target, const Tensor<U, D>& other) {
  if (static_cast<const void*>(target.impl()->storage.get()) != static_cast<const void*>(other.impl()->storage.get()))
    return false;
  return other.offset() != target.offset() || other.shape() != target.shape() || !other.is_contiguous();
}

// target = f(target, others...) on the elements, unrecorded.
template <class F, class T, class D, class... X>
void update_values(const F& f, Tensor<T, D>& target, const X&... others) {
  const profile::Span span("update in place");
  if (target.is_contiguous() && !(reads_elsewhere(target, others) || ...)) {
    [[maybe_unused]] const Shape shape = target.shape();
    T* out = target.mutable_data();
    map_elements(D{}, f, target.numel(), out, View<const T>(target.view()),
                 broadcast_view(InOrder(others).get(), shape)...);
  } else {
    write_values(target, map_values<T>(f, target.shape(), target, others...));
  }
}

}  // namespace detail

namespace functor {
template <class C>
struct AddScaled {
  C factor;
  template <class R>
  GLIA_HD R operator()(R a, R b) const {
    return a + b * factor;
  }
};
}  // namespace functor

template <class T, class D>
Tensor<T, D>& Tensor<T, D>::fill_(std::type_identity_t<T> value) {
  if (detail::begin_write("fill_", *this)) {
    detail::rebase(*this, detail::filled<T, D>(shape(), value));
  } else if (is_contiguous()) {
    fill_elements(D{}, value, numel(), mutable_data());
  } else {
    detail::write_values(*this, detail::filled<T, D>({}, value));
  }
  return *this;
}

template <class T, class D>
Tensor<T, D>& Tensor<T, D>::copy_(const Tensor& source) {
  detail::require_fits("copy_", *this, source);
  if (detail::begin_write("copy_", *this, source))
    detail::rebase(*this, source.expand(shape()).clone());
  else
    detail::write_values(*this, source.impl_->storage == impl_->storage ? detail::copy_values(source) : source);
  return *this;
}

template <class T, class D>
Tensor<T, D>& Tensor<T, D>::add_(const Tensor& other, std::type_identity_t<T> factor) {
  detail::require_fits("add_", *this, other);
  using C = detail::compute_t<T>;
  if (detail::begin_write("add_", *this, other))
    detail::rebase(*this, add(*this, static_cast<double>(factor) == 1.0 ? other : scale(other, factor)));
  else
    detail::update_values(functor::AddScaled<C>{static_cast<C>(factor)}, *this, other);
  return *this;
}

template <class T, class D>
Tensor<T, D>& Tensor<T, D>::mul_(const Tensor& other) {
  detail::require_fits("mul_", *this, other);
  if (detail::begin_write("mul_", *this, other))
    detail::rebase(*this, mul(clone(), other));
  else
    detail::update_values(functor::Mul{}, *this, other);
  return *this;
}

template <class T, class D>
Tensor<T, D>& Tensor<T, D>::mul_(std::type_identity_t<T> factor) {
  using C = detail::compute_t<T>;
  if (detail::begin_write("mul_", *this))
    detail::rebase(*this, scale(*this, factor));
  else
    detail::update_values(functor::Scale<C>{static_cast<C>(factor)}, *this);
  return *this;
}

}  // namespace GLIA_NS
