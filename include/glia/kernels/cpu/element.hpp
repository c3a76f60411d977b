#pragma once
// How vectorised loops read and write one element of a tensor.

#include <glia/core/scalar.hpp>
#include <glia/kernels/cpu/transpose.hpp>

#include <type_traits>

namespace GLIA_NS::cpu {

// Functors compute 16-bit floats in float.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, bfloat16> || std::is_same_v<T, half>, float, T>;

// Element i as functors compute with it, and its way back. Truth values and 16-bit floats go through plain integers,
// without which g++ does not vectorise the loop.
template <class T>
[[gnu::always_inline]] inline compute_t<T> load_element(const T* p, Index i) {
  if constexpr (std::is_same_v<T, bool>)
    return reinterpret_cast<const typename Word<1>::type*>(p)[i] != 0;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return glia::detail::bfloat16_value(reinterpret_cast<const typename Word<2>::type*>(p)[i]);
  else if constexpr (std::is_same_v<T, half>)
    return glia::detail::half_value(reinterpret_cast<const typename Word<2>::type*>(p)[i]);
  else
    return p[i];
}
template <class T, class V>
[[gnu::always_inline]] inline void store_element(T* p, Index i, V value) {
  if constexpr (ReducedFloating<T>)
    reinterpret_cast<typename Word<2>::type*>(p)[i] = T(value).bits;
  else
    p[i] = static_cast<T>(value);
}

}  // namespace GLIA_NS::cpu
