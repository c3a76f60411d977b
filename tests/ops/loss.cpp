// Losses.
#include <doctest/doctest.h>

#include <glia/ops/loss.hpp>

#include "../reference/torch_ops_fixture.hpp"
#include "support.hpp"

using namespace ops_test;
using glia::Reduction;
using V = const Doubles&;

namespace {
const auto& labels() {
  static const auto tensor = glia::tensor<std::int64_t>({3, 0, -100, 4, 1, 3});
  return tensor;
}
D64 weight() { return wave({5}, 2) * wave({5}, 2) + 0.5; }
D64 logits() { return wave({6, 5}, 1) * 3.0; }
D64 soft() { return glia::softmax(wave({6, 5}, 3) * 2.0); }
}  // namespace

TEST_CASE("cross entropy agrees with PyTorch") {
  struct Case {
    Reduction reduction;
    const std::vector<double>&hard, &hard_grad, &soft, &soft_grad, &target_grad;
  };
  const Case cases[] = {
      {Reduction::none, fixture::cross_entropy_none, fixture::cross_entropy_none_grad0, fixture::soft_cross_entropy_none,
       fixture::soft_cross_entropy_none_grad0, fixture::soft_cross_entropy_none_grad1},
      {Reduction::mean, fixture::cross_entropy_mean, fixture::cross_entropy_mean_grad0, fixture::soft_cross_entropy_mean,
       fixture::soft_cross_entropy_mean_grad0, fixture::soft_cross_entropy_mean_grad1},
      {Reduction::sum, fixture::cross_entropy_sum, fixture::cross_entropy_sum_grad0, fixture::soft_cross_entropy_sum,
       fixture::soft_cross_entropy_sum_grad0, fixture::soft_cross_entropy_sum_grad1}};
  for (const Case& c : cases) {
    const glia::CrossEntropyOptions options{.label_smoothing = 0.2, .reduction = c.reduction};
    check_reference([&](V v) { return glia::cross_entropy(v[0], labels(), options, weight()); }, {logits()}, c.hard, {c.hard_grad});
    check_reference([&](V v) { return glia::cross_entropy(v[0], v[1], options, weight()); }, {logits(), soft()}, c.soft,
                    {c.soft_grad, c.target_grad});
  }
  check_reference([](V v) { return glia::cross_entropy(v[0], labels()); }, {logits()}, fixture::cross_entropy_plain,
                  {fixture::cross_entropy_plain_grad0});
  check_reference([](V v) { return glia::nll_loss(v[0], labels(), {}, weight()); }, {logits()}, fixture::nll, {fixture::nll_grad0});
}

TEST_CASE("elementwise losses agree with PyTorch") {
  const Doubles x{wave({3, 4}, 1) * 2.0, wave({3, 4}, 2) * 2.0};
  check_reference([](V v) { return glia::mse_loss(v[0], v[1]); }, x, fixture::mse, {fixture::mse_grad0, fixture::mse_grad1});
  check_reference([](V v) { return glia::l1_loss(v[0], v[1]); }, x, fixture::l1, {fixture::l1_grad0, fixture::l1_grad1});
  check_reference([](V v) { return glia::smooth_l1_loss(v[0], v[1], 0.7); }, x, fixture::smooth_l1,
                  {fixture::smooth_l1_grad0, fixture::smooth_l1_grad1});
  check_reference([](V v) { return glia::huber_loss(v[0], v[1], 0.7); }, x, fixture::huber,
                  {fixture::huber_grad0, fixture::huber_grad1});
  check_reference([](V v) { return glia::cosine_similarity(v[0], v[1]); }, x, fixture::cosine,
                  {fixture::cosine_grad0, fixture::cosine_grad1});
  check_reference([](V v) { return glia::kl_div(glia::log_softmax(v[0]), glia::softmax(v[1])); }, x, fixture::kl,
                  {fixture::kl_grad0, fixture::kl_grad1});
  check_reference([](V v) { return glia::kl_div(glia::log_softmax(v[0]), glia::log_softmax(v[1]), true); }, x, fixture::kl_log,
                  {fixture::kl_log_grad0, fixture::kl_log_grad1});
  const auto& b = x[1];
  const auto probability = 1.0 / (glia::map(glia::functor::ExpOfLog{}, -b) + 1.0);
  check_reference([&](V v) { return glia::bce_with_logits(v[0], probability, 2.5); }, {x[0] * 20.0}, fixture::bce, {fixture::bce_grad0},
                  1e-10);
}

TEST_CASE("losses are twice differentiable") {
  const glia::CrossEntropyOptions smooth{.label_smoothing = 0.1, .reduction = Reduction::none};
  check_gradients([&](V v) { return glia::cross_entropy(v[0], labels(), smooth, weight()); }, {normal({6, 5}, 1)});
  check_gradients([&](V v) { return glia::cross_entropy(v[0], labels()); }, {normal({6, 5}, 2)});
  check_gradients([&](V v) { return glia::cross_entropy(v[0], v[1], smooth, weight()); }, {normal({2, 2, 5}, 3), normal({2, 2, 5}, 4)});
  check_gradients([&](V v) { return glia::nll_loss(v[0], labels(), {.reduction = Reduction::sum}, weight()); }, {normal({6, 5}, 5)});
  const Doubles x{normal({3, 4}, 6), normal({3, 4}, 7)};
  check_gradients([](V v) { return glia::mse_loss(v[0], v[1], Reduction::none); }, x);
  check_gradients([](V v) { return glia::l1_loss(v[0], v[1]); }, x);
  check_gradients([](V v) { return glia::huber_loss(v[0], v[1], 0.9, Reduction::sum); }, x);
  check_gradients([](V v) { return glia::bce_with_logits(v[0], v[1], 1.5); }, x);
  check_gradients([](V v) { return glia::cosine_similarity(v[0], v[1], 0); }, x);
  check_gradients([](V v) { return glia::cosine_similarity(v[0], v[1]); }, {normal({3, 1, 4}, 8), normal({2, 4}, 9)});
  check_gradients([](V v) { return glia::kl_div(v[0], glia::softmax(v[1])); }, x);
  check_gradients([](V v) { return glia::kl_div(v[0], v[1], true, Reduction::mean); }, x);
}

TEST_CASE("a reduced cross entropy gives the gradient of its rows, however it is used") {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::batch_mean}) {
    CAPTURE(static_cast<int>(reduction));
    const glia::CrossEntropyOptions options{.label_smoothing = 0.2, .reduction = reduction};
    auto x = logits();
    x.set_requires_grad();
    // From losses per row, whose gradient a kernel of its own computes.
    const auto rows = glia::cross_entropy(x, labels(), {.label_smoothing = 0.2, .reduction = Reduction::none}, weight());
    const auto w = weight().to_vector();
    const double counted = 2 * w[3] + w[0] + w[4] + w[1];
    const double share = reduction == Reduction::sum ? 1.0 : 1.0 / (reduction == Reduction::mean ? counted : 6.0);
    glia::sum(rows * share).backward();
    const auto expected = x.grad().to_vector();
    const auto close = [&](double factor) {
      const auto got = x.grad().to_vector();
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(factor * expected[i]).epsilon(1e-12));
    };
    x.zero_grad();
    const auto loss = glia::cross_entropy(x, labels(), options, weight());
    loss.backward(true);
    close(1.0);
    loss.backward(true);  // the gradient that was made with the loss is gone
    close(2.0);
    (loss * -0.5).backward();
    close(1.5);
    x.zero_grad();
    const auto twice = glia::cross_entropy(x, labels(), options, weight());
    (twice * 3.0).backward();
    close(3.0);
    x.zero_grad();
    const auto changed = glia::cross_entropy(x, labels(), options, weight());
    {
      const glia::NoGrad guard;
      x.mul_(glia::full<double>({}, 2.0));
    }
    CHECK_THROWS(changed.backward());
  }
}

TEST_CASE("extreme logits stay finite") {
  auto x = glia::tensor<float>({1e4f, -1e4f, -1e4f, 1e4f}, {2, 2});
  x.set_requires_grad();
  const auto loss = glia::cross_entropy(x, glia::tensor<std::int64_t>({0, 0}), {.reduction = Reduction::none});
  CHECK(loss.to_vector() == std::vector<float>{0.0f, 2e4f});
  glia::sum(loss).backward();
  CHECK(x.grad().to_vector() == std::vector<float>{0, 0, -1, 1});
  const auto bce = glia::bce_with_logits(glia::tensor<float>({200.0f, -200.0f}), glia::tensor<float>({0.0f, 1.0f}), 1.0, Reduction::none);
  CHECK(bce.to_vector() == std::vector<float>{200.0f, 200.0f});
  const auto kl = glia::kl_div(glia::tensor<float>({-1.0f, -2.0f}), glia::tensor<float>({0.0f, 1.0f}), false, Reduction::none);
  CHECK(kl.to_vector() == std::vector<float>{0.0f, 2.0f});
  auto zero = glia::zeros<double>({1, 3});
  zero.set_requires_grad();
  const auto similarity = glia::cosine_similarity(zero, glia::ones<double>({1, 3}));
  CHECK(similarity.item() == 0.0);
}

TEST_CASE("16-bit losses per row do not overflow in their sum") {
  using glia::half;
  const auto loss = [](const glia::Shape& shape) {
    return static_cast<float>(
        glia::mse_loss(glia::full<half>(shape, half(40.0f)), glia::zeros<half>(shape), Reduction::batch_mean).item());
  };
  CHECK(loss({400, 10}) == 16000.0f);
  CHECK(std::isinf(loss({4, 100})));  // 160,000 is beyond 65,504 itself
}

TEST_CASE("cross entropy of images, of no rows and of ignored rows") {
  const auto maps = normal({2, 3, 5}, 1);
  const auto classes = glia::tensor<std::int64_t>({0, 1, 2, 3, 4, 0}, {2, 3});
  CHECK(glia::cross_entropy(maps, classes, {.reduction = Reduction::none}).shape() == Shape{2, 3});
  CHECK(glia::cross_entropy(maps, classes).item() ==
        doctest::Approx(glia::cross_entropy(maps.reshape({6, 5}), classes.reshape({6})).item()).epsilon(1e-14));
  CHECK(glia::cross_entropy(glia::zeros<double>({5}), glia::full<std::int64_t>({}, 2)).item() == doctest::Approx(std::log(5.0)));
  const auto none = glia::zeros<std::int64_t>({0});
  CHECK(glia::cross_entropy(glia::zeros<double>({0, 3}), none, {.reduction = Reduction::sum}).item() == 0.0);
  CHECK(std::isnan(glia::cross_entropy(glia::zeros<double>({0, 3}), none).item()));
  auto x = glia::ones<double>({2, 3});
  x.set_requires_grad();
  glia::cross_entropy(x, glia::full<std::int64_t>({2}, 7), {.ignore_index = 7, .reduction = Reduction::sum}).backward();
  CHECK(x.grad().to_vector() == std::vector<double>(6, 0.0));
}

TEST_CASE("losses name what is wrong") {
  const auto x = glia::zeros<float>({2, 3});
  const auto good = glia::zeros<std::int64_t>({2});
  CHECK(error_of<glia::IndexError>([&] { glia::cross_entropy(x, glia::tensor<std::int64_t>({0, 3})); }) ==
        "cross_entropy: labels holds 3 (element 1 of shape [2]), expected 0 to 2");
  CHECK(error_of<glia::ShapeError>([&] { glia::cross_entropy(x, glia::zeros<std::int64_t>({3})); }) ==
        "cross_entropy: labels must have shape [2], got [3]");
  CHECK(error_of<glia::ShapeError>([&] { glia::cross_entropy(x, glia::zeros<float>({2, 2})); }) ==
        "cross_entropy: target must have shape [2, 3], got [2, 2]");
  CHECK(error_of<glia::ShapeError>([&] { glia::cross_entropy(x, good, {}, glia::ones<float>({2})); }) ==
        "cross_entropy: weight must have shape [3], got [2]");
  CHECK(error_of<glia::ValueError>([&] { glia::cross_entropy(x, good, {.label_smoothing = 1.5}); }) ==
        "cross_entropy: label_smoothing must be between 0 and 1, got 1.5");
  CHECK(error_of<glia::ShapeError>([&] { glia::mse_loss(x, glia::zeros<float>({2, 1})); }) ==
        "mse_loss: target must have shape [2, 3], got [2, 1]");
  CHECK(error_of<glia::ValueError>([&] { glia::huber_loss(x, x, 0.0); }) == "huber_loss: delta must be positive, got 0");
  CHECK(error_of<glia::ValueError>([&] { glia::nll_loss(x, good, {.label_smoothing = 0.1}); }) ==
        "nll_loss: label_smoothing belongs to cross_entropy, got 0.1");
}
