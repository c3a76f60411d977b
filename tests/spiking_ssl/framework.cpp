// Pieces that meet in a network: report per layer, momentum schedule, read-out of a liquid, conversion.
#include <glia/nn/conv.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/pool.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/optim/adam.hpp>
#include <glia/spiking/qcfs.hpp>
#include <glia/spiking/report.hpp>
#include <glia/spiking/reservoir.hpp>
#include <glia/ssl/momentum.hpp>

#include <support/near.hpp>

namespace nn = glia::nn;
namespace spiking = glia::spiking;
namespace ssl = glia::ssl;
using glia::Cpu;
using glia::Index;
using glia_test::error_of;

namespace {
// Two linear layers with spikes between them; the weights are set by hand.
struct Small {
  nn::Linear<> first{{2, 3, false}};
  spiking::If<> spike;
  nn::Linear<> second{{3, 4, false}};
  GLIA_MEMBERS(first, spike, second)

  glia::Tensor<> forward(const glia::Tensor<>& x) { return glia::mean(second(spike(spiking::repeat(first(x), 4))), 0); }
};
}  // namespace

TEST_CASE("activity report: operations and energy of a network by hand") {
  Small net;
  {
    const glia::NoGrad plain;
    net.first.weight.tensor().copy_(glia::tensor<float>({0.5f, 0, 1, 0, -1, 0}, {3, 2}));
  }
  // membranes 0.5, 1, -1 per step: 2, 4 and 0 spikes in four steps
  const auto report = spiking::activity_report(net, glia::tensor({1.0f, -0.25f}, {1, 2}));
  REQUIRE(report.layers.size() == 3);
  CHECK(report.layers[0].path == "first");
  CHECK_FALSE(report.layers[0].spiking_input);
  CHECK(report.layers[0].macs == 6);
  CHECK(report.layers[1].path == "spike");
  CHECK(report.layers[1].neurons);
  CHECK(report.layers[1].activity.rate == doctest::Approx(0.5));
  CHECK(report.layers[1].activity.dead == doctest::Approx(1.0 / 3));
  CHECK(report.layers[1].activity.saturated == doctest::Approx(1.0 / 3));
  CHECK(report.layers[2].path == "second");
  CHECK(report.layers[2].spiking_input);
  CHECK(report.layers[2].macs == 4 * 12);
  CHECK(report.layers[2].input_rate == doctest::Approx(0.5));
  CHECK(report.layers[2].operations() == doctest::Approx(6 * 4));  // six spikes, four targets each
  CHECK(report.energy.macs == 6);
  CHECK(report.energy.synaptic_operations == doctest::Approx(24));
  CHECK(report.energy.nanojoule == doctest::Approx(1e-3 * (4.6 * 6 + 0.9 * 24)));
  const auto text = report.text();
  CHECK(text.find("second") != std::string::npos);
  CHECK(text.find("per sample: 6 MACs, 24 additions") != std::string::npos);
  // converted neurons send multiples of theta: spikes as well
  CHECK(spiking::detail::spikes_per_element(std::vector<float>{0, 1.7f, 3.4f, 0}) == doctest::Approx(0.75));
  CHECK(spiking::detail::spikes_per_element(std::vector<float>{0.3f, 1.7f}) == -1);
  CHECK(spiking::detail::spikes_per_element(std::vector<float>{-1, 1}) == -1);
  CHECK(error_of<glia::ShapeError>([&] {
          spiking::activity_report(net, glia::zeros({0, 2}));
        }) == "activity_report: needs at least one sample, got shape [0, 2]");
}

TEST_CASE("momentum schedule") {
  CHECK(ssl::momentum_schedule(0, 10, 0.99) == doctest::Approx(0.99).epsilon(1e-14));
  CHECK(ssl::momentum_schedule(5, 10, 0.99) == doctest::Approx(0.995).epsilon(1e-14));
  CHECK(ssl::momentum_schedule(10, 10, 0.99) == 1.0);
  CHECK(error_of<glia::ValueError>([] { ssl::momentum_schedule(11, 10); }) ==
        "momentum_schedule: step must be in 0 .. 10, got 11");
}

TEST_CASE("a trained read-out of a liquid remembers what came in before") {
  // is the sum of the last two inputs positive? A read-out of the current input alone knows half of it.
  spiking::Liquid<> liquid{
      {.in = 1, .units = 120, .input_scale = 1.5, .density = 0.2, .beta = 0.7, .threshold = 0.5, .seed = 2}};
  glia::Generator generator(4);
  const Index steps = 600;
  const auto u = glia::rand({steps, 1, 1}, generator, -1.0f, 1.0f);
  const auto spikes = liquid(u).reshape({steps, 120}).slice(0, {1, steps});
  const auto now = u.reshape({steps, 1}).slice(0, {1, steps}), past = u.reshape({steps, 1}).slice(0, {0, steps - 1});
  const auto target = glia::add(now, past);
  const auto error = [&](const glia::Tensor<>& states) {
    const auto train = nn::ridge_regression(states.slice(0, {0, 400}), target.slice(0, {0, 400}), 1.0);
    const auto miss = glia::sub(train(states.slice(0, {400, {}})), target.slice(0, {400, {}}));
    return static_cast<double>(glia::mean(glia::mul(miss, miss)).item());
  };
  const double from_input = error(now), from_liquid = error(spikes);
  CHECK(from_input > 0.25);
  CHECK(from_liquid < 0.6 * from_input);
}

namespace {
// A template over its activation, so that the weights of one version fit the other by name.
template <class Activation>
struct Converted {
  nn::Conv2d<> conv1{{.in = 1, .out = 12, .kernel = 3, .padding = 1, .bias = false}};
  nn::BatchNorm<> norm1{12};
  nn::Conv2d<> conv2{{.in = 12, .out = 16, .kernel = 3, .stride = 2, .padding = 1, .bias = false}};
  nn::BatchNorm<> norm2{16};
  nn::Linear<> hidden{16 * 16, 32}, head{32, 4};
  Activation act1, act2, act3;
  GLIA_MEMBERS(conv1, norm1, conv2, norm2, hidden, head, act1, act2, act3)

  explicit Converted(int levels = 8) : act1(options(levels)), act2(options(levels)), act3(options(levels)) {}
  static spiking::QcfsOptions options(int levels) { return {.levels = levels, .theta = 4}; }

  // x [..., 8, 8, 1] -> [..., 4]; leading axes are the batch, or time and batch.
  glia::Tensor<> forward(const glia::Tensor<>& x) {
    const auto y = act2(norm2(conv2(act1(norm1(conv1(x))))));
    return head(act3(hidden(y.flatten(-3, -1))));
  }
};

// Noisy bars at four angles.
glia::Tensor<> bars(Index n, std::uint64_t seed, std::vector<std::int64_t>& labels) {
  glia::Generator generator(seed);
  auto x = glia::randn({n, 8, 8, 1}, generator, 0.0f, 0.7f);
  const auto where = glia::rand({n}, generator).to_vector();
  for (Index i = 0; i < n; ++i) {
    const Index kind = i % 4, line = 1 + static_cast<Index>(where[static_cast<std::size_t>(i)] * 6.0f);
    labels.push_back(kind);
    for (Index k = 0; k < 8; ++k) {
      const Index row = kind == 0 ? line : kind == 1 ? k : kind == 2 ? k : (k + line) % 8;
      const Index column = kind == 0 ? k : kind == 1 ? line : kind == 2 ? (k + line) % 8 : 7 - k;
      x.mutable_data()[(i * 8 + row) * 8 + column] += 1.2f;
    }
  }
  return x;
}
}  // namespace

TEST_CASE("conversion of a trained network: what it loses shrinks like 1 / T" * doctest::test_suite("long")) {
  glia::manual_seed(3);
  std::vector<std::int64_t> y, y_test;
  const auto x = bars(400, 1, y), test = bars(400, 2, y_test);
  const auto labels = glia::from_vector(y);
  Converted<spiking::Qcfs<>> net;
  glia::optim::AdamW optimizer(glia::parameters(net), {.learning_rate = 5e-3});
  for (int step = 0; step < 80; ++step) {
    const Index first = (step % 8) * 50;
    optimizer.zero_grad();
    glia::cross_entropy(net.forward(x.slice(0, {first, first + 50})), labels.slice(0, {first, first + 50})).backward();
    optimizer.step();
  }
  nn::eval(net);
  // where spikes lead to in the end: the same weights with a clipped line for the staircase
  Converted<spiking::Qcfs<>> clipped(1 << 16);
  Converted<spiking::ConvertedIf<>> spikes;
  nn::copy_state(net, spikes);
  nn::copy_state(net, clipped);
  nn::eval(spikes);
  nn::eval(clipped);
  const glia::NoGrad plain;
  const auto accuracy = [&](const glia::Tensor<>& scores) {
    const auto predicted = glia::argmax(scores, -1).to_vector();
    Index right = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == y_test[i] ? 1 : 0;
    return 100.0 * static_cast<double>(right) / static_cast<double>(predicted.size());
  };
  const auto distance = [](const glia::Tensor<>& a, const glia::Tensor<>& b) {
    const auto miss = glia::sub(a, b);
    return std::sqrt(static_cast<double>((glia::sum(glia::mul(miss, miss)) / glia::sum(glia::mul(b, b))).item()));
  };
  const auto staircase = net.forward(test), line = clipped.forward(test);
  const double trained = accuracy(staircase);
  MESSAGE("trained: " << trained << " %, clipped: " << accuracy(line) << " %, scores differ by "
                      << distance(line, staircase));
  CHECK(trained > 70);
  double converted = 0;
  std::vector<double> errors;
  for (const Index steps : {2, 4, 8, 16, 32, 64, 128}) {
    const auto scores = glia::mean(spikes.forward(spiking::repeat(test, steps)), 0);
    converted = accuracy(scores);
    errors.push_back(distance(scores, line));
    MESSAGE("spikes, T = " << steps << ": " << converted << " %, scores differ by " << distance(scores, staircase)
                           << " from the trained, by " << errors.back() << " from the clipped network");
    if (errors.size() > 1) CHECK(errors.back() < errors[errors.size() - 2]);
  }
  CHECK(errors.back() < 0.25 * errors[3]);
  CHECK(std::abs(converted - accuracy(line)) <= 2.0);
}
