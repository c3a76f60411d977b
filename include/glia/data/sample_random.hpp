#pragma once
// A sequence of random numbers for one sample: it depends on (key, sample) alone, whoever draws it.

#include <glia/core/random.hpp>

#include <cmath>
#include <utility>
#include <vector>

namespace GLIA_NS::data {

// Key of one use of randomness in one epoch: shuffling, augmenting, mixing, ... must not share numbers.
GLIA_LAZY std::uint64_t epoch_key(std::uint64_t seed, std::int64_t epoch, std::uint64_t use) {
  return Generator(seed).split(static_cast<std::uint64_t>(epoch)).split(use).key;
}

class SampleRandom {
 public:
  SampleRandom(std::uint64_t key, Index sample) : key_(key), sample_(static_cast<std::uint64_t>(sample)) {}

  std::uint32_t bits() {
    if (lane_ == 4) {
      block_ = Philox{key_}(counter_++, sample_);
      lane_ = 0;
    }
    return block_.lane[lane_++];
  }
  // In [0, 1).
  float uniform() { return uniform_float(bits()); }
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  bool coin(float probability) { return uniform() < probability; }
  // A whole number in [0, n).
  Index below(Index n) {
    const std::uint32_t first = bits(), second = bits();
    return static_cast<Index>(uniform_below(first, second, static_cast<std::uint64_t>(n)));
  }

  // Gamma(shape, 1) (Marsaglia & Tsang 2000; shapes below 1 by their boost).
  double gamma(double shape) {
    if (shape < 1) {
      const double u = open_uniform();
      return gamma(shape + 1) * std::pow(u, 1 / shape);
    }
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const std::uint32_t a = bits(), b = bits();
      const double x = static_cast<double>(normal_pair(a, b).first), v = std::pow(1 + c * x, 3);
      if (v > 0 && std::log(open_uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }
  // Beta(a, b), in [0, 1].
  double beta(double a, double b) {
    const double x = gamma(a), y = gamma(b);
    return x + y > 0 ? x / (x + y) : 0.5;
  }

 private:
  double open_uniform() {
    const std::uint32_t a = bits(), b = bits();
    return 1.0 - uniform_double(a, b);
  }

  std::uint64_t key_, sample_, counter_ = 0;
  PhiloxBlock block_ = {};
  int lane_ = 4;
};

// A random order of 0 ... count-1 (Fisher-Yates), set by `key` alone.
GLIA_LAZY std::vector<Index> random_order(Index count, std::uint64_t key) {
  std::vector<Index> out(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = i;
  SampleRandom random(key, 0);
  for (Index i = count - 1; i > 0; --i)
    std::swap(out[static_cast<std::size_t>(i)], out[static_cast<std::size_t>(random.below(i + 1))]);
  return out;
}

}  // namespace GLIA_NS::data
