#pragma once
// The bounded multi-level activation on the CPU, forward and backward in one pass each.

#include <glia/core/math.hpp>
#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/elementwise.hpp>

#include <vector>

namespace GLIA_NS {

// out = theta * clip(floor(z * levels / theta + 1/2) / levels, 0, 1); theta points to one number.
template <class T>
void qcfs_forward(Cpu, Index count, const T* z, const T* theta, double levels, T* out) {
  using C = cpu::compute_t<T>;
  const C top = static_cast<C>(*theta), steps = static_cast<C>(levels);
  parallel_for(count, Index{1} << 15, [&](Index first, Index last) {
    GLIA_OMP(simd)
    for (Index i = first; i < last; ++i) {
      const C u = math::floor(static_cast<C>(z[i]) * steps / top + C(0.5));
      out[i] = static_cast<T>(top * (math::clamp(u, C(0), steps) / steps));
    }
  });
}

namespace cpu {
// One chunk of qcfs_backward; returns its part of dtheta.
template <bool WantInput, class T>
double qcfs_backward_chunk(Index count, const T* z, compute_t<T> top, compute_t<T> steps, const T* dy,
                           [[maybe_unused]] T* dz) {
  using C = compute_t<T>;
  constexpr Index lanes = 64;
  const C margin = top / (C(2) * steps), upper = top - margin;
  alignas(64) C sums[lanes] = {};
  for (Index b = 0; b < count; b += lanes) {
    const Index n = std::min(lanes, count - b);
    GLIA_OMP(simd)
    for (Index j = 0; j < n; ++j) {
      const C x = static_cast<C>(z[b + j]), g = static_cast<C>(dy[b + j]);
      const C u = math::clamp(math::floor(x * steps / top + C(0.5)), C(0), steps) / steps;
      const C above = x >= upper ? g : C(0), pass = x > -margin ? g : C(0);
      const C straight = x < upper ? pass : C(0);
      sums[j] += straight * (u - x / top) + above;
      if constexpr (WantInput) dz[b + j] = static_cast<T>(straight);
    }
  }
  double total = 0;
  for (Index j = 0; j < lanes; ++j) total += static_cast<double>(sums[j]);
  return total;
}
}  // namespace cpu

// dz = dy between -theta / (2 levels) and theta - theta / (2 levels), 0 outside; dtheta sums dy (out - z) / theta
// inside and dy above. dz and dtheta may be null. Sums in fixed chunks: independent of the thread count.
template <class T>
void qcfs_backward(Cpu, Index count, const T* z, const T* theta, double levels, const T* dy, T* dz, T* dtheta) {
  using C = cpu::compute_t<T>;
  constexpr Index chunk = Index{1} << 14;
  const C top = static_cast<C>(*theta), steps = static_cast<C>(levels);
  std::vector<double> partial(static_cast<std::size_t>(chunk_count(count, chunk)), 0.0);
  parallel_chunks(count, chunk, [&](Index number, Index first, Index last) {
    partial[static_cast<std::size_t>(number)] =
        dz != nullptr ? cpu::qcfs_backward_chunk<true>(last - first, z + first, top, steps, dy + first, dz + first)
                      : cpu::qcfs_backward_chunk<false>(last - first, z + first, top, steps, dy + first, dz);
  });
  if (dtheta == nullptr) return;
  double total = 0;
  for (const double part : partial) total += part;
  *dtheta = static_cast<T>(total);
}

}  // namespace GLIA_NS
