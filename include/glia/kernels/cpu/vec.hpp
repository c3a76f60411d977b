#pragma once
// Portable SIMD: the compiler's vector types at the width it was told it may use, and loops unrolled at compile time.

#include <glia/core/config.hpp>

#include <type_traits>
#include <utility>

namespace GLIA_NS::simd {

// Vector of T filling one register; other types than float and double are "vectors" of one element.
template <class T>
struct VecOf {
  using type = T;
  using unaligned = T;
};

template <>
struct VecOf<float> {
  typedef float type __attribute__((vector_size(config::vector_bytes)));
  typedef float unaligned __attribute__((vector_size(config::vector_bytes), aligned(4), may_alias));
};

template <>
struct VecOf<double> {
  typedef double type __attribute__((vector_size(config::vector_bytes)));
  typedef double unaligned __attribute__((vector_size(config::vector_bytes), aligned(8), may_alias));
};

template <class T>
using Vec = typename VecOf<T>::type;

// Elements per vector.
template <class T>
inline constexpr int lanes = static_cast<int>(sizeof(Vec<T>) / sizeof(T));

// Reads `lanes<T>` elements from p, which need not be aligned.
template <class T>
[[gnu::always_inline]] inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VecOf<T>::unaligned*>(p);
}

// Writes `lanes<T>` elements to p, which need not be aligned.
template <class T>
[[gnu::always_inline]] inline void store(T* p, const Vec<T>& v) {
  *reinterpret_cast<typename VecOf<T>::unaligned*>(p) = v;
}

// Asks for the cache lines of `count` elements from p on, which need not exist.
template <class T>
[[gnu::always_inline]] inline void prefetch(const T* p, Index count) {
  const char* const first = reinterpret_cast<const char*>(p);
  for (Index i = 0; i < count * static_cast<Index>(sizeof(T)); i += 64) __builtin_prefetch(first + i);
}

// Reads `count` elements (fewer than a vector has) and zeros for the rest.
template <class T>
inline Vec<T> load_partial(const T* p, Index count) {
  T buffer[lanes<T>] = {};
  for (Index i = 0; i < count; ++i) buffer[i] = p[i];
  return load(buffer);
}

// Writes the first `count` elements of v.
template <class T>
inline void store_partial(T* p, const Vec<T>& v, Index count) {
  T buffer[lanes<T>];
  store(buffer, v);
  for (Index i = 0; i < count; ++i) p[i] = buffer[i];
}

namespace detail {
template <class F, int... I>
[[gnu::always_inline]] inline void unroll_sequence(const F& body, std::integer_sequence<int, I...>) {
  (body(std::integral_constant<int, I>{}), ...);
}
}  // namespace detail

// Calls body(0) ... body(N - 1) with compile-time indices, so that an array of vectors indexed by them lives in
// registers. The body must be marked always_inline (GLIA_INLINE_LAMBDA).
template <int N, class F>
[[gnu::always_inline]] inline void unroll(const F& body) {
  detail::unroll_sequence(body, std::make_integer_sequence<int, N>{});
}

}  // namespace GLIA_NS::simd

#define GLIA_INLINE_LAMBDA __attribute__((always_inline))
