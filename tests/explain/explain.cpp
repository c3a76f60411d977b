// Attributions against captum, and by hand.
#include <glia/explain/faithfulness.hpp>
#include <glia/explain/grad_cam.hpp>
#include <glia/explain/integrated_gradients.hpp>
#include <glia/explain/occlusion.hpp>
#include <glia/explain/sanity.hpp>
#include <glia/explain/spike_map.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/linear.hpp>
#include <glia/ops/pool.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/spiking/layers.hpp>

#include <reference/explain_fixture.hpp>
#include <support/near.hpp>

namespace explain = glia::explain;
namespace nn = glia::nn;
namespace fx = fixture::explain;
using glia::Cpu;
using glia::Index;
using glia_test::error_of;
using Double = glia::Tensor<double>;
using Labels = glia::Tensor<std::int64_t>;

namespace {

// The network of the reference script.
struct Net {
  nn::Conv2d<Cpu, double> conv{{.in = 2, .out = 4, .kernel = 3, .padding = 1}};
  nn::Linear<Cpu, double> head{4, 3};
  Index largest = 0;  // batch seen so far
  GLIA_MEMBERS(conv, head)

  Net() {
    conv.weight = nn::Parameter<double>(glia::from_vector(fx::conv_weight, {4, 3, 3, 2}));
    conv.bias = nn::Parameter<double>(glia::from_vector(fx::conv_bias));
    head.weight = nn::Parameter<double>(glia::from_vector(fx::head_weight, {3, 4}));
    head.bias = nn::Parameter<double>(glia::from_vector(fx::head_bias));
  }
  explain::FeaturesAndScores<double, Cpu> both(const Double& x) {
    largest = std::max(largest, x.size(0));
    const auto features = glia::relu(conv(x));
    return {features, head(glia::tanh(glia::global_mean_pool(features)))};
  }
  Double operator()(const Double& x) { return both(x).scores; }
};

Double images() { return glia::from_vector(fx::input, {2, 8, 8, 2}); }
Double baseline() { return glia::from_vector(fx::baseline, {8, 8, 2}); }
Labels targets() { return glia::tensor<std::int64_t>({2, 0}); }

// captum keeps path weights and occlusion means in single precision.
const glia_test::Tolerance single{1e-6, 1e-9};

// A linear model [N, 4] -> [N, 2].
Double linear_weight() { return glia::tensor<double>({1, -2, 0.5, 3, 0, 1, 4, -1}, {4, 2}); }
Double linear(const Double& x) { return glia::matmul(x, linear_weight()); }

}  // namespace

TEST_CASE("gradient attributions equal captum, whatever the chunk") {
  Net net;
  CHECK_NEAR(net(images()), fx::scores, {1e-12, 0.0});
  for (const Index chunk : {1, 64}) {
    CHECK_NEAR(explain::saliency(net, images(), targets(), chunk), fx::saliency, {1e-10, 1e-15});
    CHECK_NEAR(explain::input_gradient(net, images(), targets(), chunk), fx::gradient, {1e-10, 1e-15});
    CHECK_NEAR(explain::input_x_gradient(net, images(), targets(), chunk), fx::input_x_gradient, {1e-10, 1e-15});
  }
  // parameters are left alone, and recording may be off outside
  for (const auto& p : glia::parameters<double, Cpu>(net)) CHECK_FALSE(p.tensor.grad().defined());
  const glia::NoGrad plain;
  const auto map = explain::saliency(net, images(), targets());
  CHECK_NEAR(map, fx::saliency, {1e-10, 1e-15});
  CHECK_FALSE(map.requires_grad());
  // strided input; no samples
  const auto swapped = images().transpose(1, 2).contiguous().transpose(1, 2);
  REQUIRE_FALSE(swapped.is_contiguous());
  CHECK_NEAR(explain::saliency(net, swapped, targets()), fx::saliency, {1e-10, 1e-15});
  CHECK(explain::saliency(net, images().slice(0, {0, 0}), targets().slice(0, {0, 0})).shape() ==
        glia::Shape{0, 8, 8, 2});
  CHECK(explain::heat_map(map).shape() == glia::Shape{2, 8, 8});
  CHECK(explain::heat_map(map)(1, 3, 4).item() ==
        doctest::Approx(map(1, 3, 4, 0).item() + map(1, 3, 4, 1).item()).epsilon(1e-14));
  CHECK(explain::predictions(net, images(), 1).to_vector() == glia::argmax(net(images()), 1).to_vector());
}

TEST_CASE("integrated gradients equal captum and are complete") {
  Net net;
  for (const Index chunk : {5, 1000}) {
    const auto gauss = explain::integrated_gradients(net, images(), targets(), {.chunk = chunk}, baseline());
    CHECK_NEAR(gauss.attributions, fx::integrated_gauss, single);
    CHECK(net.largest <= chunk);
    CHECK(gauss.worst() < 0.01);
    CHECK(gauss.error <= gauss.worst());
    const auto score = [&](const Double& x, Index i, Index c) { return net(x)(i, c).item(); };
    const auto start = baseline().unsqueeze(0);
    CHECK(gauss.difference[0] == doctest::Approx(score(images(), 0, 2) - score(start, 0, 2)).epsilon(1e-12));
    CHECK(gauss.difference[1] == doctest::Approx(score(images(), 1, 0) - score(start, 0, 0)).epsilon(1e-12));
    CHECK(gauss.sum[1] == doctest::Approx(glia::sum(gauss.attributions[1]).item()).epsilon(1e-12));
    CHECK(gauss.completeness[1] ==
          doctest::Approx(std::abs(gauss.sum[1] - gauss.difference[1]) / std::abs(gauss.difference[1])).epsilon(1e-9));
    const auto middle = explain::integrated_gradients(
        net, images(), targets(), {.steps = 50, .rule = explain::PathRule::midpoint, .chunk = chunk}, baseline());
    CHECK_NEAR(middle.attributions, fx::integrated_midpoint, single);
  }
  // f = (w . x)^2 has attributions x_i w_i (w . x), exact for one Gauss point, wrong for none
  const auto x = glia::tensor<double>({1, 2, -1, 0.5}, {1, 4});
  const auto square = [](const Double& v) {
    const auto y = linear(v);
    return glia::mul(y, y);
  };
  const auto label = glia::tensor<std::int64_t>({1});
  const auto one = explain::integrated_gradients(square, x, label, {.steps = 1});
  const double dot = -2.0 + 2.0 * 3.0 + (-1.0) * 1.0 + 0.5 * (-1.0);
  CHECK_NEAR(one.attributions, std::vector<double>({-2.0 * dot, 6.0 * dot, -1.0 * dot, -0.5 * dot}), {1e-12, 0.0});
  CHECK(one.worst() < 1e-12);
  // a step in the path is missed: the check says so
  const auto stairs = [](const Double& v) { return glia::add(glia::floor(v), glia::scale(v, 0.1)); };
  const auto up = explain::integrated_gradients(stairs, glia::full<double>({1, 2}, 2.5), label);
  CHECK(up.difference[0] == doctest::Approx(2.25));
  CHECK(up.sum[0] == doctest::Approx(0.25));
  CHECK(up.worst() == doctest::Approx(2.0 / 2.25));
}

TEST_CASE("path points: Gauss-Legendre is exact for polynomials of degree 2 n - 1") {
  for (const Index n : {1, 2, 7, 64}) {
    const auto points = explain::detail::path_points(explain::PathRule::gauss_legendre, n);
    for (Index power = 0; power < std::min<Index>(2 * n, 12); ++power) {
      double total = 0;
      for (std::size_t k = 0; k < points.at.size(); ++k)
        total += points.weight[k] * std::pow(points.at[k], static_cast<double>(power));
      CHECK(total == doctest::Approx(1.0 / static_cast<double>(power + 1)).epsilon(1e-13));
    }
    CHECK(std::is_sorted(points.at.begin(), points.at.end()));
  }
}

TEST_CASE("SmoothGrad: exact where the gradient is known at every noisy point") {
  const auto x = glia::tensor<double>({1, 2, -1, 0.5, 0, 4, 1, 1}, {2, 4});
  const auto label = glia::tensor<std::int64_t>({1, 0});
  // linear: the gradient is the weight, whatever the noise
  CHECK_NEAR(explain::smooth_grad(linear, x, label, {.copies = 5}), std::vector<double>({-2, 3, 1, -1, 1, 0.5, 0, 4}),
             {1e-12, 1e-15});
  // squares: the gradient at a noisy point is 2 (x + noise), so the mean is 2 (x + mean noise)
  const auto squares = [](const Double& v) { return glia::mul(v, v); };
  const double width[] = {0.2 * 3.0, 0.2 * 4.0};
  double mean[2] = {}, square[2] = {};
  for (Index k = 0; k < 40; ++k)
    for (Index i = 0; i < 2; ++i) {
      const Index c = label[i].item();
      const double noise = explain::sample_noise<double, Cpu>({4}, 7, i, k)[c].item();
      const double g = 2.0 * (x(i, c).item() + width[i] * noise);
      mean[i] += g / 40, square[i] += g * g / 40;
    }
  for (const Index chunk : {1, 7, 64, 1000}) {
    explain::SmoothGradOptions options{.copies = 40, .noise = 0.2, .seed = 7, .chunk = chunk};
    const auto check = [&](double first, double second) {
      CHECK_NEAR(explain::smooth_grad(squares, x, label, options),
                 std::vector<double>({0, first, 0, 0, second, 0, 0, 0}), {1e-11, 0.0});
    };
    check(mean[0], mean[1]);
    options.average = explain::Average::square;
    check(square[0], square[1]);
    options.average = explain::Average::variance;
    check(square[0] - mean[0] * mean[0], square[1] - mean[1] * mean[1]);
  }
  // no noise: the gradient itself
  Net net;
  CHECK_NEAR(explain::smooth_grad(net, images(), targets(), {.copies = 3, .noise = 0}), fx::gradient, {1e-10, 1e-15});
}

TEST_CASE("Grad-CAM equals captum; maps are scaled as by PyTorch") {
  Net net;
  const auto both = [&](const Double& x) { return net.both(x); };
  for (const Index chunk : {1, 8}) {
    CHECK_NEAR(explain::grad_cam(both, images(), targets(), {.chunk = chunk}), fx::grad_cam, {1e-10, 1e-15});
    CHECK_NEAR(explain::grad_cam(both, images(), targets(), {.positive = false, .resize = false}), fx::grad_cam_signed,
               {1e-10, 1e-15});
  }
  CHECK_NEAR(explain::resize_maps(glia::from_vector(fx::small_map, {2, 2, 2}), 7, 5), fx::resized_map, {1e-12, 1e-16});
  // frozen weights
  nn::set_requires_grad(net, false);
  CHECK_NEAR(explain::grad_cam(both, images(), targets()), fx::grad_cam, {1e-10, 1e-15});
  CHECK(error_of<glia::ShapeError>([&] {
          explain::grad_cam(
              [&](const Double& x) {
                const auto y = linear(x.flatten(1).slice(1, {0, 4}));
                return explain::FeaturesAndScores<double, Cpu>{y, y};
              },
              images(), targets());
        }) == "grad_cam: features must have 4 axes, got shape [2, 2]");
  CHECK(error_of<glia::AutogradError>([&] {
          explain::grad_cam([&](const Double& x) { return net.both(x.detach()); }, images(), targets());
        }).find("grad_cam: features and scores have no gradient history") == 0);
}

TEST_CASE("occlusion equals captum, also where windows hang over the border") {
  Net net;
  for (const Index chunk : {2, 64}) {
    net.largest = 0;
    CHECK_NEAR(explain::occlusion(net, images(), targets(), {.window = 4, .stride = 2, .fill = 0.25, .chunk = chunk}),
               fx::occlusion2, single);
    CHECK(net.largest <= chunk);
    CHECK_NEAR(explain::occlusion(net, images(), targets(), {.window = 4, .stride = 3, .fill = 0.25, .chunk = chunk}),
               fx::occlusion3, single);
  }
  CHECK(explain::occlusion(net, images(), targets()).shape() == glia::Shape{2, 8, 8});
  CHECK(error_of<glia::ValueError>([&] {
          explain::occlusion(net, images(), targets(), {.window = 2, .stride = 3});
        }) == "occlusion: stride (3) must not exceed window (2)");
}

TEST_CASE("spike maps by hand") {
  // 2 steps, 1 sample, 1 x 2 pixels, 2 channels
  const auto s = glia::tensor<float>({1, 0, 1, 1, 1, 0, 0, 1}, {2, 1, 1, 2, 2});
  CHECK(explain::spike_rate_map(s).to_vector() == std::vector<float>({0.5f, 0.75f}));
  CHECK(explain::channel_rates(s).to_vector() == std::vector<float>({0.75f, 0.5f}));
  const auto map = explain::spike_activation_map(s, 1.0);
  CHECK(map.shape() == glia::Shape{2, 1, 1, 2});
  const float e = std::exp(-1.0f);
  CHECK_NEAR(map, std::vector<float>({0, 0, e, e}), {1e-6, 0.0});
  // three spikes of one neuron: the third sees both earlier ones
  const auto train = explain::spike_activation_map(glia::ones<double>({3, 1, 1, 1, 1}), 0.5);
  CHECK_NEAR(train, std::vector<double>({0, std::exp(-0.5), std::exp(-0.5) + std::exp(-1.0)}), {1e-14, 0.0});
  CHECK(error_of<glia::ShapeError>([] {
          explain::spike_rate_map(glia::zeros({2, 3}));
        }) == "spike_rate_map: spikes must have 5 axes, got shape [2, 3]");
  CHECK(error_of<glia::ValueError>([&] { explain::spike_activation_map(s, -1); }) ==
        "spike_activation_map: decay must not be negative, got -1");
}

TEST_CASE("a spiking network is explained through its surrogate gradients") {
  const glia::spiking::Lif<Cpu, double, glia::spiking::surrogate::Sigmoid> spike{{.beta = 0.5, .threshold = 0.6}};
  const auto net = [&](const Double& x) { return glia::mean(linear(spike(glia::spiking::repeat(x, 4))), 0); };
  const auto x = glia::tensor<double>({0.9, 0.3, 0.7, 0.2}, {1, 4});
  const auto label = glia::tensor<std::int64_t>({0});
  auto leaf = x.clone().set_requires_grad();
  glia::sum(net(leaf).select(1, 0)).backward();
  const auto map = explain::input_gradient(net, x, label);
  CHECK(map.to_vector() == leaf.grad().to_vector());
  CHECK(glia::sum(glia::abs(map)).item() > 0.1);
  CHECK(explain::smooth_grad(net, x, label).shape() == x.shape());
  // the scores are a staircase, so completeness is missed, and reported
  const auto whole = explain::integrated_gradients(net, x, label);
  CHECK(whole.difference[0] == doctest::Approx(net(x)(0, 0).item()));
  CHECK(whole.worst() > 0.01);
}

TEST_CASE("deletion and insertion curves equal the reference") {
  Net net;
  const auto map = glia::from_vector(fx::gradient, {2, 8, 8, 2});
  const auto heat = explain::heat_map(map);
  for (const Index chunk : {1, 4, 100}) {
    const explain::CurveOptions options{.steps = 5, .chunk = chunk};
    const auto out = explain::deletion_curve(net, images(), targets(), heat, options, baseline());
    const auto in = explain::insertion_curve(net, images(), targets(), heat, options, baseline());
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK_NEAR(out.scores[i], std::vector<double>(&fx::deletion[6 * i], &fx::deletion[6 * i] + 6), {1e-11, 0.0});
      CHECK_NEAR(in.scores[i], std::vector<double>(&fx::insertion[6 * i], &fx::insertion[6 * i] + 6), {1e-11, 0.0});
      CHECK(out.auc[i] == doctest::Approx((i == 0 ? fx::deletion_auc0 : fx::deletion_auc1)[0]).epsilon(1e-11));
      CHECK(in.auc[i] == doctest::Approx((i == 0 ? fx::insertion_auc0 : fx::insertion_auc1)[0]).epsilon(1e-11));
    }
    CHECK(out.mean_auc() == doctest::Approx(0.5 * (out.auc[0] + out.auc[1])));
    CHECK(out.mean()[2] == doctest::Approx(0.5 * (out.scores[0][2] + out.scores[1][2])));
    CHECK_NEAR(out.share, std::vector<double>({0, 0.2, 0.4, 0.6, 0.8, 1}), {1e-14, 0.0});
  }
  // four features of a linear model, one number each: the scores fall by the deleted contributions
  const auto x = glia::tensor<double>({1, 2, 1, 3}, {1, 4});
  const auto contribution = explain::input_x_gradient(linear, x, glia::tensor<std::int64_t>({0}));  // 1, 1, 0, 12
  const auto curve = explain::deletion_curve(linear, x, glia::tensor<std::int64_t>({0}), contribution,
                                             {.steps = 4, .score = explain::Score::logit});
  CHECK_NEAR(curve.scores[0], std::vector<double>({14, 2, 1, 0, 0}), {1e-13, 0.0});
  CHECK(curve.auc[0] == doctest::Approx(0.25 * (7 + 2 + 1 + 0 + 0)));
  // the right order beats the reverse
  const auto wrong = explain::deletion_curve(linear, x, glia::tensor<std::int64_t>({0}), glia::neg(contribution),
                                             {.steps = 4, .score = explain::Score::logit});
  CHECK(wrong.auc[0] > curve.auc[0]);
  CHECK(error_of<glia::ShapeError>([&] {
          explain::deletion_curve(net, images(), targets(), glia::zeros<double>({2, 4, 4}));
        }) == "deletion_curve: attribution must have shape [2, 8, 8], got [2, 4, 4]");
  CHECK(
      error_of<glia::ValueError>([&] {
        explain::insertion_curve(linear, x, glia::tensor<std::int64_t>({0}), glia::full<double>({1, 4}, std::nan("")));
      }) == "insertion_curve: the attribution of sample 0 holds a NaN");
}

TEST_CASE("infidelity equals captum; a linear model's gradient has none") {
  Net net;
  const auto map = glia::from_vector(fx::gradient, {2, 8, 8, 2});
  const auto noise = glia::from_vector(fx::perturbations, {6, 2, 8, 8, 2});
  for (const Index chunk : {1, 5, 100}) {
    CHECK_NEAR(explain::infidelity(net, images(), targets(), map, noise, {.chunk = chunk}), fx::infidelity,
               {1e-9, 0.0});
    CHECK_NEAR(explain::infidelity(net, images(), targets(), map, noise, {.normalize = true, .chunk = chunk}),
               fx::infidelity_normalized, {1e-9, 0.0});
  }
  const auto x = glia::tensor<double>({1, 2, 1, 3}, {1, 4});
  const auto label = glia::tensor<std::int64_t>({0});
  const auto gradient = explain::input_gradient(linear, x, label);
  CHECK(explain::infidelity(linear, x, label, gradient)[0] < 1e-20);
  // off by delta in one component: the mean square of delta times the noise there
  const auto off = glia::add(gradient, glia::tensor<double>({0, 0.5, 0, 0}));
  double expected = 0;
  for (Index k = 0; k < 32; ++k) {
    const double i = 0.1 * explain::sample_noise<double, Cpu>({4}, 0, 0, k)[1].item();
    expected += 0.25 * i * i / 32;
  }
  CHECK(explain::infidelity(linear, x, label, off)[0] == doctest::Approx(expected).epsilon(1e-9));
  CHECK(explain::infidelity(linear, x, label, glia::scale(gradient, 7.0), {.normalize = true})[0] < 1e-14);
  CHECK(error_of<glia::ShapeError>([&] {
          explain::infidelity(linear, x, label, gradient, glia::zeros<double>({3, 2, 4}));
        }) == "infidelity: perturbations must have shape [3, 1, 4], got [3, 2, 4]");
  CHECK(error_of<glia::ValueError>([&] { explain::infidelity(linear, x, label, gradient, {.noise = 0}); }) ==
        "infidelity: noise must be positive, got 0");
}

TEST_CASE("rank correlation equals SciPy") {
  const auto a = glia::from_vector(fx::rank_a, {1, 12}), b = glia::from_vector(fx::rank_b, {1, 12});
  CHECK(explain::rank_correlation(a, b)[0] == doctest::Approx(fx::rank_correlation[0]).epsilon(1e-12));
  CHECK(explain::rank_correlation(b, glia::exp(b))[0] == doctest::Approx(1.0));
  CHECK(explain::rank_correlation(b, glia::neg(b))[0] == doctest::Approx(-1.0));
  CHECK(std::isnan(explain::rank_correlation(b, glia::ones<double>({1, 12}))[0]));
  CHECK(error_of<glia::ShapeError>([&] {
          explain::rank_correlation(a, b.slice(1, {0, 3}));
        }) == "rank_correlation: second map must have shape [1, 12], got [1, 3]");
}

TEST_CASE("randomisation check: gradients change with the weights, an edge detector does not") {
  Net net;
  const auto before = net.conv.weight.tensor().to_vector();
  const auto gradients = explain::randomization_check(
      net, [](Net& m) { return explain::input_gradient(m, images(), targets()); }, {.seed = 1});
  REQUIRE(gradients.size() == 2);
  CHECK(gradients[0].layer == "head");
  CHECK(gradients[1].layer == "conv");
  CHECK(std::abs(gradients[1].correlation) < 0.3);
  CHECK(net.conv.weight.tensor().to_vector() == before);
  const auto edges = explain::randomization_check(net, [](Net&) {
    return glia::sub(images().slice(1, {1, 8}), images().slice(1, {0, 7}));
  });
  for (const auto& layer : edges) CHECK(layer.correlation == doctest::Approx(1.0));
  // one at a time: the first layer is trained again when the next one is random
  std::vector<std::vector<double>> heads;
  explain::randomization_check(net,
                               [&](Net& m) {
                                 heads.push_back(m.head.weight.tensor().to_vector());
                                 return m(images());
                               },
                               {.cascade = false});
  REQUIRE(heads.size() == 3);
  CHECK(heads[1] != heads[0]);
  CHECK(heads[2] == heads[0]);
  CHECK(error_of<glia::ValueError>([] {
          explain::randomization_check(nn::Stateless{}, [](nn::Stateless&) { return glia::zeros({1, 2}); });
        }) == "randomization_check: the model has no parameters to randomise");
}

TEST_CASE("bad input is named") {
  Net net;
  CHECK(error_of<glia::IndexError>([&] {
          explain::saliency(net, images(), glia::tensor<std::int64_t>({0, 3}));
        }) == "input_gradient: target 3 is outside 0 .. 2, the classes of the model");
  CHECK(error_of<glia::IndexError>([&] {
          explain::occlusion(net, images(), glia::tensor<std::int64_t>({0, -1}));
        }) == "occlusion: target -1 is outside 0 .. 2, the classes of the model");
  CHECK(error_of<glia::ShapeError>([&] { explain::smooth_grad(net, images(), glia::tensor<std::int64_t>({0})); }) ==
        "smooth_grad: targets must have shape [2], got [1]");
  CHECK(error_of<glia::ShapeError>([&] {
          explain::integrated_gradients(net, images(), targets(), {}, glia::zeros<double>({3}));
        }) == "integrated_gradients: baseline must have shape [2, 8, 8, 2] or [8, 8, 2], got [3]");
  CHECK(error_of<glia::ShapeError>([&] {
          explain::saliency([](const Double& x) { return x; }, images(), targets());
        }) == "input_gradient: the model must return [2, classes], got shape [2, 8, 8, 2]");
  CHECK(error_of<glia::AutogradError>([&] {
          explain::saliency([&](const Double& x) { return linear(x.detach()).detach(); }, glia::zeros<double>({2, 4}),
                            glia::tensor<std::int64_t>({0, 1}));
        }).find("input_gradient: the model's output has no gradient history") == 0);
  CHECK(error_of<glia::ValueError>([&] { explain::saliency(net, images(), targets(), 0); }) ==
        "input_gradient: chunk must be positive, got 0");
  CHECK(error_of<glia::ValueError>([&] { explain::integrated_gradients(net, images(), targets(), {.steps = 0}); }) ==
        "integrated_gradients: steps must be positive, got 0");
  CHECK(error_of<glia::ValueError>([&] { explain::smooth_grad(net, images(), targets(), {.noise = -1}); }) ==
        "smooth_grad: noise must not be negative, got -1");
}
