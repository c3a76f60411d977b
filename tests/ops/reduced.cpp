// 16-bit tensors: products, convolutions, normalisation and pooling are computed in float and rounded once, forward and
// backward; what belongs to channels stays float.
#include <doctest/doctest.h>

#include <glia/ops/batch_norm_silu.hpp>
#include <glia/ops/conv_transpose.hpp>
#include <glia/ops/linear.hpp>
#include <glia/ops/pool.hpp>

#include "../support/rounding.hpp"
#include "support.hpp"

using namespace ops_test;
using glia::bfloat16;
using glia::half;
using glia::Tensor;

namespace {

template <class T>
using List = std::vector<Tensor<T>>;

// Runs f(data, channels), where data are T and channels ParameterScalar<T>, against itself in double on the same
// numbers: the result and the gradients of data are rounded once, those of channels not at all. `slack` is what sums in
// float may add, in units of the largest value.
template <class T, class F>
void check_rounding(const F& f, const std::vector<Shape>& data_shapes, const std::vector<Shape>& channel_shapes,
                    double slack) {
  using P = glia::ParameterScalar<T>;
  static_assert(std::is_same_v<P, float>);
  List<T> data;
  List<P> channels;
  List<double> data_exact, channels_exact;
  std::uint64_t seed = 1;
  for (const Shape& shape : data_shapes) {
    data.push_back(normal(shape, seed++).cast<T>().set_requires_grad());
    data_exact.push_back(data.back().detach().template cast<double>().set_requires_grad());
  }
  for (const Shape& shape : channel_shapes) {
    channels.push_back((normal(shape, seed++) * 0.2 + 1.0).cast<P>().set_requires_grad());
    channels_exact.push_back(channels.back().detach().template cast<double>().set_requires_grad());
  }
  const Tensor<T> y = f(data, channels);
  const D64 exact = f(data_exact, channels_exact);
  const auto largest = [](const D64& x) {
    double out = 0;
    for (const double v : x.to_vector()) out = std::max(out, std::abs(v));
    return out;
  };
  CHECK_ROUNDED_ONCE(y, exact, slack * largest(exact));
  const auto direction = normal(exact.shape(), 99).cast<T>();
  glia::sum(y * direction).backward();
  glia::sum(exact * direction.template cast<double>()).backward();
  for (std::size_t i = 0; i < data.size(); ++i) {
    CAPTURE(i);
    const auto expected = data_exact[i].grad();
    CHECK_ROUNDED_ONCE(data[i].grad(), expected, slack * largest(expected));
  }
  for (std::size_t i = 0; i < channels.size(); ++i) {
    CAPTURE(i);
    const auto expected = channels_exact[i].grad();
    CHECK_NEAR(channels[i].grad(), expected.to_vector(), {0.0, 1e-5 * largest(expected)});
  }
}

}  // namespace

TEST_CASE_TEMPLATE("16-bit convolutions are rounded once, forward and backward", T, bfloat16, half) {
  const auto conv = [](glia::Conv2dOptions options) {
    return [options](const auto& x, const auto&) {
      using Image = std::remove_cvref_t<decltype(x[0])>;
      return glia::conv2d(x[0], x[1], x.size() > 2 ? x[2] : Image(), options);
    };
  };
  check_rounding<T>(conv({.padding = 1}), {{2, 9, 8, 3}, {5, 3, 3, 3}, {5}}, {}, 3e-6);
  check_rounding<T>(conv({.padding = 1}), {{1, 9, 8, 32}, {32, 3, 3, 32}, {32}}, {}, 2e-5);  // by Winograd
  check_rounding<T>(conv({.stride = {2, 1}, .dilation = {1, 2}}), {{2, 7, 8, 4}, {6, 3, 2, 4}}, {}, 3e-6);
  check_rounding<T>(conv({.padding = 1, .groups = 2}), {{2, 6, 6, 4}, {6, 3, 3, 2}, {6}}, {}, 3e-6);
  check_rounding<T>(conv({.padding = 1, .groups = 4}), {{2, 6, 6, 4}, {4, 3, 3, 1}}, {}, 3e-6);
  check_rounding<T>(conv({}), {{2, 4, 4, 40}, {48, 1, 1, 40}, {48}}, {}, 3e-6);
  check_rounding<T>([](const auto& x, const auto&) { return glia::conv_transpose2d(x[0], x[1], {}, {.stride = 2}); },
                    {{2, 4, 4, 5}, {5, 3, 3, 2}}, {}, 3e-6);
}

TEST_CASE("dense layers of bfloat16 are rounded once, behind the bias") {
  const auto linear = [](const auto& x, const auto&) { return glia::linear(x[0], x[1], x[2]); };
  check_rounding<bfloat16>(linear, {{7, 30}, {9, 30}, {9}}, {}, 3e-6);
  check_rounding<bfloat16>(linear, {{2, 3, 70}, {40, 70}, {40}}, {}, 3e-6);
  check_rounding<bfloat16>(linear, {{5}, {3, 5}, {3}}, {}, 3e-6);
  // 256 + 1 / 2, rounded before the bias is taken off, would leave nothing.
  const auto x = glia::tensor<bfloat16>({bfloat16(1.0f), bfloat16(1.0f)}, {1, 2});
  const auto w = glia::tensor<bfloat16>({bfloat16(256.0f), bfloat16(0.5f)}, {1, 2});
  const auto b = glia::tensor<bfloat16>({bfloat16(-256.0f)}, {1});
  CHECK(static_cast<float>(glia::linear(x, w, b).item()) == 0.5f);
  CHECK(glia::linear(glia::zeros<bfloat16>({0, 2}), w, b).shape() == Shape{0, 1});
  CHECK(static_cast<float>(glia::linear(glia::zeros<bfloat16>({1, 0}), glia::zeros<bfloat16>({1, 0}), b).item()) ==
        -256.0f);
  CHECK(error_of<glia::ShapeError>([&] { glia::linear(x, w, x); }).find("bias must have shape [1]") !=
        std::string::npos);
}

TEST_CASE("normalisation of bfloat16 keeps statistics and parameters in float") {
  using T = bfloat16;
  const std::vector<Shape> images{{3, 4, 5, 6}}, with_residual{{3, 4, 5, 6}, {3, 4, 5, 6}}, channels{{6}, {6}};
  const double slack = 4e-6;
  check_rounding<T>([](const auto& x, const auto& c) { return glia::batch_norm(x[0], c[0], c[1]).output; }, images,
                    channels, slack);
  check_rounding<T>([](const auto& x, const auto&) { return glia::batch_norm(x[0], {}, {}, {.relu = true}).output; },
                    images, {}, slack);
  check_rounding<T>(
      [](const auto& x, const auto& c) { return glia::batch_norm(x[0], c[0], c[1], {.relu = true}, x[1]).output; },
      with_residual, channels, slack);
  check_rounding<T>(
      [](const auto& x, const auto& c) { return glia::batch_norm_silu(x[0], c[0], c[1], {}, x[1]).output; },
      with_residual, channels, slack);
  check_rounding<T>(
      [](const auto& x, const auto& c) {
        return glia::batch_norm_inference(x[0], c[0].detach(), c[1].detach(), c[0], c[1], {.relu = true});
      },
      images, channels, slack);
  check_rounding<T>(
      [](const auto& x, const auto& c) {
        return glia::batch_norm_silu_inference(x[0], c[0].detach(), c[1].detach(), c[0], c[1], {}, x[1]);
      },
      with_residual, channels, slack);
  check_rounding<T>([](const auto& x, const auto& c) { return glia::layer_norm(x[0], c[0], c[1]); }, images, channels,
                    slack);
  check_rounding<T>([](const auto& x, const auto&) { return glia::layer_norm(x[0]); }, images, {}, slack);
  check_rounding<T>([](const auto& x, const auto& c) { return glia::group_norm(x[0], 3, c[0], c[1]); }, images,
                    channels, slack);
}

TEST_CASE("statistics of bfloat16 batches are those of their numbers, not of their last bits") {
  // A mean of 1000 with deviations of one unit in the last place (4), which sums in bfloat16 would not see.
  std::vector<bfloat16> values;
  for (int i = 0; i < 4000; ++i) values.push_back(bfloat16(i % 2 == 0 ? 1000.0f : 1004.0f));
  const auto result = glia::batch_norm(glia::from_vector<bfloat16>(values, {4000, 1}));
  CHECK(result.mean.item() == doctest::Approx(1002.0).epsilon(1e-6));
  CHECK(result.variance.item() == doctest::Approx(4.0).epsilon(1e-4));
  CHECK(static_cast<float>(result.output(0, 0).item()) == doctest::Approx(-1.0).epsilon(4e-3));
}

TEST_CASE("a recorded backward pass of bfloat16 normalisation gives what the fused one gives") {
  const auto check = [](const auto& f) {
    auto x = normal({4, 3, 6}, 1).cast<bfloat16>().set_requires_grad();
    auto gamma = (normal({6}, 2) + 2.0).cast<float>().set_requires_grad();
    const auto direction = normal({4, 3, 6}, 3).cast<bfloat16>();
    const auto gradients = [&](bool record) {
      const auto loss = glia::sum(f(x, gamma) * direction);
      glia::autograd::backward<bfloat16, glia::Cpu>(std::span(&loss, 1), {}, {.create_graph = record});
      auto out = std::pair{x.grad().detach().clone(), gamma.grad().detach().clone()};
      x.zero_grad(), gamma.zero_grad();  // a recorded gradient holds its graph, which holds x
      return out;
    };
    const auto fused = gradients(false), composed = gradients(true);
    const auto expected = fused.first.template cast<double>();
    CHECK_NEAR(composed.first, expected.to_vector(), {0x1p-7, 1e-5});  // both rounded: a unit apart at most
    CHECK_NEAR(composed.second, fused.second.to_vector(), {1e-4, 1e-4});
  };
  check([](const auto& x, const auto& g) { return glia::batch_norm(x, g).output; });
  check([](const auto& x, const auto& g) { return glia::batch_norm(x, g, {}, {.relu = true}, x.detach()).output; });
  check([](const auto& x, const auto& g) { return glia::batch_norm_silu(x, g).output; });
  check([](const auto& x, const auto& g) { return glia::layer_norm(x, g); });
  check([](const auto& x, const auto& g) { return glia::group_norm(x, 2, g); });
}

TEST_CASE("pooling of bfloat16 images is exact or rounded once") {
  using T = bfloat16;
  const std::vector<Shape> images{{2, 7, 8, 5}};
  for (const glia::PoolOptions& o :
       {glia::PoolOptions{.kernel = 2}, glia::PoolOptions{.kernel = 3, .stride = 1, .padding = 1}}) {
    check_rounding<T>([&](const auto& x, const auto&) { return glia::max_pool2d(x[0], o); }, images, {}, 1e-7);
    check_rounding<T>([&](const auto& x, const auto&) { return glia::avg_pool2d(x[0], o); }, images, {}, 1e-6);
  }
  check_rounding<T>([](const auto& x, const auto&) { return glia::adaptive_avg_pool2d(x[0], 3, 2); }, images, {}, 1e-6);
  check_rounding<T>([](const auto& x, const auto&) { return glia::global_mean_pool(x[0]); }, images, {}, 1e-6);
  const auto x = normal({2, 6, 6, 3}, 5).cast<T>();
  CHECK(glia::max_pool2d(x).cast<float>().to_vector() == glia::max_pool2d(x.cast<float>()).to_vector());
}
