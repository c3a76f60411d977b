#pragma once
// Copies in which the two sides run along different axes: square tiles go through a small buffer, so that both sides are
// read and written by whole cache lines.

#include <glia/core/config.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace GLIA_NS::cpu {

// An unsigned integer of the given size that may stand for any scalar of that size.
template <int Bytes>
struct Word;
// clang-format off
template <> struct Word<1> { typedef std::uint8_t type __attribute__((may_alias)); };
template <> struct Word<2> { typedef std::uint16_t type __attribute__((may_alias)); };
template <> struct Word<4> { typedef std::uint32_t type __attribute__((may_alias)); };
template <> struct Word<8> { typedef std::uint64_t type __attribute__((may_alias)); };
// clang-format on

// Side of a tile, in elements.
inline constexpr Index transpose_side = 16;

// to[i * to_row + j] = from[j * from_row + i] for i < rows, j < cols, both at most transpose_side.
template <int Bytes>
inline void transpose_tile(const void* from, Index from_row, void* to, Index to_row, Index rows, Index cols) {
  using W = typename Word<Bytes>::type;
  constexpr Index S = transpose_side;
  const W* const source = static_cast<const W*>(from);
  W* const target = static_cast<W*>(to);
  if (rows < S || cols < S) {
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < cols; ++j) target[i * to_row + j] = source[j * from_row + i];
    return;
  }
  W in[S][S], out[S][S];
  for (Index j = 0; j < S; ++j) std::memcpy(in[j], source + j * from_row, sizeof(in[j]));
  for (Index i = 0; i < S; ++i)
    for (Index j = 0; j < S; ++j) out[i][j] = in[j][i];
  for (Index i = 0; i < S; ++i) std::memcpy(target + i * to_row, out[i], sizeof(out[i]));
}

// The same for any number of rows and columns of `item` bytes.
GLIA_LAZY [[gnu::noinline]] void transpose_words(Index item, const void* from, Index from_row, void* to, Index to_row,
                                              Index rows, Index cols) {
  constexpr Index S = transpose_side;
  for (Index j = 0; j < cols; j += S)
    for (Index i = 0; i < rows; i += S) {
      const void* const source = static_cast<const char*>(from) + (j * from_row + i) * item;
      void* const target = static_cast<char*>(to) + (i * to_row + j) * item;
      const Index high = std::min(S, rows - i), wide = std::min(S, cols - j);
      switch (item) {
        case 1: transpose_tile<1>(source, from_row, target, to_row, high, wide); break;
        case 2: transpose_tile<2>(source, from_row, target, to_row, high, wide); break;
        case 4: transpose_tile<4>(source, from_row, target, to_row, high, wide); break;
        default: transpose_tile<8>(source, from_row, target, to_row, high, wide);
      }
    }
}

}  // namespace GLIA_NS::cpu
