#pragma once
// Update rules and norms that several optimizers share.

#include <glia/core/update_slot.hpp>
#include <glia/kernels/cpu/optim.hpp>

namespace GLIA_NS::optim::detail {

// parameter = keep * parameter + move * gradient
template <class T>
struct CombineRule {
  static constexpr std::size_t buffers = 0;
  T keep, move;
  GLIA_HD void operator()(T& parameter, T gradient) const { parameter = keep * parameter + move * gradient; }
};

template <class T, class D>
double norm_of(const T* x, Index count) {
  const UpdateSlot<T> slot{nullptr, x, {}, count};
  double square = 0.0;
  sum_of_squares(D{}, std::span<const UpdateSlot<T>>(&slot, 1), &square);
  return std::sqrt(square);
}

template <class T, class D>
void combine(D, T* target, const T* source, Index count, double keep, double move) {
  const UpdateSlot<T> slot{target, source, {}, count};
  const CombineRule<T> rule{static_cast<T>(keep), static_cast<T>(move)};
  update_elements(D{}, std::span<const UpdateSlot<T>>(&slot, 1), std::span<const CombineRule<T>>(&rule, 1));
}

}  // namespace GLIA_NS::optim::detail
