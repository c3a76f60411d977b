// CIFAR and idx files.
#include <glia/data/cifar.hpp>
#include <glia/data/idx.hpp>

#include "../support/errors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

namespace data = glia::data;
namespace fs = std::filesystem;

namespace {

using glia_test::contains;
using glia_test::error_of;

using Bytes = std::vector<unsigned char>;

// Pixel value of record r, plane c, position p.
unsigned char pixel(int r, int c, int p) { return static_cast<unsigned char>(r * 7 + c * 50 + p % 47); }

Bytes records(const std::vector<Bytes>& labels) {
  Bytes out;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    out.insert(out.end(), labels[r].begin(), labels[r].end());
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < 1024; ++p) out.push_back(pixel(static_cast<int>(r), c, p));
  }
  return out;
}

}  // namespace

TEST_CASE("cifar: planes become interleaved pixels, labels are read") {
  const auto ten = data::parse_cifar(data::Cifar::cifar10, records({{3}, {9}}));
  CHECK(ten.count == 2);
  CHECK(ten.labels == std::vector<std::int64_t>{3, 9});
  CHECK(ten.coarse.empty());
  const auto hundred = data::parse_cifar(data::Cifar::cifar100, records({{4, 30}, {0, 99}, {4, 30}}), {.expected_records = 3});
  CHECK(hundred.labels == std::vector<std::int64_t>{30, 99, 30});
  CHECK(hundred.coarse == std::vector<std::int64_t>{4, 0, 4});
  CHECK(hundred.classes == 100);
  REQUIRE(hundred.images.size() == 3 * 3072);
  int wrong = 0;
  for (int r = 0; r < 3; ++r)
    for (int p = 0; p < 1024; ++p)
      for (int c = 0; c < 3; ++c)
        wrong += hundred.images[static_cast<std::size_t>((r * 1024 + p) * 3 + c)] != pixel(r, c, p) ? 1 : 0;
  CHECK(wrong == 0);
}

TEST_CASE("cifar: truncated, oversized and mislabelled files are refused") {
  const auto read = [](const Bytes& bytes, glia::Index expected) {
    return error_of<glia::FormatError>([&] { data::parse_cifar(data::Cifar::cifar100, bytes, {.expected_records = expected, .source = "train.bin"}); });
  };
  Bytes good = records({{4, 30}, {0, 99}});
  CHECK(read(good, 2) == "accepted");
  CHECK(read(good, 3) == "load_cifar: \"train.bin\" has 6148 bytes, expected 9222 (3 records of 3074): the file is truncated");
  CHECK(contains(read(good, 1), "the file is too large"));
  Bytes cut(good.begin(), good.end() - 1);
  CHECK(read(cut, 0) == "load_cifar: \"train.bin\" has 6147 bytes, expected a positive multiple of the 3074-byte record; "
                        "byte 3074 begins a broken one");
  CHECK(contains(read({}, 0), "has 0 bytes"));
  good[3074 + 1] = 100;
  CHECK(read(good, 0) == "load_cifar: \"train.bin\", byte 3075 (record 1): label 100, expected at most 99");
  good[3074 + 1] = 5;
  good[3074] = 20;
  CHECK(read(good, 0) == "load_cifar: \"train.bin\", byte 3074 (record 1): superclass label 20, expected at most 19");
  CHECK(read(records({{4, 30}, {5, 30}}), 0) ==
        "load_cifar: \"train.bin\", byte 3074 (record 1): class 30 under superclass 5, before under 4");
  CHECK(contains(error_of<glia::FormatError>([] { data::parse_cifar(data::Cifar::cifar10, records({{10}})); }), "label 10, expected at most 9"));
}

TEST_CASE("cifar: a missing folder is reported with the places looked at") {
  CHECK_THROWS_WITH_AS(data::find_cifar100("/nonexistent"),
                       "find_cifar100: no train.bin and test.bin in \"/nonexistent\", \"/nonexistent/cifar100\", "
                       "\"/nonexistent/cifar-100-binary\"",
                       glia::io::FileError);
}

TEST_CASE("cifar: the real CIFAR-100, if GLIA_DATA says where it is") {
  const char* folder = std::getenv("GLIA_DATA");
  if (folder == nullptr) {
    MESSAGE("skipped: GLIA_DATA is not set");
    return;
  }
  const auto [train, test] = data::load_cifar100_records(folder);
  CHECK(train.count == 50'000);
  CHECK(test.count == 10'000);
  const std::vector<std::int64_t> first(train.labels.begin(), train.labels.begin() + 10);
  CHECK(first == std::vector<std::int64_t>{19, 29, 0, 11, 1, 86, 90, 28, 23, 31});
  const std::vector<std::int64_t> first_test(test.labels.begin(), test.labels.begin() + 10);
  CHECK(first_test == std::vector<std::int64_t>{49, 33, 72, 51, 71, 92, 15, 14, 23, 0});
  std::vector<int> per_class(100);
  for (const auto label : train.labels) ++per_class[static_cast<std::size_t>(label)];
  CHECK(per_class == std::vector<int>(100, 500));
  const double means[3] = {0.50708, 0.48655, 0.44092}, deviations[3] = {0.26733, 0.25644, 0.27615};
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t i = c; i < train.images.size(); i += 3) {
      const double value = train.images[i] / 255.0;
      sum += value;
      squares += value * value;
    }
    const double n = 50'000.0 * 1024, mean = sum / n;
    CHECK(std::abs(mean - means[c]) < 1e-5);
    CHECK(std::abs(std::sqrt(squares / n - mean * mean) - deviations[c]) < 1e-5);
  }
}

TEST_CASE("idx: images and labels are read, broken files refused") {
  Bytes images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3}, labels{0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
  for (unsigned char i = 0; i < 12; ++i) images.push_back(i);
  const auto set = data::parse_idx_images(images, labels);
  CHECK(set.count == 2);
  CHECK(set.height == 2);
  CHECK(set.width == 3);
  CHECK(set.channels == 1);
  CHECK(set.labels == std::vector<std::int64_t>{7, 9});
  CHECK(set.images[11] == 11);
  const auto read = [&](const Bytes& a, const Bytes& b) { return error_of<glia::FormatError>([&] { data::parse_idx_images(a, b); }); };
  Bytes bad = labels;
  bad[9] = 10;
  CHECK(read(images, bad) == "load_idx: \"labels\", byte 9: label 10, expected at most 9");
  bad = images;
  bad.pop_back();
  CHECK(read(bad, labels) == "load_idx: \"images\": header announces [2, 2, 3] bytes, but 11 follow");
  bad.push_back(0);
  bad.push_back(0);
  CHECK(contains(read(bad, labels), "but 13 follow"));
  bad = images;
  bad[2] = 13;
  CHECK(contains(read(bad, labels), "type code 13"));
  bad[2] = 8;
  bad[0] = 1;
  CHECK(contains(read(bad, labels), "not an idx file"));
  CHECK(contains(read({0, 0, 8, 3, 0, 0}, labels), "ends inside the header"));
  CHECK(contains(read({0, 0, 8, 9, 0, 0}, labels), "9 axes"));
  CHECK(contains(read({0, 0}, labels), "too few"));
  CHECK(contains(read({0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, labels),
                 "header announces"));
  CHECK(contains(read(labels, images), "expected 3 axes"));
  CHECK(contains(read(images, {0, 0, 8, 1, 0, 0, 0, 1, 7}), "2 images but"));
}
