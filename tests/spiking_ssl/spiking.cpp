// What surrounds the neurons: multi-level activation and conversion, encoders, losses, regularisers, normalisation,
// residual blocks, reservoirs, statistics.
#include <glia/autograd/gradcheck.hpp>
#include <glia/spiking/encode.hpp>
#include <glia/spiking/loss.hpp>
#include <glia/spiking/normalization.hpp>
#include <glia/spiking/qcfs.hpp>
#include <glia/spiking/regularize.hpp>
#include <glia/spiking/reservoir.hpp>
#include <glia/spiking/residual.hpp>
#include <glia/spiking/spike.hpp>
#include <glia/spiking/statistics.hpp>

#include <reference/spiking_ssl_fixture.hpp>
#include <support/near.hpp>

#include <cmath>

namespace nn = glia::nn;
namespace spiking = glia::spiking;
namespace fx = fixture::spiking_ssl;
using glia::Cpu;
using glia::Index;
using glia_test::error_of;
using Double = glia::Tensor<double>;

TEST_CASE("the elementwise spike: Heaviside forward, surrogate backward, twice") {
  const spiking::surrogate::Sigmoid slope{3};
  auto x = glia::tensor<double>({-1.5, 0.2, 0.5, 0.9}).set_requires_grad();
  const auto y = spiking::spike(x, 0.5, slope);
  CHECK(y.to_vector() == std::vector<double>({0, 0, 1, 1}));
  const auto first = glia::grad(glia::sum(y), std::vector<Double>{x}, {.create_graph = true})[0];
  const auto second = glia::grad(glia::sum(first), std::vector<Double>{x})[0];
  for (Index i = 0; i < 4; ++i) {
    const double u = x[i].item() - 0.5, h = 1e-5;
    CHECK(first[i].item() == doctest::Approx(slope(u)).epsilon(1e-14));
    if (u != 0.0) CHECK(second[i].item() == doctest::Approx((slope(u + h) - slope(u - h)) / (2 * h)).epsilon(1e-7));
  }
}

TEST_CASE("qcfs: values and straight-through gradients equal the reference") {
  spiking::Qcfs<Cpu, double> layer{{.levels = 4, .theta = 1.7}};
  auto z = glia::from_vector(fx::qcfs_input, {5, 8}).set_requires_grad();
  const auto y = layer(z);
  CHECK_NEAR(y, fx::qcfs_out, {1e-15, 0.0});
  glia::sum(glia::mul(y, glia::from_vector(fx::qcfs_weight, {5, 8}))).backward();
  CHECK_NEAR(z.grad(), fx::qcfs_grad, {1e-15, 0.0});
  CHECK_NEAR(layer.theta.tensor().grad(), fx::qcfs_theta_grad, {1e-12, 0.0});
  // strided input, strided gradient
  auto t = glia::from_vector(fx::qcfs_input, {5, 8}).transpose().contiguous().transpose().detach().set_requires_grad();
  REQUIRE_FALSE(t.is_contiguous());
  glia::sum(glia::mul(layer(t).transpose(), glia::from_vector(fx::qcfs_weight, {5, 8}).transpose())).backward();
  CHECK_NEAR(t.grad(), fx::qcfs_grad, {1e-15, 0.0});
  CHECK(layer(glia::zeros<double>({0, 3})).numel() == 0);

  CHECK(error_of<glia::ValueError>([] { spiking::Qcfs<>{{.levels = 0}}; }) == "qcfs: levels must be positive, got 0");
  CHECK(error_of<glia::ShapeError>([] { spiking::qcfs(glia::zeros({3}), glia::ones({2}), 4); }) ==
        "qcfs: theta must have one element, got shape [2]");
}

TEST_CASE("qcfs: float, many elements, any thread count") {
  const int before = glia::num_threads();
  glia::Generator generator(2);
  const auto values = glia::randn<float>({50001}, generator, 1.0f, 2.0f);
  std::vector<float> theta;
  for (const int threads : {1, 3}) {
    glia::set_num_threads(threads);
    spiking::Qcfs<> layer{{.levels = 8, .theta = 3.0}};
    auto z = glia::Tensor<float>(values).detach().set_requires_grad();
    const auto y = layer(z);
    glia::sum(y).backward();
    double expected = 0;
    const auto in = values.to_vector(), out = y.to_vector(), dz = z.grad().to_vector();
    for (std::size_t i = 0; i < in.size(); ++i) {
      const float u = std::floor(in[i] * 8.0f / 3.0f + 0.5f), h = 3.0f * (std::min(std::max(u, 0.0f), 8.0f) / 8.0f);
      CHECK(out[i] == h);
      const bool inside = in[i] > -3.0f / 16 && in[i] < 3.0f - 3.0f / 16;
      CHECK(dz[i] == (inside ? 1.0f : 0.0f));
      expected += inside ? (static_cast<double>(h) - static_cast<double>(in[i])) / 3.0 : in[i] > 0.0f ? 1.0 : 0.0;
    }
    CHECK(layer.theta.tensor().grad().item() == doctest::Approx(expected).epsilon(1e-5));
    if (threads == 1) theta = layer.theta.tensor().grad().to_vector();
    CHECK(layer.theta.tensor().grad().to_vector() == theta);
  }
  glia::set_num_threads(before);
}

TEST_CASE("a converted neuron over as many steps as levels is the activation exactly") {
  spiking::Qcfs<Cpu, double> layer{{.levels = 4, .theta = 1.7}};
  const spiking::ConvertedIf<Cpu, double> neuron(layer);
  const auto z = glia::from_vector(fx::qcfs_input);
  const auto activation = layer(z).detach();
  const auto rate = [&](Index steps) { return glia::mean(neuron(spiking::repeat(z, steps)), 0); };
  CHECK_NEAR(rate(4), activation.to_vector(), {1e-14, 0.0});
  // over T steps of constant input it is the activation with T levels
  spiking::Qcfs<Cpu, double> finer{{.levels = 7, .theta = 1.7}};
  CHECK_NEAR(rate(7), finer(z).to_vector(), {1e-14, 0.0});
  // streaming
  spiking::State<double> state;
  auto total = glia::zeros<double>({40});
  for (int t = 0; t < 4; ++t) total += neuron.step(z, state);
  CHECK_NEAR(glia::scale(total, 0.25), activation.to_vector(), {1e-14, 0.0});
}

TEST_CASE("encoders") {
  glia::Generator generator(4);
  const auto x = glia::tensor({0.0f, 0.2f, 0.7f, 1.0f, 1.5f, -1.0f});
  const auto spikes = spiking::poisson(x, 20000, generator);
  CHECK(spikes.shape() == glia::Shape{20000, 6});
  const auto rate = glia::mean(spikes, 0).to_vector();
  CHECK(rate[0] == 0.0f);
  CHECK(std::abs(rate[1] - 0.2f) < 4 * std::sqrt(0.2 * 0.8 / 20000));
  CHECK(std::abs(rate[2] - 0.7f) < 4 * std::sqrt(0.7 * 0.3 / 20000));
  CHECK(rate[3] == 1.0f);
  CHECK(rate[4] == 1.0f);
  CHECK(rate[5] == 0.0f);
  spiking::PoissonEncoder<> a{{.steps = 3, .seed = 9}};
  auto b = a;
  CHECK(a(x).to_vector() == b(x).to_vector());
  CHECK(a.random.generator == b.random.generator);
  const auto second = a(glia::full({100}, 0.5f)).to_vector();
  CHECK(second != a(glia::full({100}, 0.5f)).to_vector());

  const auto first = spiking::latency(x, 5);
  const std::vector<int> when{4, 3, 1, 0, 0, 4};
  for (Index t = 0; t < 5; ++t)
    for (std::size_t i = 0; i < 6; ++i) CHECK(first[t].to_vector()[i] == (when[i] == t ? 1.0f : 0.0f));
  CHECK(error_of<glia::ValueError>([&] { spiking::latency(x, 0); }) ==
        "latency: the number of steps must be positive, got 0");
}

TEST_CASE("losses over time equal PyTorch") {
  auto logits = glia::from_vector(fx::time_logits, {3, 4, 5}).set_requires_grad();
  const auto labels = glia::from_vector(fx::time_labels);
  const auto rate = spiking::rate_cross_entropy(logits, labels);
  CHECK_NEAR(rate, fx::rate_cross_entropy, {1e-13, 0.0});
  rate.backward();
  CHECK_NEAR(logits.grad(), fx::rate_cross_entropy_grad, {1e-12, 1e-15});
  logits.zero_grad();
  const auto tet = spiking::tet_loss(logits, labels);
  CHECK_NEAR(tet, fx::tet, {1e-13, 0.0});
  tet.backward();
  CHECK_NEAR(logits.grad(), fx::tet_grad, {1e-12, 1e-15});
  CHECK(error_of<glia::ShapeError>([&] { spiking::tet_loss(logits[0], labels); }) ==
        "tet_loss: outputs must have 3 axes, got shape [4, 5]");
  CHECK(error_of<glia::ValueError>([&] { spiking::tet_loss(logits, labels, {.lambda = 2}); }) ==
        "tet_loss: lambda must be in [0, 1], got 2");
}

TEST_CASE("regularisers: values by hand, gradients by differences") {
  const auto a = glia::tensor<double>({1, 0, 0, 0, 1, 1, 0, 0}, {2, 2, 2});  // channel rates 1/2, 1/4
  CHECK(spiking::rate_l1(a).item() == doctest::Approx(3.0 / 8));
  CHECK(spiking::rate_l2(a, 0.125).item() == doctest::Approx(0.0625));
  CHECK(spiking::homeostatic(a, {.lower = 0.3, .upper = 0.4}).item() == doctest::Approx(0.5 * (0.01 + 0.0025)));
  CHECK(spiking::homeostatic(a, {.lower = 0.1, .upper = 0.6}).item() == 0.0);
  CHECK(spiking::energy_penalty(a, 100).item() == doctest::Approx(3 * 100 * 0.9e-3 / 2));
  glia::Generator generator(6);
  const auto x = glia::rand<double>({2, 3, 4}, generator, 0.1, 0.9);
  const auto check = [&](const glia::GradcheckResult& r) { CHECK_MESSAGE(r.ok, r.message); };
  check(glia::gradcheck([](const auto& v) { return spiking::rate_l1(v[0]); }, std::vector<Double>{x}));
  check(glia::gradcheck([](const auto& v) { return spiking::rate_l2(v[0], 0.2); }, std::vector<Double>{x}));
  check(glia::gradcheck([](const auto& v) { return spiking::homeostatic(v[0], {0.6, 0.7}); }, std::vector<Double>{x}));
  check(glia::gradcheck([](const auto& v) { return spiking::energy_penalty(v[0], 10); }, std::vector<Double>{x}));
  CHECK(error_of<glia::ValueError>([&] { spiking::homeostatic(a, {.lower = 0.5, .upper = 0.4}); }) ==
        "homeostatic: lower (0.5) must not exceed upper (0.4)");
}

TEST_CASE("filters are scaled to a length, zero filters stay") {
  glia::Generator generator(7);
  nn::Parameter<double> weight(glia::randn<double>({3, 2, 2, 4}, generator));
  {
    const glia::NoGrad plain;
    weight.tensor()[1].zero_();
  }
  const auto before = weight.tensor().to_vector();
  spiking::normalize_filters_(weight.tensor(), 2.0);
  const auto after = weight.tensor().to_vector();
  for (std::size_t o = 0; o < 3; ++o) {
    double length = 0, old = 0;
    for (std::size_t i = 0; i < 16; ++i)
      length += after[o * 16 + i] * after[o * 16 + i], old += before[o * 16 + i] * before[o * 16 + i];
    CHECK(std::sqrt(length) == doctest::Approx(o == 1 ? 0.0 : 2.0).epsilon(1e-12));
    for (std::size_t i = 0; i < 16 && o != 1; ++i)
      CHECK(after[o * 16 + i] == doctest::Approx(before[o * 16 + i] * 2.0 / std::sqrt(old)).epsilon(1e-12));
  }
  // rate 1/2 goes half the way on a logarithmic scale
  auto half = glia::tensor<double>({3, 4}, {1, 2});
  spiking::normalize_filters_(half, 20.0, 0.5);
  CHECK_NEAR(half, std::vector<double>({6, 8}), {1e-12, 0.0});
  CHECK(error_of<glia::ValueError>([&] { spiking::normalize_filters_(half, -1); }) ==
        "normalize_filters_: norm must be positive, got -1");
}

TEST_CASE("normalisation: tdBN starts at alpha times the threshold; divisive normalisation") {
  glia::Generator generator(8);
  const auto x = glia::randn<double>({4, 5, 3, 3, 6}, generator, 2.0, 3.0);
  auto norm = spiking::td_batch_norm<Cpu, double>(6, {.threshold = 0.8, .alpha = 0.5, .epsilon = 0});
  const auto y = norm(x).detach();
  const auto flat = y.reshape({-1, 6});
  for (Index c = 0; c < 6; ++c) {
    const auto channel = flat.select(1, c);
    CHECK(glia::mean(channel).item() == doctest::Approx(0.0).scale(1.0).epsilon(1e-12));
    CHECK(glia::mean(glia::mul(channel, channel)).item() == doctest::Approx(0.16).epsilon(1e-9));
  }
  const auto z = glia::tensor<double>({3, 4, 0, 1}, {1, 4});
  const double s = std::sqrt(12.5 + 0.25), r = std::sqrt(0.5 + 0.25);
  CHECK_NEAR(spiking::divisive_norm(z, {.groups = 2, .sigma = 0.5}), std::vector<double>({3 / s, 4 / s, 0, 1 / r}),
             {1e-13, 0.0});
  const auto small = glia::randn<double>({2, 3, 4}, generator);
  const auto f = [](const auto& v) { return spiking::divisive_norm(v[0], {.groups = 2}); };
  const auto once = glia::gradcheck(f, std::vector<Double>{small});
  CHECK_MESSAGE(once.ok, once.message);
  const auto twice = glia::gradgradcheck(f, std::vector<Double>{small});
  CHECK_MESSAGE(twice.ok, twice.message);
  CHECK(error_of<glia::ValueError>([&] { spiking::divisive_norm(small, {.groups = 3}); }) ==
        "divisive_norm: 3 groups do not divide the 4 channels of [2, 3, 4]");
}

namespace {
// Lets a spike through where its input is at least 1.
struct Gate : nn::Stateless {
  spiking::If<Cpu, double> fire;
  Double operator()(const Double& x) const { return fire(x); }
};
}  // namespace

TEST_CASE("residual blocks join spikes or membranes") {
  const auto x = glia::tensor<double>({1, 0, 1, 1, 0, 1}, {3, 2});
  spiking::SewBlock<Gate> sew{};
  const auto body = sew.body(x).to_vector(), s = x.to_vector();
  const auto expect = [&](auto f) {
    std::vector<double> out;
    for (std::size_t i = 0; i < s.size(); ++i) out.push_back(f(body[i], s[i]));
    return out;
  };
  CHECK(sew(x).to_vector() == expect([](double a, double b) { return a + b; }));
  sew.join = spiking::Join::both;
  CHECK(sew(x).to_vector() == expect([](double a, double b) { return a * b; }));
  sew.join = spiking::Join::shortcut_alone;
  CHECK(sew(x).to_vector() == expect([](double a, double b) { return (1 - a) * b; }));
  spiking::MembraneBlock<Gate> membrane{};
  const auto current = glia::scale(x, 0.7);
  CHECK_NEAR(membrane(current), glia::add(membrane.body(current), current).to_vector());
  // names of what is inside
  spiking::SewBlock<spiking::Plif<>> named{};
  CHECK(glia::parameters(named)[0].name == "body.w");
}

TEST_CASE("reservoirs: spectral radius, fading memory, trained read-out") {
  CHECK(spiking::spectral_radius(glia::from_vector(fx::matrix, {7, 7})) ==
        doctest::Approx(fx::matrix_radius[0]).epsilon(1e-7));
  CHECK(spiking::spectral_radius(glia::tensor<double>({0, -0.7, 0.7, 0}, {2, 2})) ==
        doctest::Approx(0.7).epsilon(1e-9));
  CHECK(spiking::spectral_radius(glia::zeros<double>({3, 3})) == 0.0);

  // the sum of the last two inputs, from the states of a small echo-state network
  spiking::EchoState<Cpu, double> echo{
      {.in = 1, .units = 40, .spectral_radius = 0.5, .input_scale = 0.3, .density = 0.3, .seed = 3}};
  CHECK(spiking::spectral_radius(echo.recurrent.tensor()) == doctest::Approx(0.5).epsilon(1e-6));
  glia::Generator generator(9);
  const auto u = glia::randn<double>({300, 1, 1}, generator);
  const auto states = echo(u).reshape({300, 40}).slice(0, {1, 300});
  const auto target = glia::add(u.slice(0, {1, 300}), u.slice(0, {0, 299})).reshape({299, 1});
  const auto model = nn::ridge_regression(states, target, 1e-6);
  const auto error = glia::sub(model(states), target);
  CHECK(glia::mean(glia::mul(error, error)).item() < 0.01);

  spiking::Liquid<> liquid{{.in = 2, .units = 25, .input_scale = 1.0, .threshold = 0.5}};
  auto drive = glia::rand({10, 3, 2}, generator).set_requires_grad();
  const auto spikes = liquid(drive);
  CHECK(spikes.shape() == glia::Shape{10, 3, 25});
  for (const float v : spikes.to_vector()) CHECK((v == 0.0f || v == 1.0f));
  CHECK(glia::sum(spikes).item() > 0.0f);
  glia::sum(spikes).backward();
  CHECK(drive.grad().shape() == drive.shape());
  CHECK(error_of<glia::ValueError>([] { spiking::Liquid<>{{.in = 0}}; }) ==
        "liquid: in and units must be positive, got 0 and 100");
}

TEST_CASE("ridge regression equals NumPy's normal equations") {
  const auto x = glia::from_vector(fx::z1, {fx::samples, fx::features});
  const auto y = glia::from_vector(fx::z2, {fx::samples, fx::features}).slice(1, {0, 2});
  const auto model = nn::ridge_regression(x, y, 0.3);
  CHECK_NEAR(model.weight, fx::ridge_weight, {1e-10, 1e-13});
  CHECK_NEAR(model.bias, fx::ridge_bias, {1e-10, 1e-13});
  CHECK(error_of<glia::ValueError>([&] { nn::ridge_regression(x, y, 0); }) ==
        "ridge_regression: lambda must be positive, got 0");
}

TEST_CASE("statistics of a layer") {
  // 2 steps, 2 samples, 3 neurons: the first never fires, the second always, the third three times
  const auto s = glia::tensor<float>({0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1}, {2, 2, 3});
  const auto a = spiking::activity(s);
  CHECK(a.rate == doctest::Approx(7.0 / 12));
  CHECK(a.dead == doctest::Approx(1.0 / 3));
  CHECK(a.saturated == doctest::Approx(1.0 / 3));
  CHECK(a.spikes == doctest::Approx(3.5));
  CHECK(a.neurons == 3);
  CHECK(spiking::synaptic_operations(a, 600) == doctest::Approx(700.0));
  const auto e = spiking::energy({{.name = "stem", .macs_per_step = 1000, .input = {}, .spiking_input = false},
                                  {.name = "conv", .macs_per_step = 600, .input = a, .spiking_input = true}});
  CHECK(e.macs == 1000);
  CHECK(e.synaptic_operations == doctest::Approx(700));
  CHECK(e.nanojoule == doctest::Approx(1e-3 * (4600 + 630)));
  CHECK(e.dense_nanojoule == doctest::Approx(1e-3 * 4.6 * 1600));
  CHECK(error_of<glia::ShapeError>([] { spiking::activity(glia::zeros({3})); }) ==
        "activity: spikes must have at least 2 axes, got shape [3]");
}
