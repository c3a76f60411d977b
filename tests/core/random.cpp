// Philox against the known answers of the Random123 distribution; distributions, fills and generators.

#include <glia/core/random.hpp>
#include <glia/kernels/cpu/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {
using glia::Cpu;
using glia::Generator;
using glia::Index;
using glia::Philox;

template <class T>
struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
  explicit Moments(const std::vector<T>& x) {
    const auto n = static_cast<double>(x.size());
    for (const T v : x) mean += static_cast<double>(v) / n;
    for (const T v : x) {
      const double d = static_cast<double>(v) - mean;
      variance += d * d / n;
      skew += d * d * d / n;
      kurtosis += d * d * d * d / n;
    }
    skew /= std::pow(variance, 1.5);
    kurtosis /= variance * variance;
  }
};

// Sum of (observed - expected)^2 / expected for equally likely cells.
double chi_square(const std::vector<std::int64_t>& counts, double total) {
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const auto c : counts) sum += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  return sum;
}
}  // namespace

TEST_CASE("random: Philox 4x32-10 known answers") {
  const auto words = [](std::uint64_t key, std::uint64_t low, std::uint64_t high) {
    const auto b = Philox{key}(low, high);
    return std::array{b.lane[0], b.lane[1], b.lane[2], b.lane[3]};
  };
  CHECK(words(0, 0, 0) == std::array{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(words(~0ull, ~0ull, ~0ull) == std::array{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(words(0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x0370734413198a2eu) ==
        std::array{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("random: words to numbers") {
  CHECK(glia::uniform_float(0) == 0.0f);
  CHECK(glia::uniform_float(~0u) == 1.0f - 0x1p-24f);
  CHECK(glia::uniform_double(0, 0) == 0.0);
  CHECK(glia::uniform_double(~0u, ~0u) == 1.0 - 0x1p-53);
  CHECK(glia::uniform_double(0, 1u << 11) == 0x1p-53);
  CHECK(glia::uniform_below(~0u, ~0u, 10) == 9);
  CHECK(glia::uniform_below(0, ~0u, 10) == 0);
  CHECK(glia::uniform_below(~0u, ~0u, ~0ull) == ~0ull - 1);
  CHECK(glia::detail::multiply_high(0x123456789abcdef0u, 0xfedcba9876543210u) == 0x121fa00ad77d7422u);
  const auto extreme = glia::normal_pair(0u, 0u);
  CHECK(std::hypot(extreme.first, extreme.second) == doctest::Approx(std::sqrt(64 * std::log(2.0))).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("random: uniform and normal moments", T, float, double) {
  const Index n = 400000;
  std::vector<T> x(static_cast<std::size_t>(n));
  glia::fill_uniform(Cpu{}, x.data(), n, 7, 11, T(-1), T(3));
  const Moments<T> u(x);
  CHECK(u.mean == doctest::Approx(1.0).epsilon(0.006));
  CHECK(u.variance == doctest::Approx(16.0 / 12).epsilon(0.005));
  CHECK(*std::min_element(x.begin(), x.end()) >= T(-1));
  CHECK(*std::max_element(x.begin(), x.end()) <= T(3));
  std::vector<std::int64_t> cells(256);
  for (const T v : x) ++cells[static_cast<std::size_t>((v + T(1)) * T(64))];
  const double uniform_chi = chi_square(cells, static_cast<double>(n));  // 255 degrees of freedom
  CHECK(uniform_chi > 180);
  CHECK(uniform_chi < 340);

  glia::fill_normal(Cpu{}, x.data(), n, 7, 11, T(2), T(3));
  const Moments<T> z(x);
  CHECK(z.mean == doctest::Approx(2.0).epsilon(0.007));
  CHECK(z.variance == doctest::Approx(9.0).epsilon(0.01));
  CHECK(std::abs(z.skew) < 0.015);
  CHECK(z.kurtosis == doctest::Approx(3.0).epsilon(0.01));
  // cells of equal probability under the normal distribution function
  std::fill(cells.begin(), cells.end(), 0);
  double product = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double s = (static_cast<double>(x[i]) - 2) / 3;
    ++cells[static_cast<std::size_t>(std::min(255.0, 128 * std::erfc(-s / std::sqrt(2.0))))];
    if (i % 2 == 1) product += s * (static_cast<double>(x[i - 1]) - 2) / 3;
  }
  const double normal_chi = chi_square(cells, static_cast<double>(n));
  CHECK(normal_chi > 180);
  CHECK(normal_chi < 340);
  CHECK(std::abs(product) * 2 / static_cast<double>(n) < 0.01);  // the two of a pair do not correlate
}

TEST_CASE("random: bernoulli, integers and permutations") {
  const Index n = 200000;
  std::vector<float> x(static_cast<std::size_t>(n));
  glia::fill_bernoulli(Cpu{}, x.data(), n, 5, 0, 0.3);
  CHECK(Moments<float>(x).mean == doctest::Approx(0.3).epsilon(0.012));
  CHECK(std::all_of(x.begin(), x.end(), [](float v) { return v == 0.0f || v == 1.0f; }));
  glia::fill_bernoulli(Cpu{}, x.data(), n, 5, 0, 0.0);
  CHECK(*std::max_element(x.begin(), x.end()) == 0.0f);
  glia::fill_bernoulli(Cpu{}, x.data(), n, 5, 0, 1.0);
  CHECK(*std::min_element(x.begin(), x.end()) == 1.0f);

  std::vector<std::int64_t> k(static_cast<std::size_t>(n)), cells(100);
  glia::fill_integers(Cpu{}, k.data(), n, 5, 0, -50, 50);
  for (const auto v : k) {
    REQUIRE((v >= -50 && v < 50));
    ++cells[static_cast<std::size_t>(v + 50)];
  }
  const double chi = chi_square(cells, static_cast<double>(n));  // 99 degrees of freedom
  CHECK(chi > 60);
  CHECK(chi < 150);

  std::vector<std::int64_t> p(1000), position(10 * 10);
  glia::random_permutation(Cpu{}, p.data(), 1000, 3, 0);
  std::vector<std::int64_t> sorted = p;
  std::sort(sorted.begin(), sorted.end());
  for (Index i = 0; i < 1000; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
  // every value is equally likely at every position
  for (std::uint64_t trial = 0; trial < 20000; ++trial) {
    glia::random_permutation(Cpu{}, p.data(), 10, 3, trial * 3);
    for (std::size_t i = 0; i < 10; ++i) ++position[i * 10 + static_cast<std::size_t>(p[i])];
  }
  CHECK(chi_square(position, 200000.0) < 130);  // 81 degrees of freedom
  glia::random_permutation(Cpu{}, p.data(), 0, 3, 0);
}

TEST_CASE_TEMPLATE("random: fills equal the element functions at any length and thread count", T, float, double) {
  const int threads = glia::num_threads();
  for (const Index n : {Index{0}, Index{1}, Index{5}, Index{255}, Index{256}, Index{20011}}) {
    std::vector<T> one(static_cast<std::size_t>(n)), many(one), uniform(one);
    glia::set_num_threads(1);
    glia::fill_normal(Cpu{}, one.data(), n, 99, 4, T(0), T(1));
    glia::set_num_threads(3);
    glia::fill_normal(Cpu{}, many.data(), n, 99, 4, T(0), T(1));
    glia::fill_uniform(Cpu{}, uniform.data(), n, 99, 4, T(0), T(1));
    glia::set_num_threads(threads);
    CHECK(one == many);
    std::size_t different = 0;
    for (Index i = 0; i < n; ++i) {
      different += one[static_cast<std::size_t>(i)] != glia::random_normal<T>(99, 4, i);
      different += uniform[static_cast<std::size_t>(i)] != glia::random_uniform<T>(99, 4, i);
    }
    CHECK(different == 0);
  }
}

TEST_CASE("random: reduced types draw what float draws") {
  std::vector<glia::bfloat16> b(37);
  std::vector<float> f(37);
  glia::fill_normal(Cpu{}, b.data(), 37, 1, 2, glia::bfloat16(0), glia::bfloat16(1));
  glia::fill_normal(Cpu{}, f.data(), 37, 1, 2, 0.0f, 1.0f);
  for (std::size_t i = 0; i < b.size(); ++i) CHECK(b[i].bits == glia::bfloat16(f[i]).bits);
}

TEST_CASE("random: generators") {
  Generator g(42);
  CHECK(g.reserve(1) == 0);
  CHECK(g.reserve(4) == 1);
  CHECK(g.reserve(9) == 2);
  CHECK(g.counter == 5);
  CHECK(g.reserve(0) == 5);
  const Generator a = g.split(1), b = g.split(2);
  CHECK(a == Generator(42).split(1));
  CHECK_FALSE(a == b);
  CHECK(a.counter == 0);
  CHECK(a.key != g.key);
}
