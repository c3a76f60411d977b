// Batch transforms against plain references.
#include <glia/data/transforms.hpp>
#include <glia/ops/inplace.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

namespace data = glia::data;
using glia::Index;
using glia::Tensor;

namespace {

// Pixels that differ from one another as far as 8 bits allow.
Tensor<std::uint8_t> pictures(Index count, Index side, Index channels = 3) {
  auto out = Tensor<std::uint8_t>::empty({count, side, side, channels});
  std::uint8_t* values = out.mutable_data();
  data::SampleRandom random(99, 0);
  for (Index i = 0; i < out.numel(); ++i) values[i] = static_cast<std::uint8_t>(random.below(256));
  return out;
}

std::vector<Index> all(Index count) {
  std::vector<Index> out;
  for (Index i = 0; i < count; ++i) out.push_back(i);
  return out;
}

double value(const Tensor<std::uint8_t>& images, Index n, Index y, Index x, Index c) {
  return images.data()[((n * images.size(1) + y) * images.size(2) + x) * images.size(3) + c] / 255.0;
}
float value(const Tensor<float>& images, Index n, Index y, Index x, Index c) {
  return images.data()[((n * images.size(1) + y) * images.size(2) + x) * images.size(3) + c];
}

// numpy.pad(..., mode="reflect"): -1 -> 1, n -> n - 2.
Index mirrored(Index position, Index n) {
  while (position < 0 || position >= n) position = position < 0 ? -position : 2 * (n - 1) - position;
  return position;
}

// Bilinear with pixel centres at half positions, clamped at the box (align_corners=False).
double bilinear(const Tensor<std::uint8_t>& images, Index n, double y, double x, Index c, Index top, Index left, Index h, Index w) {
  const auto at = [&](double row, double column) {
    return value(images, n, top + static_cast<Index>(std::min(std::max(row, 0.0), double(h - 1))),
                 left + static_cast<Index>(std::min(std::max(column, 0.0), double(w - 1))), c);
  };
  const double y0 = std::floor(y), x0 = std::floor(x), fy = y - y0, fx = x - x0;
  return (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1)) + fy * ((1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1));
}

}  // namespace

TEST_CASE("augment: without options, pixels are scaled to [0, 1]; with a normalisation, standardised") {
  const auto images = pictures(3, 4);
  const auto plain = data::Augment()(images, all(3), 1);
  CHECK(plain.shape() == images.shape());
  const data::Augment standard({.normalization = data::cifar100_normalization});
  const auto normal = standard(images, std::vector<Index>{2, 0}, 1);
  CHECK(normal.shape() == glia::Shape{2, 4, 4, 3});
  double worst = 0;
  for (Index y = 0; y < 4; ++y)
    for (Index x = 0; x < 4; ++x)
      for (Index c = 0; c < 3; ++c) {
        worst = std::max(worst, std::abs(value(plain, 1, y, x, c) - value(images, 1, y, x, c)));
        const auto k = static_cast<std::size_t>(c);
        const double expected = (value(images, 2, y, x, c) - double(data::cifar100_normalization.mean[k])) /
                                double(data::cifar100_normalization.deviation[k]);
        worst = std::max(worst, std::abs(value(normal, 0, y, x, c) - expected));
      }
  CHECK(worst < 1e-6);
}

TEST_CASE("augment: flip and shift pick one of the reflected crops, all of them in time") {
  const auto images = pictures(1, 6);
  const data::Augment augment({.flip = true, .shift = 2});
  std::map<int, int> seen;
  for (std::uint64_t key = 0; key < 400; ++key) {
    const auto out = augment(images, all(1), key);
    int matches = 0;
    for (int choice = 0; choice < 50; ++choice) {
      const Index dy = choice / 10 - 2, dx = choice / 2 % 5 - 2;
      const bool flip = choice % 2 == 1;
      bool same = true;
      for (Index y = 0; y < 6 && same; ++y)
        for (Index x = 0; x < 6 && same; ++x)
          for (Index c = 0; c < 3; ++c) {
            // Shift first, then mirror left and right.
            const Index column = flip ? 5 - x : x;
            same = same && std::abs(value(out, 0, y, x, c) - value(images, 0, mirrored(y + dy, 6), mirrored(column + dx, 6), c)) < 1e-6;
          }
      if (same) {
        ++matches;
        ++seen[choice];
      }
    }
    CHECK(matches == 1);
  }
  CHECK(seen.size() == 50);
}

TEST_CASE("augment: a random resized crop is the bilinear resize of a box of the allowed area") {
  const auto images = pictures(1, 8);
  const data::Augment augment({.resized_crop = true, .crop_scale_min = 0.3f, .crop_scale_max = 0.8f});
  std::set<std::string> boxes;
  for (std::uint64_t key = 0; key < 25; ++key) {
    const auto out = augment(images, all(1), key);
    int matches = 0;
    for (Index h = 1; h <= 8; ++h)
      for (Index w = 1; w <= 8; ++w)
        for (Index top = 0; top + h <= 8; ++top)
          for (Index left = 0; left + w <= 8; ++left) {
            bool same = true;
            for (Index i = 0; i < 64 && same; ++i)
              for (Index c = 0; c < 3 && same; ++c) {
                const double y = (double(i / 8) + 0.5) * double(h) / 8 - 0.5, x = (double(i % 8) + 0.5) * double(w) / 8 - 0.5;
                same = std::abs(value(out, 0, i / 8, i % 8, c) - bilinear(images, 0, y, x, c, top, left, h, w)) < 1e-5;
              }
            if (!same) continue;
            ++matches;
            boxes.insert(glia::text(top, " ", left, " ", h, " ", w));
            // Sides are rounded to whole pixels.
            CHECK((double(h) - 0.5) * (double(w) - 0.5) <= 0.8 * 64);
            CHECK((double(h) + 0.5) * (double(w) + 0.5) >= 0.3 * 64);
          }
    CHECK(matches == 1);
  }
  CHECK(boxes.size() > 15);
}

TEST_CASE("augment: another output size is a bilinear resize of the whole image") {
  const auto images = pictures(2, 8);
  for (const Index size : {4, 6, 12}) {
    const auto out = data::Augment({.size = size})(images, all(2), 0);
    REQUIRE(out.shape() == glia::Shape{2, size, size, 3});
    double worst = 0;
    for (Index n = 0; n < 2; ++n)
      for (Index i = 0; i < size * size; ++i)
        for (Index c = 0; c < 3; ++c) {
          const double y = (double(i / size) + 0.5) * 8 / double(size) - 0.5, x = (double(i % size) + 0.5) * 8 / double(size) - 0.5;
          worst = std::max(worst, std::abs(value(out, n, i / size, i % size, c) - bilinear(images, n, y, x, c, 0, 0, 8, 8)));
        }
    CHECK(worst < 1e-6);
  }
}

TEST_CASE("augment: colour jitter does what each of its parts says") {
  const auto images = pictures(1, 5);
  const auto jitter = [&](float brightness, float contrast, float saturation, std::uint64_t key) {
    return data::Augment({.jitter_probability = 1, .brightness = brightness, .contrast = contrast, .saturation = saturation,
                          .hue = 0})(images, all(1), key);
  };
  const auto clamp = [](double v) { return std::min(std::max(v, 0.0), 1.0); };
  const auto luminance = [](double r, double g, double b) { return 0.299 * r + 0.587 * g + 0.114 * b; };
  double mean = 0;
  for (Index i = 0; i < 25; ++i)
    mean += luminance(value(images, 0, 0, i, 0), value(images, 0, 0, i, 1), value(images, 0, 0, i, 2)) / 25;
  for (std::uint64_t key = 0; key < 20; ++key) {
    // The factor of this key, from the pixel with the least risk of clamping; then every pixel must agree.
    const auto bright = jitter(0.4f, 0, 0, key), contrasted = jitter(0, 0.4f, 0, key), saturated = jitter(0, 0, 0.4f, key);
    double worst = 0, factor_b = 0, factor_c = 0;
    for (Index i = 0; i < 75; ++i) {
      const double v = value(images, 0, 0, 0, i);
      if (v > 0.3 && v < 0.6) factor_b = value(bright, 0, 0, 0, i) / v;
      if (std::abs(v - mean) > 0.1 && v > 0.2 && v < 0.8) factor_c = (value(contrasted, 0, 0, 0, i) - mean) / (v - mean);
    }
    CHECK(factor_b >= 0.6);
    CHECK(factor_b <= 1.4);
    CHECK(factor_c >= 0.59);
    CHECK(factor_c <= 1.41);
    for (Index i = 0; i < 75; ++i) {
      const double v = value(images, 0, 0, 0, i);
      worst = std::max(worst, std::abs(value(bright, 0, 0, 0, i) - clamp(v * factor_b)));
      worst = std::max(worst, std::abs(value(contrasted, 0, 0, 0, i) - clamp(mean + factor_c * (v - mean))));
    }
    for (Index p = 0; p < 25; ++p) {
      // Saturation moves a colour along the line through its grey, which keeps its luminance while nothing is clamped.
      const double r = value(images, 0, 0, p, 0), g = value(images, 0, 0, p, 1), b = value(images, 0, 0, p, 2);
      const double r2 = value(saturated, 0, 0, p, 0), g2 = value(saturated, 0, 0, p, 1), b2 = value(saturated, 0, 0, p, 2);
      if (std::min({r2, g2, b2}) > 0 && std::max({r2, g2, b2}) < 1)
        worst = std::max(worst, std::abs(luminance(r2, g2, b2) - luminance(r, g, b)));
    }
    CHECK(worst < 2e-5);
  }
}

TEST_CASE("augment: turning the hue agrees with the HSV formula") {
  const auto turned = [](float r, float g, float b, float turn) {
    std::vector<float> rgb{r, g, b};
    data::detail::turn_hue(rgb.data(), turn);
    return rgb;
  };
  const float third = 1.0f / 3;
  CHECK(std::abs(turned(1, 0, 0, third)[1] - 1) < 1e-6f);
  CHECK(std::abs(turned(1, 0, 0, -third)[2] - 1) < 1e-6f);
  CHECK(turned(0.4f, 0.4f, 0.4f, 0.2f) == std::vector<float>{0.4f, 0.4f, 0.4f});
  data::SampleRandom random(5, 0);
  double worst = 0;
  for (int round = 0; round < 500; ++round) {
    const float r = random.uniform(), g = random.uniform(), b = random.uniform(), turn = random.uniform(-0.5f, 0.5f);
    // The sector form of HSV.
    const double high = std::max({r, g, b}), low = std::min({r, g, b}), range = high - low;
    double hue = high == double(r) ? double(g - b) / range : high == double(g) ? 2 + double(b - r) / range : 4 + double(r - g) / range;
    hue = hue / 6 + double(turn);
    hue -= std::floor(hue);
    const double s = range / high, f = hue * 6 - std::floor(hue * 6);
    const double p = high * (1 - s), q = high * (1 - s * f), t = high * (1 - s * (1 - f));
    const double table[6][3] = {{high, t, p}, {q, high, p}, {p, high, t}, {p, q, high}, {t, p, high}, {high, p, q}};
    const auto out = turned(r, g, b, turn);
    for (std::size_t c = 0; c < 3; ++c) worst = std::max(worst, std::abs(double(out[c]) - table[static_cast<int>(hue * 6) % 6][c]));
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("augment: grey, cutout, probabilities, bad options") {
  const auto images = pictures(200, 6);
  const auto grey = data::Augment({.grey_probability = 0.3f})(images, all(200), 4);
  int greyed = 0;
  for (Index n = 0; n < 200; ++n) {
    bool same = true;
    for (Index p = 0; p < 36; ++p)
      same = same && value(grey, n, 0, p, 0) == value(grey, n, 0, p, 1) && value(grey, n, 0, p, 0) == value(grey, n, 0, p, 2);
    greyed += same ? 1 : 0;
  }
  CHECK(greyed > 35);
  CHECK(greyed < 85);
  const auto first_grey = data::Augment({.grey_probability = 1})(images, all(1), 4);
  CHECK(std::abs(value(first_grey, 0, 0, 0, 0) - (0.299 * value(images, 0, 0, 0, 0) + 0.587 * value(images, 0, 0, 0, 1) +
                                                  0.114 * value(images, 0, 0, 0, 2))) < 1e-6);

  // Mean 2 makes every pixel negative, so zeros are cut pixels.
  const data::Augment cutter({.normalization = {{2, 2, 2, 2}, {1, 1, 1, 1}}, .cutout = 3});
  const auto cut = cutter(images, all(200), 4);
  std::set<std::pair<Index, Index>> corners;
  for (Index n = 0; n < 200; ++n) {
    Index top = 6, left = 6, bottom = -1, right = -1, zeros = 0;
    for (Index y = 0; y < 6; ++y)
      for (Index x = 0; x < 6; ++x)
        if (value(cut, n, y, x, 0) == 0) {
          top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
          ++zeros;
        }
    CHECK(zeros == (bottom - top + 1) * (right - left + 1));
    CHECK(zeros >= 4);
    CHECK(zeros <= 9);
    corners.insert({top + bottom, left + right});
  }
  CHECK(corners.size() == 36);

  CHECK_THROWS_WITH_AS(data::Augment({.shift = -1}), "augment: option shift is outside its range", glia::ValueError);
  CHECK_THROWS_AS(data::Augment({.crop_scale_min = 0}), glia::ValueError);
  CHECK_THROWS_AS(data::Augment({.normalization = {{0, 0, 0, 0}, {0, 1, 1, 1}}}), glia::ValueError);
  CHECK_THROWS_AS(data::Augment({.grey_probability = 1})(pictures(1, 4, 1), all(1), 0), glia::ShapeError);
  CHECK_THROWS_AS(data::Augment()(images, std::vector<Index>{200}, 0), glia::IndexError);
  CHECK(data::Augment({.flip = true, .shift = 1})(pictures(2, 4, 1), all(2), 0).shape() == glia::Shape{2, 4, 4, 1});
  CHECK(data::Augment()(images, {}, 0).numel() == 0);
}

TEST_CASE("augment: a sample's result depends on the key and the sample, not on the batch or the threads") {
  const auto images = pictures(40, 8);
  const data::Augment augment({.flip = true, .resized_crop = true, .jitter_probability = 0.5f, .grey_probability = 0.2f, .cutout = 2});
  const auto together = augment(images, all(40), 7);
  const std::vector<Index> few{31, 4, 4};
  const auto alone = augment(images, few, 7);
  for (std::size_t i = 0; i < few.size(); ++i)
    CHECK(alone.select(0, static_cast<Index>(i)).to_vector() == together.select(0, few[i]).to_vector());
  const int threads = glia::num_threads();
  glia::set_num_threads(3);
  const auto threaded = augment(images, all(40), 7);
  glia::set_num_threads(1);
  CHECK(augment(images, all(40), 7).to_vector() == threaded.to_vector());
  glia::set_num_threads(threads);
  CHECK(augment(images, all(40), 8).to_vector() != together.to_vector());
}

TEST_CASE("rotate: quarter turns equal numpy.rot90") {
  for (const Index side : {1, 2, 3, 4, 5, 8}) {
    const auto images = data::Augment()(pictures(5, side), all(5), 0);
    auto turned = images.clone();
    const std::vector<std::int64_t> turns{0, 1, 2, 3, 1};
    data::rotate_quarter_turns(turned, turns);
    int wrong = 0;
    for (Index n = 0; n < 5; ++n)
      for (Index y = 0; y < side; ++y)
        for (Index x = 0; x < side; ++x)
          for (Index c = 0; c < 3; ++c) {
            Index i = y, j = x;
            // rot90 once: out[y][x] = in[x][side - 1 - y].
            for (std::int64_t k = 0; k < turns[static_cast<std::size_t>(n)]; ++k) {
              const Index old = i;
              i = j;
              j = side - 1 - old;
            }
            wrong += value(turned, n, y, x, c) != value(images, n, i, j, c) ? 1 : 0;
          }
    CHECK(wrong == 0);
  }
  auto oblong = glia::zeros({1, 2, 3, 1});
  CHECK_THROWS_AS(data::rotate_quarter_turns(oblong, std::vector<std::int64_t>{1}), glia::ShapeError);
  auto square = glia::zeros({1, 2, 2, 1});
  CHECK_THROWS_AS(data::rotate_quarter_turns(square, std::vector<std::int64_t>{1, 2}), glia::ShapeError);
}

TEST_CASE("rotate: one quadrant turns as its label says, the rest stays") {
  for (const Index side : {8, 7}) {
    const Index half = side / 2;
    const auto images = data::Augment()(pictures(320, side), all(320), 0);
    auto turned = images.clone();
    const auto samples = all(320);
    const auto labels = data::rotate_quadrants(turned, samples, 5).to_vector();
    std::vector<int> counts(16);
    int wrong = 0;
    for (Index n = 0; n < 320; ++n) {
      const auto label = labels[static_cast<std::size_t>(n)];
      ++counts[static_cast<std::size_t>(label)];
      const Index top = label / 8 * (side - half), left = label / 4 % 2 * (side - half);
      for (Index y = 0; y < side; ++y)
        for (Index x = 0; x < side; ++x) {
          Index i = y - top, j = x - left;
          if (i >= 0 && j >= 0 && i < half && j < half) {
            for (std::int64_t k = 0; k < label % 4; ++k) {
              const Index old = i;
              i = j;
              j = half - 1 - old;
            }
          }
          wrong += value(turned, n, y, x, 1) != value(images, n, i + top, j + left, 1) ? 1 : 0;
        }
    }
    CHECK(wrong == 0);
    for (const int count : counts) {
      CHECK(count >= 5);
      CHECK(count <= 40);
    }
    auto again = images.clone();
    CHECK(data::rotate_quadrants(again, samples, 5).to_vector() == labels);
    CHECK(data::rotate_at_random(again, samples, 5).numel() == 320);
  }
}

TEST_CASE("mix: mixup is the weighted sum with the partner; targets follow") {
  const auto images = data::Augment()(pictures(10, 4), all(10), 0);
  const auto labels = glia::arange<std::int64_t>(10);
  const auto mix = data::mixup(images, labels, 10, 0.4, 3, 0);
  CHECK(mix.share >= 0);
  CHECK(mix.share <= 1);
  std::set<Index> partners(mix.partners.begin(), mix.partners.end());
  CHECK(partners.size() == 10);
  double worst = 0;
  for (Index n = 0; n < 10; ++n) {
    const Index other = mix.partners[static_cast<std::size_t>(n)];
    for (Index i = 0; i < 48; ++i)
      worst = std::max(worst, std::abs(double(value(mix.images, n, 0, 0, i)) - double(mix.share) * double(value(images, n, 0, 0, i)) -
                                       (1 - double(mix.share)) * double(value(images, other, 0, 0, i))));
    float sum = 0;
    for (Index c = 0; c < 10; ++c) sum += mix.targets.data()[n * 10 + c];
    worst = std::max(worst, double(std::abs(sum - 1)));
    if (other != n) worst = std::max(worst, double(std::abs(mix.targets.data()[n * 10 + n] - mix.share)));
  }
  CHECK(worst < 1e-6);
  CHECK(data::mixup(images, labels, 10, 0.4, 3, 0).images.to_vector() == mix.images.to_vector());
  CHECK(data::mixup(images, labels, 10, 0.4, 3, 1).share != mix.share);
  CHECK_THROWS_AS(data::mixup(images, labels, 9, 0.4, 3, 0), glia::IndexError);
  CHECK_THROWS_AS(data::mixup(images, labels, 10, 0, 3, 0), glia::ValueError);
  CHECK_THROWS_AS(data::mixup(images, glia::arange<std::int64_t>(9), 10, 1, 3, 0), glia::ShapeError);
}

TEST_CASE("mix: cutmix replaces one box, and the targets tell its area") {
  auto images = glia::zeros({6, 8, 8, 2});
  for (Index n = 0; n < 6; ++n) images.select(0, n).fill_(static_cast<float>(n));
  const auto labels = glia::arange<std::int64_t>(6);
  double total = 0;
  for (Index batch = 0; batch < 50; ++batch) {
    const auto mix = data::cutmix(images, labels, 6, 1.0, 11, batch);
    total += double(mix.share);
    for (Index n = 0; n < 6; ++n) {
      const Index other = mix.partners[static_cast<std::size_t>(n)];
      if (other == n) continue;
      Index replaced = 0, strange = 0;
      for (Index p = 0; p < 64; ++p) {
        const float v = value(mix.images, n, 0, p, 0);
        replaced += v == static_cast<float>(other) ? 1 : 0;
        strange += v != static_cast<float>(other) && v != static_cast<float>(n) ? 1 : 0;
      }
      CHECK(strange == 0);
      CHECK(std::abs(double(mix.share) - (1 - double(replaced) / 64)) < 1e-6);
      CHECK(std::abs(mix.targets.data()[n * 6 + other] - (1 - mix.share)) < 1e-6f);
    }
  }
  CHECK(total / 50 > 0.4);
  CHECK(total / 50 < 0.9);
}

TEST_CASE("sample random: gamma and beta have the right moments, orders are permutations") {
  for (const double shape : {0.2, 1.0, 3.5}) {
    double sum = 0, squares = 0;
    const int n = 20000;
    data::SampleRandom random(8, static_cast<Index>(shape * 10));
    for (int i = 0; i < n; ++i) {
      const double g = random.gamma(shape);
      sum += g;
      squares += g * g;
    }
    const double mean = sum / n;
    CHECK(std::abs(mean - shape) < 5 * std::sqrt(shape / n));
    CHECK(std::abs(squares / n - mean * mean - shape) < 0.1 * shape + 0.02);
  }
  double sum = 0, squares = 0;
  data::SampleRandom random(9, 0);
  for (int i = 0; i < 20000; ++i) {
    const double b = random.beta(0.2, 0.2);
    sum += b;
    squares += b * b;
  }
  CHECK(std::abs(sum / 20000 - 0.5) < 0.02);
  CHECK(std::abs(squares / 20000 - 0.25 - 1 / (4 * 1.4)) < 0.01);
  const auto order = data::random_order(1000, 42);
  CHECK(std::set<Index>(order.begin(), order.end()).size() == 1000);
  CHECK(order == data::random_order(1000, 42));
  CHECK(order != data::random_order(1000, 43));
  CHECK(data::random_order(0, 1).empty());
}
