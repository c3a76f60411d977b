#pragma once
// Random fills on CUDA: a thread draws one Philox block and writes the four elements made of it.

#include <glia/device/cuda_copy.hpp>
#include <glia/kernels/cuda/launch.cuh>
#include <glia/kernels/cuda/random.hpp>

#include <vector>

namespace GLIA_NS {

namespace cuda {

template <class T>
using random_real_t = glia::detail::random_real_t<T>;
template <class T>
inline constexpr bool wide_random = glia::detail::wide_random<T>;

// Draws: functors that make four elements of the first and second words of a block.
template <class T>
struct UniformDraw {
  using Real = random_real_t<T>;
  static constexpr bool wide = wide_random<T>;
  Real base, span;

  __device__ void operator()(const PhiloxBlock& a, const PhiloxBlock& b, T (&out)[4]) const {
#pragma unroll
    for (int l = 0; l < 4; ++l) {
      if constexpr (wide)
        out[l] = static_cast<T>(math::fma(uniform_double(a.lane[l], b.lane[l]), span, base));
      else
        out[l] = static_cast<T>(math::fma(uniform_float(a.lane[l]), span, base));
    }
  }
};

template <class T>
struct NormalDraw {
  using Real = random_real_t<T>;
  static constexpr bool wide = wide_random<T>;
  Real centre, scale;

  __device__ void operator()(const PhiloxBlock& a, const PhiloxBlock& b, T (&out)[4]) const {
#pragma unroll
    for (int l = 0; l < 4; l += 2) {
      NormalPair<Real> z;
      if constexpr (wide)
        z = normal_pair(a.lane[l], b.lane[l], a.lane[l + 1], b.lane[l + 1]);
      else
        z = normal_pair(a.lane[l], a.lane[l + 1]);
      out[l] = static_cast<T>(math::fma(z.first, scale, centre));
      out[l + 1] = static_cast<T>(math::fma(z.second, scale, centre));
    }
  }
};

template <class T>
struct BernoulliDraw {
  static constexpr bool wide = false;
  std::uint64_t threshold;  // of 2^32

  __device__ void operator()(const PhiloxBlock& a, const PhiloxBlock&, T (&out)[4]) const {
#pragma unroll
    for (int l = 0; l < 4; ++l) out[l] = static_cast<T>(a.lane[l] < threshold ? 1 : 0);
  }
};

template <class T>
struct IntegerDraw {
  static constexpr bool wide = true;
  std::uint64_t low, span;

  __device__ void operator()(const PhiloxBlock& a, const PhiloxBlock& b, T (&out)[4]) const {
#pragma unroll
    for (int l = 0; l < 4; ++l)
      out[l] = static_cast<T>(static_cast<std::int64_t>(low + uniform_below(a.lane[l], b.lane[l], span)));
  }
};

template <class T, class Draw>
__global__ void random_kernel(Draw draw, T* out, Index n, std::uint64_t key, std::uint64_t counter, bool aligned) {
  const Philox philox{key};
  for (Index p = first_item(); 4 * p < n; p += item_step()) {
    const std::uint64_t at = counter + static_cast<std::uint64_t>(p);
    const PhiloxBlock first = philox(at, 0);
    PhiloxBlock second = first;
    if constexpr (Draw::wide) second = philox(at, 1);
    Pack<T, 4> pack;
    draw(first, second, pack.values);
    if (aligned && 4 * p + 4 <= n) {
      reinterpret_cast<Pack<T, 4>*>(out)[p] = pack;
    } else {
#pragma unroll
      for (int l = 0; l < 4; ++l)
        if (4 * p + l < n) out[4 * p + l] = pack.values[l];
    }
  }
}

template <class T, class Draw>
void fill_random(const char* op, const Draw& draw, T* out, Index n, std::uint64_t key, std::uint64_t counter) {
  static_assert(glia::detail::first_plane == 0 && glia::detail::second_plane == 1);
  if (n == 0) return;
  random_kernel<T, Draw>
      <<<blocks_for((n + 3) / 4), block_threads, 0, current_stream()>>>(draw, out, n, key, counter, is_aligned<4>(out));
  check_launch(op);
}

}  // namespace cuda

template <Floating T>
void fill_uniform(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, T low, T high) {
  using Real = cuda::random_real_t<T>;
  const Real base = static_cast<Real>(low);
  cuda::fill_random("rand", cuda::UniformDraw<T>{base, static_cast<Real>(high) - base}, out, n, key, counter);
}

template <Floating T>
void fill_normal(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, T mean, T stddev) {
  using Real = cuda::random_real_t<T>;
  cuda::fill_random("randn", cuda::NormalDraw<T>{static_cast<Real>(mean), static_cast<Real>(stddev)}, out, n, key,
                    counter);
}

template <Scalar T>
void fill_bernoulli(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, double p) {
  const double scaled = math::clamp(p, 0.0, 1.0) * 0x1p32;
  cuda::fill_random("bernoulli", cuda::BernoulliDraw<T>{static_cast<std::uint64_t>(math::round(scaled))}, out, n, key,
                    counter);
}

template <Integral T>
void fill_integers(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, std::int64_t low,
                   std::int64_t high) {
  const auto from = static_cast<std::uint64_t>(low);
  cuda::fill_random("randint", cuda::IntegerDraw<T>{from, static_cast<std::uint64_t>(high) - from}, out, n, key,
                    counter);
}

// The CPU's permutation, made on the host: every swap depends on those before it.
template <class Lazy>
void random_permutation(Cuda, std::int64_t* out, Index n, std::uint64_t key, std::uint64_t counter) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto j =
        static_cast<std::size_t>(random_below(key, counter, static_cast<Index>(i), static_cast<std::uint64_t>(i) + 1));
    order[i] = order[j];
    order[j] = static_cast<std::int64_t>(i);
  }
  copy_bytes(Cuda{}, Cpu{}, out, order.data(), order.size() * sizeof(std::int64_t));
}

}  // namespace GLIA_NS
