// The engine: accumulation, higher derivatives, hooks, in-place detection, freed graphs, deep graphs, user functions,
// checkpoints.

#include <glia/glia.hpp>

#include "../support/near.hpp"

using namespace glia;
using glia_test::error_of;

namespace {
Tensor<double> leaf(std::initializer_list<double> values) {
  auto x = tensor<double>(values);
  x.set_requires_grad();
  return x;
}
}  // namespace

TEST_CASE("gradients accumulate in leaves until they are dropped") {
  auto x = leaf({1, 2});
  sum(x * x).backward();
  sum(x * 3.0).backward();
  CHECK_NEAR(x.grad(), (std::vector<double>{5, 7}));
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a tensor used several times gets the sum of its gradients") {
  auto x = leaf({2});
  const auto y = x * x;
  (y * y + y + x).backward();
  CHECK_EQ(x.grad().item(), 4 * 8.0 + 2 * 2.0 + 1.0);
}

TEST_CASE("grad leaves the leaves alone and gives second and third derivatives") {
  auto x = leaf({3});
  const auto y = x * x * x * x;
  const auto first = grad(y, {x}, {.create_graph = true})[0];
  const auto second = grad(first, {x}, {.create_graph = true})[0];
  const auto third = grad(second, {x})[0];
  CHECK_EQ(first.item(), 108.0);
  CHECK_EQ(second.item(), 108.0);
  CHECK_EQ(third.item(), 72.0);
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("grad reaches inner tensors and reports unused inputs") {
  auto x = leaf({3}), unused = leaf({1});
  const auto y = x * 2.0;
  const auto z = y * y;
  CHECK_EQ(grad(z, {y}, {.retain_graph = true})[0].item(), 12.0);
  CHECK_EQ(error_of<AutogradError>([&] { grad(z, {unused}, {.retain_graph = true}); }),
           "grad: the output does not depend on input 0; pass allow_unused = true to get an undefined tensor instead");
  CHECK_FALSE(grad(z, {unused}, {.allow_unused = true})[0].defined());
}

TEST_CASE("functor derivatives stop at order two") {
  auto x = leaf({0.5});
  const auto first = grad(exp(x), {x}, {.create_graph = true})[0];
  const auto second = grad(first, {x}, {.create_graph = true})[0];
  CHECK(second.item() == doctest::Approx(std::exp(0.5)));
  CHECK_EQ(error_of<AutogradError>([&] { grad(second, {x}); }), "map: derivatives of functors stop at order two");
}

TEST_CASE("no_grad and detach cut the graph") {
  auto x = leaf({2});
  {
    const NoGrad guard;
    CHECK_FALSE((x * x).requires_grad());
  }
  CHECK_EQ(grad(x * x.detach(), {x})[0].item(), 2.0);
  CHECK_EQ(error_of<AutogradError>([&] { (x.detach() * 2.0).backward(); }),
           "backward: the output does not depend on any tensor that requires gradients (was it computed under NoGrad "
           "or detached?)");
}

TEST_CASE("a freed graph and a non-scalar output are reported") {
  auto x = leaf({2, 3});
  const auto y = x * x;
  CHECK_EQ(error_of<AutogradError>([&] { y.backward(); }),
           "backward: without an output gradient the output must have one element, got shape [2]; reduce it first or "
           "pass a gradient");
  sum(y).backward();
  CHECK_EQ(error_of<AutogradError>([&] { sum(y).backward(); }),
           "mul: the graph was freed by an earlier backward pass; pass retain_graph = true to the first backward if a "
           "second one is wanted");
  const auto z = x * x;
  sum(z).backward(true);
  sum(z).backward();
  CHECK_NEAR(x.grad(), (std::vector<double>{12, 18}));
  CHECK_EQ(error_of<ShapeError>([&] { (x * x).backward(ones<double>({3})); }),
           "backward: the output gradient has shape [3], expected [2]");
}

TEST_CASE("in-place writes to saved tensors are detected") {
  auto x = leaf({2});
  auto y = x * 3.0;
  const auto z = y * y;
  y.add_(x);
  CHECK_EQ(error_of<AutogradError>([&] { z.backward(); }),
           "mul: a tensor of shape [1] saved for the backward pass was changed in place since (version 2, expected 1)");
}

TEST_CASE("recorded in-place writes rebase history; leaves and views are refused") {
  auto x = leaf({2, 5});
  auto y = x * 3.0;
  y.add_(x * x);
  y.mul_(2.0);
  y.mul_(x);
  sum(y).backward();  // 2 x (3 x + x^2): derivative 12 x + 6 x^2
  CHECK_NEAR(x.grad(), (std::vector<double>{48, 210}));
  CHECK_EQ(error_of<AutogradError>([&] { x.add_(x); }),
           "add_: a leaf that requires gradients is written in place; do it under glia::NoGrad");
  auto base = x * 1.0;
  auto view = base.slice(0, {0, 1});
  CHECK(error_of<AutogradError>([&] { view.mul_(2.0); }).find("mul_: an in-place write to a view") == 0);
  CHECK(error_of<AutogradError>([&] {
          base.mul_(2.0);
        }).find("mul_: a recorded in-place write to a tensor with views") == 0);
  auto plain = zeros<double>({2, 2});
  {
    const auto row = plain.select(0, 1);
    CHECK_THROWS_AS(plain.add_(x.slice(0, {0, 2})), AutogradError);
    CHECK_EQ(row.to_vector(), std::vector<double>{0, 0});
    plain.add_(ones<double>({2}));  // nothing to record: views see it
    CHECK_EQ(row.to_vector(), std::vector<double>{1, 1});
  }
  plain.add_(x.slice(0, {0, 2}));
  CHECK(plain.requires_grad());
  auto filled = x * 1.0;
  filled.fill_(4.0);
  CHECK_FALSE(filled.requires_grad());
}

TEST_CASE("hooks see and replace gradients") {
  auto x = leaf({3});
  const auto y = x * 2.0;
  double seen = 0.0;
  y.register_hook([&](const Tensor<double>& g) {
    seen = g.item();
    return g * 10.0;
  });
  x.register_hook([](const Tensor<double>& g) { return g + 1.0; });
  (y * y).backward();
  CHECK_EQ(seen, 12.0);
  CHECK_EQ(x.grad().item(), 241.0);
  x.register_hook([](const Tensor<double>&) { return zeros<double>({2}); });
  CHECK(error_of<AutogradError>([&] { (x * 1.0).backward(); }).find("gradient hook") == 0);
}

TEST_CASE("a million nodes overflow the stack neither in backward nor in destruction" * doctest::test_suite("long")) {
  auto x = leaf({0});
  {
    auto y = x;
    for (int i = 0; i < 1'000'000; ++i) y = y + 1.0;
    CHECK_EQ(y.item(), 1e6);
    y.backward(true);
    CHECK_EQ(grad(y, {x})[0].item(), 1.0);
  }
  CHECK_EQ(x.grad().item(), 1.0);
  auto saved = leaf({1});
  auto z = saved * 1.0;
  for (int i = 0; i < 200'000; ++i) z = z * saved;  // nodes that own tensors that own nodes
  CHECK_EQ(z.item(), 1.0);
}

namespace {
struct Cube {
  static constexpr const char* name = "cube";
  using Context = autograd::FunctionContext<double, Cpu>;
  static Tensor<double> forward(Context& context, const Tensor<double>& x) {
    context.save({x});
    return x * x * x;
  }
  static std::vector<Tensor<double>> backward(Context& context, const Tensor<double>& dy) {
    const auto x = context.saved(0);
    return {dy * x * x * 3.0};
  }
};
struct WrongCount {
  using Context = autograd::FunctionContext<double, Cpu>;
  static Tensor<double> forward(Context&, const Tensor<double>& x) { return x.clone(); }
  static std::vector<Tensor<double>> backward(Context&, const Tensor<double>&) { return {}; }
};
}  // namespace

TEST_CASE("user-defined functions") {
  auto x = leaf({2});
  const auto y = autograd::apply<Cube>(x);
  CHECK_EQ(y.item(), 8.0);
  const auto first = grad(y, {x}, {.create_graph = true})[0];
  CHECK_EQ(first.item(), 12.0);
  CHECK_EQ(grad(first, {x})[0].item(), 12.0);
  CHECK_EQ(error_of<AutogradError>([&] { autograd::apply<WrongCount>(x).backward(); }),
           "function: backward returned 0 gradients for 1 inputs");
}

TEST_CASE("checkpointing recomputes, repeats random draws and refuses second derivatives") {
  nn::RandomState state{Generator(5)};
  int runs = 0;
  std::vector<std::vector<double>> masks;
  const auto segment = [&](const std::vector<Tensor<double>>& in) {
    ++runs;
    Generator g = state.draw(2);
    const auto mask = rand<double>({2}, g);
    masks.push_back(mask.to_vector());
    return in[0] * in[0] * mask;
  };
  auto x = leaf({3, 4});
  const auto y = autograd::checkpoint(segment, std::vector<Tensor<double>>{x});
  const auto drawn = state.generator.counter;
  sum(y).backward(true);
  CHECK_EQ(runs, 2);
  CHECK_EQ(masks[0], masks[1]);
  CHECK_EQ(state.generator.counter, drawn);
  CHECK_NEAR(x.grad(), (std::vector<double>{6 * masks[0][0], 8 * masks[0][1]}));
  const auto first = grad(sum(y), {x}, {.create_graph = true})[0];
  CHECK(error_of<AutogradError>([&] { grad(sum(first), {x}); }).find("checkpoint: is differentiable once") == 0);
}

TEST_CASE("gradients of a recorded pass are buffers of their own") {
  auto a = leaf({1, 2, 3, 4}), b = leaf({5, 6, 7, 8});
  const auto seed = ones<double>({4});
  const auto y = a + b;
  autograd::backward<double, Cpu>(std::vector{y}, std::vector{seed}, {.create_graph = true});
  sum(a).backward();
  CHECK_NEAR(a.grad(), (std::vector<double>{2, 2, 2, 2}));
  CHECK_NEAR(b.grad(), (std::vector<double>{1, 1, 1, 1}));
  CHECK_NEAR(seed, (std::vector<double>{1, 1, 1, 1}));
  // The gradient of a sum is an expanded scalar: it must not be added to in place.
  auto x = leaf({0, 0, 0, 0});
  autograd::backward<double, Cpu>(std::vector{sum(x)}, std::vector<Tensor<double>>{}, {.create_graph = true});
  sum(x * tensor<double>({10, 20, 30, 40})).backward();
  CHECK_NEAR(x.grad(), (std::vector<double>{11, 21, 31, 41}));
  auto z = leaf({1, 2, 3, 4});
  z.set_grad(tensor<double>({1}).expand({4}));
  sum(z * z).backward();
  CHECK_NEAR(z.grad(), (std::vector<double>{3, 5, 7, 9}));
}

TEST_CASE("a hook of a leaf gets the sum over its uses, once") {
  auto x = leaf({3});
  int calls = 0;
  x.register_hook([&calls](const Tensor<double>& g) {
    ++calls;
    return clamp(g, -5.0, 5.0);
  });
  sum(x * x).backward();
  CHECK_EQ(calls, 1);
  CHECK_NEAR(x.grad(), (std::vector<double>{5}));
  CHECK_NEAR(grad(sum(x * x), {x})[0], (std::vector<double>{5}));
  CHECK_EQ(calls, 2);
  auto other = leaf({2});
  CHECK_NEAR(grad(sum(x * x * other), {other})[0], (std::vector<double>{9}));
  CHECK_EQ(calls, 2);  // nobody asked for x
}

TEST_CASE("later changes of class weights and of returned statistics do not reach the backward pass") {
  auto logits = leaf({1, 2}).reshape({1, 2}).detach().set_requires_grad();
  auto weight = ones<double>({2});
  const auto loss = cross_entropy(logits, tensor<std::int64_t>({0}), {}, weight);
  weight.fill_(100);
  loss.backward();
  const double p = 1 / (1 + std::exp(1.0));
  CHECK_NEAR(logits.grad(), (std::vector<double>{p - 1, 1 - p}));
  auto rows = leaf({1, 2, 4, 8}).reshape({4, 1}).detach().set_requires_grad();
  const auto factor = tensor<double>({1, 0, 2, -1}, {4, 1});
  const auto plain = grad(sum(batch_norm(rows, {}, {}).output * factor), {rows})[0];
  auto changed = batch_norm(rows, {}, {});
  {
    const NoGrad off;
    changed.mean.mul_(0);
  }
  CHECK_NEAR(grad(sum(changed.output * factor), {rows})[0], plain.to_vector());
}

namespace {
struct Undefined {
  static Tensor<double> forward(autograd::FunctionContext<double, Cpu>&, const Tensor<double>&) { return {}; }
  static std::vector<Tensor<double>> backward(autograd::FunctionContext<double, Cpu>&, const Tensor<double>&) {
    return {};
  }
};
Tensor<double> kept;
struct Keeps {
  static Tensor<double> forward(autograd::FunctionContext<double, Cpu>&, const Tensor<double>& x) {
    return kept = x * 2.0;
  }
  static std::vector<Tensor<double>> backward(autograd::FunctionContext<double, Cpu>&, const Tensor<double>& g) {
    return {g * 2.0};
  }
};
}  // namespace

TEST_CASE("a function's output must be defined, and what it keeps stays without history") {
  const auto x = leaf({3});
  CHECK_EQ(error_of<AutogradError>([&] { autograd::apply<Undefined>(x); }),
           "function: forward returned an undefined tensor, expected a defined one");
  const auto y = autograd::apply<Keeps>(x);
  CHECK(y.requires_grad());
  CHECK_FALSE(kept.requires_grad());
  kept = {};
}

TEST_CASE("products with empty extents have zero gradients at any rank") {
  auto x = zeros<double>({2, 3, 0}).set_requires_grad();
  auto w = zeros<double>({0, 4}).set_requires_grad();
  sum(matmul(x, w)).backward();
  CHECK_EQ(x.grad().shape(), Shape{2, 3, 0});
  CHECK_EQ(w.grad().shape(), Shape{0, 4});
  auto rows = ones<double>({2, 0, 3}).set_requires_grad();
  auto v = ones<double>({3, 2}).set_requires_grad();
  sum(matmul(rows, v)).backward();
  CHECK_NEAR(v.grad(), std::vector<double>(6, 0.0));
}

TEST_CASE("gradients at the edges: powers that overflow, masks below every number") {
  auto x = tensor<float>({1e25f}).set_requires_grad();
  pow(x, 2.0f).backward(tensor<float>({1e-20f}));
  CHECK(x.grad().item() == doctest::Approx(2e5).epsilon(1e-5));
  auto infinite = tensor<float>({std::numeric_limits<float>::infinity()}).set_requires_grad();
  pow(infinite, -2.0f).backward(tensor<float>({1}));
  CHECK_EQ(infinite.grad().item(), 0.0f);
  auto low = tensor<float>({std::numeric_limits<float>::lowest()}).set_requires_grad();
  logsumexp(low).backward();
  CHECK_EQ(low.grad().item(), 1.0f);
  const double none = -std::numeric_limits<double>::infinity();
  const auto picked = tensor<double>({none, 0, -1, -2}, {2, 2});
  CHECK_NEAR(nll_loss(picked, tensor<std::int64_t>({-100, 1}), {.ignore_index = -100}), std::vector<double>{2});
}
