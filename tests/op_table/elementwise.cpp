// The elementwise rows of the op table.

#include "../support/op_table.hpp"

using namespace glia;
using namespace glia_test;

namespace {

struct UnaryRow {
  const char* name;
  Tensor<float> (*single)(const Tensor<float>&);
  Double (*precise)(const Double&);
  double (*reference)(double);
  double low = -2.0, high = 2.0;
  double avoid = 0.0;
};

#define UNARY(op, reference, ...) \
  UnaryRow { #op, [](const Tensor<float>& x) { return op(x); }, [](const Double& x) { return op(x); }, reference __VA_OPT__(, ) __VA_ARGS__ }

const UnaryRow unary_rows[] = {
    UNARY(neg, [](double x) { return -x; }),
    UNARY(glia::abs, [](double x) { return std::abs(x); }, -2, 2, 2.0),
    UNARY(square, [](double x) { return x * x; }),
    UNARY(glia::sqrt, [](double x) { return std::sqrt(x); }, 0.2, 3),
    UNARY(rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.2, 3),
    UNARY(reciprocal, [](double x) { return 1 / x; }, 0.3, 3),
    UNARY(glia::exp, [](double x) { return std::exp(x); }),
    UNARY(glia::expm1, [](double x) { return std::expm1(x); }),
    UNARY(glia::log, [](double x) { return std::log(x); }, 0.2, 3),
    UNARY(glia::log2, [](double x) { return std::log2(x); }, 0.2, 3),
    UNARY(glia::log1p, [](double x) { return std::log1p(x); }, -0.7, 3),
    UNARY(glia::sin, [](double x) { return std::sin(x); }),
    UNARY(glia::cos, [](double x) { return std::cos(x); }),
    UNARY(glia::tan, [](double x) { return std::tan(x); }, -1.2, 1.2),
    UNARY(glia::asin, [](double x) { return std::asin(x); }, -0.9, 0.9),
    UNARY(glia::acos, [](double x) { return std::acos(x); }, -0.9, 0.9),
    UNARY(glia::atan, [](double x) { return std::atan(x); }),
    UNARY(glia::sinh, [](double x) { return std::sinh(x); }),
    UNARY(glia::cosh, [](double x) { return std::cosh(x); }),
    UNARY(glia::tanh, [](double x) { return std::tanh(x); }),
    UNARY(glia::erf, [](double x) { return std::erf(x); }),
    UNARY(glia::floor, [](double x) { return std::floor(x); }, -3, 3, 1.0),
    UNARY(glia::ceil, [](double x) { return std::ceil(x); }, -3, 3, 1.0),
    UNARY(glia::round, [](double x) { return std::nearbyint(x); }, -3, 3, 0.5),
    UNARY(glia::trunc, [](double x) { return std::trunc(x); }, -3, 3, 1.0),
    UNARY(sign, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }, -2, 2, 4.0),
    UNARY(relu, [](double x) { return x > 0 ? x : 0.0; }, -2, 2, 4.0),
    UNARY(relu6, [](double x) { return std::min(std::max(x, 0.0), 6.0); }, -2, 9, 6.0),
    UNARY(sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }),
    UNARY(silu, [](double x) { return x / (1 + std::exp(-x)); }),
    UNARY(softplus, [](double x) { return std::log1p(std::exp(x)); }),
    UNARY(mish, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }),
    UNARY(softsign, [](double x) { return x / (1 + std::abs(x)); }, -2, 2, 4.0),
    UNARY(gelu, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }),
    UNARY(gelu_tanh,
          [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))); }),
    UNARY(hard_sigmoid, [](double x) { return std::min(std::max(x / 6 + 0.5, 0.0), 1.0); }, -5, 5, 3.0),
    UNARY(hard_swish, [](double x) { return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0); }, -5, 5, 3.0),
    UNARY(log_sigmoid, [](double x) { return -std::log1p(std::exp(-x)); }),
    UNARY(leaky_relu, [](double x) { return x > 0 ? x : 0.01 * x; }, -2, 2, 4.0),
    UNARY(elu, [](double x) { return x > 0 ? x : std::expm1(x); }, -2, 2, 4.0),
};

template <class T>
std::vector<double> referenced(const Tensor<T>& x, double (*f)(double)) {
  std::vector<double> out;
  for (const T v : x.to_vector()) out.push_back(f(static_cast<double>(v)));
  return out;
}

const Shape unary_shapes[] = {{3, 4}, {1}, {2, 1, 3}, {0, 3}, {}, {5, 131}};

}  // namespace

TEST_CASE("unary ops equal their double reference on every layout") {
  for (const UnaryRow& row : unary_rows) {
    CAPTURE(std::string(row.name));
    Generator generator(3);
    for (const Shape& shape : unary_shapes)
      for (const Layout layout : all_layouts) {
        const auto x = sample(shape, layout, row.low, row.high, generator, row.avoid);
        CHECK_NEAR(row.precise(x), referenced(x, row.reference), {.relative = 1e-12, .absolute = 1e-14});
        const auto y = x.cast<float>();
        CHECK_NEAR(row.single(y), referenced(y, row.reference), {.relative = 2e-6, .absolute = 2e-7});
      }
  }
}

TEST_CASE("unary ops pass gradcheck and gradgradcheck on every layout") {
  for (const UnaryRow& row : unary_rows)
    check_gradients({row.name, [&](const Doubles& x) { return row.precise(x[0]); },
                     {{{2, 3}}, {{1}}, {{0, 2}}, {{}}}, row.low, row.high, row.avoid});
}

TEST_CASE("binary and ternary ops pass gradcheck and gradgradcheck with broadcasting") {
  const std::vector<std::vector<Shape>> pairs = {{{2, 3}, {2, 3}}, {{2, 3}, {3}},       {{2, 1}, {1, 3}},
                                                 {{}, {2}},        {{}, {}},            {{0, 2}, {2}},
                                                 {{1}, {1}},       {{2, 1, 2}, {3, 1}}, {{0}, {}}};
  const std::vector<std::vector<Shape>> all_ranks = {{{2, 3}}, {{1}}, {{0, 2}}, {{}}};
  const GradientCase rows[] = {
      {"add", [](const Doubles& x) { return x[0] + x[1]; }, pairs},
      {"sub", [](const Doubles& x) { return x[0] - x[1]; }, pairs},
      {"mul", [](const Doubles& x) { return x[0] * x[1]; }, pairs},
      {"div", [](const Doubles& x) { return x[0] / x[1]; }, pairs, 0.5, 2.0},
      {"pow", [](const Doubles& x) { return pow(x[0], x[1]); }, pairs, 0.5, 2.0},
      {"maximum", [](const Doubles& x) { return maximum(x[0], x[1] * 1.37 + 0.011); }, pairs},
      {"minimum", [](const Doubles& x) { return minimum(x[0], x[1] * 1.37 + 0.011); }, pairs},
      {"where", [](const Doubles& x) { return where(x[0].detach() > 0.5, x[0] * x[1], x[1]); }, pairs},
      {"pow constant", [](const Doubles& x) { return pow(x[0], 3.0); }, all_ranks},
      {"pow fraction", [](const Doubles& x) { return pow(x[0], -1.5); }, all_ranks, 0.5, 2.0},
      {"pow zero", [](const Doubles& x) { return pow(x[0], 0.0) + x[0]; }, all_ranks},
      {"clamp", [](const Doubles& x) { return clamp(x[0], -1.0, 1.0); }, all_ranks, -2, 2, 1.0},
      {"leaky_relu", [](const Doubles& x) { return leaky_relu(x[0], 0.3); }, all_ranks, -2, 2, 4.0},
      {"elu", [](const Doubles& x) { return elu(x[0], 1.7); }, all_ranks, -2, 2, 4.0},
      {"prelu", [](const Doubles& x) { return map(nn::functor::Prelu{}, x[0], x[1]); },
       {{{2, 3}, {3}}, {{2, 3}, {1}}, {{2, 2, 2}, {2}}, {{1}, {1}}, {{0, 3}, {3}}, {{}, {}}}, -2, 2, 4.0},
      {"scalar arithmetic", [](const Doubles& x) { return 2.0 / (1.0 - (x[0] * 3.0 - 0.5)) + x[0] / 4.0; },
       all_ranks, 1, 2},
      {"scale and shift", [](const Doubles& x) { return square(shift(scale(x[0], -0.7), 1.3)) * (2.0 + 0.4 * x[0]); },
       all_ranks},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("comparisons, logic and selection") {
  const auto a = tensor<float>({1, 2, 3}), b = tensor<float>({3, 2, 1});
  CHECK_EQ((a < b).to_vector(), std::vector<bool>{true, false, false});
  CHECK_EQ((a <= b).to_vector(), std::vector<bool>{true, true, false});
  CHECK_EQ((a > b).to_vector(), std::vector<bool>{false, false, true});
  CHECK_EQ((a >= 2.0f).to_vector(), std::vector<bool>{false, true, true});
  CHECK_EQ(equal(a, b).to_vector(), std::vector<bool>{false, true, false});
  CHECK_EQ(((a < b) || !(a < 3.0f)).to_vector(), std::vector<bool>{true, false, true});
  CHECK_NEAR(where(a > b, a, b * 10.0f), (std::vector<float>{30, 20, 3}));
  const float nan = std::nanf(""), inf = INFINITY;
  CHECK_EQ(isnan(tensor<float>({nan, inf, 0})).to_vector(), std::vector<bool>{true, false, false});
  CHECK_EQ(isfinite(tensor<float>({nan, inf, 0})).to_vector(), std::vector<bool>{false, false, true});
  CHECK_NEAR(arange<std::int64_t>(4) * arange<std::int64_t>(4), (std::vector<std::int64_t>{0, 1, 4, 9}));
}

TEST_CASE("special values") {
  const float nan = std::nanf(""), inf = INFINITY;
  CHECK_NEAR(exp(tensor<float>({-inf, 0, inf, nan})), (std::vector<float>{0, 1, inf, nan}));
  CHECK_NEAR(log(tensor<float>({0, 1, inf, -1})), (std::vector<float>{-inf, 0, inf, nan}));
  CHECK_NEAR(sigmoid(tensor<float>({-1000, 1000})), (std::vector<float>{0, 1}));
  CHECK_NEAR(softplus(tensor<float>({-1000, 1000})), (std::vector<float>{0, 1000}));
  CHECK_NEAR(tanh(tensor<float>({-1000, 1000})), (std::vector<float>{-1, 1}));
  CHECK_NEAR(relu(tensor<float>({nan, -inf, inf})), (std::vector<float>{nan, 0, inf}));
  CHECK_NEAR(maximum(tensor<float>({nan, 1}), tensor<float>({1, nan})), (std::vector<float>{nan, nan}));
}

TEST_CASE("elementwise errors name the op and both shapes") {
  CHECK_EQ(error_of<ShapeError>([] { pow(zeros({2}), zeros({3})); }),
           "pow: shapes [2] and [3] do not broadcast: aligned from the right, extents must be equal or 1");
  CHECK_EQ(error_of<ValueError>([] { clamp(zeros({2}), 1.0f, 0.0f); }), "clamp: the lower bound exceeds the upper bound");
  CHECK_EQ(error_of<Error>([] { relu(Tensor<float>()); }), "relu: input is undefined (a default-constructed tensor)");
}
