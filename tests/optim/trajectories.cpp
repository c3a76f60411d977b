// Ten steps of every optimizer against PyTorch (or numpy, for LARS and Muon), with gradients that depend on the
// parameters.

#include <glia/ops/matmul.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/lars.hpp>
#include <glia/optim/lookahead.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/rmsprop.hpp>
#include <glia/optim/sgd.hpp>

#include <doctest/doctest.h>

#include "../reference/optim_fixture.hpp"

namespace {

namespace optim = glia::optim;
using glia::Cpu;
using glia::Index;

template <class T>
using Parameters = std::vector<glia::nn::NamedTensor<T, Cpu>>;

// The parameters and gradients of tests/reference/optim_fixtures.py.
template <class T>
Parameters<T> make_parameters() {
  const glia::Shape shapes[] = {{3, 4}, {5}, {6, 1, 2}};
  Parameters<T> out;
  for (int k = 0; k < 3; ++k) {
    auto x = glia::zeros<T>(shapes[k]);
    for (Index i = 0; i < x.numel(); ++i)
      x.mutable_data()[i] = static_cast<T>(std::cos(1.1 * static_cast<double>(i) + k));
    x.set_requires_grad();
    out.push_back({glia::text("p", k), x});
  }
  return out;
}

template <class T>
void set_gradients(Parameters<T>& parameters, int t) {
  for (int k = 0; k < 3; ++k) {
    auto& p = parameters[static_cast<std::size_t>(k)].tensor;
    p.zero_grad();
    if (k == 1 && (t == 0 || t == 3)) continue;
    auto g = glia::zeros<T>(p.shape());
    for (Index i = 0; i < p.numel(); ++i) {
      const double x = static_cast<double>(i);
      g.mutable_data()[i] =
          static_cast<T>(std::sin(0.7 * x + 1.3 * t + k) * (1 + 0.1 * x) + 0.5 * static_cast<double>(p.data()[i]));
    }
    p.set_grad(g);
  }
}

// Largest difference from the kept rows of a trajectory.
template <class T, class Optimizer>
double deviation(Parameters<T>& parameters, Optimizer& optimizer, const double (&expected)[4][29]) {
  const int kept[] = {0, 1, 4, 9};
  double largest = 0.0;
  for (int t = 0, row = 0; t < 10; ++t) {
    set_gradients(parameters, t);
    optimizer.step();
    if (t != kept[row]) continue;
    int column = 0;
    for (const auto& p : parameters)
      for (const T value : p.tensor.to_vector()) {
        const double difference = std::abs(static_cast<double>(value) - expected[row][column++]);
        if (std::isnan(difference) || difference > largest) largest = difference;  // a NaN stays
      }
    CHECK(column == 29);
    ++row;
  }
  return largest;
}

// The deviations in double and in float in units of what is allowed (1e-12 and `single`): the larger one; a NaN stays.
template <class Make>
double excess(const Make& make, const double (&expected)[4][29], double single = 3e-6) {
  auto doubles = make_parameters<double>();
  auto floats = make_parameters<float>();
  auto of_doubles = make(doubles);
  auto of_floats = make(floats);
  const double in_double = deviation(doubles, of_doubles, expected) / 1e-12;
  const double in_float = deviation(floats, of_floats, expected) / single;
  return std::isnan(in_double) || in_double > in_float ? in_double : in_float;
}

}  // namespace

TEST_CASE("sgd follows PyTorch") {
  CHECK(excess([](auto& p) { return optim::Sgd(p, {.learning_rate = 0.1}); }, optim_fixture::sgd) < 1);
  CHECK(excess([](auto& p) { return optim::Sgd(p, {.learning_rate = 0.1, .weight_decay = 0.05}); },
               optim_fixture::sgd_decay) < 1);
  CHECK(excess([](auto& p) { return optim::Sgd(p, {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01}); },
               optim_fixture::sgd_momentum) < 1);
  CHECK(excess([](auto& p) { return optim::Sgd(p, {.learning_rate = 0.1, .momentum = 0.8, .dampening = 0.3}); },
               optim_fixture::sgd_dampening) < 1);
  CHECK(excess(
            [](auto& p) {
              return optim::Sgd(p, {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02});
            },
            optim_fixture::sgd_nesterov) < 1);
}

TEST_CASE("adam and adamw follow PyTorch") {
  CHECK(excess(
            [](auto& p) {
              return optim::Adam(p, {.learning_rate = 0.03, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1});
            },
            optim_fixture::adam) < 1);
  CHECK(
      excess(
          [](auto& p) { return optim::Adam(p, {.learning_rate = 0.03, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true}); },
          optim_fixture::adam_amsgrad) < 1);
  CHECK(excess([](auto& p) { return optim::AdamW(p, {.learning_rate = 0.03, .beta2 = 0.99, .weight_decay = 0.2}); },
               optim_fixture::adamw) < 1);
  CHECK(excess(
            [](auto& p) {
              return optim::AdamW(p, {.learning_rate = 0.03, .beta2 = 0.7, .weight_decay = 0.2, .amsgrad = true});
            },
            optim_fixture::adamw_amsgrad) < 1);
  CHECK(excess(
            [](auto& p) {
              auto [vectors, matrices] = optim::split(p, [](const auto& x) { return x.name == "p1"; });
              return optim::AdamW(std::vector{optim::group(matrices, {.learning_rate = 0.02}),
                                              optim::group(vectors, {.weight_decay = 0.0})},
                                  {.learning_rate = 0.05});
            },
            optim_fixture::adamw_groups) < 1);
}

TEST_CASE("rmsprop follows PyTorch") {
  CHECK(excess([](auto& p) { return optim::RmsProp(p, {.learning_rate = 0.02, .decay = 0.9, .weight_decay = 0.1}); },
               optim_fixture::rmsprop) < 1);
  CHECK(excess(
            [](auto& p) {
              return optim::RmsProp(p, {.learning_rate = 0.02, .decay = 0.9, .epsilon = 1e-3, .centered = true});
            },
            optim_fixture::rmsprop_centered, 3e-5) < 1);
  CHECK(excess([](auto& p) { return optim::RmsProp(p, {.learning_rate = 0.02, .decay = 0.95, .momentum = 0.7}); },
               optim_fixture::rmsprop_momentum) < 1);
  CHECK(excess(
            [](auto& p) {
              return optim::RmsProp(
                  p, {.learning_rate = 0.02, .decay = 0.9, .epsilon = 1e-3, .momentum = 0.5, .centered = true});
            },
            optim_fixture::rmsprop_all, 3e-5) < 1);
}

TEST_CASE("lars follows its formula") {
  CHECK(excess(
            [](auto& p) {
              return optim::Lars(p, {.learning_rate = 0.5, .weight_decay = 0.01, .trust_coefficient = 0.02});
            },
            optim_fixture::lars, 1e-5) < 1);
  CHECK(
      excess(
          [](auto& p) {
            return optim::Lars(
                p,
                {.learning_rate = 0.5, .weight_decay = 0.01, .trust_coefficient = 0.3, .nesterov = true, .clip = true});
          },
          optim_fixture::lars_nesterov_clip, 1e-5) < 1);
}

TEST_CASE("muon with a companion follows its formula") {
  const auto muon_excess = [](optim::MuonOptions options, const double(&expected)[4][29]) {
    options.learning_rate = 0.1, options.momentum = 0.6;
    return excess(
        [options](auto& p) {
          auto [matrices, rest] = optim::split(p, optim::is_matrix);
          return optim::Combined(optim::Muon(matrices, options),
                                 optim::Sgd(rest, {.learning_rate = 0.05, .momentum = 0.6}));
        },
        expected, 2e-5);
  };
  CHECK(muon_excess({.iterations = 3, .scale = optim::MuonScale::none}, optim_fixture::muon) < 1);
  CHECK(muon_excess({.nesterov = false, .weight_decay = 0.1}, optim_fixture::muon_aspect_decay) < 1);
  CHECK(muon_excess({.scale = optim::MuonScale::match_adam}, optim_fixture::muon_match_adam) < 1);
  CHECK(muon_excess({.iterations = 3, .scale = optim::MuonScale::none, .renormalize = true},
                    optim_fixture::muon_renormalize) < 1);
}

TEST_CASE("newton_schulz brings singular values near one") {
  glia::Generator generator{3};
  for (const glia::Shape& shape : {glia::Shape{5, 40}, glia::Shape{40, 5}, glia::Shape{7, 7}, glia::Shape{1, 9}}) {
    const auto y = optim::newton_schulz(glia::randn<double>(shape, generator), 5);
    REQUIRE(y.shape() == shape);
    // The squares of the singular values are the eigenvalues of the Gram matrix, whose mean is its trace over the rank.
    double trace = 0.0;
    for (const double v : y.to_vector()) trace += v * v;
    const double mean = trace / static_cast<double>(std::min(shape[0], shape[1]));
    CHECK(mean > 0.45);
    CHECK(mean < 1.5);
  }
  CHECK(optim::newton_schulz(glia::zeros<float>({0, 4})).numel() == 0);
  CHECK(optim::newton_schulz(glia::zeros<float>({3, 4})).to_vector() == std::vector<float>(12, 0.0f));
  CHECK_THROWS_WITH_AS(optim::newton_schulz(glia::zeros<float>({4})),
                       "newton_schulz: input must have 2 axes, got shape [4]", glia::ShapeError);
}

TEST_CASE("newton_schulz of large matrices, whose symmetric products are made in blocks, follows the formula") {
  glia::Generator generator{5};
  for (const glia::Shape& shape : {glia::Shape{301, 320}, glia::Shape{320, 301}, glia::Shape{257, 257}}) {
    const auto source = glia::randn<double>(shape, generator);
    const bool tall = shape[0] > shape[1];
    auto x = tall ? source.transpose(0, 1) : source;
    x = x * (1.0 / (std::sqrt(glia::sum(source * source).item()) + 1e-7));
    for (int i = 0; i < 3; ++i) {
      const auto a = glia::matmul(x, x.transpose(0, 1));
      x = x * 3.4445 + glia::matmul(a * -4.7750 + glia::matmul(a, a) * 2.0315, x);
    }
    const auto expected = (tall ? x.transpose(0, 1) : x).contiguous().to_vector(),
               got = optim::newton_schulz(source, 3).to_vector();
    double error = 0, largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      error = std::max(error, std::abs(got[i] - expected[i]));
      largest = std::max(largest, std::abs(expected[i]));
    }
    CHECK(error < 1e-12 * largest);
  }
}

TEST_CASE("lookahead interpolates every few steps") {
  auto parameters = make_parameters<double>();
  auto fast = make_parameters<double>();
  optim::Lookahead lookahead(optim::Sgd(parameters, {.learning_rate = 0.1}), {.interval = 3, .alpha = 0.25});
  optim::Sgd plain(fast, {.learning_rate = 0.1});
  auto slow = fast[0].tensor.to_vector();
  for (int t = 0; t < 7; ++t) {
    set_gradients(parameters, t);
    set_gradients(fast, t);
    lookahead.step();
    plain.step();
    if (t % 3 == 2) {
      for (auto& p : fast) {
        for (Index i = 0; &p == &fast[0] && i < p.tensor.numel(); ++i) {
          auto& s = slow[static_cast<std::size_t>(i)];
          s += 0.25 * (p.tensor.data()[i] - s);
          p.tensor.mutable_data()[i] = s;
        }
      }
    }
    for (Index i = 0; i < 12; ++i)
      CHECK(parameters[0].tensor.data()[i] == doctest::Approx(fast[0].tensor.data()[i]).epsilon(1e-13));
  }
}
