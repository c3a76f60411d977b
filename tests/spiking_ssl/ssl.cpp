// Self-supervised losses against PyTorch, and the tools around them.
#include <glia/autograd/gradcheck.hpp>
#include <glia/ssl/contrastive.hpp>
#include <glia/ssl/diagnostics.hpp>
#include <glia/ssl/momentum.hpp>
#include <glia/ssl/noisy.hpp>
#include <glia/ssl/probe.hpp>
#include <glia/ssl/projector.hpp>
#include <glia/ssl/redundancy.hpp>
#include <glia/ssl/siamese.hpp>
#include <glia/ssl/spatial.hpp>

#include <reference/spiking_ssl_fixture.hpp>
#include <support/near.hpp>

#include <set>

namespace nn = glia::nn;
namespace ssl = glia::ssl;
namespace fx = fixture::spiking_ssl;
using glia::Cpu;
using glia::Index;
using glia_test::error_of;
using Double = glia::Tensor<double>;
using Labels = glia::Tensor<std::int64_t>;

namespace {

Double view1() { return glia::from_vector(fx::z1, {fx::samples, fx::features}); }
Double view2() { return glia::from_vector(fx::z2, {fx::samples, fx::features}); }

template <class F>
void check_views(const char* name, const F& f, const std::vector<double>& value, const std::vector<double>& g1,
                 const std::vector<double>& g2) {
  CAPTURE(name);
  auto z1 = view1().set_requires_grad(), z2 = view2().set_requires_grad();
  const auto loss = f(z1, z2);
  CHECK_NEAR(loss, value, {1e-12, 0.0});
  CHECK(loss.rank() == 0);
  loss.backward();
  CHECK_NEAR(z1.grad(), g1, {1e-10, 1e-13});
  CHECK_NEAR(z2.grad(), g2, {1e-10, 1e-13});
  // the same numbers from strided views
  const auto t1 = z1.detach().transpose().contiguous().transpose(),
             t2 = z2.detach().transpose().contiguous().transpose();
  CHECK_NEAR(f(t1, t2), value, {1e-12, 0.0});
}

void check_gradients(const char* name, const std::function<Double(const std::vector<Double>&)>& f,
                     const std::vector<Double>& points) {
  CAPTURE(name);
  const auto once = glia::gradcheck(f, points);
  CHECK_MESSAGE(once.ok, once.message);
  const auto twice = glia::gradgradcheck(f, points);
  CHECK_MESSAGE(twice.ok, twice.message);
}

}  // namespace

TEST_CASE("similarity losses equal PyTorch") {
  check_views(
      "nt_xent", [](const auto& a, const auto& b) { return ssl::nt_xent(a, b, 0.3); }, fx::nt_xent, fx::nt_xent_grad1,
      fx::nt_xent_grad2);
  check_views(
      "barlow_twins", [](const auto& a, const auto& b) { return ssl::barlow_twins(a, b); }, fx::barlow_twins,
      fx::barlow_twins_grad1, fx::barlow_twins_grad2);
  check_views(
      "vicreg", [](const auto& a, const auto& b) { return ssl::vicreg(a, b); }, fx::vicreg, fx::vicreg_grad1,
      fx::vicreg_grad2);
  check_views(
      "simsiam", [](const auto& a, const auto& b) { return ssl::simsiam_loss(a, b, a, b); }, fx::simsiam,
      fx::simsiam_grad1, fx::simsiam_grad2);
  check_views(
      "byol", [](const auto& a, const auto& b) { return ssl::byol_loss(a, b, a, b); }, fx::byol, fx::byol_grad1,
      fx::byol_grad2);
  auto z = view1().set_requires_grad();
  const auto loss = ssl::sup_con(z, glia::from_vector(fx::classes), 0.2);
  CHECK_NEAR(loss, fx::sup_con, {1e-12, 0.0});
  loss.backward();
  CHECK_NEAR(z.grad(), fx::sup_con_grad1, {1e-10, 1e-13});
}

TEST_CASE("similarity losses are twice differentiable") {
  const std::vector<Double> views{view1(), view2()};
  check_gradients("normalize", [](const auto& v) { return ssl::normalize(v[0]); }, {view1()});
  check_gradients(
      "nt_xent", [](const auto& v) { return ssl::nt_xent(v[0], v[1], 0.5); }, views);
  check_gradients("sup_con", [](const auto& v) { return ssl::sup_con(v[0], glia::from_vector(fx::classes), 0.5); },
                  {view1()});
  check_gradients(
      "barlow_twins", [](const auto& v) { return ssl::barlow_twins(v[0], v[1], {.lambda = 0.1}); }, views);
  check_gradients(
      "vicreg", [](const auto& v) { return ssl::vicreg(v[0], v[1]); }, views);
  check_gradients("negative_cosine", [](const auto& v) { return ssl::negative_cosine(v[0], view2()); }, {view1()});
}

TEST_CASE("contrastive losses take any feature length and skip anchors alone") {
  for (const float length : {1e-10f, 1.0f, 1e18f}) {
    auto a = glia::scale(view1().cast<float>(), length).detach().set_requires_grad();
    const auto b = glia::scale(view2().cast<float>(), length);
    const auto loss = ssl::nt_xent(a, b, 0.01);
    loss.backward();
    CHECK(std::isfinite(loss.item()));
    for (const float g : a.grad().to_vector()) CHECK(std::isfinite(g));
    CHECK(loss.item() == doctest::Approx(ssl::nt_xent(view1(), view2(), 0.01).item()).epsilon(1e-4));
  }
  // a zero vector has gradient and loss without NaN
  auto zero = glia::zeros({3, 4}).set_requires_grad();
  const auto flat = ssl::nt_xent(zero, glia::ones({3, 4}));
  flat.backward();
  for (const float g : zero.grad().to_vector()) CHECK(std::isfinite(g));
  // nobody has a partner: loss 0, gradient 0
  auto z = view1().set_requires_grad();
  const auto none = ssl::sup_con(z, glia::tensor<std::int64_t>({0, 1, 2, 3, 4, 5}));
  CHECK(none.item() == 0.0);
  none.backward();
  for (const double g : z.grad().to_vector()) CHECK(g == 0.0);
  // two views of each of two samples, aligned: softmax over one partner and two strangers at right angles
  const auto pair = glia::tensor<double>({1, 0, 0, 1}, {2, 2});
  const double expected = -std::log(std::exp(2.0) / (std::exp(2.0) + 2.0));
  CHECK(ssl::nt_xent(pair, pair, 0.5).item() == doctest::Approx(expected).epsilon(1e-12));

  CHECK(error_of<glia::ShapeError>([&] {
          ssl::nt_xent(view1(), view2().slice(0, {0, 2}));
        }) == "nt_xent: second view must have shape [6, 4], got [2, 4]");
  CHECK(error_of<glia::ValueError>([&] { ssl::nt_xent(view1(), view2(), 0); }) ==
        "nt_xent: the temperature must be positive, got 0");
  CHECK(error_of<glia::ShapeError>([&] {
          ssl::sup_con(view1(), glia::tensor<std::int64_t>({1, 2}));
        }) == "sup_con: labels must have shape [6], got [2]");
}

TEST_CASE("losses for noisy labels equal PyTorch") {
  const auto labels = glia::from_vector(fx::classes);
  const auto check = [&](const char* name, const auto& f, const std::vector<double>& value,
                         const std::vector<double>& gradient) {
    CAPTURE(name);
    auto logits = glia::from_vector(fx::noisy_logits, {fx::samples, 3}).set_requires_grad();
    const auto loss = f(logits);
    CHECK_NEAR(loss, value, {1e-12, 0.0});
    loss.backward();
    CHECK_NEAR(logits.grad(), gradient, {1e-10, 1e-13});
  };
  check(
      "gce", [&](const Double& x) { return ssl::gce_loss(x, labels); }, fx::gce, fx::gce_grad);
  check(
      "sce", [&](const Double& x) { return ssl::sce_loss(x, labels); }, fx::sce, fx::sce_grad);
  ssl::ElrLoss<Cpu, double> elr(10, 3);
  const auto samples = glia::tensor<std::int64_t>({9, 2, 4, 0, 1, 7});
  check(
      "elr first", [&](const Double& x) { return elr(x, labels, samples); }, fx::elr0, fx::elr0_grad);
  check(
      "elr second", [&](const Double& x) { return elr(x, labels, samples); }, fx::elr1, fx::elr1_grad);
  CHECK(glia::sum(elr.targets.tensor()[3]).item() == 0.0);
  const auto logits = glia::from_vector(fx::noisy_logits, {fx::samples, 3});
  check_gradients("gce", [&](const auto& v) { return ssl::gce_loss(v[0], labels, 0.4); }, {logits});
  check_gradients("sce", [&](const auto& v) { return ssl::sce_loss(v[0], labels); }, {logits});
  // q = 1 is the absolute error; confident mistakes stay bounded
  const auto sure = glia::tensor<double>({1000, 0, 0, 0, 1000, 0}, {2, 3});
  const auto masked = glia::tensor<double>({1, 2, -std::numeric_limits<double>::infinity()}, {1, 3});
  const double p = 1 / (1 + std::exp(1.0));
  CHECK(ssl::gce_loss(masked, glia::tensor<std::int64_t>({0}), 1.0).item() == doctest::Approx(1 - p));
  CHECK(ssl::gce_loss(sure, glia::tensor<std::int64_t>({0, 0}), 1.0).item() == doctest::Approx(0.5));
  CHECK(error_of<glia::ValueError>([&] { ssl::gce_loss(logits, labels, 0); }) ==
        "gce_loss: q must be in (0, 1], got 0");
  CHECK(error_of<glia::IndexError>([&] {
          elr(logits, labels, glia::tensor<std::int64_t>({0, 1, 2, 3, 4, 10}));
        }) == "elr_loss: sample 10 is outside 0 .. 9");
  CHECK(error_of<glia::IndexError>([&] {
          ssl::gce_loss(logits, glia::tensor<std::int64_t>({0, 1, 2, 3, 0, 0}));
        }) == "gce_loss: label 3 is outside 0 .. 2");
}

TEST_CASE("diagnostics equal the reference and see a collapse") {
  CHECK(ssl::effective_rank(view1()) == doctest::Approx(fx::effective_rank[0]).epsilon(1e-9));
  CHECK(ssl::effective_rank(view1().transpose()) == doctest::Approx(fx::effective_rank[0]).epsilon(1e-7));
  CHECK(ssl::feature_deviation(view1()) == doctest::Approx(fx::feature_deviation[0]).epsilon(1e-12));
  CHECK(ssl::uniformity(view1()) == doctest::Approx(fx::uniformity[0]).epsilon(1e-12));
  CHECK(ssl::alignment(view1(), view2()) == doctest::Approx(fx::alignment[0]).epsilon(1e-12));
  const auto same = glia::add(glia::zeros<double>({5, 4}), glia::tensor<double>({1, 2, 3, 4}));
  const auto report = ssl::feature_report(same, same);
  CHECK(report.deviation == doctest::Approx(0.0).scale(1.0).epsilon(1e-12));
  CHECK(report.effective_rank == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(report.alignment == 0.0);
  CHECK(report.uniformity == doctest::Approx(0.0).scale(1.0).epsilon(1e-12));
  CHECK(error_of<glia::ShapeError>([] {
          ssl::effective_rank(glia::zeros({1, 3}));
        }) == "effective_rank: needs at least two samples, got shape [1, 3]");
}

TEST_CASE("projector, predictor, momentum encoder") {
  glia::Generator generator(1);
  const auto x = glia::randn({8, 5}, generator);
  ssl::Projector<> projector{{.in = 5, .hidden = 7, .out = 3, .layers = 3, .last_norm = true}};
  CHECK(projector(x).shape() == glia::Shape{8, 3});
  CHECK(nn::parameter_count(projector) == 5 * 7 + 7 * 7 + 7 * 3 + 4 * 7);
  nn::eval(projector);
  CHECK_FALSE(projector.norm[0].training);
  nn::train(projector);
  ssl::Predictor<> predictor{{.in = 3, .hidden = 4}};
  CHECK(predictor(projector(x)).shape() == glia::Shape{8, 3});
  CHECK(error_of<glia::ValueError>([] { ssl::Projector<>{{.in = 5, .layers = 0}}; }) ==
        "Projector: layers must be positive, got 0");

  ssl::MomentumEncoder target(projector);
  const auto old = target.module.linear[0].weight.tensor().to_vector();
  const auto old_mean = target.module.norm[0].running_mean.tensor().to_vector();
  {
    const glia::NoGrad plain;
    for (auto& p : glia::parameters(projector)) p.tensor.add_(glia::ones(p.tensor.shape()));
  }
  projector(glia::scale(x, 3.0f));  // moves the running statistics
  CHECK(target.module.linear[0].weight.tensor().to_vector() == old);
  CHECK_FALSE(target.module(x).requires_grad());
  const auto fresh = target.module.norm[0].running_mean.tensor().to_vector();
  target.update(projector, 0.9);
  std::vector<float> expected;
  for (const float w : old) expected.push_back(w + 0.1f);
  CHECK_NEAR(target.module.linear[0].weight.tensor(), expected, {1e-4, 1e-6});
  const auto source_mean = projector.norm[0].running_mean.tensor().to_vector();
  for (std::size_t i = 0; i < fresh.size(); ++i)
    CHECK(target.module.norm[0].running_mean.tensor().to_vector()[i] ==
          doctest::Approx(0.9 * static_cast<double>(fresh[i]) + 0.1 * static_cast<double>(source_mean[i]))
              .epsilon(1e-4)
              .scale(1e-3));
  CHECK(old_mean.size() == fresh.size());
  CHECK(error_of<glia::ValueError>([&] { target.update(projector, 1.5); }) ==
        "momentum_encoder: decay must be in [0, 1], got 1.5");
}

TEST_CASE("spatial tasks: label tables and head") {
  std::set<std::array<int, 4>> seen;
  for (std::int64_t label = 0; label < ssl::jigsaw_classes; ++label) {
    const auto order = ssl::jigsaw_order(label);
    seen.insert(order);
    CHECK(ssl::jigsaw_label(order) == label);
  }
  CHECK(seen.size() == 24);
  CHECK(ssl::jigsaw_order(0) == std::array<int, 4>{0, 1, 2, 3});
  CHECK(ssl::jigsaw_order(23) == std::array<int, 4>{3, 2, 1, 0});
  CHECK(ssl::jigsaw_label({0, 0, 1, 2}) == -1);
  for (int quadrant = 0; quadrant < 4; ++quadrant)
    for (int turns = 0; turns < 4; ++turns) {
      const auto back = ssl::localized_rotation(ssl::localized_rotation_label(quadrant, turns));
      CHECK(back.quadrant == quadrant);
      CHECK(back.turns == turns);
    }
  ssl::SpatialHead<> head(4);
  const auto features = view1().cast<float>();
  const auto labels = glia::tensor<std::int64_t>({0, 15, 3, 7, 8, 1});
  const auto loss = head.loss(features, labels);
  CHECK(loss.item() == doctest::Approx(glia::cross_entropy(head(features), labels).item()));
  loss.backward();
  CHECK(head.linear.weight.tensor().grad().shape() == glia::Shape{16, 4});
}

TEST_CASE("probes find what is linearly there") {
  glia::Generator generator(5);
  const Index n = 240;
  auto train = glia::randn({n, 6}, generator), test = glia::randn({n, 6}, generator);
  std::vector<std::int64_t> y;
  for (Index i = 0; i < n; ++i) {
    y.push_back(i % 3);
    train.mutable_data()[i * 6 + i % 3] += 4.0f;
    test.mutable_data()[i * 6 + i % 3] += 4.0f;
  }
  const auto labels = glia::from_vector(y);
  CHECK(ssl::agreement(ssl::knn_predict(train, labels, test, {.k = 10, .classes = 3}), labels) > 0.95);
  CHECK(ssl::agreement(ssl::ridge_probe(train, labels, 3).predict(test), labels) > 0.95);
  const auto probe = ssl::softmax_probe(train, labels, {.classes = 3, .iterations = 400, .decay = 1e-2});
  CHECK(ssl::agreement(probe.predict(test), labels) > 0.95);
  // the minimum: the gradient of the regularised loss vanishes
  auto w = probe.weight.detach().set_requires_grad(), b = probe.bias.detach().set_requires_grad();
  const auto x = glia::mul(glia::sub(train, probe.shift), probe.inverse_scale);
  const auto loss = glia::add(glia::cross_entropy(glia::add(glia::matmul(x, w), b), labels),
                              glia::scale(glia::sum(glia::mul(w, w)), 0.005f));
  loss.backward();
  for (const float g : w.grad().to_vector()) CHECK(std::abs(g) < 2e-4f);
  // nearest neighbour by hand
  const auto bank = glia::tensor<double>({1, 0, 0, 1, -1, 0}, {3, 2});
  const auto found = ssl::knn_predict(bank, glia::tensor<std::int64_t>({2, 0, 1}),
                                      glia::tensor<double>({5, 1, -1, 9, -2, -2.1}, {3, 2}), {.k = 1, .classes = 3});
  CHECK(found.to_vector() == std::vector<std::int64_t>({2, 0, 1}));
  CHECK(error_of<glia::IndexError>([&] { ssl::ridge_probe(train, labels, 2); }) ==
        "ridge_probe: label 2 is outside 0 .. 1");
  CHECK(error_of<glia::ValueError>([&] { ssl::knn_predict(train, labels, test, {.k = 0, .classes = 3}); }) ==
        "knn_predict: k must be positive, got 0");
}
