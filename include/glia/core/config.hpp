#pragma once
// Compiler and build facts. This is the only header (with the CUDA umbrella) that may test compiler macros:
// everywhere else a body must be the same under every compiler (see docs/design.md, "one header, one body").

#include <cstddef>
#include <cstdint>

#define GLIA_VERSION_MAJOR 0
#define GLIA_VERSION_MINOR 1
#define GLIA_VERSION_PATCH 0

#if defined(__CUDACC__)
#define GLIA_HD __host__ __device__
#else
#define GLIA_HD
#endif

// Objects built with different instruction sets, OpenMP settings or floating-point contracts must not share inline
// bodies, so these choices are part of every mangled name.
#if defined(__AVX512F__)
#define GLIA_ABI_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define GLIA_ABI_ISA avx2fma
#elif defined(__AVX2__)
#define GLIA_ABI_ISA avx2
#elif defined(__AVX__)
#define GLIA_ABI_ISA avx
#else
#define GLIA_ABI_ISA base
#endif

// Instructions that multiply bfloat16 numbers. (nvcc's front end does not know the intrinsics.)
#if !defined(__CUDACC__) && defined(__AVX512BF16__)
#define GLIA_AVX512_BFLOAT16 1
#endif
#if !defined(__CUDACC__) && defined(__AMX_BF16__) && defined(__linux__)
#define GLIA_AMX_BFLOAT16 1
#endif

#if defined(_OPENMP)
#define GLIA_ABI_THREADS omp
#define GLIA_OMP(text) GLIA_OMP_TEXT(omp text)
#define GLIA_OMP_TEXT(text) _Pragma(#text)
#else
#define GLIA_ABI_THREADS serial
#define GLIA_OMP(text)
#endif

#if defined(__FAST_MATH__)
#define GLIA_ABI_MATH fast
#else
#define GLIA_ABI_MATH strict
#endif

#define GLIA_ABI_JOIN2(a, b, c, d) a##_##b##_##c##_##d
#define GLIA_ABI_JOIN(a, b, c, d) GLIA_ABI_JOIN2(a, b, c, d)
#define GLIA_ABI GLIA_ABI_JOIN(v0_1, GLIA_ABI_ISA, GLIA_ABI_THREADS, GLIA_ABI_MATH)

// Usage: `namespace GLIA_NS { ... }`, `namespace GLIA_NS::nn { ... }`; users write `glia::` and `glia::nn::`.
#define GLIA_NS glia::inline GLIA_ABI

#if defined(__has_feature)
#define GLIA_HAS_FEATURE(name) __has_feature(name)
#else
#define GLIA_HAS_FEATURE(name) 0
#endif

// GLIA_LAZY in place of `inline` before a function that is not a template: a compiler checks and compiles its body only
// in programs that call it, and the templates that the body uses are not instantiated elsewhere.
#define GLIA_LAZY template <class = void>

// GLIA_STREAM_STORE(p, v) writes a vector of floats (config::vector_bytes) to p, which is aligned to it, without
// reading the line first or keeping it in the caches, where the target can; GLIA_STREAM_FENCE() orders such writes
// before later ones.
#if defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define GLIA_STREAM_STORE(p, v) __builtin_nontemporal_store(v, p)
#endif
#endif
#if !defined(GLIA_STREAM_STORE)
#if defined(__AVX512F__)
#define GLIA_STREAM_STORE(p, v) __builtin_ia32_movntps512(reinterpret_cast<float*>(p), v)
#elif defined(__AVX__)
#define GLIA_STREAM_STORE(p, v) __builtin_ia32_movntps256(reinterpret_cast<float*>(p), v)
#elif defined(__SSE__)
#define GLIA_STREAM_STORE(p, v) __builtin_ia32_movntps(reinterpret_cast<float*>(p), v)
#else
#define GLIA_STREAM_STORE(p, v) (*(p) = (v))
#endif
#endif
#if defined(__SSE__)
#define GLIA_STREAM_FENCE() __builtin_ia32_sfence()
#else
#define GLIA_STREAM_FENCE() static_cast<void>(0)
#endif

namespace GLIA_NS {

// Extents, strides, counts and positions, in elements.
using Index = std::int64_t;

namespace config {
#if defined(_OPENMP)
inline constexpr bool has_openmp = true;
#else
inline constexpr bool has_openmp = false;
#endif
#if defined(__FMA__) || defined(__CUDA_ARCH__)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif GLIA_HAS_FEATURE(address_sanitizer)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitizer = true;
#elif GLIA_HAS_FEATURE(thread_sanitizer)
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif
// Width in bytes of the widest vector register the compiler was told it may use.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif
}  // namespace config
}  // namespace GLIA_NS
