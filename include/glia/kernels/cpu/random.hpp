#pragma once
// Random fills on the CPU. Element i depends on (key, counter, i) alone (core/random.hpp), so results are bitwise the
// same at any thread count and equal to the element functions.

#include <glia/core/parallel.hpp>
#include <glia/core/random.hpp>
#include <glia/core/scalar.hpp>
#include <glia/device/cpu.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace GLIA_NS {

namespace detail {
// Blocks drawn at a time: lane-major, so that drawing and transforming both vectorise.
inline constexpr Index random_batch = 64;
struct RandomWords {
  alignas(64) std::uint32_t lane[4][random_batch];
};

inline void draw(RandomWords& words, std::uint64_t key, std::uint64_t counter, std::uint64_t plane) {
  const Philox philox{key};
  for (Index b = 0; b < random_batch; ++b) {
    const PhiloxBlock block = philox(counter + static_cast<std::uint64_t>(b), plane);
    words.lane[0][b] = block.lane[0];
    words.lane[1][b] = block.lane[1];
    words.lane[2][b] = block.lane[2];
    words.lane[3][b] = block.lane[3];
  }
}

// Calls transform(first words, second words, values) per batch and writes values[lane][block] to out[4 block + lane].
// Without Wide the second words are not drawn.
template <bool Wide, class V, class T, class Transform>
void fill_random(T* out, Index n, std::uint64_t key, std::uint64_t counter, const Transform& transform) {
  constexpr Index batch = 4 * random_batch;
  parallel_for(chunk_count(n, batch), 16, [&](Index first, Index last) {
    RandomWords words, more{};
    alignas(64) V values[4][random_batch];
    for (Index c = first; c < last; ++c) {
      const std::uint64_t at = counter + static_cast<std::uint64_t>(c * random_batch);
      draw(words, key, at, first_plane);
      if constexpr (Wide) draw(more, key, at, second_plane);
      transform(words, more, values);
      T* const o = out + c * batch;
      const Index count = std::min(n - c * batch, batch), whole = count / 4;
      for (Index b = 0; b < whole; ++b)
        for (Index l = 0; l < 4; ++l) o[4 * b + l] = static_cast<T>(values[l][b]);
      for (Index i = 4 * whole; i < count; ++i) o[i] = static_cast<T>(values[i % 4][i / 4]);
    }
  });
}
}  // namespace detail

// out[i] = low + (high - low) u_i with u_i in [0, 1); i < n. Rounding can give `high` itself where T is coarse.
template <Floating T>
void fill_uniform(Cpu, T* out, Index n, std::uint64_t key, std::uint64_t counter, T low, T high) {
  using V = detail::random_real_t<T>;
  const V base = static_cast<V>(low), span = static_cast<V>(high) - base;
  detail::fill_random<detail::wide_random<T>, V>(
      out, n, key, counter, [=](const detail::RandomWords& a, const detail::RandomWords& b, auto& values) {
        for (int l = 0; l < 4; ++l)
          for (Index i = 0; i < detail::random_batch; ++i) {
            if constexpr (detail::wide_random<T>) {
              values[l][i] = math::fma(uniform_double(a.lane[l][i], b.lane[l][i]), span, base);
            } else {
              values[l][i] = math::fma(uniform_float(a.lane[l][i]), span, base);
            }
          }
      });
}

// out[i] = mean + stddev z_i with z_i standard normal; i < n.
template <Floating T>
void fill_normal(Cpu, T* out, Index n, std::uint64_t key, std::uint64_t counter, T mean, T stddev) {
  using V = detail::random_real_t<T>;
  const V centre = static_cast<V>(mean), scale = static_cast<V>(stddev);
  detail::fill_random<detail::wide_random<T>, V>(
      out, n, key, counter, [=](const detail::RandomWords& a, const detail::RandomWords& b, auto& values) {
        for (int l = 0; l < 4; l += 2)
          for (Index i = 0; i < detail::random_batch; ++i) {
            NormalPair<V> z;
            if constexpr (detail::wide_random<T>) {
              z = normal_pair(a.lane[l][i], b.lane[l][i], a.lane[l + 1][i], b.lane[l + 1][i]);
            } else {
              z = normal_pair(a.lane[l][i], a.lane[l + 1][i]);
            }
            values[l][i] = math::fma(z.first, scale, centre);
            values[l + 1][i] = math::fma(z.second, scale, centre);
          }
      });
}

// out[i] = 1 with probability p (resolved to 2^-32), else 0; i < n. Any element type.
template <Scalar T>
void fill_bernoulli(Cpu, T* out, Index n, std::uint64_t key, std::uint64_t counter, double p) {
  const double scaled = math::clamp(p, 0.0, 1.0) * 0x1p32;
  const auto threshold = static_cast<std::uint64_t>(math::round(scaled));
  const std::uint32_t last = threshold == 0 ? 0u : static_cast<std::uint32_t>(threshold - 1);
  const std::uint8_t any = threshold == 0 ? 0 : 1;
  detail::fill_random<false, std::uint8_t>(
      out, n, key, counter, [=](const detail::RandomWords& a, const detail::RandomWords&, auto& values) {
        for (int l = 0; l < 4; ++l)
          for (Index i = 0; i < detail::random_batch; ++i)
            values[l][i] = a.lane[l][i] <= last ? any : std::uint8_t{0};
      });
}

// out[i] = a whole number in [low, high); i < n, low < high.
template <Integral T>
void fill_integers(Cpu, T* out, Index n, std::uint64_t key, std::uint64_t counter, std::int64_t low,
                   std::int64_t high) {
  const auto span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  detail::fill_random<true, std::int64_t>(
      out, n, key, counter, [=](const detail::RandomWords& a, const detail::RandomWords& b, auto& values) {
        for (int l = 0; l < 4; ++l)
          for (Index i = 0; i < detail::random_batch; ++i)
            values[l][i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) +
                                                     uniform_below(a.lane[l][i], b.lane[l][i], span));
      });
}

// out[0 .. n) = a permutation of 0 .. n-1, each equally likely (Fisher-Yates; uses the counter values of n elements).
inline void random_permutation(Cpu, std::int64_t* out, Index n, std::uint64_t key, std::uint64_t counter) {
  for (Index i = 0; i < n; ++i) {
    const auto j = static_cast<Index>(random_below(key, counter, i, static_cast<std::uint64_t>(i) + 1));
    out[i] = out[j];
    out[j] = i;
  }
}

}  // namespace GLIA_NS
