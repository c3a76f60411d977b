// Reading and adding by index, sorting.
#include <doctest/doctest.h>

#include <glia/core/parallel.hpp>
#include <glia/ops/indexing.hpp>
#include <glia/ops/sort.hpp>

#include <algorithm>
#include <algorithm>
#include <limits>
#include <numeric>
#include <numeric>

#include "support.hpp"

using namespace ops_test;
using V = const Doubles&;
using Positions = glia::Tensor<std::int64_t>;

namespace {
// Pseudo-random positions below `limit`.
Positions positions(const Shape& shape, std::int64_t limit) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>((i * 7 + i * i * 3 + 1) % static_cast<std::size_t>(limit));
  return glia::from_vector<std::int64_t>(values, shape);
}
}  // namespace

TEST_CASE("gather and scatter_add agree with plain loops") {
  const Shape shape{3, 4, 2};
  const auto x = normal(shape, 1);
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    Shape wanted = shape;
    wanted[axis] = 5;
    const auto index = positions(wanted, shape[axis]);
    const auto src = normal(wanted, 2);
    std::vector<double> read, added = x.to_vector();
    const auto numbers = x.to_vector(), sources = src.to_vector();
    const auto where = index.to_vector();
    for (Index i = 0; i < wanted.numel(); ++i) {
      glia::Strides steps = glia::contiguous_strides(shape);
      const Index step = steps[axis];
      steps[axis] = 0;
      const auto at = static_cast<std::size_t>(glia::offset_of(i, wanted, steps) + where[static_cast<std::size_t>(i)] * step);
      read.push_back(numbers[at]);
      added[at] += sources[static_cast<std::size_t>(i)];
    }
    check_close(glia::gather(x, axis, index), read, 0);
    check_close(glia::gather(strided(x), axis - 3, strided(index)), read, 0);
    check_close(glia::scatter_add(x, axis, index, src), added, 1e-14);
    check_close(glia::scatter_add(strided(x), axis, strided(index), strided(src)), added, 1e-14);
  }
  const auto corner = glia::gather(x, 1, glia::tensor<std::int64_t>({3, 0}, {2, 1, 1}));
  CHECK(corner.to_vector() == std::vector<double>{x(0, 3, 0).item(), x(1, 0, 0).item()});
}

TEST_CASE("index_select, index_add, embedding and one_hot") {
  const auto x = glia::arange<double>(12).reshape({3, 4});
  const auto picks = glia::tensor<std::int64_t>({2, 0, 2});
  CHECK(glia::index_select(x, 0, picks).to_vector() == std::vector<double>{8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11});
  CHECK(glia::index_select(x, 1, picks).to_vector() == std::vector<double>{2, 0, 2, 6, 4, 6, 10, 8, 10});
  CHECK(glia::index_add(x, 1, picks, glia::ones<double>({3, 3})).to_vector() ==
        std::vector<double>{1, 1, 4, 3, 5, 5, 8, 7, 9, 9, 12, 11});
  const auto looked_up = glia::embedding(x, positions({2, 5}, 3));
  CHECK(looked_up.shape() == Shape{2, 5, 4});
  CHECK(looked_up(1, 2, 3).item() == x(positions({2, 5}, 3)(1, 2).item(), 3).item());
  CHECK(glia::one_hot(picks, 3).to_vector() == std::vector<float>{0, 0, 1, 1, 0, 0, 0, 0, 1});
  CHECK(glia::one_hot<std::uint8_t>(glia::full<std::int64_t>({}, 1), 2).to_vector() == std::vector<std::uint8_t>{0, 1});
  CHECK(glia::one_hot(glia::zeros<std::int64_t>({0}), 0).shape() == Shape{0, 0});
}

TEST_CASE("index ops are twice differentiable") {
  const auto x = normal({3, 4}, 1), src = normal({3, 5}, 2), rows = normal({5, 4}, 3);
  const auto elements = positions({3, 5}, 4), list = positions({5}, 3);
  check_gradients([&](V v) { return glia::gather(v[0] * v[0], 1, elements); }, {x});
  check_gradients([&](V v) { return glia::gather(v[0] * v[0], 1, elements.slice(0, {0, 2})); }, {x});
  check_gradients([&](V v) { return glia::scatter_add(v[0] * v[0], 1, elements, v[1] * v[1]); }, {x, src});
  check_gradients([&](V v) { return glia::index_select(v[0] * v[0], 0, list); }, {x});
  check_gradients([&](V v) { return glia::index_add(v[0] * v[0], 0, list, v[1] * v[1]); }, {x, rows});
  check_gradients([&](V v) { return glia::embedding(v[0] * v[0], elements.slice(0, {0, 2}).clone()); }, {rows});
  check_gradients([&](V v) { return glia::sort(v[0] * v[0], 0).values; }, {x});
  check_gradients([&](V v) { return glia::topk(v[0] * v[0], 2).values; }, {x});
}

TEST_CASE("additions by index do not depend on the thread count") {
  glia::Generator generator(4);
  const auto src = glia::randn<float>({4000, 24}, generator);
  const auto list = positions({4000}, 37), elements = positions({4000, 24}, 37);
  const auto start = glia::zeros<float>({37, 24});
  const int threads = glia::num_threads();
  std::vector<float> first;
  for (const int count : {1, 2, 5}) {
    glia::set_num_threads(count);
    auto all = glia::index_add(start, 0, list, src).to_vector();
    const auto more = glia::scatter_add(start, 0, elements, src).to_vector();
    all.insert(all.end(), more.begin(), more.end());
    if (first.empty()) first = all;
    CHECK(first == all);
  }
  glia::set_num_threads(threads);
}

TEST_CASE("sorting is stable, puts NaN last, and works along any axis") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto x = glia::tensor<double>({2, nan, 1, 2, -1, 1});
  const auto up = glia::sort(x), down = glia::sort(x, 0, true);
  CHECK(up.indices.to_vector() == std::vector<std::int64_t>{4, 2, 5, 0, 3, 1});
  CHECK(down.indices.to_vector() == std::vector<std::int64_t>{0, 3, 2, 5, 4, 1});
  CHECK(std::isnan(up.values.to_vector().back()));
  const auto cube = normal({3, 4, 2}, 5);
  for (int axis = 0; axis < 3; ++axis) {
    CAPTURE(axis);
    const auto sorted = glia::sort(strided(cube), axis);
    CHECK(sorted.values.to_vector() == glia::gather(cube, axis, sorted.indices).to_vector());
    CHECK(sorted.indices.to_vector() == glia::argsort(cube, axis).to_vector());
    for (Index i = 0; i + 1 < cube.shape()[axis]; ++i) {
      const auto low = sorted.values.select(axis, i).to_vector(), high = sorted.values.select(axis, i + 1).to_vector();
      for (std::size_t k = 0; k < low.size(); ++k) CHECK(low[k] <= high[k]);
    }
    const auto best = glia::topk(cube, 2, axis), worst = glia::topk(cube, 2, axis, false);
    const auto descending = glia::sort(cube, axis, true);
    CHECK(best.values.to_vector() == descending.values.slice(axis, {0, 2}).to_vector());
    CHECK(best.indices.to_vector() == descending.indices.slice(axis, {0, 2}).to_vector());
    CHECK(worst.values.to_vector() == sorted.values.slice(axis, {0, 2}).to_vector());
  }
  CHECK(glia::sort(glia::tensor<std::int32_t>({3, 1, 2})).values.to_vector() == std::vector<std::int32_t>{1, 2, 3});
}

TEST_CASE_TEMPLATE("long rows are sorted as std::stable_sort does, whatever the scalar", T, float, double, glia::bfloat16, glia::half, std::int32_t,
                   std::int64_t, std::uint8_t) {
  const Index rows = 3, n = 700;
  std::vector<T> values;
  std::uint64_t state = 7;
  for (Index i = 0; i < rows * n; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto number = static_cast<double>(state >> 40) - 8388608.0;  // 24 bits, both signs, with repetitions below
    if constexpr (glia::Floating<T>) {
      const double special[] = {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::quiet_NaN(), 0.0, -0.0,
                                std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 1e-40, -1e-40};
      values.push_back(static_cast<T>(i % 5 == 0 ? special[(state >> 33) % 8] : i % 5 == 1 ? static_cast<double>(i % 7) : number * 1e-3));
    } else {
      values.push_back(static_cast<T>(i % 5 == 1 ? i % 7 : static_cast<std::int64_t>(state >> (64 - 8 * sizeof(T)))));
    }
  }
  const auto x = glia::from_vector<T>(values).reshape({rows, n});
  const auto less = [](T a, T b) { return static_cast<double>(a) < static_cast<double>(b); };
  const auto nan = [](T a) { return std::isnan(static_cast<double>(a)); };
  for (const bool descending : {false, true}) {
    const auto got = glia::argsort(x, 1, descending).to_vector();
    const auto best = glia::topk(x, 9, 1, descending).indices.to_vector(), many = glia::topk(x, 300, 1, descending).indices.to_vector();
    for (Index r = 0; r < rows; ++r) {
      const auto at = [&](std::int64_t i) { return values[static_cast<std::size_t>(r * n + i)]; };
      std::vector<std::int64_t> order(static_cast<std::size_t>(n));
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        if (nan(at(a)) || nan(at(b))) return !nan(at(a)) && nan(at(b));
        return descending ? less(at(b), at(a)) : less(at(a), at(b));
      });
      CHECK(std::equal(order.begin(), order.end(), got.begin() + r * n));
      CHECK(std::equal(order.begin(), order.begin() + 9, best.begin() + r * 9));
      CHECK(std::equal(order.begin(), order.begin() + 300, many.begin() + r * 300));
    }
  }
}

TEST_CASE("the first index that is out of range is named, also in a long list") {
  auto index = glia::full<std::int64_t>({100'000}, 3);
  index.mutable_data()[99'000] = 5;
  index.mutable_data()[70'001] = -2;
  const auto x = glia::zeros<float>({5, 2});
  CHECK(error_of<glia::IndexError>([&] { glia::index_select(x, 0, index); }) ==
        "index_select: index holds -2 (element 70001 of shape [100000]), expected 0 to 4");
}

TEST_CASE("empty index ops") {
  const auto x = glia::zeros<double>({0, 3});
  CHECK(glia::sort(x).values.shape() == x.shape());
  CHECK(glia::sort(x, 0).values.shape() == x.shape());
  CHECK(glia::topk(glia::zeros<double>({2, 3}), 0).values.shape() == Shape{2, 0});
  CHECK(glia::index_select(x, 1, glia::tensor<std::int64_t>({2})).shape() == Shape{0, 1});
  CHECK(glia::gather(glia::ones<double>({2, 3}), 1, glia::zeros<std::int64_t>({2, 0})).shape() == Shape{2, 0});
}

TEST_CASE("index ops name what is wrong") {
  const auto x = glia::zeros<float>({2, 3});
  const auto list = glia::tensor<std::int64_t>({0, -1});
  CHECK(error_of<glia::IndexError>([&] { glia::index_select(x, 0, list); }) ==
        "index_select: index holds -1 (element 1 of shape [2]), expected 0 to 1");
  CHECK(error_of<glia::IndexError>([&] { glia::embedding(x, glia::tensor<std::int64_t>({2})); }) ==
        "embedding: index holds 2 (element 0 of shape [1]), expected 0 to 1");
  CHECK(error_of<glia::IndexError>([&] { glia::one_hot(glia::zeros<std::int64_t>({1}), 0); }).find("one_hot: labels holds 0") == 0);
  CHECK(error_of<glia::ShapeError>([&] { glia::gather(x, 1, glia::zeros<std::int64_t>({3, 1})); }) ==
        "gather: index [3, 1] is larger than input [2, 3] on axis 0");
  CHECK(error_of<glia::ShapeError>([&] { glia::gather(x, 1, list); }) == "gather: index must have 2 axes, got shape [2]");
  CHECK(error_of<glia::ShapeError>([&] { glia::scatter_add(x, 0, glia::zeros<std::int64_t>({1, 3}), glia::zeros<float>({1, 2})); }) ==
        "scatter_add: source must have shape [1, 3], got [1, 2]");
  CHECK(error_of<glia::ValueError>([&] { glia::topk(x, 4); }) ==
        "topk: k must be between 0 and the extent of axis -1 of shape [2, 3], got 4");
  CHECK(error_of<glia::IndexError>([&] { glia::sort(x, 2); }) == "sort: axis 2 is outside a tensor of rank 2");
}
