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

// dz = dy between -theta / (2 levels) and theta - theta / (2 levels), 0 outside; dtheta sums dy (out - z) / theta
// inside and dy above. dz and dtheta may be null. Sums in fixed chunks: independent of the thread count.
template <class T>
void qcfs_backward(Cpu, Index count, const T* z, const T* theta, double levels, const T* dy, T* dz, T* dtheta) {
  using C = cpu::compute_t<T>;
  constexpr Index chunk = Index{1} << 14, lanes = 64;
  const C top = static_cast<C>(*theta), steps = static_cast<C>(levels);
  const C margin = top / (C(2) * steps), upper = top - margin;
  std::vector<double> partial(static_cast<std::size_t>(chunk_count(count, chunk)), 0.0);
  parallel_chunks(count, chunk, [&](Index number, Index first, Index last) {
    C sums[lanes] = {};
    for (Index b = first; b < last; b += lanes) {
      const Index n = std::min(lanes, last - b);
      GLIA_OMP(simd)
      for (Index j = 0; j < n; ++j) {
        const C x = static_cast<C>(z[b + j]), g = static_cast<C>(dy[b + j]);
        const C u = math::clamp(math::floor(x * steps / top + C(0.5)), C(0), steps) / steps;
        const bool inside = static_cast<bool>(static_cast<int>(x > -margin) & static_cast<int>(x < upper));
        const C above = x >= upper ? g : C(0);
        sums[j] += inside ? g * (u - x / top) : above;
        if (dz != nullptr) dz[b + j] = static_cast<T>(inside ? g : C(0));
      }
    }
    double total = 0;
    for (Index j = 0; j < lanes; ++j) total += static_cast<double>(sums[j]);
    partial[static_cast<std::size_t>(number)] = total;
  });
  if (dtheta == nullptr) return;
  double total = 0;
  for (const double part : partial) total += part;
  *dtheta = static_cast<T>(total);
}

}  // namespace GLIA_NS
