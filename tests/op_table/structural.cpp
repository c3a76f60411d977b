// Gradient rows of the op table for views, joins, products, convolution and reductions.

#include "../support/op_table.hpp"

using namespace glia;
using namespace glia_test;

TEST_CASE("views and joins pass gradcheck and gradgradcheck") {
  const std::vector<std::vector<Shape>> cubes = {{{2, 3, 4}}, {{1, 1, 1}}, {{2, 0, 3}}};
  const GradientCase rows[] = {
      {"reshape", [](const Doubles& x) { return square(x[0].reshape({-1, 2})); }, {{{2, 3, 4}}, {{2, 1}}}},
      {"permute", [](const Doubles& x) { return square(x[0].permute({2, 0, 1})); }, cubes},
      {"transpose", [](const Doubles& x) { return square(x[0].transpose(0, 2)); }, cubes},
      {"expand", [](const Doubles& x) { return square(x[0].unsqueeze(1).expand({2, 3, 4})); }, {{{2, 4}}, {{1, 1}}}},
      {"slice", [](const Doubles& x) { return square(x[0].slice(1, {1, {}, 2})); }, {{{2, 5}}, {{1, 1}}, {{0, 3}}}},
      {"select", [](const Doubles& x) { return square(x[0].select(1, -1)); }, {{{2, 3}}, {{1, 1}}}},
      {"squeeze", [](const Doubles& x) { return square(x[0].unsqueeze(0).squeeze(0).flatten()); }, cubes},
      {"clone", [](const Doubles& x) { return square(x[0].clone()); }, {{{2, 3}}, {{}}}},
      {"cast", [](const Doubles& x) { return x[0].cast<double>() * 2.0; }, {{{2, 3}}}},
      {"concat", [](const Doubles& x) { return square(concat<double, Cpu>({x[0], x[1], x[0]}, 1)); },
       {{{2, 3}, {2, 1}}, {{2, 0}, {2, 1}}}},
      {"stack", [](const Doubles& x) { return square(stack<double, Cpu>({x[0], x[1]}, -1)); }, {{{2, 3}, {2, 3}}, {{}, {}}}},
      {"split", [](const Doubles& x) { return square(split(x[0], 2, 1)[1]) * 3.0; }, {{{2, 3}}}},
      {"pad", [](const Doubles& x) { return square(pad(x[0], {1, 0}, {0, 2}, 0.5)); }, {{{2, 3}}, {{0, 1}}}},
      {"flip", [](const Doubles& x) { return square(flip(x[0], {0, 1})) * arange<double>(6).reshape({2, 3}); }, {{{2, 3}}}},
      {"roll", [](const Doubles& x) { return square(roll(x[0], 2, 1)) * arange<double>(6).reshape({2, 3}); }, {{{2, 3}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("sums and means pass gradcheck and gradgradcheck over any axes") {
  const std::vector<std::vector<Shape>> cubes = {{{2, 3, 4}}, {{1, 1, 1}}};
  const GradientCase rows[] = {
      {"sum all", [](const Doubles& x) { return square(sum(x[0])); }, {{{2, 3}}, {{}}, {{0, 2}}, {{1}}}},
      {"sum first", [](const Doubles& x) { return square(sum(x[0], 0)); }, cubes},
      {"sum outer axes", [](const Doubles& x) { return square(sum(x[0], {0, -1}, true)); }, cubes},
      {"mean middle", [](const Doubles& x) { return square(mean(x[0], 1)); }, cubes},
      {"sum_to", [](const Doubles& x) { return square(sum_to(x[0], {3, 1})); }, {{{2, 3, 4}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("products pass gradcheck and gradgradcheck") {
  const GradientCase rows[] = {
      {"matmul", [](const Doubles& x) { return matmul(x[0], x[1]); },
       {{{2, 3}, {3, 4}}, {{3}, {3}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{2, 2, 3}, {3, 2}}, {{2, 1, 2, 3}, {2, 3, 2}},
        {{2, 0}, {0, 3}}, {{1, 1}, {1, 1}}}},
      {"matmul transposed", [](const Doubles& x) { return matmul(x[0].transpose(), x[1].transpose()); },
       {{{3, 2}, {4, 3}}, {{2, 3, 2}, {2, 4, 3}}}},
      {"outer", [](const Doubles& x) { return outer(x[0], x[1]); }, {{{2}, {3}}, {{0}, {2}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("bfloat16 products train float weights") {
  Generator generator(3);
  const auto x = randn<float>({2, 30, 70}, generator);
  auto weight = randn<float>({70, 9}, generator).set_requires_grad();
  const auto gradient = [&](const auto& product) {
    weight.zero_grad();
    const auto y = product();
    sum(mul(y, y)).backward();
    return weight.grad().clone();
  };
  const auto exact = gradient([&] { return matmul(x, weight); });
  const auto rounded = gradient([&] { return matmul(x.cast<bfloat16>(), weight.cast<bfloat16>()).template cast<float>(); });
  CHECK(norm(sub(rounded, exact)).item() < 0.01f * norm(exact).item());  // bfloat16 has 8 significant bits: 0.2 % each
  CHECK(norm(sub(rounded, exact)).item() > 0.0f);
}

TEST_CASE("products equal the definition") {
  const auto a = arange<double>(24).reshape({2, 3, 4}), b = arange<double>(40).reshape({2, 4, 5});
  const auto c = matmul(a, b);
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 3; ++i)
      for (Index j = 0; j < 5; ++j) {
        double expected = 0;
        for (Index k = 0; k < 4; ++k) expected += a(n, i, k).item() * b(n, k, j).item();
        CHECK_EQ(c(n, i, j).item(), expected);
      }
  CHECK_EQ(error_text<ShapeError>([&] { matmul(zeros({2, 3}), zeros({4, 5})); }),
           "matmul: the left operand has 3 columns (shape [2, 3]) but the right one has 4 rows (shape [4, 5])");
}

TEST_CASE("conv2d passes gradcheck and gradgradcheck") {
  const auto conv = [](Conv2dOptions options) {
    return [options](const Doubles& x) { return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Double(), options); };
  };
  const GradientCase rows[] = {
      {"conv 3x3", conv({.padding = 1}), {{{2, 4, 5, 2}, {3, 3, 3, 2}, {3}}, {{0, 4, 4, 1}, {1, 3, 3, 1}}, {{4, 4, 2}, {1, 3, 3, 2}}}},
      {"conv stride", conv({.stride = 2, .padding = 1}), {{{1, 5, 4, 2}, {2, 3, 3, 2}}}},
      {"conv dilated", conv({.padding = {2, 1}, .dilation = {2, 1}}), {{{1, 5, 4, 1}, {2, 3, 3, 1}, {2}}}},
      {"conv groups", conv({.groups = 2}), {{{1, 3, 3, 4}, {4, 2, 2, 2}}}},
      {"conv depthwise", conv({.padding = 1, .groups = 3}), {{{1, 3, 3, 3}, {3, 3, 3, 1}}}},
      {"conv 1x1", conv({}), {{{2, 3, 2, 3}, {2, 1, 1, 3}}}},
      {"conv leading axes", conv({}), {{{2, 1, 3, 3, 2}, {2, 2, 2, 2}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("conv2d equals the definition and refuses what does not fit") {
  Generator g(1);
  const auto x = randn<double>({2, 5, 6, 4}, g), w = randn<double>({6, 3, 2, 2}, g), b = randn<double>({6}, g);
  const auto y = conv2d(x, w, b, {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
  REQUIRE_EQ(y.shape(), Shape{2, 3, 4, 6});
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 3; ++i)
      for (Index j = 0; j < 4; ++j)
        for (Index o = 0; o < 6; ++o) {
          double expected = b(o).item();
          for (Index p = 0; p < 3; ++p)
            for (Index q = 0; q < 2; ++q)
              for (Index c = 0; c < 2; ++c) {
                const Index row = 2 * i + p - 1, column = j + 2 * q;
                if (row < 0 || row >= 5) continue;
                expected += x(n, row, column, o / 3 * 2 + c).item() * w(o, p, q, c).item();
              }
          CHECK(y(n, i, j, o).item() == doctest::Approx(expected).epsilon(1e-12));
        }
  CHECK_EQ(error_text<ShapeError>([&] { conv2d(zeros({1, 4, 4, 3}), zeros({2, 3, 3, 4})); }),
           "conv2d: input has 3 channels (last axis of [1, 4, 4, 3]) but weight expects 4 (last axis of [2, 3, 3, 4] times 1 "
           "groups)");
  CHECK_EQ(error_text<ShapeError>([&] { conv2d(zeros({1, 2, 2, 3}), zeros({2, 3, 3, 3})); }),
           "conv2d: a 3x3 window does not fit into an image of 2x2 with padding 0x0");
}
