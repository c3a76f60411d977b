// The spatial task on a part of a batch: the rest keeps its pixels and has no label that a loss or an accuracy counts.
#include "batches.hpp"
#include "step.hpp"

#include <glia/ops/create.hpp>

#include <doctest/doctest.h>

#include <numeric>

using glia::Index;

namespace {
glia::data::Batch made(Index count, glia::Generator& random) {
  glia::data::Batch batch;
  batch.images = glia::rand<float>({count, 8, 8, 3}, random);
  batch.labels = glia::zeros<std::int64_t>({count});
  batch.positions.resize(static_cast<std::size_t>(count));
  std::iota(batch.positions.begin(), batch.positions.end(), Index{0});
  return batch;
}
}  // namespace

TEST_CASE("the spatial task takes its share of the images of every view and leaves the others alone") {
  glia::Generator random(3);
  for (const char* task : {"localized", "rotation", "jigsaw"}) {
    CAPTURE(task);
    cifar100::Options o;
    o.objective.spatial = task, o.objective.spatial_share = 0.25;
    glia::data::Batch batch = made(40, random);
    batch.second_view = glia::rand<float>({40, 8, 8, 3}, random);
    const auto images = batch.images.clone(), second = batch.second_view.clone();
    cifar100::batch_hook(o, 100, true)(batch, 5);
    REQUIRE(batch.spatial_labels.numel() == 80);
    const auto labels = batch.spatial_labels.to_vector();
    for (std::size_t i = 0; i < labels.size(); ++i) CHECK((labels[i] >= 0) == (i % 40 < 10));
    const auto same = [](const glia::Tensor<float>& a, const glia::Tensor<float>& b) { return a.to_vector() == b.to_vector(); };
    CHECK(same(batch.images.slice(0, {10, 40}), images.slice(0, {10, 40})));
    CHECK(same(batch.second_view.slice(0, {10, 40}), second.slice(0, {10, 40})));
    CHECK_FALSE(same(batch.images.slice(0, {0, 10}), images.slice(0, {0, 10})));

    // the same images as when all of them are changed
    glia::data::Batch whole = made(40, random);
    whole.images = images.clone();
    o.objective.spatial_share = 1;
    cifar100::batch_hook(o, 100, true)(whole, 5);
    CHECK(same(batch.images.slice(0, {0, 10}), whole.images.slice(0, {0, 10})));
    CHECK(std::equal(labels.begin(), labels.begin() + 10, whole.spatial_labels.to_vector().begin()));
  }
}

TEST_CASE("accuracy counts only the images that were asked about") {
  const auto logits = glia::from_vector<float>({1, 0, 0, 1, 1, 0, 0, 1}).reshape({4, 2});
  CHECK(cifar100::accuracy_where_asked(logits, glia::from_vector<std::int64_t>({0, 0, -100, -100})) == 0.5);
  CHECK(cifar100::accuracy_where_asked(logits, glia::from_vector<std::int64_t>({0, 1, -100, 1})) == 1.0);
  CHECK(cifar100::accuracy_where_asked(logits, glia::from_vector<std::int64_t>({-100, -100, -100, -100})) == 0.0);
}
