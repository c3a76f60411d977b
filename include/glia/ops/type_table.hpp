#pragma once
// The erased operations that the autograd engine needs, for each scalar and device.

#include <glia/ops/arithmetic.hpp>
#include <glia/ops/sum.hpp>

namespace GLIA_NS::detail {

template <class T, class D>
Tensor<T, D> filled(const Shape& shape, T value) {
  auto out = Tensor<T, D>::empty(shape);
  fill_elements(D{}, value, out.numel(), out.mutable_data());
  return out;
}

template <class T, class D>
struct ErasedOps {
  static ImplRef add(const ImplRef& a, const ImplRef& b) { return glia::add(Tensor<T, D>(a), Tensor<T, D>(b)).impl(); }
  static void add_in_place(const ImplRef& a, const ImplRef& b) {
    Tensor<T, D> total(a);
    T* target = total.mutable_data();
    map_elements(D{}, functor::Add{}, total.numel(), target, View<const T>(total.view()), Tensor<T, D>(b).view());
  }
  static ImplRef zeros(const Shape& shape) { return filled<T, D>(shape, T(0)).impl(); }
  static ImplRef ones(const Shape& shape) { return filled<T, D>(shape, T(1)).impl(); }
  static ImplRef own(const ImplRef& x, bool must_copy) {
    const Tensor<T, D> tensor(x);
    if (!must_copy && tensor.is_contiguous()) return tensor.requires_grad() ? tensor.detach().impl() : x;
    return copy_values(tensor).impl();
  }
};

template <class T, class D>
const TypeTable& type_table() {
  static_assert(Scalar<T>, "tensors hold float, double, bfloat16, half, int32_t, int64_t, uint8_t or bool");
  if constexpr (Floating<T>) {
    using Ops = ErasedOps<T, D>;
    static const TypeTable table{dtype_of<T>, D::name, sizeof(T), &Ops::add, &Ops::add_in_place,
                                 &Ops::zeros, &Ops::ones, &Ops::own};
    return table;
  } else {
    static const TypeTable table{dtype_of<T>, D::name, sizeof(T), nullptr, nullptr, nullptr, nullptr, nullptr};
    return table;
  }
}

}  // namespace GLIA_NS::detail
