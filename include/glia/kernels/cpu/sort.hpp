#pragma once
// Stable sorting and top-k selection along the last axis of a contiguous [rows, n] array. NaN is always last, whatever the
// direction; equal values keep their order. Values become unsigned keys of the same order, which are sorted digit by
// digit.

#include <glia/core/scalar.hpp>
#include <glia/kernels/cpu/accumulate.hpp>
#include <glia/kernels/cpu/scratch.hpp>

#include <array>

namespace GLIA_NS {

namespace detail {

// The unsigned integer as wide as T.
template <class T>
using SortKey = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

// A key that grows with x (falls, if descending); that of NaN is the largest. Both zeros have one key.
template <class T>
SortKey<T> sort_key(T x, bool descending) {
  using K = SortKey<T>;
  constexpr K sign = static_cast<K>(K(1) << (8 * sizeof(K) - 1)), all = static_cast<K>(~K(0));
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::uint8_t>) {
    const K key = static_cast<K>(x);
    return descending ? static_cast<K>(~key) : key;
  } else if constexpr (std::is_integral_v<T>) {
    const K key = static_cast<K>(static_cast<K>(x) ^ sign);
    return descending ? static_cast<K>(~key) : key;
  } else {
    const K bits = detail::bit_cast<K>(x);
    const K plain = static_cast<K>(bits << 1) == 0 ? K(0) : bits;
    const K key = static_cast<K>((plain & sign) != 0 ? ~plain : plain | sign);
    const K directed = descending ? static_cast<K>(~key) : key;
    return is_nan(x) ? all : directed;
  }
}

template <class K>
struct SortItem {
  K key;
  std::uint32_t position;

  bool operator<(const SortItem& other) const {
    return key != other.key ? key < other.key : position < other.position;
  }
};

// Sorts `count` items, whose positions ascend, stably by key; `other` is work space. Returns which of the two holds the result. Digits
// that all keys share cost nothing.
template <class K>
SortItem<K>* radix_sort(SortItem<K>* items, SortItem<K>* other, Index count) {
  constexpr int digits = static_cast<int>(sizeof(K)), values = 256;
  if (count <= 64) {
    std::sort(items, items + count);
    return items;
  }
  std::array<std::array<std::uint32_t, values>, digits> counts{};
  for (Index i = 0; i < count; ++i)
    for (int d = 0; d < digits; ++d) ++counts[static_cast<std::size_t>(d)][(items[i].key >> (8 * d)) & 0xff];
  for (int d = 0; d < digits; ++d) {
    auto& places = counts[static_cast<std::size_t>(d)];
    if (places[(items[0].key >> (8 * d)) & 0xff] == static_cast<std::uint32_t>(count)) continue;
    std::uint32_t sum = 0;
    for (std::uint32_t& place : places) sum += std::exchange(place, sum);
    for (Index i = 0; i < count; ++i) other[places[(items[i].key >> (8 * d)) & 0xff]++] = items[i];
    std::swap(items, other);
  }
  return items;
}

// The items of one row, in order.
template <class T>
const SortItem<SortKey<T>>* sorted_row(const T* row, Index n, bool descending) {
  using Item = SortItem<SortKey<T>>;
  Item* const items = scratch<Item>(Scratch::sort, 2 * n);
  for (Index i = 0; i < n; ++i) items[i] = {sort_key(row[i], descending), static_cast<std::uint32_t>(i)};
  return radix_sort(items, items + n, n);
}

// The k first items of one row, in order: the best so far are a heap with the worst of them on top.
template <class T>
const SortItem<SortKey<T>>* first_of_row(const T* row, Index n, Index k, bool descending) {
  using Item = SortItem<SortKey<T>>;
  if (k > n / 8) return sorted_row(row, n, descending);
  Item* const best = scratch<Item>(Scratch::sort, k + 1);
  for (Index i = 0; i < k; ++i) best[i] = {sort_key(row[i], descending), static_cast<std::uint32_t>(i)};
  std::make_heap(best, best + k);
  constexpr Index block = 64;
  for (Index first = k; first < n && k > 0; first += block) {
    SortKey<T> keys[block], least = static_cast<SortKey<T>>(~SortKey<T>(0));
    const Index count = std::min(block, n - first);
    GLIA_OMP(simd reduction(min : least))
    for (Index i = 0; i < count; ++i) keys[i] = sort_key(row[first + i], descending), least = std::min(least, keys[i]);
    if (least >= best[0].key) continue;  // as for most blocks
    for (Index i = 0; i < count; ++i) {
      if (keys[i] >= best[0].key) continue;
      std::pop_heap(best, best + k);
      best[k - 1] = {keys[i], static_cast<std::uint32_t>(first + i)};
      std::push_heap(best, best + k);
    }
  }
  std::sort_heap(best, best + k);
  return best;
}

}  // namespace detail

// order[r, i] = position of the i-th value of row r; sorted (may be null) receives the values. n < 2^32.
template <class T>
void sort_rows(Cpu, const T* x, Index rows, Index n, bool descending, T* sorted, std::int64_t* order) {
  parallel_chunks(rows, std::max<Index>(1, 2048 / std::max<Index>(1, n)), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const auto* const items = detail::sorted_row(x + r * n, n, descending);
      for (Index i = 0; i < n; ++i) order[r * n + i] = items[i].position;
      for (Index i = 0; i < n && sorted != nullptr; ++i) sorted[r * n + i] = x[r * n + items[i].position];
    }
  });
}

// The k first values of each row in descending (largest) or ascending order and their positions; k <= n < 2^32.
template <class T>
void topk_rows(Cpu, const T* x, Index rows, Index n, Index k, bool largest, T* values, std::int64_t* positions) {
  parallel_chunks(rows, std::max<Index>(1, 8192 / std::max<Index>(1, n)), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const auto* const items = detail::first_of_row(x + r * n, n, k, largest);
      for (Index i = 0; i < k; ++i) {
        positions[r * k + i] = items[i].position;
        values[r * k + i] = x[r * n + items[i].position];
      }
    }
  });
}

}  // namespace GLIA_NS
