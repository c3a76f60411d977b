#include <glia/metrics/tensor.hpp>
#include <glia/ops/create.hpp>

#include <reference/metrics_fixture.hpp>

#include <doctest/doctest.h>

namespace metrics = glia::metrics;
using glia::Tensor;

TEST_CASE("metrics on tensors equal those on spans, also for strided scores") {
  const auto samples = static_cast<glia::Index>(fixture::labels.size());
  const auto scores = glia::from_vector(fixture::probabilities, {samples, fixture::classes});
  const auto labels = glia::from_vector(fixture::labels);
  const auto strided = scores.transpose().contiguous().transpose();
  REQUIRE_FALSE(strided.is_contiguous());
  for (const auto& table : {scores, strided}) {
    CHECK(metrics::accuracy(table, labels) == doctest::Approx(fixture::accuracy).epsilon(1e-12));
    CHECK(metrics::topk_hits(table, labels, 1) == static_cast<glia::Index>(fixture::accuracy * static_cast<double>(samples) + 0.5));
    CHECK(metrics::topk_accuracy(table, labels, 5) == 1.0);
    CHECK(metrics::one_vs_rest_auc(table, labels).macro == doctest::Approx(fixture::macro_auc).epsilon(1e-12));
    CHECK(metrics::confusion_matrix(table, labels).counts() == fixture::confusion);
    CHECK(metrics::calibration(table, labels).ece == doctest::Approx(fixture::ece).epsilon(1e-12));
    CHECK(metrics::area(metrics::class_roc(table, labels, 1)) == doctest::Approx(fixture::per_class_auc[1]).epsilon(1e-12));
    CHECK(metrics::area(metrics::micro_roc(table, labels)) == doctest::Approx(fixture::micro_auc).epsilon(1e-12));
    CHECK(metrics::fit_temperature(table, labels) > 0);
  }
  CHECK(metrics::accuracy(scores.cast<float>(), labels) == metrics::accuracy(scores, labels));
  CHECK_THROWS_WITH_AS(metrics::accuracy(scores, labels.slice(0, {.stop = 3})),
                       "accuracy: expected scores [N, C] and labels [N], got [80, 5] and [3]", glia::ShapeError);
  CHECK_THROWS_AS(metrics::accuracy(Tensor<float>(), labels), glia::ShapeError);
}
