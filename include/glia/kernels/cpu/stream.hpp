#pragma once
// Writes that go past the caches: an ordinary store first reads the line it writes, a third of the traffic of a copy.
// Worth it for results too large to be found in the caches by whoever reads them.

#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>
#include <cstring>

namespace GLIA_NS::simd {

// Results of this many bytes and more are streamed: a share of the last-level cache of small machines.
inline constexpr Index stream_bytes = Index{16} << 20;

// Elements written at once.
inline constexpr Index stream_block = 512;

template <class T>
constexpr bool worth_streaming(Index count) {
  return count * static_cast<Index>(sizeof(T)) >= stream_bytes;
}

namespace detail {
// Copies `bytes` bytes, a multiple of 4; both ends are aligned to 4, `from` is in the first-level cache.
inline void stream_copy(char* to, const char* from, Index bytes) {
  using V = Vec<float>;
  constexpr Index width = static_cast<Index>(sizeof(V));
  const Index ahead = std::min(bytes, static_cast<Index>(-reinterpret_cast<std::uintptr_t>(to) % sizeof(V)));
  std::memcpy(to, from, static_cast<std::size_t>(ahead));
  Index i = ahead;
  for (; i + width <= bytes; i += width)
    GLIA_STREAM_STORE(reinterpret_cast<V*>(to + i), load(reinterpret_cast<const float*>(from + i)));
  std::memcpy(to + i, from + i, static_cast<std::size_t>(bytes - i));
}
}  // namespace detail

// Runs compute(first, n, target), which writes n elements that belong at out + first, for blocks of [0, count):
// straight into `out`, or, with `stream`, into a small buffer that is then written past the caches. End a thread's work
// with stream_end.
template <class T, class F>
inline void write_blocks(bool stream, T* out, Index count, const F& compute) {
  alignas(64) T buffer[stream_block];
  const bool past = stream && sizeof(T) >= 4;
  for (Index first = 0; first < count; first += stream_block) {
    const Index n = std::min(stream_block, count - first);
    compute(first, n, past ? static_cast<T*>(buffer) : out + first);
    if (past)
      detail::stream_copy(reinterpret_cast<char*>(out + first), reinterpret_cast<const char*>(buffer),
                          n * static_cast<Index>(sizeof(T)));
  }
}

// Makes streamed writes of this thread visible before what it does next.
inline void stream_end(bool stream) {
  if (stream) GLIA_STREAM_FENCE();
}

}  // namespace GLIA_NS::simd
