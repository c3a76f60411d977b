// Gradient rows of the op table for views, joins, products, convolution and reductions.

#include "../support/op_table.hpp"

using namespace glia;
using namespace glia_test;

namespace {

// x times 1, 2, 3, ...: every place counts differently, so that a gradient which lands elsewhere is seen.
Double numbered(const Double& x) {
  return x * arange<double>(1.0, 1.0 + static_cast<double>(x.numel())).reshape(x.shape());
}

// `shape` with an extent of n before it.
Shape below(Index n, Shape shape) {
  shape.insert(0, n);
  return shape;
}

const std::vector<std::vector<Shape>> any_rank = {{{2, 3}}, {{1}}, {{0, 2}}, {{}}};

}  // namespace

TEST_CASE("views and joins pass gradcheck and gradgradcheck") {
  const std::vector<std::vector<Shape>> cubes = {{{2, 3, 4}}, {{1, 1, 1}}, {{2, 0, 3}}};
  const GradientCase rows[] = {
      {"reshape", [](const Doubles& x) { return numbered(square(x[0].reshape({-1, x[0].numel() % 2 == 0 ? 2 : 1}))); },
       {{{2, 3, 4}}, {{2, 1}}, {{1}}, {{0, 2}}, {{}}}},
      {"view_as", [](const Doubles& x) { return numbered(square(x[0].view_as(below(1, x[0].shape())))); }, any_rank},
      {"flatten", [](const Doubles& x) { return numbered(square(x[0].flatten())); },
       {{{2, 3, 4}}, {{1, 1}}, {{0, 2}}, {{}}}},
      {"permute", [](const Doubles& x) { return square(x[0].permute({2, 0, 1})); }, cubes},
      {"transpose", [](const Doubles& x) { return square(x[0].transpose(0, 2)); }, cubes},
      {"expand", [](const Doubles& x) { return square(x[0].unsqueeze(1).expand({2, 3, 4})); }, {{{2, 4}}, {{1, 1}}}},
      {"expand any", [](const Doubles& x) { return numbered(square(x[0].expand(below(3, x[0].shape())))); }, any_rank},
      {"expand to nothing", [](const Doubles& x) { return square(x[0].expand({0, 4})); }, {{{1, 4}}, {{1, 1}}, {{}}}},
      {"slice", [](const Doubles& x) { return square(x[0].slice(1, {1, {}, 2})); }, {{{2, 5}}, {{1, 1}}, {{0, 3}}}},
      {"select", [](const Doubles& x) { return square(x[0].select(1, -1)); }, {{{2, 3}}, {{1, 1}}, {{0, 3}}}},
      {"index", [](const Doubles& x) { return numbered(square(x[0](-1, all_of_axis, Slice{0, {}, 2}))); },
       {{{2, 3, 4}}, {{1, 1, 1}}, {{2, 0, 3}}}},
      {"squeeze", [](const Doubles& x) { return square(x[0].unsqueeze(0).squeeze(0).flatten()); }, cubes},
      {"squeeze all", [](const Doubles& x) { return numbered(square(x[0].squeeze())); },
       {{{2, 1, 3}}, {{1, 1}}, {{0, 1}}, {{}}}},
      {"unsqueeze first", [](const Doubles& x) { return numbered(square(x[0].unsqueeze(0))); }, any_rank},
      {"unsqueeze last", [](const Doubles& x) { return numbered(square(x[0].unsqueeze(-1))); }, any_rank},
      {"clone", [](const Doubles& x) { return numbered(square(x[0].clone())); }, any_rank},
      {"contiguous", [](const Doubles& x) { return numbered(square(x[0].contiguous())); }, any_rank},
      {"concat", [](const Doubles& x) { return square(concat<double, Cpu>({x[0], x[1], x[0]}, 1)); },
       {{{2, 3}, {2, 1}}, {{2, 0}, {2, 1}}, {{1, 1}, {1, 1}}, {{0, 3}, {0, 2}}}},
      {"stack", [](const Doubles& x) { return numbered(square(stack<double, Cpu>({x[0], x[1]}, -1))); },
       {{{2, 3}, {2, 3}}, {{1}, {1}}, {{0, 2}, {0, 2}}, {{}, {}}}},
      {"split", [](const Doubles& x) { return numbered(square(split(x[0], 2, 1).back())) * 3.0; },
       {{{2, 3}}, {{2, 4}}, {{1, 1}}, {{0, 3}}}},
      {"pad",
       [](const Doubles& x) {
         Axes before = Shape::filled(x[0].rank(), 0), after = before;
         if (x[0].rank() > 0) before[0] = 1, after[x[0].rank() - 1] = 2;
         return square(pad(x[0], before, after, 0.5));
       },
       {{{2, 3}}, {{0, 1}}, {{1}}, {{}}}},
      {"flip", [](const Doubles& x) { return numbered(square(flip(x[0], {0, 1}))); }, {{{2, 3}}, {{1, 1}}, {{0, 2}}}},
      {"flip one axis", [](const Doubles& x) { return numbered(square(flip(x[0], {-1}))); }, {{{2, 3}}, {{1}}, {{2, 0}}}},
      {"flip all", [](const Doubles& x) { return numbered(square(flip(x[0], {}))); }, any_rank},
      {"roll", [](const Doubles& x) { return numbered(square(roll(x[0], 2, 1))); },
       {{{2, 3}}, {{1, 1}}, {{0, 3}}, {{2, 0}}}},
      {"roll back", [](const Doubles& x) { return numbered(square(roll(x[0], -1, 0))); }, {{{2, 3}}, {{1}}, {{0, 2}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("a cast to float and back passes the gradient through float") {
  const auto check = [](const Double& source) {
    CAPTURE(to_string(source.shape()));
    auto x = source.detach().set_requires_grad();
    const auto single = x.cast<float>();
    const auto y = single.cast<double>();
    CHECK(y.requires_grad());
    CHECK_EQ(y.shape(), x.shape());
    for (std::size_t i = 0; i < x.to_vector().size(); ++i)
      CHECK_EQ(y.to_vector()[i], static_cast<double>(static_cast<float>(x.to_vector()[i])));
    // Quarters are numbers in float; a third is rounded on its way back.
    const auto quarters = arange<double>(1.0, 1.0 + static_cast<double>(x.numel())).reshape(x.shape()) * 0.25;
    y.backward(quarters, true);
    CHECK_EQ(x.grad().shape(), x.shape());
    CHECK_EQ(x.grad().to_vector(), quarters.to_vector());
    x.zero_grad();
    y.backward(quarters / 3.0);
    for (std::size_t i = 0; i < x.to_vector().size(); ++i)
      CHECK_EQ(x.grad().to_vector()[i], static_cast<double>(static_cast<float>((quarters / 3.0).to_vector()[i])));
  };
  Generator generator(5);
  for (const Shape& shape : {Shape{2, 3}, Shape{1}, Shape{0, 2}, Shape{}})
    check(sample(shape, Layout::contiguous, -2.0, 2.0, generator));
  for (const Layout layout : {Layout::transposed, Layout::sliced, Layout::broadcast})
    check(sample({2, 3}, layout, -2.0, 2.0, generator));
}

TEST_CASE("recorded in-place writes pass gradcheck and gradgradcheck") {
  // The second input has the target's shape or broadcasts to it.
  const std::vector<std::vector<Shape>> pairs = {{{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{2}, {}},
                                                 {{1}, {1}},       {{}, {}},      {{0, 2}, {2}}};
  const GradientCase rows[] = {
      {"add_",
       [](const Doubles& x) {
         auto y = x[0].clone();
         y.add_(x[1]);
         return square(y);
       },
       pairs},
      {"add_ scaled",
       [](const Doubles& x) {
         auto y = square(x[0]);  // the history before the write goes on
         y.add_(x[1] * x[1], -0.5);
         return square(y);
       },
       pairs},
      {"mul_",
       [](const Doubles& x) {
         auto y = x[0].clone();
         y.mul_(x[1]);
         return square(y);
       },
       pairs},
      {"mul_ constant",
       [](const Doubles& x) {
         auto y = square(x[0]);
         y.mul_(-1.5);
         return y * x[1];
       },
       pairs},
      {"copy_",
       [](const Doubles& x) {
         auto y = x[0].clone();  // its gradient ends here
         y.copy_(x[1]);
         return square(y) * x[0];
       },
       pairs},
      {"fill_",
       [](const Doubles& x) {
         auto y = x[0].clone();
         y.fill_(1.5);
         return y * square(x[0]) * x[1];
       },
       pairs},
      {"add_ of itself",
       [](const Doubles& x) {
         auto y = x[0].clone();
         y.add_(y);
         return square(y) * x[1];
       },
       pairs},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("sums and means pass gradcheck and gradgradcheck over any axes") {
  const std::vector<std::vector<Shape>> cubes = {{{2, 3, 4}}, {{1, 1, 1}}, {{2, 3, 0}}, {{2, 0, 3}}, {{0, 2, 3}}};
  // The mean of nothing is no number: only axes that stay may be empty.
  const std::vector<std::vector<Shape>> means = {{{2, 3, 4}}, {{1, 1, 1}}, {{2, 3, 0}}, {{0, 3, 2}}};
  const GradientCase rows[] = {
      {"sum all", [](const Doubles& x) { return square(sum(x[0])); }, any_rank},
      {"sum first", [](const Doubles& x) { return square(sum(x[0], 0)); },
       {{{2, 3, 4}}, {{3}}, {{1}}, {{2, 0, 3}}, {{0, 2, 3}}, {{0}}}},
      {"sum outer axes", [](const Doubles& x) { return square(sum(x[0], {0, -1}, true)); }, cubes},
      {"mean all", [](const Doubles& x) { return square(mean(x[0])); }, {{{2, 3}}, {{1}}, {{}}}},
      {"mean last", [](const Doubles& x) { return square(mean(x[0], -1, true)); }, {{{2, 3}}, {{3}}, {{1}}, {{0, 3}}}},
      {"mean middle", [](const Doubles& x) { return square(mean(x[0], 1)); }, means},
      {"sum_to", [](const Doubles& x) { return square(sum_to(x[0], {3, 1})); },
       {{{2, 3, 4}}, {{1, 3, 1}}, {{3, 1}}, {{0, 3, 4}}, {{2, 3, 0}}}},
      {"sum_to a number", [](const Doubles& x) { return square(sum_to(x[0], {})); }, any_rank},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("products pass gradcheck and gradgradcheck") {
  const GradientCase rows[] = {
      {"matmul", [](const Doubles& x) { return matmul(x[0], x[1]); },
       {{{2, 3}, {3, 4}}, {{3}, {3}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{2, 2, 3}, {3, 2}}, {{2, 1, 2, 3}, {2, 3, 2}},
        {{2, 0}, {0, 3}}, {{0, 2}, {2, 3}}, {{1, 1}, {1, 1}}, {{1}, {1}}, {{0}, {0}}}},
      {"matmul transposed", [](const Doubles& x) { return matmul(x[0].transpose(), x[1].transpose()); },
       {{{3, 2}, {4, 3}}, {{2, 3, 2}, {2, 4, 3}}}},
      {"outer", [](const Doubles& x) { return outer(x[0], x[1]); }, {{{2}, {3}}, {{0}, {2}}, {{1}, {1}}}},
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
  CHECK_EQ(error_of<ShapeError>([&] { matmul(zeros({2, 3}), zeros({4, 5})); }),
           "matmul: the left operand has 3 columns (shape [2, 3]) but the right one has 4 rows (shape [4, 5])");
}

TEST_CASE("conv2d passes gradcheck and gradgradcheck") {
  const auto conv = [](Conv2dOptions options) {
    return [options](const Doubles& x) { return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Double(), options); };
  };
  const GradientCase rows[] = {
      {"conv 3x3", conv({.padding = 1}), {{{2, 4, 5, 2}, {3, 3, 3, 2}, {3}}, {{0, 4, 4, 1}, {1, 3, 3, 1}}, {{4, 4, 2}, {1, 3, 3, 2}}}},
      {"conv stride", conv({.stride = 2, .padding = 1}), {{{1, 5, 4, 2}, {2, 3, 3, 2}}, {{1, 1, 1, 1}, {1, 3, 3, 1}}}},
      {"conv dilated", conv({.padding = {2, 1}, .dilation = {2, 1}}), {{{1, 5, 4, 1}, {2, 3, 3, 1}, {2}}}},
      {"conv groups", conv({.groups = 2}), {{{1, 3, 3, 4}, {4, 2, 2, 2}}, {{0, 3, 3, 4}, {4, 2, 2, 2}}}},
      {"conv depthwise", conv({.padding = 1, .groups = 3}),
       {{{1, 3, 3, 3}, {3, 3, 3, 1}}, {{0, 3, 3, 3}, {3, 3, 3, 1}}}},
      {"conv 1x1", conv({}), {{{2, 3, 2, 3}, {2, 1, 1, 3}}, {{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}}},
      {"conv leading axes", conv({}), {{{2, 1, 3, 3, 2}, {2, 2, 2, 2}}}},
      {"conv relu, residual",
       [](const Doubles& x) { return conv2d_relu(x[0], x[1], x[2], {.padding = 1}, x.size() > 3 ? x[3] : Double()); },
       {{{2, 3, 4, 2}, {3, 3, 3, 2}, {3}}, {{1, 3, 3, 2}, {2, 3, 3, 2}, {2}, {1, 3, 3, 2}}}},
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
  CHECK_EQ(error_of<ShapeError>([&] { conv2d(zeros({1, 4, 4, 3}), zeros({2, 3, 3, 4})); }),
           "conv2d: input has 3 channels (last axis of [1, 4, 4, 3]) but weight expects 4 (last axis of [2, 3, 3, 4] times 1 "
           "groups)");
  CHECK_EQ(error_of<ShapeError>([&] { conv2d(zeros({1, 2, 2, 3}), zeros({2, 3, 3, 3})); }),
           "conv2d: a 3x3 window does not fit into an image of 2x2 with padding 0x0");
}
