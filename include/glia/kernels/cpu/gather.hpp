#pragma once
// Reading and adding by index along the middle axis of contiguous [outer, n, inner] arrays. Positions are non-negative and in range (ops
// check). Additions happen in the order of the index list, so results do not depend on the thread count.

#include <glia/kernels/cpu/accumulate.hpp>

#include <atomic>

namespace GLIA_NS {

// Position of the first index outside [0, limit), or -1 if there is none. If `has_exception`, the value `except` is let pass.
GLIA_LAZY Index find_out_of_range(Cpu, const std::int64_t* index, Index count, Index limit, bool has_exception,
                               std::int64_t except) {
  constexpr Index block = 2048;
  std::atomic<Index> found{count};
  parallel_for(count, 16 * block, [&](Index first, Index last) {
    for (Index b = first; b < last; b += block) {
      const Index end = std::min(last, b + block);
      std::int64_t bad = 0;
      for (Index i = b; i < end; ++i)
        bad |= static_cast<std::int64_t>((index[i] < 0) | (index[i] >= limit)) &
               static_cast<std::int64_t>(!has_exception | (index[i] != except));
      if (bad == 0) continue;
      const auto* const at = std::find_if(index + b, index + end, [&](std::int64_t i) {
        return (i < 0 || i >= limit) && !(has_exception && i == except);
      });
      const Index position = at - index;
      for (Index before = found; position < before && !found.compare_exchange_weak(before, position);) {
      }
      return;
    }
  });
  return found < count ? found.load() : -1;
}

// y[o, j, i] = x[o, index[j], i] for j < count; y is [outer, count, inner]. An embedding lookup is outer = 1.
template <class T>
void index_select(Cpu, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  if (inner == 1) {
    parallel_for(outer * count, 16384, [&](Index first, Index last) {
      for (Index at = first; at < last;) {
        const Index o = at / count, end = std::min(last, (o + 1) * count);
        const T* const from = x + o * n;
        const std::int64_t* const position = index - o * count;
        for (; at < end; ++at) y[at] = from[position[at]];
      }
    });
    return;
  }
  parallel_chunks(outer * count, std::max<Index>(1, 16384 / std::max<Index>(1, inner)), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row)
      std::copy_n(x + (row / count * n + index[row % count]) * inner, inner, y + row * inner);
  });
}

// y[o, index[j], i] += x[o, j, i] for j = 0, 1, ..., count - 1. Threads own destination rows and walk the whole index list.
template <class T>
void index_add(Cpu, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  const auto add = [=](Index o, Index begin, Index end) {
    for (Index j = 0; j < count; ++j) {
      if (index[j] < begin || index[j] >= end) continue;
      const T* from = x + (o * count + j) * inner;
      T* to = y + (o * n + index[j]) * inner;
      GLIA_OMP(simd)
      for (Index i = 0; i < inner; ++i) to[i] = static_cast<T>(to[i] + from[i]);
    }
  };
  const Index work = outer * count * inner;
  if (outer >= 16 || work < 32768) {
    parallel_for(outer, std::max<Index>(1, 32768 / std::max<Index>(1, count * inner)), [&](Index first, Index last) {
      for (Index o = first; o < last; ++o) add(o, 0, n);
    });
  } else {
    parallel_for(n, 1, [&](Index first, Index last) {
      for (Index o = 0; o < outer; ++o) add(o, first, last);
    });
  }
}

// y[o, j, i] = x[o, index[o, j, i], i] for j < count (the other extents of x, index and y agree).
template <class T>
void gather(Cpu, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  if (inner == 1) {
    parallel_for(outer * count, 16384, [&](Index first, Index last) {
      for (Index at = first; at < last;) {
        const Index o = at / count, end = std::min(last, (o + 1) * count);
        const T* const from = x + o * n;
        for (; at < end; ++at) y[at] = from[index[at]];
      }
    });
    return;
  }
  parallel_chunks(outer * count, std::max<Index>(1, 16384 / std::max<Index>(1, inner)), [&](Index, Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const T* from = x + row / count * n * inner;
      for (Index i = 0; i < inner; ++i) y[row * inner + i] = from[index[row * inner + i] * inner + i];
    }
  });
}

// y[o, index[o, j, i], i] += x[o, j, i] for j = 0, 1, ..., count - 1; y is [outer, n, inner].
template <class T>
void scatter_add(Cpu, const T* x, const std::int64_t* index, Index outer, Index n, Index inner, Index count, T* y) {
  constexpr Index strip = 64;  // columns of one job: a column belongs to one thread
  const Index strips = chunk_count(inner, strip);
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, count * std::min(inner, strip)));
  parallel_chunks(outer * strips, grain, [&](Index, Index first, Index last) {
    for (Index job = first; job < last; ++job) {
      const Index o = job / strips, begin = (job % strips) * strip, end = std::min(inner, begin + strip);
      if (inner == 1) {
        const T* const from = x + o * count;
        const std::int64_t* const where = index + o * count;
        T* const to = y + o * n;
        for (Index j = 0; j < count; ++j) to[where[j]] = static_cast<T>(to[where[j]] + from[j]);
        continue;
      }
      for (Index j = 0; j < count; ++j) {
        for (Index i = begin; i < end; ++i) {
          const Index from = (o * count + j) * inner + i, to = (o * n + index[from]) * inner + i;
          y[to] = static_cast<T>(y[to] + x[from]);
        }
      }
    }
  });
}

// y [count, classes] = 1 at the class of each row, else 0.
template <class T>
void one_hot(Cpu, const std::int64_t* index, Index count, Index classes, T* y) {
  parallel_chunks(count, std::max<Index>(1, 16384 / std::max<Index>(1, classes)), [&](Index, Index first, Index last) {
    std::fill(y + first * classes, y + last * classes, T(0));
    for (Index r = first; r < last; ++r) y[r * classes + index[r]] = T(1);
  });
}

}  // namespace GLIA_NS
