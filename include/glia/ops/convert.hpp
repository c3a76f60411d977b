#pragma once
// Between scalars, devices and the host: cast, to, item, to_vector.

#include <glia/ops/type_table.hpp>

namespace GLIA_NS {

namespace functor {
template <class U>
struct Cast {
  template <class R> GLIA_HD U operator()(R x) const {
    if constexpr (std::is_same_v<U, bool>)
      return x != R(0);
    else
      return static_cast<U>(x);
  }
};
}  // namespace functor

namespace detail {

template <class T, class U, class D>
struct CastNode final : autograd::Node {
  const char* name() const noexcept override { return "cast"; }
  void backward(autograd::Gradients& g) override { g.set(0, g.template output<U, D>().template cast<T>()); }
};

template <class T, class D, class E>
struct ToDeviceNode final : autograd::Node {
  const char* name() const noexcept override { return "to"; }
  void backward(autograd::Gradients& g) override { g.set(0, g.template output<T, E>().template to<D>()); }
};

}  // namespace detail

template <class T, class D>
template <class U>
Tensor<U, D> Tensor<T, D>::cast() const {
  if constexpr (std::is_same_v<T, U>) {
    return *this;
  } else {
    auto out = detail::map_values<U>(functor::Cast<U>{}, shape(), *this);
    if constexpr (Floating<T> && Floating<U>) autograd::record<detail::CastNode<T, U, D>>(out, *this);
    return out;
  }
}

template <class T, class D>
template <class E>
Tensor<T, E> Tensor<T, D>::to() const {
  if constexpr (std::is_same_v<D, E>) {
    return *this;
  } else {
    Tensor source;
    {
      const NoGrad plain;
      source = contiguous();
    }
    auto out = Tensor<T, E>::empty(shape());
    copy_bytes(E{}, D{}, out.mutable_data(), source.data(), static_cast<std::size_t>(numel()) * sizeof(T));
    if constexpr (Floating<T>) autograd::record<detail::ToDeviceNode<T, D, E>>(out, *this);
    return out;
  }
}

template <class T, class D>
T Tensor<T, D>::item() const {
  if (numel() != 1) raise<ShapeError>("item", "needs a tensor with one element, got shape ", shape());
  T value;
  copy_bytes(Cpu{}, D{}, &value, data(), sizeof(T));
  return value;
}

template <class T, class D>
std::vector<T> Tensor<T, D>::to_vector() const {
  const NoGrad plain;
  const auto host = contiguous().template to<Cpu>();
  return std::vector<T>(host.data(), host.data() + host.numel());
}

}  // namespace GLIA_NS
