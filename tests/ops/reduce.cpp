// Reductions over axes and running sums.
#include <doctest/doctest.h>

#include <glia/core/parallel.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/ops/scan.hpp>

#include <limits>

#include "../reference/torch_ops_fixture.hpp"
#include "support.hpp"

using namespace ops_test;

TEST_CASE("a zero early in a column keeps its product from overflowing") {
  const auto x = glia::tensor<double>({0, 2, 1, 2, 1e200, 2, 1e200, 2, 1e200, 2}).reshape({5, 2});
  CHECK(glia::prod(x, 0).to_vector() == std::vector<double>{0, 32});
}

TEST_CASE("reductions agree with PyTorch") {
  const Doubles x{wave({2, 3, 4}, 1)}, five{5.0 * wave({2, 3, 4}, 1)};
  using V = const Doubles&;
  check_reference([](V v) { return glia::logsumexp(v[0] * 5.0, {0, 2}); }, x, fixture::logsumexp, {});
  check_reference([](V v) { return glia::logsumexp(v[0], {0, 2}); }, five, fixture::logsumexp, {fixture::logsumexp_grad0});
  check_reference([](V v) { return glia::var(v[0], {0, 2}); }, x, fixture::variance, {fixture::variance_grad0});
  check_reference([](V v) { return glia::stddev(v[0], 1, false, 0); }, x, fixture::deviation, {fixture::deviation_grad0});
  check_reference([](V v) { return glia::norm(v[0], {-1, 0}); }, x, fixture::norms, {fixture::norms_grad0});
  check_reference([](V v) { return glia::prod(v[0], -2); }, x, fixture::products, {fixture::products_grad0});
  check_reference([](V v) { return glia::cumsum(v[0], 1); }, x, fixture::running, {fixture::running_grad0});
}

TEST_CASE("reductions over every set of axes agree with plain loops") {
  const Shape shape{2, 3, 4, 2};
  const auto x = normal(shape, 3);
  const auto values = x.to_vector();
  for (int mask = 1; mask < 16; ++mask) {
    CAPTURE(mask);
    glia::Axes axes;
    Shape kept;
    for (int a = 0; a < 4; ++a) {
      if (mask >> a & 1) axes.push_back(a % 2 == 0 ? a : a - 4);
      kept.push_back(mask >> a & 1 ? 1 : shape[a]);
    }
    const std::size_t results = static_cast<std::size_t>(kept.numel());
    std::vector<double> sums(results, 0.0), products(results, 1.0), tops(results, -INFINITY), bottoms(results, INFINITY), squares(results, 0.0);
    glia::Strides steps = glia::contiguous_strides(kept);
    for (int a = 0; a < 4; ++a)
      if (mask >> a & 1) steps[a] = 0;
    for (Index i = 0; i < x.numel(); ++i) {
      const std::size_t to = static_cast<std::size_t>(glia::offset_of(i, shape, steps));
      const double v = values[static_cast<std::size_t>(i)];
      sums[to] += v, products[to] *= v, squares[to] += v * v;
      tops[to] = std::max(tops[to], v), bottoms[to] = std::min(bottoms[to], v);
    }
    for (auto& s : squares) s = std::sqrt(s);
    for (const auto& y : {x, strided(x)}) {
      check_close(glia::sum(y, axes, true), sums, 1e-12);
      check_close(glia::prod(y, axes), products, 1e-12);
      check_close(glia::max(y, axes), tops, 0);
      check_close(glia::min(y, axes, true), bottoms, 0);
      check_close(glia::norm(y, axes), squares, 1e-12);
      CHECK(glia::max(y, axes, true).shape() == kept);
    }
  }
}

TEST_CASE("reductions are twice differentiable") {
  const auto x = normal({2, 3, 4}, 1);
  using V = const Doubles&;
  check_gradients([](V v) { return glia::var(v[0], {0, 2}); }, {x});
  check_gradients([](V v) { return glia::stddev(v[0], -1); }, {x});
  check_gradients([](V v) { return glia::max(v[0], {0, 2}, true); }, {x});
  check_gradients([](V v) { return glia::min(v[0], 1); }, {x});
  check_gradients([](V v) { return glia::norm(v[0], {0, 1}); }, {x});
  check_gradients([](V v) { return glia::logsumexp(v[0], {1, 2}); }, {x});
  check_gradients([](V v) { return glia::prod(v[0], {0, 2}); }, {x});
  check_gradients([](V v) { return glia::cumsum(v[0], 0) * glia::cumsum(v[0], -1, true); }, {x});
  check_gradients([](V v) { return glia::prod(v[0], 1); }, {normal({2, 1, 2}, 2)});
  const auto stretched = normal({3, 1}, 5).expand({3, 4});
  CHECK(glia::gradcheck([](V v) { return glia::logsumexp(v[0], 1); }, Doubles{stretched}).ok);
  check_gradients([](V v) { return glia::norm(v[0]) + glia::prod(v[0]) + glia::logsumexp(v[0]); }, {glia::full<double>({}, 0.7)});
}

TEST_CASE("products are differentiable at zeros") {
  for (const int zeros : {1, 2}) {
    auto x = normal({5}, 4);
    for (int i = 0; i < zeros; ++i) x.mutable_data()[i + 1] = 0.0;
    check_gradients([](const Doubles& v) { return glia::prod(v[0]); }, {x});
  }
}

TEST_CASE("the gradient of an extreme is shared by equals, that of a norm is zero at the origin") {
  auto x = glia::tensor<double>({1, 3, 3, 2});
  x.set_requires_grad();
  glia::max(x).backward();
  check_close(x.grad(), {0, 0.5, 0.5, 0}, 0);
  auto origin = glia::zeros<double>({3});
  origin.set_requires_grad();
  glia::norm(origin).backward();
  CHECK(origin.grad().to_vector() == std::vector<double>{0, 0, 0});
}

TEST_CASE("positions of extremes: the first of equals, the first NaN") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto x = glia::tensor<double>({1, 5, 5, 0, nan, 7, nan, 2}, {2, 4});
  CHECK(glia::argmax(x, 1).to_vector() == std::vector<std::int64_t>{1, 0});
  CHECK(glia::argmin(x, -1, true).to_vector() == std::vector<std::int64_t>{3, 0});
  CHECK(glia::argmin(x, -1, true).shape() == Shape{2, 1});
  CHECK(glia::argmax(x, 0).to_vector() == std::vector<std::int64_t>{1, 1, 1, 1});
  CHECK(glia::argmax(x).item() == 4);
  CHECK(std::isnan(glia::max(x).item()));
  CHECK(std::isnan(glia::min(x, 1).to_vector()[1]));
  const auto whole = glia::tensor<std::int32_t>({3, -7, 9, 9});
  CHECK(glia::max(whole).item() == 9);
  CHECK(glia::argmax(whole).item() == 2);
  CHECK(glia::prod(whole).item() == 3 * -7 * 81);
}

TEST_CASE("positions of extremes over several axes count in row-major order along them") {
  const Shape shape{2, 3, 4};
  // Few different values, so that the first of equals matters.
  auto x = glia::round(normal(shape, 9) * 1.5);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  x.mutable_data()[9] = nan;
  const auto values = x.to_vector();
  for (int mask = 1; mask < 8; ++mask) {
    CAPTURE(mask);
    glia::Axes axes, backwards;
    Shape kept_dims, kept;
    for (int a = 0; a < 3; ++a) {
      const bool reduced = (mask >> a & 1) != 0;
      if (reduced) axes.push_back(a), backwards.insert(0, a - 3);
      kept_dims.push_back(reduced ? 1 : shape[a]);
      if (!reduced) kept.push_back(shape[a]);
    }
    const std::size_t results = static_cast<std::size_t>(kept.numel());
    std::vector<double> best[2] = {std::vector<double>(results), std::vector<double>(results)};
    std::vector<std::int64_t> counted(results, 0), at[2] = {counted, counted};
    glia::Strides steps = glia::contiguous_strides(kept_dims);
    for (int a = 0; a < 3; ++a)
      if (mask >> a & 1) steps[a] = 0;
    // Walking over all elements in memory order meets those of one result in the order that is asked for.
    for (Index i = 0; i < x.numel(); ++i) {
      const std::size_t to = static_cast<std::size_t>(glia::offset_of(i, shape, steps));
      const double v = values[static_cast<std::size_t>(i)];
      for (const int smallest : {0, 1}) {
        double& so_far = best[smallest][to];
        const bool better = smallest == 1 ? v < so_far : v > so_far;
        if (counted[to] == 0 || (!std::isnan(so_far) && (std::isnan(v) || better)))
          so_far = v, at[smallest][to] = counted[to];
      }
      ++counted[to];
    }
    for (const auto& y : {x, strided(x)})
      for (const auto& order : {axes, backwards}) {
        CHECK(glia::argmax(y, order).to_vector() == at[0]);
        CHECK(glia::argmin(y, order, true).to_vector() == at[1]);
        CHECK(glia::argmax(y, order).shape() == kept);
        CHECK(glia::argmin(y, order).shape() == kept);
        CHECK(glia::argmax(y, order, true).shape() == kept_dims);
        CHECK(glia::argmin(y, order, true).shape() == kept_dims);
      }
  }
  const auto whole = glia::tensor<std::int32_t>({3, 7, -2, 7, -2, 0}, {2, 3});
  CHECK(glia::argmax(whole, {}, true).shape() == Shape{1, 1});
  CHECK(glia::argmax(whole, {}, true).item() == 1);
  CHECK(glia::argmin(whole, {}, true).shape() == Shape{1, 1});
  CHECK(glia::argmin(whole.transpose(), {}, true).item() == 3);  // -2 first at row 1, column 1
  CHECK(glia::argmin(whole, glia::Axes{}).rank() == 0);
  CHECK(glia::argmax(glia::full<double>({}, 2.0), {}, true).shape() == Shape{});
  CHECK(glia::argmax(glia::zeros<double>({2, 0, 3}), {0, 2}).shape() == Shape{0});
  CHECK(error_of<glia::ShapeError>([] { glia::argmax(glia::zeros<double>({2, 0, 3}), {0, 1}); }) ==
        "argmax: no elements to choose from in an input of shape [2, 0, 3]");
}

TEST_CASE_TEMPLATE("running sums along rows of every length, both ways", T, float, double, std::int64_t, std::uint8_t) {
  for (const Index n : {0, 1, 2, 3, 7, 8, 9, 31, 100}) {
    const auto x = glia::arange<std::int64_t>(2 * n).reshape({2, n});
    const auto values = (x * std::int64_t{7} - (x * std::int64_t{7}) / glia::full<std::int64_t>({}, 11) * std::int64_t{11}).cast<T>();
    const auto in = values.template cast<std::int64_t>().to_vector();
    for (const bool reverse : {false, true}) {
      const auto got = glia::cumsum(values, 1, reverse).template cast<std::int64_t>().to_vector();
      for (Index r = 0; r < 2; ++r) {
        std::int64_t sum = 0;
        for (Index k = 0; k < n; ++k) {
          const auto at = static_cast<std::size_t>(r * n + (reverse ? n - 1 - k : k));
          sum += in[at];
          CHECK(got[at] == static_cast<std::int64_t>(static_cast<T>(sum)));
        }
      }
    }
  }
}

TEST_CASE("any and all") {
  const auto x = glia::tensor<float>({0, 0, 1, 0, 2, 3}, {3, 2});
  CHECK(glia::any(x, 1).to_vector() == std::vector<bool>{false, true, true});
  CHECK(glia::all(x, 1).to_vector() == std::vector<bool>{false, false, true});
  CHECK(glia::any(x).item());
  CHECK_FALSE(glia::all(x).item());
  const auto nothing = glia::zeros<float>({0, 2});
  CHECK(glia::all(nothing).item());
  CHECK_FALSE(glia::any(nothing).item());
}

TEST_CASE("empty and 0-d inputs") {
  const auto nothing = glia::zeros<double>({2, 0, 3});
  CHECK(glia::prod(nothing, 1).to_vector() == std::vector<double>(6, 1.0));
  CHECK(glia::norm(nothing).item() == 0.0);
  CHECK(glia::logsumexp(nothing).item() == -std::numeric_limits<double>::infinity());
  CHECK(glia::max(nothing, 0).shape() == Shape{0, 3});
  CHECK(glia::cumsum(nothing, 0).shape() == nothing.shape());
  CHECK(std::isnan(glia::var(glia::ones<double>({1})).item()));
  const auto number = glia::full<double>({}, -2.0);
  CHECK(glia::max(number).item() == -2.0);
  CHECK(glia::norm(number).item() == 2.0);
  CHECK(glia::argmax(number).item() == 0);
  const auto table = glia::ones<double>({2, 3});  // an empty list means all axes, not axis 0
  CHECK(glia::sum(table, {}, true).shape() == Shape{1, 1});
  CHECK(glia::max(table, {}, true).shape() == Shape{1, 1});
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(glia::logsumexp(glia::full<double>({2}, -infinity)).item() == -infinity);
  CHECK(glia::logsumexp(glia::tensor<double>({0.0, infinity})).item() == infinity);
}

TEST_CASE("16-bit types: constants and sums beyond their range do not spoil a result within it") {
  using glia::half;
  std::vector<half> values;
  for (int i = 0; i < 200; ++i) values.push_back(half(i % 2 == 0 ? 100.0f : -100.0f));
  auto x = glia::from_vector(values).set_requires_grad();
  const auto spread = glia::var(x);
  CHECK(static_cast<float>(spread.item()) == doctest::Approx(10050.25).epsilon(1e-3));  // 200 * 100^2 / 199
  spread.backward();
  CHECK(static_cast<float>(x.grad().to_vector()[0]) == doctest::Approx(2.0 * 100 / 199).epsilon(2e-3));
  const auto tiny = glia::from_vector(std::vector<half>{half(1e-3f), half(-2e-3f)});
  const auto quotient = (tiny / 1e-6f).to_vector();
  CHECK(static_cast<float>(quotient[0]) == doctest::Approx(1000.0).epsilon(1e-3));
  CHECK(static_cast<float>(quotient[1]) == doctest::Approx(-2000.0).epsilon(1e-3));
  CHECK((tiny * half(2.0f)).to_vector()[0] == half(2e-3f));
}

TEST_CASE("reductions name what is wrong") {
  const auto x = glia::zeros<double>({2, 0, 3});
  CHECK(error_of<glia::ShapeError>([&] { glia::max(x, 1); }) == "max: no elements to choose from in an input of shape [2, 0, 3]");
  CHECK(error_of<glia::ShapeError>([&] { glia::argmin(x); }) == "argmin: no elements to choose from in an input of shape [2, 0, 3]");
  CHECK(error_of<glia::IndexError>([&] { glia::norm(x, 3); }) == "norm: axis 3 is outside a tensor of rank 3");
  CHECK(error_of<glia::IndexError>([&] { glia::prod(x, {0, -3}); }) == "prod: axis -3 is named twice in [0, -3]");
  CHECK(error_of<glia::IndexError>([&] { glia::cumsum(glia::zeros<double>({}), 0); }) == "cumsum: axis 0 is outside a tensor of rank 0");
  CHECK(error_of<glia::Error>([] { glia::logsumexp(D64()); }) == "logsumexp: input is undefined (a default-constructed tensor)");
}

TEST_CASE("float32 reductions are accurate and do not depend on the thread count") {
  glia::Generator generator(11);
  const auto x = glia::rand<float>({70000, 3}, generator, 0.0f, 1.0f);
  const auto values = x.to_vector();
  double exact = 0;
  for (const float v : values) exact += static_cast<double>(v);
  const int threads = glia::num_threads();
  std::vector<float> first;
  for (const int count : {1, 2, 5}) {
    glia::set_num_threads(count);
    auto all = glia::sum(x, 0).to_vector();
    const auto rows = glia::norm(x, {0, 1}).to_vector(), runs = glia::cumsum(x, 0).to_vector(), total = glia::sum(x).to_vector();
    all.insert(all.end(), rows.begin(), rows.end());
    all.insert(all.end(), runs.begin(), runs.end());
    all.insert(all.end(), total.begin(), total.end());
    if (first.empty()) first = all;
    CHECK(first == all);
    CHECK(std::abs(static_cast<double>(total[0]) - exact) <= exact * 6e-8);
  }
  glia::set_num_threads(threads);
}
