// Groups, learning rates, saved state, and what optimizers refuse or report.

#include <glia/ops/matmul.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/ema.hpp>
#include <glia/optim/lars.hpp>
#include <glia/optim/lookahead.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/rmsprop.hpp>
#include <glia/optim/sgd.hpp>

#include <doctest/doctest.h>

#include <map>

namespace {

namespace nn = glia::nn;
namespace optim = glia::optim;
using glia::Cpu;
using glia::Tensor;

struct Net {
  nn::Parameter<> weight, bias;
  GLIA_MEMBERS(weight, bias)

  explicit Net(unsigned seed = 1) {
    glia::Generator generator{seed};
    weight = nn::Parameter<>(glia::randn({6, 5}, generator));
    bias = nn::Parameter<>(glia::randn({6}, generator));
  }
  Tensor<> forward(const Tensor<>& x) {
    return glia::add(glia::matmul(x, weight.tensor().transpose()), bias.tensor());
  }
};

void backward(Net& net, int t) {
  glia::Generator generator{static_cast<std::uint64_t>(100 + t)};
  const auto y = net.forward(glia::randn({4, 5}, generator));
  glia::sum(glia::mul(y, y)).backward();
}

std::vector<float> values(Net& net) {
  std::vector<float> out = net.weight.tensor().to_vector();
  for (const float v : net.bias.tensor().to_vector()) out.push_back(v);
  return out;
}

// What a checkpoint would hold.
struct Saved {
  std::map<std::string, Tensor<>> tensors;
  std::map<std::string, double> numbers;
};
struct Save {
  Saved& to;
  void operator()(const std::string& name, Tensor<>& x) { CHECK(to.tensors.emplace(name, x.clone()).second); }
  void operator()(const std::string& name, std::int64_t& x) { CHECK(to.numbers.emplace(name, static_cast<double>(x)).second); }
  void operator()(const std::string& name, double& x) { CHECK(to.numbers.emplace(name, x).second); }
};
struct Load {
  Saved& from;
  void operator()(const std::string& name, Tensor<>& x) { x.copy_(from.tensors.at(name)); }
  void operator()(const std::string& name, std::int64_t& x) { x = static_cast<std::int64_t>(from.numbers.at(name)); }
  void operator()(const std::string& name, double& x) { x = from.numbers.at(name); }
};

// Six steps at once, and three steps, a save and a load into fresh objects, and three more: the same bits.
template <class Make>
void check_resume(const Make& make, std::size_t tensors) {
  const auto train = [](Net& net, auto& optimizer, int from, int to) {
    for (int t = from; t < to; ++t) {
      optimizer.zero_grad();
      backward(net, t);
      optim::scale_learning_rate(optimizer, 1.0 / (1.0 + t));
      optimizer.step();
    }
  };
  Net whole;
  auto whole_optimizer = make(whole);
  train(whole, whole_optimizer, 0, 6);

  Saved saved;
  Net first;
  {
    auto optimizer = make(first);
    train(first, optimizer, 0, 3);
    optimizer.visit_state(Save{saved});
  }
  CHECK(saved.tensors.size() == tensors);
  Net second(7);
  second.weight = first.weight, second.bias = first.bias;
  auto optimizer = make(second);
  optimizer.visit_state(Load{saved});
  CHECK(optim::learning_rate(optimizer) == saved.numbers.begin()->second);
  train(second, optimizer, 3, 6);
  CHECK(values(second) == values(whole));
}

nn::NamedTensor<float, Cpu> leaf(const std::string& name, const glia::Shape& shape) {
  auto x = glia::zeros(shape);
  x.set_requires_grad();
  return {name, x};
}

}  // namespace

TEST_CASE("a restored optimizer continues bit for bit") {
  check_resume([](Net& n) { return optim::Sgd(glia::parameters(n), {.learning_rate = 0.01, .momentum = 0.9, .dampening = 0.1}); }, 2);
  check_resume([](Net& n) { return optim::AdamW(glia::parameters(n), {.learning_rate = 0.1}); }, 4);
  check_resume([](Net& n) { return optim::Adam(glia::parameters(n), {.learning_rate = 0.1, .amsgrad = true}); }, 6);
  check_resume([](Net& n) { return optim::RmsProp(glia::parameters(n), {.momentum = 0.5, .centered = true}); }, 6);
  check_resume([](Net& n) { return optim::Lars(glia::parameters(n), {}); }, 2);
  check_resume([](Net& n) { return optim::Lookahead(optim::AdamW(glia::parameters(n)), {.interval = 2}); }, 6);
  check_resume(
      [](Net& n) {
        auto [matrices, rest] = optim::split(glia::parameters(n), optim::is_matrix);
        return optim::Combined(optim::Muon(matrices, {.renormalize = true}), optim::AdamW(rest));
      },
      3);
}

TEST_CASE("an optimizer whose state was refused keeps its old state") {
  auto w = leaf("w", {4});
  optim::Sgd optimizer(std::vector<nn::NamedTensor<float, Cpu>>{w}, {.learning_rate = 0.5, .momentum = 0.9});
  w.tensor.set_grad(glia::ones({4}));
  optimizer.step();
  struct Replace {
    void operator()(const std::string&, Tensor<float>& t) const { t = glia::zeros({1}); }
    void operator()(const std::string&, std::int64_t&) const {}
    void operator()(const std::string&, double&) const {}
  };
  CHECK_THROWS_AS(optimizer.visit_state(Replace{}), glia::ShapeError);
  optimizer.step();  // velocity 1 + 0.9
  CHECK(w.tensor.to_vector()[3] == doctest::Approx(-0.5 - 0.5 * 1.9));
}

TEST_CASE("newton_schulz stays bounded on matrices of low rank, however many iterations") {
  glia::Generator generator(3);
  const auto of_rank_one = [&](glia::Index n) {
    return glia::matmul(glia::randn<float>({n, 1}, generator), glia::randn<float>({1, n}, generator));
  };
  const auto flat = of_rank_one(64), large = of_rank_one(324);  // 324: products in blocks
  for (const auto& matrix : {flat, large})
    for (const int iterations : {5, 9, 12, 23}) {
      const auto y = optim::newton_schulz(matrix, iterations);
      // One singular value near 1; many iterations bring those that rounding left near 1 as well, all of them at most.
      const double norm = std::sqrt(static_cast<double>(glia::sum(y * y).item())),
                   side = std::sqrt(static_cast<double>(matrix.size(0)));
      CHECK(norm > 0.6);
      CHECK(norm < (iterations == 5 ? 1.3 : 1.3 * side));
    }
  CHECK_THROWS_WITH_AS(optim::newton_schulz(flat, 0), "newton_schulz: iterations must be at least 1, got 0", glia::ValueError);
}

TEST_CASE("state is named after the parameters") {
  Net net;
  optim::Combined both(optim::Muon(optim::split(glia::parameters(net), optim::is_matrix).first),
                       optim::Sgd(optim::split(glia::parameters(net), optim::is_matrix).second, {.momentum = 0.9}));
  Saved saved;
  both.visit_state(Save{saved});
  CHECK(saved.tensors.count("0.muon.momentum.weight") == 1);
  CHECK(saved.tensors.count("1.sgd.momentum.bias") == 1);
  CHECK(saved.numbers.at("0.muon.step.weight") == 0.0);
  CHECK(saved.numbers.at("1.sgd.learning_rate.0") == 1e-2);
  const auto spoil = [](const std::string&, auto& x) {
    if constexpr (glia::is_tensor<std::remove_reference_t<decltype(x)>>) x = glia::zeros({2});
  };
  CHECK_THROWS_WITH_AS(both.visit_state(spoil),
                       "combined: state 0.muon.momentum.weight must be a contiguous tensor of shape [6, 5], got [2]",
                       glia::ShapeError);
}

TEST_CASE("groups resolve learning rates and weight decay") {
  Net net;
  auto [matrices, rest] = optim::split(glia::parameters(net), optim::is_matrix);
  REQUIRE(matrices.size() == 1);
  CHECK(matrices[0].name == "weight");
  optim::AdamW optimizer(std::vector{optim::group(matrices, {.learning_rate = 0.5, .learning_rate_factor = 0.1}),
                                     optim::group(rest, {.weight_decay = 0.0})},
                         {.learning_rate = 0.2, .weight_decay = 0.3});
  auto groups = optimizer.groups();
  CHECK(groups[0]->learning_rate == doctest::Approx(0.05));
  CHECK(groups[0]->weight_decay == 0.3);
  CHECK(groups[1]->learning_rate == 0.2);
  CHECK(groups[1]->weight_decay == 0.0);
  optim::scale_learning_rate(optimizer, 0.5);
  optim::scale_learning_rate(optimizer, 0.5);  // not cumulative
  CHECK(groups[1]->learning_rate == 0.1);
  optim::set_learning_rate(optimizer, 1.0);
  CHECK(optim::learning_rate(optimizer) == 1.0);
  CHECK(groups[1]->learning_rate == doctest::Approx(4.0));
  const auto decayed = optim::decay_groups(glia::parameters(net));
  REQUIRE(decayed.size() == 2);
  CHECK(!decayed[0].options.weight_decay.has_value());
  CHECK(decayed[1].options.weight_decay == 0.0);
  CHECK(decayed[1].parameters[0].name == "bias");
}

TEST_CASE("frozen parameters and parameters without gradient stay as they are") {
  Net net;
  net.bias.set_requires_grad(false);
  const auto before = net.bias.tensor().to_vector();
  optim::AdamW optimizer(glia::parameters(net));
  backward(net, 0);
  optimizer.step();
  CHECK(net.bias.tensor().to_vector() == before);
  const auto after = net.weight.tensor().to_vector();
  optimizer.zero_grad();
  CHECK(!net.weight.tensor().grad().defined());
  optimizer.step();
  CHECK(net.weight.tensor().to_vector() == after);
}

TEST_CASE("a step invalidates a graph that saved the parameter") {
  Net net;
  optim::Sgd optimizer(glia::parameters(net));
  auto x = glia::ones({2, 5});
  x.set_requires_grad();
  const auto loss = glia::sum(net.forward(x));
  loss.backward(true);
  optimizer.step();
  CHECK_THROWS_AS(loss.backward(), glia::AutogradError);
}

TEST_CASE("results do not depend on the number of threads") {
  const auto run = [](int threads) {
    const int before = glia::num_threads();
    glia::set_num_threads(threads);
    glia::Generator generator{5};
    auto x = leaf("x", {300, 211});
    x.tensor.copy_(glia::randn({300, 211}, generator).detach());
    auto [y, z] = std::pair{leaf("y", {300, 211}), leaf("z", {17})};
    for (auto* p : {&x, &y, &z}) p->tensor.set_grad(glia::randn(p->tensor.shape(), generator));
    optim::Combined both(optim::Lars(std::vector{x, z}), optim::Muon(std::vector{y}));
    both.step();
    auto out = x.tensor.to_vector();
    for (const float v : y.tensor.to_vector()) out.push_back(v);
    glia::set_num_threads(before);
    return out;
  };
  const glia::NoGrad plain;
  CHECK(run(1) == run(2));
  CHECK(run(1) == run(5));
}

TEST_CASE("a parameter that no optimizer owns is reported once, by name") {
  std::vector<std::string> warnings;
  glia::set_warning_handler([&warnings](std::string_view text) { warnings.emplace_back(text); });
  Net net;
  auto only_weight = optim::split(glia::parameters(net), optim::is_matrix).first;
  optim::Sgd optimizer(only_weight);
  for (int t = 0; t < 3; ++t) {
    backward(net, t);
    optimizer.step();
  }
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0] == "parameter bias of shape [6] received a gradient but belongs to no optimizer; pass it to one or freeze it");

  // A parameter outside GLIA_MEMBERS has no name; one that is claimed after its backward pass is fine.
  Net late;
  nn::Parameter<> forgotten(glia::ones({5}));
  glia::sum(glia::mul(late.forward(glia::ones({2, 5})), glia::sum(forgotten.tensor()))).backward();
  optim::Sgd all(glia::parameters(late));
  all.step();
  all.step();
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[1].find("a parameter of shape [5] received a gradient but belongs to no optimizer; it has no name") == 0);
  glia::set_warning_handler({});
}

TEST_CASE("what optimizers refuse") {
  const auto w = leaf("w", {2, 3});
  using Named = std::vector<nn::NamedTensor<float, Cpu>>;
  CHECK_THROWS_WITH_AS(optim::Sgd(Named{}),
                       "sgd: there are no parameters to optimize; are the module's members named in GLIA_MEMBERS?",
                       glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::Sgd(Named{w, w}), "sgd: parameter w is listed twice", glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::Sgd(Named{w, leaf("w", {1})}),
                       "sgd: two parameters are called w; their state could not be told apart in a checkpoint",
                       glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::AdamW(Named{w}, {.learning_rate = -1.0}),
                       "adamw: the learning rate must be a finite number not below zero, got -1", glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::Adam(Named{w}, {.beta2 = 1.0}), "adam: beta2 must be in [0, 1), got 1", glia::ValueError);
  CHECK_THROWS_AS(optim::Sgd(Named{w}, {.nesterov = true}), glia::ValueError);
  CHECK_THROWS_AS(optim::RmsProp(Named{w}, {.decay = -0.1}), glia::ValueError);
  CHECK_THROWS_AS(optim::Lars(Named{w}, {.trust_coefficient = -0.1}), glia::ValueError);
  CHECK_THROWS_AS(optim::Muon(Named{w}, {.iterations = 0}), glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::Muon(Named{w, leaf("b", {3})}),
                       "muon: parameter b of shape [3] has fewer than two axes; give such parameters to another optimizer "
                       "with optim::split and optim::Combined",
                       glia::ValueError);
  CHECK_THROWS_WITH_AS(optim::Sgd(Named{{"y", w.tensor * w.tensor}}),
                       "sgd: parameter y has gradient history; only leaves can be optimized", glia::AutogradError);
  CHECK_THROWS_AS(optim::Sgd(Named{{"t", glia::zeros({2, 3}).transpose()}}), glia::ShapeError);
  CHECK_THROWS_AS(optim::Combined(optim::Sgd(Named{w}), optim::Sgd(Named{w})), glia::ValueError);
  CHECK_THROWS_AS(optim::Lookahead(optim::Sgd(Named{w}), {.interval = 0}), glia::ValueError);

  auto good = leaf("good", {2}), bad = leaf("bad", {2, 2});
  good.tensor.set_grad(glia::ones({2}));
  CHECK_THROWS_WITH_AS(bad.tensor.set_grad(glia::ones({4})), "set_grad: the gradient has shape [4], expected [2, 2]",
                       glia::ShapeError);
  bad.tensor.set_grad(glia::ones({2, 2}));
  bad.tensor.impl()->gradient->grad = glia::ones({4}).impl();
  optim::Sgd optimizer(Named{good, bad});
  CHECK_THROWS_WITH_AS(optimizer.step(), "sgd: the gradient of parameter bad has shape [4], expected [2, 2]",
                       glia::ShapeError);
  CHECK(good.tensor.to_vector() == std::vector<float>{0.0f, 0.0f});
  optim::Combined both(optim::AdamW(Named{good}), optim::Sgd(Named{bad}));
  CHECK_THROWS_WITH_AS(both.step(), "sgd: the gradient of parameter bad has shape [4], expected [2, 2]", glia::ShapeError);
  CHECK(good.tensor.to_vector() == std::vector<float>{0.0f, 0.0f});
}
