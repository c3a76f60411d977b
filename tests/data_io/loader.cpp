// Data sets and the prefetching loader.
#include <glia/data/loader.hpp>
#include <glia/data/synthetic.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

namespace data = glia::data;
using glia::Index;
using glia::Tensor;

namespace {

// Image i is filled with i, its label is i mod classes.
data::Dataset numbered(Index count, Index classes = 5) {
  data::Dataset out;
  out.images = Tensor<std::uint8_t>::empty({count, 4, 4, 3});
  out.labels = Tensor<std::int64_t>::empty({count});
  for (Index i = 0; i < count; ++i) {
    std::fill_n(out.images.mutable_data() + i * 48, 48, static_cast<std::uint8_t>(i));
    out.labels.mutable_data()[i] = i % classes;
  }
  out.classes = classes;
  out.name = "numbered";
  return out;
}

struct Record {
  std::vector<float> images, second;
  std::vector<std::int64_t> labels;
  std::vector<Index> positions;
  std::int64_t epoch;
  Index number;
  friend bool operator==(const Record&, const Record&) = default;
};

Record record(const data::Batch& batch) {
  return {batch.images.to_vector(),
          batch.second_view.defined() ? batch.second_view.to_vector() : std::vector<float>(),
          batch.labels.to_vector(),
          batch.positions,
          batch.epoch,
          batch.number};
}

const data::AugmentOptions busy{.flip = true, .shift = 1, .jitter_probability = 0.5f, .cutout = 2};

std::vector<Record> run(int workers, int epochs) {
  data::Loader loader(numbered(50), {.batch = 8, .seed = 3, .workers = workers, .prefetch = 3, .views = 2}, busy,
                      [](data::Batch& batch, std::uint64_t seed) {
                        batch.spatial_labels = data::rotate_quadrants(
                            batch.images, batch.positions, data::random_key(batch, seed, data::RandomUse::spatial));
                      });
  std::vector<Record> out;
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (auto& batch : loader) out.push_back(record(batch));
  return out;
}

}  // namespace

TEST_CASE("loader: a seed gives the same batches at 0, 1 and 3 workers") {
  const auto alone = run(0, 3);
  REQUIRE(alone.size() == 21);
  CHECK(run(1, 3) == alone);
  CHECK(run(3, 3) == alone);
  CHECK(alone[0].second != alone[0].images);
  CHECK(alone[20].epoch == 2);
  CHECK(alone[20].number == 6);
}

TEST_CASE("loader: every epoch has every sample once, in another order") {
  data::Loader loader(numbered(50), {.batch = 8, .seed = 1});
  std::vector<std::vector<Index>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<Index> order;
    for (auto& [images, labels] : loader) {
      CHECK(images.size(0) == labels.numel());
      for (Index i = 0; i < labels.numel(); ++i) {
        const auto sample = static_cast<Index>(std::lround(images.data()[i * 48] * 255));
        CHECK(labels.data()[i] == sample % 5);
        order.push_back(sample);
      }
    }
    CHECK(std::set<Index>(order.begin(), order.end()).size() == 50);
    orders.push_back(order);
  }
  CHECK(orders[0] != orders[1]);
  CHECK(loader.state() == data::LoaderState{2, 0});
}

TEST_CASE("loader: without shuffling the order is the set's; drop_last leaves the rest out") {
  data::Loader ordered(numbered(20), {.batch = 8, .shuffle = false});
  std::vector<Index> seen;
  for (auto& batch : ordered) seen.insert(seen.end(), batch.positions.begin(), batch.positions.end());
  CHECK(seen.size() == 20);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  data::Loader full(numbered(20), {.batch = 8, .drop_last = true});
  CHECK(full.batches() == 2);
  CHECK(full.samples() == 16);
  int batches = 0;
  for (auto& batch : full) {
    CHECK(batch.size() == 8);
    ++batches;
  }
  CHECK(batches == 2);
  data::Loader none(numbered(0), {.batch = 8});
  for ([[maybe_unused]] auto& batch : none) ++batches;
  CHECK(batches == 2);
}

TEST_CASE("loader: a run resumed from a saved state goes on bit for bit") {
  const auto whole = run(0, 2);
  for (const int workers : {0, 2}) {
    for (const Index stop : {0, 1, 4, 7, 9}) {
      const auto make = [&] {
        return data::Loader(numbered(50), {.batch = 8, .seed = 3, .workers = workers, .views = 2}, busy,
                            [](data::Batch& batch, std::uint64_t seed) {
                              data::rotate_quadrants(batch.images, batch.positions,
                                                     data::random_key(batch, seed, data::RandomUse::spatial));
                            });
      };
      data::Loader first = make();
      data::Batch batch;
      Index taken = 0;
      while (taken < stop) taken += first.next(batch) ? 1 : 0;
      data::Loader second = make();
      second.set_state(first.state());
      while (taken < static_cast<Index>(whole.size())) {
        if (!second.next(batch)) continue;
        CHECK(record(batch) == whole[static_cast<std::size_t>(taken)]);
        ++taken;
      }
    }
  }
}

TEST_CASE("loader: break leaves the loop, the next loop goes on; start begins an epoch anew") {
  data::Loader loader(numbered(30), {.batch = 10, .shuffle = false, .workers = 2});
  for (auto& batch : loader) {
    CHECK(batch.number == 0);
    break;
  }
  CHECK(loader.state() == data::LoaderState{0, 1});
  std::vector<Index> numbers;
  for (auto& batch : loader) numbers.push_back(batch.number);
  CHECK(numbers == std::vector<Index>{1, 2});
  loader.start(5);
  for (auto& batch : loader) {
    CHECK(batch.epoch == 5);
    CHECK(batch.number == 0);
    break;
  }
  CHECK_THROWS_AS(loader.set_state({0, 4}), glia::ValueError);
  CHECK_THROWS_AS(loader.set_state({-1, 0}), glia::ValueError);
}

TEST_CASE("loader: an error in a worker reaches the loop") {
  for (const int workers : {0, 2}) {
    data::Loader loader(numbered(40), {.batch = 8, .shuffle = false, .workers = workers}, {},
                        [](data::Batch& batch, std::uint64_t) {
                          if (batch.number == 2) glia::raise<glia::ValueError>("hook", "batch 2 is bad");
                        });
    int good = 0;
    const auto loop = [&] {
      for (auto& batch : loader) good += batch.number >= 0 ? 1 : 0;
    };
    CHECK_THROWS_WITH_AS(loop(), "hook: batch 2 is bad", glia::ValueError);
    CHECK(good == 2);
    CHECK(loader.state().position == 2);
    CHECK_THROWS_WITH_AS(loop(), "hook: batch 2 is bad", glia::ValueError);  // the same batch again
    CHECK(good == 2);
  }
  CHECK_THROWS_AS(data::Loader(numbered(4), {.batch = 0}), glia::ValueError);
  CHECK_THROWS_AS(data::Loader(numbered(4), {.views = 3}), glia::ValueError);
  CHECK_THROWS_AS(data::Loader(data::Dataset{}), glia::ShapeError);
}

TEST_CASE("dataset: stratified splits keep the proportions and cover the set") {
  const auto set = numbered(50);
  const auto split = data::stratified_split(set, 10, 7);
  CHECK(split.train.size() == 40);
  CHECK(split.validation.size() == 10);
  std::map<std::int64_t, int> held;
  for (const auto label : split.validation.labels.to_vector()) ++held[label];
  for (const auto& entry : held) CHECK(entry.second == 2);
  std::set<int> samples;
  for (const auto* part : {&split.train, &split.validation})
    for (Index i = 0; i < part->size(); ++i) {
      const int sample = part->images.data()[i * 48];
      CHECK(part->labels.data()[i] == sample % 5);
      samples.insert(sample);
    }
  CHECK(samples.size() == 50);
  CHECK(data::stratified_positions(set, 10, 7) == data::stratified_positions(set, 10, 7));
  CHECK(data::stratified_positions(set, 10, 7) != data::stratified_positions(set, 10, 8));
  // 7 of 5 equal classes: 1 each, the remainder to the first two.
  std::map<Index, int> counts;
  for (const Index p : data::stratified_positions(set, 7, 1)) ++counts[p % 5];
  CHECK(counts == std::map<Index, int>{{0, 2}, {1, 2}, {2, 1}, {3, 1}, {4, 1}});
  CHECK(data::stratified_subset(set, 0, 1).size() == 0);
  CHECK(data::stratified_subset(set, 50, 1).size() == 50);
  CHECK_THROWS_AS(data::stratified_positions(set, 51, 1), glia::ValueError);
  CHECK_THROWS_AS(data::subset(set, std::vector<Index>{50}), glia::IndexError);
}

TEST_CASE("dataset: records become tensors, statistics are measured") {
  data::ImageRecords records;
  records.images = {0, 100, 255, 100};
  records.labels = {1, 0};
  records.coarse = {0, 2};
  records.count = 2;
  records.height = records.width = 1;
  records.channels = 2;
  records.classes = 2;
  const auto set = data::to_dataset(std::move(records), "two");
  CHECK(set.images.shape() == glia::Shape{2, 1, 1, 2});
  CHECK(set.coarse.to_vector() == std::vector<std::int64_t>{0, 2});
  CHECK(data::superclass_of_class(set) == std::vector<std::int64_t>{2, 0});
  const auto statistics = data::measure_normalization(set);
  CHECK(statistics.mean[0] == 0.5f);
  CHECK(statistics.deviation[0] == 0.5f);
  CHECK(std::abs(statistics.mean[1] - 100.0f / 255) < 1e-6f);
  CHECK(statistics.deviation[1] == 1.0f);
}

TEST_CASE("synthetic: reproducible, balanced, and its classes can be told apart") {
  const auto set = data::synthetic({.count = 400, .seed = 1});
  CHECK(set.images.shape() == glia::Shape{400, 32, 32, 3});
  CHECK(data::synthetic({.count = 400, .seed = 1}).images.to_vector() == set.images.to_vector());
  CHECK(data::synthetic({.count = 100, .seed = 2}).images.to_vector() !=
        data::synthetic({.count = 100, .seed = 1}).images.to_vector());
  CHECK(data::superclass_of_class(set)[37] == 3);
  // The nearest class mean of 3,000 training images, on averages over 4 x 4 blocks: far above the 1 % of chance.
  const auto train = data::synthetic({.count = 3000, .seed = 3}), test = data::synthetic({.count = 500, .seed = 4});
  const auto features = [](const data::Dataset& d, Index i) {
    std::vector<double> out(192);
    for (Index y = 0; y < 32; ++y)
      for (Index x = 0; x < 32; ++x)
        for (Index c = 0; c < 3; ++c)
          out[static_cast<std::size_t>((y / 4 * 8 + x / 4) * 3 + c)] +=
              d.images.data()[((i * 32 + y) * 32 + x) * 3 + c] / 16.0;
    return out;
  };
  std::vector<std::vector<double>> means(100, std::vector<double>(192));
  for (Index i = 0; i < train.size(); ++i) {
    const auto f = features(train, i);
    for (std::size_t k = 0; k < f.size(); ++k) means[static_cast<std::size_t>(i % 100)][k] += f[k] / 30;
  }
  int right = 0;
  for (Index i = 0; i < test.size(); ++i) {
    const auto f = features(test, i);
    double best = 1e300;
    std::int64_t guess = -1;
    for (std::size_t c = 0; c < 100; ++c) {
      double distance = 0;
      for (std::size_t k = 0; k < f.size(); ++k) distance += (f[k] - means[c][k]) * (f[k] - means[c][k]);
      if (distance < best) {
        best = distance;
        guess = static_cast<std::int64_t>(c);
      }
    }
    right += guess == test.labels.data()[i] ? 1 : 0;
  }
  MESSAGE("nearest class mean: ", right, " of 500");
  CHECK(right > 50);
}
