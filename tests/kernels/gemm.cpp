// Matrix products against a double-precision triple loop.

#include <glia/kernels/cpu/gemm.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace {

using glia::Cpu;
using glia::Index;

template <class T>
std::vector<T> random_values(Index count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = static_cast<T>(uniform(engine));
  return values;
}

struct Product {
  Index m, n, k;
  double alpha, beta;
};

const Product products[] = {
    {1, 1, 1, 1, 0},     {1, 7, 3, 1, 0},      {5, 1, 300, 2, 1},   {12, 32, 256, 1, 0},    {13, 33, 257, 1, 1},
    {64, 27, 100, 1, 0}, {25, 530, 19, -1, 0}, {3, 0, 4, 1, 0},     {0, 4, 4, 1, 0},        {6, 17, 0, 1, 0.5},
    {70, 96, 700, 1, 0}, {128, 10, 64, 1, 0},  {10, 64, 520, 1, 1}, {31, 100, 31, 0.5, -2}, {210, 600, 512, 1, 1},
};

template <class T>
void check_products(double tolerance) {
  for (const Product& p : products) {
    for (int trans = 0; trans < 4; ++trans) {
      const bool ta = (trans & 1) != 0, tb = (trans & 2) != 0;
      CAPTURE(p.m);
      CAPTURE(p.n);
      CAPTURE(p.k);
      CAPTURE(trans);
      const Index lda = (ta ? p.m : p.k) + 3, ldb = (tb ? p.k : p.n) + 1, ldc = p.n + 2;
      const auto a = random_values<T>(lda * (ta ? p.k : p.m) + 1, 1),
                 b = random_values<T>(ldb * (tb ? p.n : p.k) + 1, 2);
      auto c = random_values<T>(ldc * p.m + 1, 3);
      auto expected = std::vector<double>(c.begin(), c.end());
      for (Index i = 0; i < p.m; ++i)
        for (Index j = 0; j < p.n; ++j) {
          double sum = 0;
          for (Index q = 0; q < p.k; ++q)
            sum += static_cast<double>(a[static_cast<std::size_t>(ta ? q * lda + i : i * lda + q)]) *
                   static_cast<double>(b[static_cast<std::size_t>(tb ? j * ldb + q : q * ldb + j)]);
          double& e = expected[static_cast<std::size_t>(i * ldc + j)];
          e = p.alpha * sum + p.beta * e;
          if (p.beta == 0.0) c[static_cast<std::size_t>(i * ldc + j)] = std::numeric_limits<T>::quiet_NaN();
        }
      auto again = c;
      glia::set_num_threads(2);
      gemm(Cpu{}, ta, tb, p.m, p.n, p.k, static_cast<T>(p.alpha), a.data(), lda, b.data(), ldb, static_cast<T>(p.beta),
           c.data(), ldc);
      double worst = 0;
      for (std::size_t i = 0; i < c.size(); ++i)
        worst = std::fmax(worst, std::isnan(c[i]) ? 1e30 : std::fabs(static_cast<double>(c[i]) - expected[i]));
      CHECK(worst <= tolerance * std::sqrt(static_cast<double>(p.k) + 1));
      for (const int threads : {1, 3}) {
        auto other = again;
        glia::set_num_threads(threads);
        gemm(Cpu{}, ta, tb, p.m, p.n, p.k, static_cast<T>(p.alpha), a.data(), lda, b.data(), ldb,
             static_cast<T>(p.beta), other.data(), ldc);
        CHECK(std::memcmp(other.data(), c.data(), c.size() * sizeof(T)) == 0);
      }
      glia::set_num_threads(2);
    }
  }
}

}  // namespace

TEST_CASE("gemm agrees with a double-precision loop and is the same at any thread count") {
  check_products<float>(2e-6);
  check_products<double>(4e-15);
  check_products<glia::bfloat16>(7e-3);  // results, four deviations at most, are rounded by 1/256 of them
}

TEST_CASE("every unit that multiplies bfloat16 matrices sums in float") {
  namespace bf16 = glia::detail::bf16;
  for (const auto& [m, n, k] : {std::array<Index, 3>{40, 300, 4500}, {1, 1, 1}, {33, 31, 63}, {16, 17, 2049}})
    for (const bool transposed : {false, true}) {
      const auto a = random_values<glia::bfloat16>(m * k, 1), b = random_values<glia::bfloat16>(k * n, 2);
      const bf16::MatrixRows<glia::bfloat16> rows{a.data(), transposed ? m : k, transposed, m};
      const bf16::MatrixColumns<glia::bfloat16> columns{b.data(), transposed ? k : n, transposed, n};
      for (const auto unit : {bf16::Unit::plain, bf16::Unit::pairs, bf16::Unit::matrix}) {
        if (unit > bf16::best_unit()) continue;
        CAPTURE(static_cast<int>(unit));
        std::vector<float> c(static_cast<std::size_t>(m * n), std::numeric_limits<float>::quiet_NaN());
        bf16::product(m, n, k, rows, columns, unit, nullptr, c.data(), n);
        double worst = 0;
        for (Index i = 0; i < m; ++i)
          for (Index j = 0; j < n; ++j) {
            double sum = 0;
            for (Index q = 0; q < k; ++q)
              sum += static_cast<double>(a[static_cast<std::size_t>(transposed ? q * m + i : i * k + q)]) *
                     static_cast<double>(b[static_cast<std::size_t>(transposed ? j * k + q : q * n + j)]);
            const double got = static_cast<double>(c[static_cast<std::size_t>(i * n + j)]);
            worst = std::fmax(worst, std::isnan(got) ? 1e30 : std::fabs(got - sum));
          }
        CHECK(worst <= 1e-6 * std::sqrt(static_cast<double>(k)));
      }
    }
}

TEST_CASE("float products are rounded to bfloat16 inside a scope that allows it, and only there") {
  const Index m = 70, n = 45, k = 130, batch = 9;
  const auto a = random_values<float>(batch * m * k, 1), b = random_values<float>(batch * k * n, 2);
  const auto run = [&] {
    std::vector<float> c(static_cast<std::size_t>(batch * m * n), std::numeric_limits<float>::quiet_NaN());
    gemm(Cpu{}, false, false, m, n, k, 1.0f, a.data(), k, b.data(), n, 0.0f, c.data(), n);
    const std::vector<float> one(c.begin(), c.begin() + m * n);
    gemm_batched(Cpu{}, false, false, m, n, k, 1.0f, a.data(), k, b.data(), n, 0.0f, c.data(), n, batch, m * k, k * n, m * n);
    CHECK(std::equal(one.begin(), one.end(), c.begin()));  // helper threads do as the thread that calls
    return c;
  };
  const auto exact = run();
  std::vector<float> allowed;
  {
    const glia::AllowBfloat16 scope;
    allowed = run();
  }
  CHECK(run() == exact);
  CHECK((allowed != exact) == (glia::detail::bf16::best_unit() == glia::detail::bf16::Unit::matrix));
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) worst = std::fmax(worst, std::fabs(static_cast<double>(allowed[i] - exact[i])));
  CHECK(worst <= 0.005 * std::sqrt(static_cast<double>(k)));
}

TEST_CASE("the distance between rows does not change a product") {
  // Rows that lie a power of two apart are copied before they are read.
  const Index m = 205, n = 90, k = 300;
  const auto b = random_values<float>(k * n, 5);
  const auto wide = random_values<float>(m * 512, 6);
  std::vector<float> narrow(static_cast<std::size_t>(m * k)), c(static_cast<std::size_t>(m * n)), expected(c.size());
  for (Index i = 0; i < m; ++i) std::copy_n(wide.data() + i * 512, k, narrow.data() + i * k);
  gemm(Cpu{}, false, false, m, n, k, 1.0f, narrow.data(), k, b.data(), n, 0.0f, expected.data(), n);
  gemm(Cpu{}, false, false, m, n, k, 1.0f, wide.data(), 512, b.data(), n, 0.0f, c.data(), n);
  CHECK(c == expected);
}

TEST_CASE("a second operand too long for the caches is asked for ahead, which changes nothing") {
  // The weights' gradient of a layer: few rows, as many columns as fit one chunk or a little more, a long sum.
  const Index m = 61, k = 8300;
  for (const Index n : {Index{264}, Index{417}}) {
    const auto a = random_values<float>(k * m, 1), b = random_values<float>(k * n, 2);
    std::vector<float> rows(static_cast<std::size_t>(m * k)), c(static_cast<std::size_t>(m * n)), expected(c.size());
    for (Index i = 0; i < m; ++i)
      for (Index q = 0; q < k; ++q) rows[static_cast<std::size_t>(i * k + q)] = a[static_cast<std::size_t>(q * m + i)];
    gemm(Cpu{}, false, false, m, n, k, 1.0f, rows.data(), k, b.data(), n, 0.0f, expected.data(), n);
    gemm(Cpu{}, true, false, m, n, k, 1.0f, a.data(), m, b.data(), n, 0.0f, c.data(), n);
    CHECK(c == expected);
    double worst = 0;
    for (Index i = 0; i < m; i += 7)
      for (Index j = 0; j < n; j += 5) {
        double sum = 0;
        for (Index q = 0; q < k; ++q)
          sum += static_cast<double>(a[static_cast<std::size_t>(q * m + i)]) * static_cast<double>(b[static_cast<std::size_t>(q * n + j)]);
        worst = std::fmax(worst, std::fabs(static_cast<double>(c[static_cast<std::size_t>(i * n + j)]) - sum));
      }
    CHECK(worst <= 2e-6 * std::sqrt(static_cast<double>(k)));
  }
}

TEST_CASE("gemm works on integers") {
  const std::vector<int> a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, 1, 3, 1};
  std::vector<int> c(4, 100);
  gemm(Cpu{}, false, false, 2, 2, 3, 1, a.data(), 3, b.data(), 2, 0, c.data(), 2);
  CHECK(c == std::vector<int>{14, 5, 32, 11});
}

TEST_CASE("gemm_batched shares an operand whose stride is 0") {
  const Index batch = 5, m = 7, n = 9, k = 11;
  const auto a = random_values<float>(batch * m * k, 4), b = random_values<float>(k * n, 5);
  std::vector<float> c(static_cast<std::size_t>(batch * m * n), std::numeric_limits<float>::quiet_NaN()), one = c;
  gemm_batched(Cpu{}, false, false, m, n, k, 1.0f, a.data(), k, b.data(), n, 0.0f, c.data(), n, batch, m * k, 0, m * n);
  gemm(Cpu{}, false, false, batch * m, n, k, 1.0f, a.data(), k, b.data(), n, 0.0f, one.data(), n);
  CHECK(c == one);
}
