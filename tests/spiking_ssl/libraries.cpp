// Neurons, surrogates, losses and probes against SpikingJelly, snnTorch, lightly, pytorch-metric-learning,
// scikit-learn.
#include <glia/ops/softmax.hpp>
#include <glia/spiking/layers.hpp>
#include <glia/spiking/normalization.hpp>
#include <glia/ssl/contrastive.hpp>
#include <glia/ssl/probe.hpp>
#include <glia/ssl/redundancy.hpp>
#include <glia/ssl/siamese.hpp>

#include <reference/libraries_fixture.hpp>
#include <support/near.hpp>

namespace spiking = glia::spiking;
namespace ssl = glia::ssl;
namespace fx = fixture::libraries;
using glia::Cpu;
using Double = glia::Tensor<double>;

namespace {

// Element by element.
template <class S>
void check_slope(const char* name, const S& surrogate, const std::vector<double>& expected, double tolerance = 1e-12) {
  INFO(std::string(name));
  std::vector<double> slopes;
  for (const double x : fx::grid) slopes.push_back(surrogate(x));
  CHECK_NEAR(slopes, expected, {tolerance, 1e-15});
}

template <class L>
void check_layer(const char* name, const L& layer, const std::vector<double>& out, const std::vector<double>& gradient,
                 glia_test::Tolerance tolerance = {1e-7, 1e-10}) {
  INFO(std::string(name));
  auto x = glia::from_vector(fx::input, {fx::steps, fx::units}).set_requires_grad();
  const auto y = layer(x);
  CHECK(y.to_vector() == out);
  glia::sum(glia::mul(y, glia::from_vector(fx::weight, {fx::steps, fx::units}))).backward();
  CHECK_NEAR(x.grad(), gradient, tolerance);
}

}  // namespace

TEST_CASE("surrogate derivatives equal SpikingJelly and snnTorch") {
  namespace sg = spiking::surrogate;
  check_slope("atan", sg::Atan{2}, fx::slope_atan);
  check_slope("sigmoid", sg::Sigmoid{4}, fx::slope_sigmoid);
  check_slope("soft sign", sg::SoftSign{2}, fx::slope_soft_sign);
  check_slope("piecewise quadratic", sg::PiecewiseQuadratic{1}, fx::slope_piecewise_quadratic);
  check_slope("piecewise exponential", sg::PiecewiseExponential{1}, fx::slope_piecewise_exponential);
  check_slope("erf", sg::Erf{2}, fx::slope_erf);
  check_slope("rectangle", sg::Rectangle{1}, fx::slope_rectangle);
  check_slope("leaky relu", sg::PiecewiseLeakyRelu{1, 0.01}, fx::slope_leaky_relu);
  check_slope("log abs", sg::LogAbs{1}, fx::slope_log_abs);
  check_slope("q pseudo spike", sg::QPseudoSpike{2}, fx::slope_q_pseudo_spike);
  check_slope("s2nn", sg::S2nn{4, 1}, fx::slope_s2nn, 1e-7);
  check_slope("fast sigmoid", sg::FastSigmoid{25}, fx::slope_fast_sigmoid);
  check_slope("atan of snnTorch", sg::Atan{2}, fx::slope_atan_snntorch);
  check_slope("sigmoid of snnTorch", sg::Sigmoid{25}, fx::slope_sigmoid_snntorch, 1e-9);
  // snnTorch cuts at +B where we cut at -bound, and centres the escape rate one above the threshold
  check_slope("sparse fast sigmoid", sg::SparseFastSigmoid{25, -1}, fx::slope_sparse_fast_sigmoid);
  check_slope(
      "spike rate escape",
      [](double x) {
        return sg::SpikeRateEscape{1, 25}(x - 1);
      },
      fx::slope_spike_rate_escape);
  check_slope("straight through", sg::StraightThrough{}, fx::slope_straight_through);
}

TEST_CASE("neurons and their gradients through time equal SpikingJelly") {
  using spiking::Reset;
  struct Case {
    Reset reset;
    double potential;
    bool detach;
    const std::vector<double>&if_out, &if_grad, &lif_out, &lif_grad, &full_out, &full_grad;
  };
#define GLIA_CASE(kind, reset, potential, mode, detach)                                                    \
  Case {                                                                                                   \
    reset, potential, detach, fx::if_##kind##_##mode##_out, fx::if_##kind##_##mode##_grad,                 \
        fx::lif_##kind##_##mode##_out, fx::lif_##kind##_##mode##_grad, fx::lif_full_##kind##_##mode##_out, \
        fx::lif_full_##kind##_##mode##_grad                                                                \
  }
  for (const Case& c :
       {GLIA_CASE(soft, Reset::soft, 0, detached, true), GLIA_CASE(soft, Reset::soft, 0, attached, false),
        GLIA_CASE(hard, Reset::hard, 0, detached, true), GLIA_CASE(hard, Reset::hard, 0, attached, false),
        GLIA_CASE(raised, Reset::hard, -0.2, detached, true), GLIA_CASE(raised, Reset::hard, -0.2, attached, false)}) {
    CAPTURE(static_cast<int>(c.reset));
    CAPTURE(c.potential);
    CAPTURE(c.detach);
    check_layer("if",
                spiking::If<Cpu, double>{{.threshold = 0.9,
                                          .reset = c.reset,
                                          .reset_potential = c.potential,
                                          .initial = c.potential,
                                          .detach_reset = c.detach}},
                c.if_out, c.if_grad);
    for (const bool decayed : {true, false})
      check_layer(decayed ? "lif" : "lif with full input",
                  spiking::Lif<Cpu, double>{{.tau = 3,
                                             .threshold = 0.9,
                                             .decay_input = decayed,
                                             .reset = c.reset,
                                             .reset_potential = c.potential,
                                             .detach_reset = c.detach}},
                  decayed ? c.lif_out : c.full_out, decayed ? c.lif_grad : c.full_grad);
  }
#undef GLIA_CASE
  for (const bool decayed : {true, false}) {
    spiking::Plif<Cpu, double, spiking::surrogate::Sigmoid> plif{
        {.tau = 2.5, .threshold = 0.9, .decay_input = decayed, .surrogate = {4}}};
    check_layer("plif", plif, decayed ? fx::plif_out : fx::plif_full_out, decayed ? fx::plif_grad : fx::plif_full_grad);
    CHECK_NEAR(plif.w.tensor().grad(), decayed ? fx::plif_parameter_grad : fx::plif_full_parameter_grad, {1e-6, 0.0});
  }
}

TEST_CASE("current-based and integer neurons and tdBN equal SpikingJelly") {
  for (const bool detach : {true, false}) {
    check_layer("cuba",
                spiking::Cuba<Cpu, double>{{.alpha = 0.6, .beta = 0.7, .threshold = 0.9, .detach_reset = detach}},
                detach ? fx::cuba_detached_out : fx::cuba_attached_out,
                detach ? fx::cuba_detached_grad : fx::cuba_attached_grad);
    check_layer("integer lif",
                spiking::IntegerLif<Cpu, double>{{.beta = 0.5, .threshold = 0.4, .levels = 3, .detach_reset = detach}},
                detach ? fx::integer_detached_out : fx::integer_attached_out,
                detach ? fx::integer_detached_grad : fx::integer_attached_grad);
  }
  auto norm = spiking::td_batch_norm<Cpu, double>(3, {.threshold = 0.8, .alpha = 0.5});
  auto x = glia::from_vector(fx::sequence, {3, 2, 2, 2, 3}).set_requires_grad();
  const auto y = norm(x);
  CHECK_NEAR(y, fx::td_batch_norm, {1e-10, 1e-14});
  glia::sum(glia::mul(y, glia::from_vector(fx::sequence_weight, {3, 2, 2, 2, 3}))).backward();
  CHECK_NEAR(x.grad(), fx::td_batch_norm_grad, {1e-9, 1e-13});
}

TEST_CASE("neurons equal snnTorch with its immediate reset") {
  using spiking::Reset;
  const glia_test::Tolerance single{5e-6, 1e-7};  // it computes in single precision
  const auto leaky = [](Reset reset) {
    return spiking::Lif<Cpu, double>{{.beta = 0.8, .threshold = 0.9, .reset = reset, .detach_reset = false}};
  };
  check_layer("subtract", leaky(Reset::soft), fx::leaky_subtract_out, fx::leaky_subtract_grad, single);
  check_layer("zero", leaky(Reset::hard), fx::leaky_zero_out, fx::leaky_zero_grad, single);
  check_layer("none", leaky(Reset::none), fx::leaky_none_out, fx::leaky_none_grad, single);
  // its subtraction differs where one step reaches twice the threshold: it does not fire again
  const auto synaptic = [](Reset reset) {
    return spiking::Cuba<Cpu, double>{
        {.alpha = 0.7, .beta = 0.8, .threshold = 0.9, .reset = reset, .detach_reset = false}};
  };
  check_layer("synaptic zero", synaptic(Reset::hard), fx::synaptic_zero_out, fx::synaptic_zero_grad, single);
  check_layer("synaptic none", synaptic(Reset::none), fx::synaptic_none_out, fx::synaptic_none_grad, single);
}

TEST_CASE("similarity losses equal lightly and pytorch-metric-learning") {
  const auto check = [](const char* name, const auto& f, const std::vector<double>& value,
                        const std::vector<double>& g1, const std::vector<double>& g2) {
    INFO(std::string(name));
    auto z1 = glia::from_vector(fx::z1, {fx::samples, fx::features}).set_requires_grad();
    auto z2 = glia::from_vector(fx::z2, {fx::samples, fx::features}).set_requires_grad();
    const auto loss = f(z1, z2);
    CHECK_NEAR(loss, value, {1e-7, 0.0});
    loss.backward();
    CHECK_NEAR(z1.grad(), g1, {1e-6, 1e-8});
    CHECK_NEAR(z2.grad(), g2, {1e-6, 1e-8});
  };
  check(
      "nt_xent", [](const auto& a, const auto& b) { return ssl::nt_xent(a, b, 0.3); }, fx::nt_xent, fx::nt_xent_grad1,
      fx::nt_xent_grad2);
  check(
      "barlow_twins", [](const auto& a, const auto& b) { return ssl::barlow_twins(a, b); }, fx::barlow_twins,
      fx::barlow_twins_grad1, fx::barlow_twins_grad2);
  check(
      "vicreg", [](const auto& a, const auto& b) { return ssl::vicreg(a, b); }, fx::vicreg, fx::vicreg_grad1,
      fx::vicreg_grad2);
  check(
      "simsiam", [](const auto& a, const auto& b) { return ssl::simsiam_loss(a, b, a, b); }, fx::simsiam,
      fx::simsiam_grad1, fx::simsiam_grad2);
  auto z = glia::from_vector(fx::z1, {fx::samples, fx::features}).set_requires_grad();
  const auto loss = ssl::sup_con(z, glia::from_vector(fx::labels), 0.2);
  CHECK_NEAR(loss, fx::sup_con, {1e-7, 0.0});
  loss.backward();
  CHECK_NEAR(z.grad(), fx::sup_con_grad, {1e-6, 1e-8});
}

TEST_CASE("probes equal scikit-learn") {
  const auto features = glia::from_vector(fx::probe_input, {fx::probe_samples, fx::probe_features});
  const auto queries = glia::from_vector(fx::probe_queries, {10, fx::probe_features});
  const auto labels = glia::from_vector(fx::probe_labels);
  const auto probe =
      ssl::softmax_probe(features, labels, {.classes = fx::probe_classes, .iterations = 2000, .decay = 1e-2});
  CHECK_NEAR(probe.weight, fx::probe_weight, {1e-5, 1e-6});
  CHECK_NEAR(glia::softmax(probe.scores(queries)), fx::probe_probabilities, {1e-5, 1e-7});
  CHECK(ssl::knn_predict(features, labels, queries, {.k = 9, .classes = fx::probe_classes}).to_vector() == fx::knn);
}
