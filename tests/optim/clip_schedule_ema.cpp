// Gradient clipping, schedules and the moving average.

#include <glia/optim/clip.hpp>
#include <glia/optim/ema.hpp>
#include <glia/optim/schedule.hpp>

#include <doctest/doctest.h>

#include "../reference/optim_fixture.hpp"

#include <iterator>

namespace {

namespace nn = glia::nn;
namespace optim = glia::optim;
using glia::Cpu;
using glia::Index;
using Parameters = std::vector<nn::NamedTensor<double, Cpu>>;

// Parameters and gradients of step 1 in tests/reference/optim_fixtures.py.
Parameters make_parameters() {
  const glia::Shape shapes[] = {{3, 4}, {5}, {6, 1, 2}};
  Parameters out;
  for (int k = 0; k < 3; ++k) {
    auto p = glia::zeros<double>(shapes[k]), g = glia::zeros<double>(shapes[k]);
    for (Index i = 0; i < p.numel(); ++i) {
      const double x = static_cast<double>(i);
      p.mutable_data()[i] = std::cos(1.1 * x + k);
      g.mutable_data()[i] = std::sin(0.7 * x + 1.3 + k) * (1 + 0.1 * x) + 0.5 * p.data()[i];
    }
    p.set_requires_grad();
    p.set_grad(g);
    out.push_back({glia::text("p", k), p});
  }
  return out;
}

void check_gradients(const Parameters& parameters, const double* expected) {
  for (const auto& p : parameters)
    for (const double g : p.tensor.grad().to_vector()) CHECK(g == doctest::Approx(*expected++).epsilon(1e-12));
}

template <std::size_t N>
void check_schedule(const optim::Schedule& schedule, const double (&expected)[N]) {
  for (std::size_t t = 0; t < N; ++t) CHECK(std::abs(schedule(static_cast<std::int64_t>(t)) - expected[t]) < 1e-12);
}

struct Net {
  nn::Parameter<> weight{glia::ones({2, 2})};
  nn::Buffer<> mean{glia::zeros({3})};
  nn::Buffer<std::int64_t> count{glia::zeros<std::int64_t>({1})};
  nn::RandomState random;
  bool training = true;
  GLIA_MEMBERS(weight, mean, count, random)
};

}  // namespace

TEST_CASE("clip_grad_norm agrees with PyTorch") {
  const auto parameters = make_parameters();
  CHECK(optim::grad_norm(parameters) == doctest::Approx(optim_fixture::clipped[0]).epsilon(1e-14));
  CHECK(optim::clip_grad_norm(parameters, 1.5) == doctest::Approx(optim_fixture::clipped[0]).epsilon(1e-14));
  check_gradients(parameters, optim_fixture::clipped + 1);
  // A norm below the limit changes nothing, and gradients that are not there count as nothing.
  const auto before = parameters[0].tensor.grad().to_vector();
  CHECK(optim::clip_grad_norm(parameters, 2.0) == doctest::Approx(1.5).epsilon(1e-6));
  CHECK(parameters[0].tensor.grad().to_vector() == before);
  for (auto p : parameters) p.tensor.zero_grad();
  CHECK(optim::clip_grad_norm(parameters, 1.0) == 0.0);
}

TEST_CASE("clip_grad_norm meets numbers that are not finite") {
  auto parameters = make_parameters();
  auto g = glia::ones<double>({5});
  g.mutable_data()[2] = std::numeric_limits<double>::infinity();
  parameters[1].tensor.set_grad(g);
  const auto before = parameters[0].tensor.grad().to_vector();
  CHECK(!std::isfinite(optim::clip_grad_norm(parameters, 1.0)));
  CHECK(parameters[0].tensor.grad().to_vector() == before);
  CHECK_THROWS_WITH_AS(optim::clip_grad_norm(parameters, 1.0, {.error_on_nonfinite = true}),
                       "clip_grad_norm: the gradient of parameter p1 is not finite", glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::clip_grad_norm(parameters, -1.0), "clip_grad_norm: max_norm must not be negative, got -1",
                       glia::ValueError);
}

TEST_CASE("clipping at any thread count, and of strided gradients") {
  const auto run = [](int threads) {
    const int before = glia::num_threads();
    glia::set_num_threads(threads);
    glia::Generator generator{2};
    auto x = glia::zeros<float>({123457});
    x.set_grad(glia::randn<float>({123457}, generator));
    const double norm = optim::clip_grad_norm(std::vector{nn::NamedTensor<float, Cpu>{"x", x}}, 1.0);
    glia::set_num_threads(before);
    return std::pair{norm, x.grad().to_vector()};
  };
  CHECK(run(1) == run(2));
  CHECK(run(1) == run(3));
  // A strided gradient is clipped as well, and the tensor it was taken from is left alone.
  auto x = glia::zeros<double>({3, 2});
  const auto source = glia::ones<double>({2, 3});
  x.set_grad(source.transpose());
  optim::clip_grad_value(Parameters{{"x", x}}, 0.5);
  CHECK(x.grad().to_vector() == std::vector<double>(6, 0.5));
  CHECK(source.to_vector() == std::vector<double>(6, 1.0));
}

TEST_CASE("clip_grad_value and adaptive clipping") {
  auto parameters = make_parameters();
  optim::clip_grad_adaptive(parameters, {.clip = 0.4});
  check_gradients(parameters, optim_fixture::adaptively_clipped);
  auto x = glia::zeros<double>({4});
  x.set_grad(glia::tensor<double>({-3.0, 0.25, 2.0, std::nan("")}));
  optim::clip_grad_value(Parameters{{"x", x}}, 1.0);
  const auto g = x.grad().to_vector();
  CHECK(std::vector<double>(g.begin(), g.begin() + 3) == std::vector<double>{-1.0, 0.25, 1.0});
  CHECK(std::isnan(g[3]));
  CHECK_THROWS_AS(optim::clip_grad_value(parameters, -1.0), glia::ValueError);
  CHECK_THROWS_AS(optim::clip_grad_adaptive(parameters, {.clip = -1.0}), glia::ValueError);
}

TEST_CASE("schedules agree with PyTorch") {
  using namespace optim;
  check_schedule(StepSchedule{.interval = 4, .gamma = 0.3}, optim_fixture::step_schedule);
  check_schedule(MultiStepSchedule{.milestones = {9, 2, 3}, .gamma = 0.2}, optim_fixture::multi_step_schedule);
  check_schedule(CosineSchedule{.steps = 12, .minimum = 0.1}, optim_fixture::cosine_schedule);
  check_schedule(OneCycleSchedule{.steps = 20}, optim_fixture::one_cycle_schedule);
  check_schedule(OneCycleSchedule{.steps = 20, .rise = 0.25, .div = 10, .final_div = 100, .anneal = Anneal::linear},
                 optim_fixture::one_cycle_linear_schedule);
  check_schedule(WarmupSchedule{.steps = 5, .start = 0.2}, optim_fixture::warmup_schedule);
  check_schedule(PolynomialSchedule{.steps = 7, .power = 2.0}, optim_fixture::polynomial_schedule);
  check_schedule(
      SequentialSchedule{.parts = {WarmupSchedule{.steps = 4, .start = 0.1}, CosineSchedule{.steps = 8}}, .starts = {4}},
      optim_fixture::warmup_then_cosine_schedule);
}

TEST_CASE("schedules at and beyond their ends") {
  using namespace optim;
  CHECK(ConstantSchedule{}(7) == 1.0);
  CHECK(CosineSchedule{.steps = 10, .minimum = 0.25}(1000) == doctest::Approx(0.25));
  CHECK(OneCycleSchedule{.steps = 20}(1000) == doctest::Approx(1.0 / 25.0 / 1e4));
  CHECK(OneCycleSchedule{.steps = 1}(0) > 0.0);
  CHECK(ChainedSchedule{.parts = {ConstantSchedule{0.5}, WarmupSchedule{.steps = 4}}}(2) == 0.25);
  CHECK(ChainedSchedule{}(3) == 1.0);
  CHECK_THROWS_WITH_AS(CosineSchedule{.steps = 0}(1), "CosineSchedule: the number of steps must be at least 1, got 0",
                       glia::ValueError);
  CHECK_THROWS_AS((SequentialSchedule{.parts = {ConstantSchedule{}}, .starts = {3}}(0)), glia::ValueError);
  CHECK_THROWS_AS((OneCycleSchedule{.steps = 10, .rise = 2.0}(0)), glia::ValueError);
}

TEST_CASE("the moving average follows parameters and buffers") {
  Net net;
  optim::Ema ema(net, {.decay = 0.75, .warmup = false});
  CHECK(!ema.module().training);
  CHECK(!ema.module().weight.requires_grad());
  CHECK(net.training);
  net.weight.tensor().detach().fill_(5.0f);
  net.mean.tensor().fill_(8.0f);
  net.count.tensor().fill_(3);
  ema.update(net);
  CHECK(ema.module().weight.tensor().to_vector() == std::vector<float>(4, 2.0f));
  CHECK(ema.module().mean.tensor().to_vector() == std::vector<float>(3, 2.0f));
  CHECK(ema.module().count.tensor().to_vector() == std::vector<std::int64_t>{3});
  CHECK(net.weight.tensor().to_vector() == std::vector<float>(4, 5.0f));
  ema.update(net);
  CHECK(ema.module().weight.tensor().to_vector() == std::vector<float>(4, 2.75f));
  CHECK(ema.updates() == 2);

  // With warm-up the first decay is 1/10; copied buffers are the current ones.
  optim::Ema warm(net, {.decay = 0.75, .average_buffers = false});
  net.weight.tensor().detach().fill_(15.0f);
  net.mean.tensor().fill_(1.0f);
  warm.update(net);
  CHECK(warm.module().weight.tensor().to_vector()[0] == doctest::Approx(14.0f));
  CHECK(warm.module().mean.tensor().to_vector() == std::vector<float>(3, 1.0f));

  // All state goes through the visitor.
  std::vector<std::string> names;
  warm.visit_state([&](const std::string& name, auto&) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{"updates", "average.weight", "average.mean", "average.count"});
  Net other;
  other.weight = nn::Parameter<>(glia::ones({4}));
  CHECK_THROWS_WITH_AS(warm.update(other), "ema: weight of shape [4] does not match the copy's [2, 2]", glia::ShapeError);
  CHECK_THROWS_AS(optim::Ema(net, {.decay = 1.5}), glia::ValueError);
}
