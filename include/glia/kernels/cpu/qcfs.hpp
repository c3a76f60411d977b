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
  const bool stream = simd::worth_streaming<T>(count);
  parallel_for(count, Index{1} << 15, [&](Index first, Index last) {
    simd::write_blocks(stream, out + first, last - first, [&](Index at, Index n, T* to) {
      const T* in = z + first + at;
      GLIA_OMP(simd)
      for (Index i = 0; i < n; ++i) {
        const C u = math::floor(static_cast<C>(in[i]) * steps / top + C(0.5));
        to[i] = static_cast<T>(top * (math::clamp(u, C(0), steps) / steps));
      }
    });
    simd::stream_end(stream);
  });
}

namespace cpu {
// One chunk of qcfs_backward; returns its part of dtheta.
template <bool WantInput, class T>
double qcfs_backward_chunk(bool stream, Index count, const T* z, compute_t<T> top, compute_t<T> steps, const T* dy,
                           [[maybe_unused]] T* dz) {
  using C = compute_t<T>;
  constexpr Index lanes = 64;
  const C margin = top / (C(2) * steps), upper = top - margin, share = C(1) / steps;
  alignas(64) C sums[lanes] = {};
  const auto run = [&](Index begin, Index n, [[maybe_unused]] T* to) {
    GLIA_OMP(simd)
    for (Index j = 0; j < n; ++j) {
      const C x = static_cast<C>(z[begin + j]), g = static_cast<C>(dy[begin + j]);
      const C level = x * steps / top;
      const C u = math::clamp(math::floor(level + C(0.5)), C(0), steps);
      const C above = x >= upper ? g : C(0), pass = x > -margin ? g : C(0);
      const C straight = x < upper ? pass : C(0);
      sums[j] += straight * ((u - level) * share) + above;
      if constexpr (WantInput) to[j] = static_cast<T>(straight);
    }
  };
  const auto piece = [&](Index first, Index n, T* to) {
    for (Index b = 0; b < n; b += lanes) run(first + b, std::min(lanes, n - b), to + b);
  };
  if constexpr (WantInput) {
    simd::write_blocks(stream, dz, count, piece);
    simd::stream_end(stream);
  } else {
    for (Index b = 0; b < count; b += lanes) run(b, std::min(lanes, count - b), nullptr);
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
  const bool stream = simd::worth_streaming<T>(count);
  std::vector<double> partial(static_cast<std::size_t>(chunk_count(count, chunk)), 0.0);
  parallel_chunks(count, chunk, [&](Index number, Index first, Index last) {
    partial[static_cast<std::size_t>(number)] =
        dz != nullptr
            ? cpu::qcfs_backward_chunk<true>(stream, last - first, z + first, top, steps, dy + first, dz + first)
            : cpu::qcfs_backward_chunk<false>(stream, last - first, z + first, top, steps, dy + first, dz);
  });
  if (dtheta == nullptr) return;
  double total = 0;
  for (const double part : partial) total += part;
  *dtheta = static_cast<T>(total);
}

}  // namespace GLIA_NS
