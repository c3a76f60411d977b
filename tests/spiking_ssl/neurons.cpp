// Surrogates and neurons: against PyTorch, hand-derived values and themselves step by step.
#include <glia/spiking/layers.hpp>

#include <reference/spiking_ssl_fixture.hpp>
#include <support/near.hpp>

namespace spiking = glia::spiking;
namespace fx = fixture::spiking_ssl;
using glia::Cpu;
using glia::Index;
using glia_test::error_of;
using Double = glia::Tensor<double>;

namespace {

// A surrogate must be the derivative of its primitive, finite everywhere, in both precisions.
template <class S>
void check_surrogate(const char* name, const S& s, std::initializer_list<double> kinks = {}) {
  CAPTURE(name);
  for (double x = -2.983; x < 3.0; x += 0.0571) {
    bool smooth = true;
    for (const double kink : kinks) smooth = smooth && std::abs(x - kink) > 1e-3;
    if (!smooth) continue;
    const double h = 1e-5, slope = (s.primitive(x + h) - s.primitive(x - h)) / (2 * h);
    CHECK(s(x) == doctest::Approx(slope).epsilon(1e-6).scale(1e-3));
    CHECK(s.primitive(glia::Dual<double>(x, 1.0)).tangent == doctest::Approx(s(x)).epsilon(1e-9));
    CHECK(static_cast<double>(s(static_cast<float>(x))) == doctest::Approx(s(x)).epsilon(2e-5));
  }
  for (const float x : {1e4f, 1e10f, 1e30f, 3e38f}) {
    for (const float v : {x, -x}) {
      CHECK(s(v) >= 0.0f);
      CHECK(s(v) <= 25.0f);
      CHECK(s(static_cast<double>(v) * 1e200) >= 0.0);
    }
  }
}

Double input() { return glia::from_vector(fx::input, {fx::steps, fx::units}); }
Double weight() { return glia::from_vector(fx::weight, {fx::steps, fx::units}); }

// Spikes exactly, gradients of sum(weight * output) to rounding.
template <class L>
void check_layer(const char* name, L layer, const std::vector<double>& out, const std::vector<double>& gradient) {
  CAPTURE(name);
  auto x = input().set_requires_grad();
  const auto y = layer(x);
  CHECK_NEAR(y, out, {1e-13, 0.0});
  glia::sum(glia::mul(y, weight())).backward();
  CHECK_NEAR(x.grad(), gradient, {1e-12, 1e-14});
}

struct RecordedSpikes {
  static constexpr int states = 1;
  double decay = 0.5;
  template <class R>
  GLIA_HD R step(R (&v)[1], R x) const {
    const R h = v[0] * R(decay) + x;
    const R s = spiking::fire(spiking::surrogate::Sigmoid{}, h - R(1));
    v[0] = h * (R(1) - s);
    return s;
  }
};

// A neuron without its split into charge and release.
template <class N>
struct Unsplit {
  static constexpr int states = N::states, parameters = glia::detail::neuron_parameters<N>();
  N neuron;
  template <class R>
  GLIA_HD R step(R (&s)[states], R x) const {
    return neuron.step(s, x);
  }
  template <class R>
  GLIA_HD R step(R (&s)[states], R x, const R (&p)[glia::detail::parameter_slots<N>]) const {
    return neuron.step(s, x, p);
  }
};

// The gradients of one step, along all of its directions, with and without the split.
template <class N>
void check_split(const char* name, const N& neuron) {
  CAPTURE(name);
  static_assert(glia::detail::ChargedNeuron<N, double>);
  static_assert(!glia::detail::ChargedNeuron<Unsplit<N>, double>);
  const Unsplit<N> whole{neuron};
  for (double v = -1.5; v < 2.0; v += 0.31)
    for (double x = -1.2; x < 1.6; x += 0.23) {
      const double state[1] = {v}, p[1] = {0.4}, dstate[1] = {0.7 - v}, dy = x - 0.3;
      const auto close = [](double a, double b) { CHECK(a == doctest::Approx(b).epsilon(1e-13).scale(1e-3)); };
      using glia::detail::neuron_pullback;
      close(neuron_pullback<0>(neuron, state, x, p, dstate, dy), neuron_pullback<0>(whole, state, x, p, dstate, dy));
      close(neuron_pullback<1>(neuron, state, x, p, dstate, dy), neuron_pullback<1>(whole, state, x, p, dstate, dy));
      if constexpr (Unsplit<N>::parameters > 0)
        close(neuron_pullback<2>(neuron, state, x, p, dstate, dy), neuron_pullback<2>(whole, state, x, p, dstate, dy));
    }
}

}  // namespace

TEST_CASE("a step split into charge and release has the gradients of the whole") {
  using spiking::Reset;
  for (const Reset reset : {Reset::soft, Reset::hard, Reset::none})
    for (const bool detach : {false, true}) {
      const double potential = reset == Reset::hard ? -0.2 : 0.0;
      check_split("lif", spiking::LifNeuron<>::make({.tau = 3, .decay_input = true, .reset = reset,
                                                     .reset_potential = potential, .detach_reset = detach}));
      check_split("if", spiking::IfNeuron<>::make({.reset = reset, .reset_potential = potential, .detach_reset = detach}));
      check_split("plif", spiking::PlifNeuron<>::make({.reset = reset, .reset_potential = potential, .detach_reset = detach}));
      check_split("integer lif", spiking::IntegerLifNeuron::make({.detach_reset = detach}));
    }
}

TEST_CASE("surrogates are the derivatives of their primitives and never overflow") {
  namespace sg = spiking::surrogate;
  check_surrogate("atan", sg::Atan{});
  check_surrogate("sigmoid", sg::Sigmoid{});
  check_surrogate("sigmoid 25", sg::Sigmoid{25});
  check_surrogate("fast sigmoid", sg::FastSigmoid{}, {0});
  check_surrogate("soft sign", sg::SoftSign{}, {0});
  check_surrogate("super spike", sg::SuperSpike{}, {0});
  check_surrogate("triangle", sg::Triangle{0.7}, {0, 1 / 0.7, -1 / 0.7});
  check_surrogate("piecewise exponential", sg::PiecewiseExponential{}, {0});
  check_surrogate("erf", sg::Erf{});
  check_surrogate("rectangle", sg::Rectangle{}, {0.5, -0.5});
  check_surrogate("leaky relu", sg::PiecewiseLeakyRelu{}, {1, -1});
  check_surrogate("log abs", sg::LogAbs{}, {0});
  check_surrogate("q pseudo spike", sg::QPseudoSpike{3}, {0});
  check_surrogate("s2nn", sg::S2nn{}, {0});
  check_surrogate("sparse fast sigmoid", sg::SparseFastSigmoid{}, {0, -1});
  check_surrogate("spike rate escape", sg::SpikeRateEscape{}, {0});
  check_surrogate("dspike", sg::Dspike{}, {0.5, -0.5});
  check_surrogate("straight through", sg::StraightThrough{});
  // values at known points
  CHECK(sg::Atan{}(0.0) == 1.0);
  CHECK(sg::Sigmoid{}(0.0) == 1.0);
  CHECK(sg::Triangle{}(0.25) == 0.75);
  CHECK(sg::Dspike{}.primitive(0.5) == doctest::Approx(1.0).epsilon(1e-14));
  CHECK(sg::Dspike{}.primitive(-0.5) == doctest::Approx(0.0).scale(1.0).epsilon(1e-14));
  // limits
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(sg::FastSigmoid{25}.primitive(infinity) == doctest::Approx(0.04));
  CHECK(sg::FastSigmoid{25}.primitive(-infinity) == doctest::Approx(-0.04));
  CHECK(sg::SoftSign{}.primitive(-infinity) == doctest::Approx(0.0).scale(1.0));
  CHECK(sg::SoftSign{}.primitive(std::numeric_limits<float>::infinity()) == doctest::Approx(1.0f));
  CHECK(sg::PiecewiseLeakyRelu{1, 0}.primitive(infinity) == 1.0);
}

TEST_CASE("the spike is the Heaviside function exactly") {
  for (const float x : {-1e30f, -1.0f, -1e-38f, 0.0f, -0.0f, 1e-38f, 1.0f, 1e30f})
    CHECK(spiking::fire(spiking::surrogate::Atan{}, x) == (x >= 0.0f ? 1.0f : 0.0f));
  const auto d = spiking::fire(spiking::surrogate::Atan{}, glia::Dual<double>(0.25, 2.0));
  CHECK(d.value == 1.0);
  CHECK(d.tangent == 2.0 * spiking::surrogate::Atan{}(0.25));
  const auto levels = spiking::fire_levels(3, glia::Dual<double>(1.4, 1.0));
  CHECK(levels.value == 1.0);
  CHECK(levels.tangent == 1.0);
  CHECK(spiking::fire_levels(3, glia::Dual<double>(3.2, 1.0)).value == 3.0);
  CHECK(spiking::fire_levels(3, glia::Dual<double>(3.2, 1.0)).tangent == 0.0);
}

TEST_CASE("neurons and their back-propagation through time equal PyTorch") {
  using spiking::Reset;
  for (const bool detach : {false, true}) {
    check_layer("lif soft", spiking::Lif<Cpu, double>{{.beta = 0.8, .threshold = 0.9, .detach_reset = detach}},
                detach ? fx::lif_soft_detached_out : fx::lif_soft_attached_out,
                detach ? fx::lif_soft_detached_grad : fx::lif_soft_attached_grad);
    check_layer(
        "lif hard",
        spiking::Lif<Cpu, double>{
            {.beta = 0.8, .threshold = 0.9, .reset = Reset::hard, .reset_potential = 0.1, .detach_reset = detach}},
        detach ? fx::lif_hard_detached_out : fx::lif_hard_attached_out,
        detach ? fx::lif_hard_detached_grad : fx::lif_hard_attached_grad);
  }
  check_layer("lif tau", spiking::Lif<Cpu, double>{{.tau = 3.0, .threshold = 0.5, .decay_input = true}},
              fx::lif_decayed_out, fx::lif_decayed_grad);
  check_layer("if", spiking::If<Cpu, double>{{.initial = 0.5}}, fx::if_out, fx::if_grad);
  check_layer(
      "alif",
      spiking::Alif<Cpu, double>{{.beta = 0.9, .rho = 0.8, .strength = 1.5, .threshold = 0.7, .detach_reset = false}},
      fx::alif_out, fx::alif_grad);
  check_layer("cuba", spiking::Cuba<Cpu, double>{{.alpha = 0.7, .beta = 0.9}}, fx::cuba_out, fx::cuba_grad);
  check_layer("integer lif", spiking::IntegerLif<Cpu, double>{{.beta = 0.5, .threshold = 0.4, .levels = 3}},
              fx::integer_lif_out, fx::integer_lif_grad);
  check_layer("integrator", spiking::Integrator<Cpu, double>{{.beta = 0.9, .decay_input = true}}, fx::integrator_out,
              fx::integrator_grad);
  for (const bool decayed : {false, true}) {
    spiking::Plif<Cpu, double> layer{{.tau = 2, .threshold = 0.6, .decay_input = decayed, .reset = Reset::hard}};
    auto x = input().set_requires_grad();
    const auto y = layer(x);
    CHECK_NEAR(y, decayed ? fx::plif_decayed_out : fx::plif_out, {1e-13, 0.0});
    glia::sum(glia::mul(y, weight())).backward();
    CHECK_NEAR(x.grad(), decayed ? fx::plif_decayed_grad : fx::plif_grad, {1e-12, 1e-14});
    CHECK_NEAR(layer.w.tensor().grad(), decayed ? fx::plif_decayed_parameter_grad0 : fx::plif_parameter_grad0,
               {1e-12, 0.0});
  }
}

TEST_CASE("the gradient through the reset, by hand") {
  // beta 1/2, threshold 1, inputs 1.2 and 0.6, surrogate 1 within 1/2: H1 = 1.2 fires, H2 = 0.7 (soft) or 0.6 (hard)
  // does not; both slopes are 1. d(S1 + S2)/dx1 = 1 + dV1/dH1 / 2 with dV1/dH1 = 1 (soft, detached), 0 (soft), 0 (hard,
  // detached), -1.2 (hard).
  using spiking::Reset;
  using S = spiking::surrogate::Rectangle;
  struct Case {
    Reset reset;
    bool detach;
    double first;
  };
  for (const Case& c : {Case{Reset::soft, true, 1.5}, Case{Reset::soft, false, 1.0}, Case{Reset::hard, true, 1.0},
                        Case{Reset::hard, false, 0.4}, Case{Reset::none, true, 1.5}}) {
    const spiking::Lif<Cpu, double, S> lif{{.beta = 0.5, .reset = c.reset, .detach_reset = c.detach}};
    // without a reset the second step would reach 1.2; a smaller input keeps it at 0.7
    auto x = glia::tensor<double>({1.2, c.reset == Reset::none ? 0.1 : 0.6}).set_requires_grad();
    const auto y = lif(x);
    CHECK_NEAR(y, std::vector<double>({1.0, 0.0}));
    glia::sum(y).backward();
    CHECK_NEAR(x.grad(), std::vector<double>({c.first, 1.0}), {1e-15, 0.0});
  }
}

namespace {
template <class L, class Restart>
void check_streaming(const char* name, const L& layer, const Restart& threads) {
  CAPTURE(name);
  glia::Generator generator(3);
  const auto x = glia::randn<float>({7, 3, 433}, generator, 0.3f, 0.8f);
  const auto fused = layer(x);
  spiking::State<float> state;
  for (Index t = 0; t < x.size(0); ++t) {
    const auto y = layer.step(x[t], state);
    CHECK(y.to_vector() == fused[t].to_vector());
  }
  // strided input: the same numbers
  const auto swapped = x.transpose(1, 2).contiguous().transpose(1, 2);
  REQUIRE_FALSE(swapped.is_contiguous());
  CHECK(layer(swapped).to_vector() == fused.to_vector());
  threads(1);
  CHECK(layer(x).to_vector() == fused.to_vector());
  threads(4);
  CHECK(layer(x).to_vector() == fused.to_vector());
}
}  // namespace

TEST_CASE("one step at a time is bitwise the fused run, at any thread count and stride") {
  const int before = glia::num_threads();
  const auto threads = [](int n) { glia::set_num_threads(n); };
  check_streaming("lif", spiking::Lif<>{{.beta = 0.9f}}, threads);
  check_streaming("lif hard", spiking::Lif<>{{.beta = 0.7, .reset = spiking::Reset::hard, .reset_potential = -0.3}},
                  threads);
  check_streaming("if", spiking::If<>{}, threads);
  check_streaming("plif", spiking::Plif<>{}, threads);
  check_streaming("alif", spiking::Alif<>{}, threads);
  check_streaming("cuba", spiking::Cuba<>{}, threads);
  check_streaming("integer lif", spiking::IntegerLif<>{}, threads);
  check_streaming("integrator", spiking::Integrator<>{}, threads);
  glia::set_num_threads(before);
}

TEST_CASE("gradients do not depend on the thread count, also those summed over a layer") {
  const int before = glia::num_threads();
  std::vector<float> first, first_w;
  for (const int threads : {1, 3}) {
    glia::set_num_threads(threads);
    glia::Generator generator(3);
    auto x = glia::randn<float>({5, 20011}, generator).set_requires_grad();
    spiking::Plif<> plif;
    glia::sum(plif(x)).backward();
    if (threads == 1) first = x.grad().to_vector(), first_w = plif.w.tensor().grad().to_vector();
    CHECK(x.grad().to_vector() == first);
    CHECK(plif.w.tensor().grad().to_vector() == first_w);
  }
  glia::set_num_threads(before);
}

TEST_CASE("a sequence in two pieces has the gradients of the whole") {
  const spiking::CubaNeuron<> neuron = spiking::CubaNeuron<>::make({.detach_reset = false});
  auto whole = input().set_requires_grad();
  glia::sum(glia::mul(spiking::simulate(neuron, whole), weight())).backward();
  auto x = input().set_requires_grad();
  spiking::State<double> state;
  CHECK(state.at_rest());
  const auto a = spiking::simulate(neuron, x.slice(0, {0, 2}), state);
  REQUIRE(state.values.size() == 2);
  const auto kept = state.detached();
  CHECK_FALSE(kept.values[0].requires_grad());
  const auto b = spiking::simulate(neuron, x.slice(0, {2, 6}), state);
  glia::add(glia::sum(glia::mul(a, weight().slice(0, {0, 2}))), glia::sum(glia::mul(b, weight().slice(0, {2, 6}))))
      .backward();
  CHECK_NEAR(x.grad(), whole.grad().to_vector(), {1e-13, 1e-15});
  // gradient through the state alone
  auto y = input().set_requires_grad();
  spiking::State<double> last;
  spiking::simulate(spiking::IntegratorNeuron::make({.beta = 0.5}), y, last);
  glia::sum(last.values[0]).backward();
  for (Index t = 0; t < 6; ++t)
    CHECK(y.grad()[t][0].item() == doctest::Approx(std::pow(0.5, static_cast<double>(5 - t))).epsilon(1e-14));
}

TEST_CASE("repeat is a view whose gradient sums over the steps") {
  auto x = glia::tensor<double>({0.3, 0.8}).set_requires_grad();
  const auto r = spiking::repeat(x, 4);
  CHECK(r.shape() == glia::Shape{4, 2});
  CHECK(r.strides()[0] == 0);
  CHECK(r.data() == x.data());
  const spiking::Lif<Cpu, double> lif{{.beta = 0.9}};
  const auto y = lif(r);
  CHECK(y.to_vector() == lif(r.contiguous().detach()).to_vector());
  glia::sum(y).backward();
  auto copy = r.detach().clone().set_requires_grad();
  glia::sum(lif(copy)).backward();
  CHECK_NEAR(x.grad(), glia::sum(copy.grad(), 0).to_vector(), {1e-14, 0.0});
}

TEST_CASE("a neuron of one's own is one struct") {
  const spiking::Layer<Cpu, RecordedSpikes, double> layer{{.decay = 0.25}};
  auto x = input().set_requires_grad();
  const auto y = layer(x);
  glia::sum(y).backward();
  // scalar reference of spikes and back-propagation
  const spiking::surrogate::Sigmoid slope{};
  for (std::size_t u = 0; u < fx::units; ++u) {
    double v = 0, h[fx::steps], s[fx::steps], expected[fx::steps];
    for (std::size_t t = 0; t < fx::steps; ++t) {
      h[t] = 0.25 * v + fx::input[t * fx::units + u];
      s[t] = h[t] >= 1.0 ? 1.0 : 0.0;
      v = h[t] * (1.0 - s[t]);
    }
    double gv = 0;
    for (std::size_t t = fx::steps; t-- > 0;) {
      const double g = slope(h[t] - 1.0);
      expected[t] = g + gv * ((1.0 - s[t]) - h[t] * g);
      gv = 0.25 * expected[t];
    }
    for (std::size_t t = 0; t < fx::steps; ++t) {
      CHECK(y.to_vector()[t * fx::units + u] == s[t]);
      CHECK(x.grad().to_vector()[t * fx::units + u] == doctest::Approx(expected[t]).epsilon(1e-12));
    }
  }
}

TEST_CASE("empty and 16-bit sequences, and errors") {
  const spiking::Lif<> lif;
  CHECK(lif(glia::zeros({4, 0, 3})).shape() == glia::Shape{4, 0, 3});
  auto none = glia::zeros({0, 3}).set_requires_grad();
  glia::sum(lif(none)).backward();
  CHECK(none.grad().shape() == glia::Shape{0, 3});
  glia::Generator generator(1);
  const auto x = glia::randn<float>({4, 50}, generator);
  const auto coarse = x.cast<glia::bfloat16>();
  const auto spikes = spiking::Lif<Cpu, glia::bfloat16>{}(coarse).cast<float>();
  CHECK(spikes[0].to_vector() == lif(coarse.cast<float>())[0].to_vector());

  CHECK(error_of<glia::ShapeError>([&] { lif(glia::zeros({})); }) ==
        "lif: input must have at least 1 axes, got shape []");
  spiking::State<float> state;
  lif.step(glia::zeros({3}), state);
  CHECK(error_of<glia::ShapeError>([&] { lif.step(glia::zeros({4}), state); }) ==
        "lif: state must have shape [4], got [3]");
  CHECK(error_of<glia::ShapeError>([&] { spiking::Cuba<>{}.step(glia::zeros({3}), state); }) ==
        "cuba: the state must have 2 parts, got 1");
  CHECK(error_of<glia::ValueError>([] { spiking::Lif<>{{.beta = 1.5}}; }) == "lif: beta must be in [0, 1], got 1.5");
  CHECK(error_of<glia::ValueError>([] { spiking::Lif<>{{.tau = 0.5}}; }) == "lif: tau must be at least 1, got 0.5");
  CHECK(error_of<glia::ValueError>([] { spiking::Lif<>{{.threshold = 0}}; }) ==
        "lif: threshold must be positive, got 0");
  CHECK(error_of<glia::ValueError>([] { spiking::repeat(glia::zeros({2}), 0); }) ==
        "repeat: the number of steps must be positive, got 0");
  CHECK(error_of<glia::ShapeError>([] {
          spiking::simulate(spiking::PlifNeuron<>{}, glia::zeros({2, 3}), glia::zeros({2}));
        }) == "plif: parameters must have 1 elements, got shape [2]");
  auto y = glia::ones({2, 3}).set_requires_grad();
  // the fused backward pass is differentiable once
  const auto once = glia::grad(glia::sum(lif(y)), std::vector<glia::Tensor<float>>{y}, {.create_graph = true})[0];
  CHECK(error_of<glia::AutogradError>([&] { glia::sum(once).backward(); }).find("lif") == 0);
}
