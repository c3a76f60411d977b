// Corruptions, the jigsaw, and harder versions of a training set.
#include <glia/data/corrupt.hpp>
#include <glia/data/harder.hpp>
#include <glia/data/jigsaw.hpp>
#include <glia/data/synthetic.hpp>
#include <glia/ssl/spatial.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace data = glia::data;
using glia::Index;

namespace {
double distance(const glia::Tensor<std::uint8_t>& a, const glia::Tensor<std::uint8_t>& b) {
  double sum = 0;
  for (Index i = 0; i < a.numel(); ++i) sum += std::abs(double(a.data()[i]) - double(b.data()[i]));
  return sum / static_cast<double>(a.numel()) / 255;
}
bool same(const glia::Tensor<std::uint8_t>& a, const glia::Tensor<std::uint8_t>& b) { return distance(a, b) == 0; }
}  // namespace

TEST_CASE("every corruption is set by its seed alone, changes the images, and grows with its severity") {
  const auto set = data::synthetic({.count = 40, .seed = 3});
  std::set<std::string> names;
  for (int k = 0; k < data::corruption_kinds; ++k) {
    const auto kind = static_cast<data::Corruption>(k);
    CAPTURE(data::corruption_name(kind));
    names.insert(data::corruption_name(kind));
    double before = 0;
    for (int severity = 1; severity <= data::corruption_severities; ++severity) {
      CAPTURE(severity);
      const auto damaged = data::corrupt(set.images, kind, severity, 11);
      CHECK(damaged.shape() == set.images.shape());
      const double change = distance(set.images, damaged);
      CHECK(change > before);
      CHECK(change < 0.5);
      before = change;
    }
    const auto once = data::corrupt(set.images, kind, 3, 11);
    const int threads = glia::num_threads();
    glia::set_num_threads(1);
    CHECK(same(once, data::corrupt(set.images, kind, 3, 11)));
    glia::set_num_threads(threads);
    // image 5 alone, at its place, is the same: nothing leaks from the images around it
    const std::vector<Index> first_six{0, 1, 2, 3, 4, 5};
    const auto part = data::corrupt(data::subset(set, first_six).images, kind, 3, 11);
    const Index each = part.numel() / 6;
    CHECK(std::equal(part.data(), part.data() + 6 * each, once.data()));
  }
  CHECK(names.size() == static_cast<std::size_t>(data::corruption_kinds));
}

TEST_CASE("corruptions with a known result") {
  auto images = glia::Tensor<std::uint8_t>::empty({1, 8, 8, 3});
  std::uint8_t* pixel = images.mutable_data();
  for (Index i = 0; i < 64; ++i) pixel[3 * i] = 200, pixel[3 * i + 1] = 100, pixel[3 * i + 2] = 50;
  const auto at = [&](data::Corruption kind, int severity, Index value) {
    return static_cast<int>(data::corrupt(images, kind, severity, 0).data()[value]);
  };
  // a flat image has nothing to blur, warp, pixelate or flatten
  for (const auto kind : {data::Corruption::gaussian_blur, data::Corruption::disc_blur, data::Corruption::motion_blur,
                          data::Corruption::warp, data::Corruption::pixelate, data::Corruption::low_contrast})
    CHECK(same(images, data::corrupt(images, kind, 5, 1)));
  CHECK(at(data::Corruption::brighten, 1, 1) == 126);    // 100 + 25.5, rounded
  CHECK(at(data::Corruption::darken, 2, 0) == 165);      // 255 (200/255)^1.8
  CHECK(at(data::Corruption::desaturate, 5, 0) == 124);  // 0.299 200 + 0.587 100 + 0.114 50
  CHECK(at(data::Corruption::desaturate, 5, 2) == 124);
}

TEST_CASE("noise has the strength it promises") {
  auto images = glia::Tensor<std::uint8_t>::empty({20, 32, 32, 3});
  std::fill_n(images.mutable_data(), images.numel(), std::uint8_t{128});
  const auto noisy = data::corrupt(images, data::Corruption::gaussian_noise, 3, 2);
  double squares = 0;
  for (Index i = 0; i < noisy.numel(); ++i) squares += std::pow((double(noisy.data()[i]) - 128) / 255, 2);
  CHECK(std::abs(std::sqrt(squares / double(noisy.numel())) - 0.09) < 0.002);
  const auto speckled = data::corrupt(images, data::Corruption::speckle_pixels, 4, 2);
  Index hit = 0;
  for (Index p = 0; p < 20 * 32 * 32; ++p) hit += speckled.data()[3 * p] != 128 ? 1 : 0;
  CHECK(std::abs(double(hit) / (20 * 32 * 32) - 0.10) < 0.01);
}

TEST_CASE("corrupt refuses what it cannot take") {
  const auto good = glia::Tensor<std::uint8_t>::empty({1, 8, 8, 3});
  CHECK_THROWS_AS(data::corrupt(good, data::Corruption::haze, 0, 0), glia::ValueError);
  CHECK_THROWS_AS(data::corrupt(good, data::Corruption::haze, 6, 0), glia::ValueError);
  CHECK_THROWS_AS(data::corrupt(glia::Tensor<std::uint8_t>::empty({1, 8, 8, 1}), data::Corruption::haze, 1, 0),
                  glia::ShapeError);
}

TEST_CASE("jigsaw: the labels are those of the objective, the pieces those of the image") {
  auto images = glia::Tensor<float>::empty({300, 4, 4, 2});
  for (Index i = 0; i < images.numel(); ++i) images.mutable_data()[i] = static_cast<float>(i);
  const auto before = images.clone();
  std::vector<Index> samples(300);
  for (Index i = 0; i < 300; ++i) samples[static_cast<std::size_t>(i)] = i;
  const auto labels = data::shuffle_patches(images, samples, 9);
  std::set<std::int64_t> seen;
  for (Index i = 0; i < 300; ++i) {
    seen.insert(labels.data()[i]);
    const auto order = glia::ssl::jigsaw_order(labels.data()[i]);
    for (Index place = 0; place < 4; ++place)
      for (Index y = 0; y < 2; ++y)
        for (Index x = 0; x < 2; ++x) {
          const Index from = order[static_cast<std::size_t>(place)];
          const Index to_at = ((i * 4 + place / 2 * 2 + y) * 4 + place % 2 * 2 + x) * 2;
          const Index from_at = ((i * 4 + from / 2 * 2 + y) * 4 + from % 2 * 2 + x) * 2;
          REQUIRE(images.data()[to_at] == before.data()[from_at]);
        }
  }
  CHECK(seen.size() == 24);
  auto odd = glia::Tensor<float>::empty({1, 5, 5, 3});
  CHECK_THROWS_AS(data::shuffle_patches(odd, std::vector<Index>{0}, 1), glia::ShapeError);
}

TEST_CASE("label noise: the exact share, never the true class, inside the superclass if asymmetric") {
  const auto set = data::synthetic({.count = 2000, .seed = 1, .side = 8});
  for (const auto kind : {data::LabelNoise::symmetric, data::LabelNoise::asymmetric}) {
    const auto noisy = data::with_label_noise(set, 0.4, kind, 5);
    Index wrong = 0;
    std::map<std::int64_t, std::set<std::int64_t>> targets;
    for (Index i = 0; i < set.size(); ++i) {
      const std::int64_t truth = set.labels.data()[i], label = noisy.labels.data()[i];
      REQUIRE(label >= 0);
      REQUIRE(label < 100);
      if (truth == label) continue;
      ++wrong;
      targets[truth].insert(label);
      // superclasses of the synthetic set are label / 10
      if (kind == data::LabelNoise::asymmetric) REQUIRE(label == truth / 10 * 10 + (truth + 1) % 10);
    }
    CHECK(wrong == 800);
    if (kind == data::LabelNoise::symmetric) CHECK(targets[7].size() > 3);
    CHECK(noisy.labels.to_vector() == data::with_label_noise(set, 0.4, kind, 5).labels.to_vector());
    CHECK(noisy.labels.to_vector() != data::with_label_noise(set, 0.4, kind, 6).labels.to_vector());
  }
  auto flat = set;
  flat.coarse = {};
  CHECK_THROWS_AS(data::with_label_noise(flat, 0.4, data::LabelNoise::asymmetric, 0), glia::ValueError);
  CHECK_THROWS_AS(data::with_label_noise(set, 1.4, data::LabelNoise::symmetric, 0), glia::ValueError);
}

TEST_CASE("long tail: the sizes of the formula; part labelled: stratified and without overlap") {
  const auto set = data::synthetic({.count = 2000, .seed = 1, .side = 8});
  const auto tail = data::long_tailed(set, 10, 3);
  std::vector<Index> size(100, 0);
  for (Index i = 0; i < tail.size(); ++i) ++size[static_cast<std::size_t>(tail.labels.data()[i])];
  CHECK(size[0] == 20);
  CHECK(size[99] == 2);
  CHECK(size[50] == std::llround(20 * std::pow(10.0, -50.0 / 99)));
  CHECK_THROWS_AS(data::long_tailed(set, 0.5, 3), glia::ValueError);
  const auto parts = data::partly_labelled(set, 200, 4);
  CHECK(parts.labelled.size() == 200);
  CHECK(parts.unlabelled.size() == 1800);
  std::vector<Index> labelled(100, 0);
  for (Index i = 0; i < 200; ++i) ++labelled[static_cast<std::size_t>(parts.labelled.labels.data()[i])];
  CHECK(std::all_of(labelled.begin(), labelled.end(), [](Index n) { return n == 2; }));
  CHECK_THROWS_AS(data::partly_labelled(set, 0, 4), glia::ValueError);
}
