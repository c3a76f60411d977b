#pragma once
// Tiles of bfloat16 products with float sums. Three kernels read the same packed blocks: Intel's matrix unit (AMX),
// AVX-512's dot products of pairs, and plain vectors of float.

#include <glia/core/scalar.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>
#include <cstring>

#if defined(GLIA_AVX512_BFLOAT16) || defined(GLIA_AMX_BFLOAT16)
#include <immintrin.h>
#endif
#if defined(GLIA_AMX_BFLOAT16)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace GLIA_NS::detail::bf16 {

// A block holds 16 rows (or columns) and 32 terms: 1 KiB, a register of the matrix unit. The sums of 2 x 2 blocks, 32 x
// 32 elements, are computed in one go from two panels. A panel of rows is blocks [step of 32 terms][half][row][term], a
// panel of columns [step][half][pair of terms][column][term of the pair].
inline constexpr Index side = 16, terms = 32, block = side * terms, panel = 2 * side;

// Elements of a packed panel with `k` terms.
constexpr Index panel_size(Index k) { return (k + terms - 1) / terms * 2 * block; }

// Ways to compute a tile; each needs what the ones before it do not.
enum class Unit { plain, pairs, matrix };

// sums[r * ld + c], r, c < 32, = the product of a packed panel of rows and one of columns.
GLIA_LAZY [[gnu::noinline]] void tile_plain(Index steps, const bfloat16* a, const bfloat16* b, float* sums, Index ld) {
  using V = simd::Vec<float>;
  typedef std::uint32_t U __attribute__((vector_size(sizeof(V))));
  constexpr int L = simd::lanes<float>, N = static_cast<int>(side) / L, R = 4;
  for (Index half = 0; half < 2; ++half)
    for (Index row = 0; row < panel; row += R) {
      V sum[R][N] = {};
      for (Index s = 0; s < steps; ++s) {
        const bfloat16* const x = a + (s * 2 + row / side) * block + row % side * terms;
        const bfloat16* const y = b + (s * 2 + half) * block;
        for (Index pair = 0; pair < terms / 2; ++pair)
          simd::unroll<N>([&](auto j) GLIA_INLINE_LAMBDA {
            U both;
            std::memcpy(&both, y + pair * panel + j * 2 * L, sizeof(U));
            const U low = both << 16, high = both & 0xffff0000u;
            V even, odd;
            std::memcpy(&even, &low, sizeof(V));
            std::memcpy(&odd, &high, sizeof(V));
            simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
              sum[r][j] += static_cast<float>(x[r * terms + 2 * pair]) * even;
              sum[r][j] += static_cast<float>(x[r * terms + 2 * pair + 1]) * odd;
            });
          });
      }
      simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
        simd::unroll<N>([&](auto j) GLIA_INLINE_LAMBDA {
          simd::store(sums + (row + r) * ld + half * side + j * L, sum[r][j]);
        });
      });
    }
}

#if defined(GLIA_AVX512_BFLOAT16)
GLIA_LAZY [[gnu::noinline]] void tile_pairs(Index steps, const bfloat16* a, const bfloat16* b, float* sums, Index ld) {
  constexpr int R = 8;
  for (Index row = 0; row < panel; row += R) {
    __m512 sum[R][2];
    simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA { sum[r][0] = sum[r][1] = _mm512_setzero_ps(); });
    for (Index s = 0; s < steps; ++s) {
      const bfloat16* const x = a + (s * 2 + row / side) * block + row % side * terms;
      const bfloat16* const y = b + s * 2 * block;
      for (Index pair = 0; pair < terms / 2; ++pair) {
        const auto y0 = (__m512bh)_mm512_loadu_si512(y + pair * panel);
        const auto y1 = (__m512bh)_mm512_loadu_si512(y + block + pair * panel);
        simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
          int both;
          std::memcpy(&both, x + r * terms + 2 * pair, sizeof(both));
          const auto xs = (__m512bh)_mm512_set1_epi32(both);
          sum[r][0] = _mm512_dpbf16_ps(sum[r][0], xs, y0);
          sum[r][1] = _mm512_dpbf16_ps(sum[r][1], xs, y1);
        });
      }
    }
    simd::unroll<R>([&](auto r) GLIA_INLINE_LAMBDA {
      _mm512_storeu_ps(sums + (row + r) * ld, sum[r][0]);
      _mm512_storeu_ps(sums + (row + r) * ld + side, sum[r][1]);
    });
  }
}
#endif

#if defined(GLIA_AMX_BFLOAT16)
// Whether the system lets this process use the registers of the matrix unit; asked once.
inline bool matrix_unit() {
  constexpr int request_permission = 0x1023, tile_data = 18;
  static const bool granted = ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return granted;
}

// The steps of a 32 x 32 tile of sums, which registers 0 to 3 hold. The thread must have a MatrixUnit. The intrinsics do not
// tell the compiler that they read and write memory.
[[gnu::always_inline]] inline void matrix_start() {
  asm volatile("" ::: "memory");
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
// Adds the products of two blocks of rows, `pitch` bytes apart in each, with a pair of packed blocks of columns.
[[gnu::always_inline]] inline void matrix_multiply(const bfloat16* a0, const bfloat16* a1, Index pitch, const bfloat16* b) {
  _tile_loadd(4, a0, pitch);
  _tile_loadd(6, b, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, b + block, 64);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(5, a1, pitch);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}
[[gnu::always_inline]] inline void matrix_store(float* sums, Index ld) {
  const Index row = ld * static_cast<Index>(sizeof(float));
  _tile_stored(0, sums, row);
  _tile_stored(1, sums + side, row);
  _tile_stored(2, sums + side * ld, row);
  _tile_stored(3, sums + side * ld + side, row);
  asm volatile("" ::: "memory");
}

GLIA_LAZY [[gnu::noinline]] void tile_matrix(Index steps, const bfloat16* a, const bfloat16* b, float* sums, Index ld) {
  matrix_start();
  for (Index s = 0; s < steps; ++s, a += 2 * block, b += 2 * block) matrix_multiply(a, a + block, 64, b);
  matrix_store(sums, ld);
}
#endif

// Sets up the registers of the matrix unit for one thread, as long as it lives: eight of 16 rows of 64 bytes.
class MatrixUnit {
 public:
  explicit MatrixUnit([[maybe_unused]] Unit unit) {
#if defined(GLIA_AMX_BFLOAT16)
    on_ = unit == Unit::matrix;
    if (!on_) return;
    alignas(64) unsigned char configuration[64] = {};
    configuration[0] = 1;  // palette
    for (int i = 0; i < 8; ++i) {
      configuration[16 + 2 * i] = 64;  // bytes per row
      configuration[48 + i] = 16;      // rows
    }
    asm volatile("" ::"r"(configuration) : "memory");  // the load below does not tell the compiler how much it reads
    _tile_loadconfig(configuration);
#endif
  }
  ~MatrixUnit() {
#if defined(GLIA_AMX_BFLOAT16)
    if (on_) _tile_release();
#endif
  }
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;

 private:
#if defined(GLIA_AMX_BFLOAT16)
  bool on_ = false;
#endif
};

// The fastest unit that this build and this machine have.
inline Unit best_unit() {
#if defined(GLIA_AMX_BFLOAT16)
  if (matrix_unit()) return Unit::matrix;
#endif
#if defined(GLIA_AVX512_BFLOAT16)
  return Unit::pairs;
#else
  return Unit::plain;
#endif
}

GLIA_LAZY void tile([[maybe_unused]] Unit unit, Index steps, const bfloat16* a, const bfloat16* b, float* sums, Index ld) {
#if defined(GLIA_AMX_BFLOAT16)
  if (unit == Unit::matrix) return tile_matrix(steps, a, b, sums, ld);
#endif
#if defined(GLIA_AVX512_BFLOAT16)
  if (unit != Unit::plain) return tile_pairs(steps, a, b, sums, ld);
#endif
  tile_plain(steps, a, b, sums, ld);
}

}  // namespace GLIA_NS::detail::bf16
