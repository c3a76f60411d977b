// CIFAR and idx files.
#include <glia/data/cifar.hpp>
#include <glia/data/dataset.hpp>
#include <glia/data/idx.hpp>

#include "../support/errors.hpp"
#include "../support/folder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace data = glia::data;
namespace fs = std::filesystem;

namespace {

using glia_test::contains;
using glia_test::Folder;
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

void write(const fs::path& path, const Bytes& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// A file of `count` records: `first` and `last` at the ends, and between them zeros that take no disk space.
void write_records(const fs::path& path, glia::Index count, const Bytes& first, const Bytes& last) {
  write(path, first);
  const auto record = static_cast<glia::Index>(first.size());
  fs::resize_file(path, static_cast<std::uintmax_t>((count - 1) * record));
  std::ofstream(path, std::ios::binary | std::ios::app).write(reinterpret_cast<const char*>(last.data()), record);
}

// A record of these labels with pixel() of plane seeds r.
Bytes record_of(const Bytes& labels, int r) {
  Bytes out = labels;
  for (int c = 0; c < 3; ++c)
    for (int p = 0; p < 1024; ++p) out.push_back(pixel(r, c, p));
  return out;
}

// Whether image `i` of the set is that of record_of(..., r).
bool shows(const data::Dataset& set, glia::Index i, int r) {
  const std::uint8_t* at = set.images.data() + i * 3072;
  for (int p = 0; p < 1024; ++p)
    for (int c = 0; c < 3; ++c)
      if (*at++ != pixel(r, c, p)) return false;
  return true;
}

// The two files of `count` 2 x 3 images, pixel k of the file being k + seed, with labels (i + seed) % 10.
void write_idx(const fs::path& images, const fs::path& labels, unsigned char count, unsigned char seed) {
  Bytes pixels{0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3}, marks{0, 0, 8, 1, 0, 0, 0, count};
  for (int k = 0; k < 6 * count; ++k) pixels.push_back(static_cast<unsigned char>(k + seed));
  for (int i = 0; i < count; ++i) marks.push_back(static_cast<unsigned char>((i + seed) % 10));
  write(images, pixels);
  write(labels, marks);
}

// The text of the FileError or FormatError of f, "accepted" if there is none.
template <class F>
std::string problem_of(F&& f) {
  try {
    f();
  } catch (const glia::io::FileError& error) {
    return error.what();
  } catch (const glia::FormatError& error) {
    return error.what();
  }
  return "accepted";
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

TEST_CASE("cifar: the folder of CIFAR-100 is found in each of its places, the outermost first") {
  const Folder folder;
  fs::path before;
  for (const fs::path& place : {folder.path / "cifar-100-binary", folder.path / "cifar100", folder.path}) {
    CAPTURE(place.string());
    write(place / "train.bin", {});  // alone it does not count
    if (before.empty())
      CHECK_THROWS_AS(data::find_cifar100(folder.path), glia::io::FileError);
    else
      CHECK(data::find_cifar100(folder.path) == before);
    write(place / "test.bin", {});
    CHECK(data::find_cifar100(folder.path) == place);
    before = place;
  }
}

TEST_CASE("cifar: the files of CIFAR-10 become two sets, in order") {
  const Folder folder;
  const fs::path inner = folder.path / "cifar-10-batches-bin";
  for (int batch = 1; batch <= 5; ++batch) {
    const auto label = static_cast<unsigned char>(batch);
    write_records(inner / ("data_batch_" + std::to_string(batch) + ".bin"), 10'000, record_of({label}, batch),
                  record_of({9}, 10 + batch));
  }
  write_records(inner / "test_batch.bin", 10'000, record_of({7}, 6), record_of({8}, 16));
  const auto [train, test] = data::load_cifar10(folder.path);
  CHECK(train.name == "CIFAR-10 train");
  CHECK(test.name == "CIFAR-10 test");
  CHECK(train.images.shape() == glia::Shape{50'000, 32, 32, 3});
  REQUIRE(train.size() == 50'000);
  REQUIRE(test.size() == 10'000);
  CHECK(train.classes == 10);
  CHECK_FALSE(train.coarse.defined());
  for (int batch = 1; batch <= 5; ++batch) {
    CAPTURE(batch);
    const glia::Index first = (batch - 1) * 10'000, last = first + 9'999;
    CHECK(train.labels.data()[first] == batch);
    CHECK(train.labels.data()[first + 1] == 0);
    CHECK(train.labels.data()[last] == 9);
    CHECK(shows(train, first, batch));
    CHECK(shows(train, last, 10 + batch));
  }
  CHECK(test.labels.data()[0] == 7);
  CHECK(test.labels.data()[9'999] == 8);
  CHECK(shows(test, 0, 6));
  CHECK(shows(test, 9'999, 16));
}

TEST_CASE("cifar: the files of CIFAR-100 become two sets") {
  const Folder folder;
  write_records(folder.path / "train.bin", 50'000, record_of({4, 30}, 1), record_of({19, 99}, 2));
  write_records(folder.path / "test.bin", 10'000, record_of({5, 31}, 3), record_of({6, 32}, 4));
  const auto [train, test] = data::load_cifar100(folder.path);
  CHECK(train.name == "CIFAR-100 train");
  CHECK(test.name == "CIFAR-100 test");
  REQUIRE(train.size() == 50'000);
  REQUIRE(test.size() == 10'000);
  CHECK(train.classes == 100);
  CHECK(train.coarse_classes == 20);
  CHECK(train.labels.data()[0] == 30);
  CHECK(train.labels.data()[49'999] == 99);
  CHECK(train.coarse.data()[0] == 4);
  CHECK(train.coarse.data()[49'999] == 19);
  CHECK(test.labels.data()[9'999] == 32);
  CHECK(shows(train, 49'999, 2));
  CHECK(shows(test, 0, 3));
}

TEST_CASE("cifar: missing and truncated files are named") {
  const Folder folder;
  const auto load = [&] { return problem_of([&] { data::load_cifar10_records(folder.path); }); };
  const auto missing = [](const fs::path& path) {
    return "load_cifar: cannot open \"" + path.string() + "\": No such file or directory";
  };
  CHECK(load() == missing(folder.path / "data_batch_1.bin"));
  const fs::path inner = folder.path / "cifar-10-batches-bin";
  write(inner / "test_batch.bin", {});
  CHECK(load() == missing(inner / "data_batch_1.bin"));
  write(inner / "data_batch_1.bin", record_of({3}, 1));
  CHECK(load() == "load_cifar: \"" + (inner / "data_batch_1.bin").string() +
                      "\" has 3073 bytes, expected 30730000 (10000 records of 3073): the file is truncated");
  write(folder.path / "train.bin", record_of({4, 30}, 1));
  write(folder.path / "test.bin", {});
  CHECK(problem_of([&] { data::load_cifar100(folder.path); }) ==
        "load_cifar: \"" + (folder.path / "train.bin").string() +
            "\" has 3074 bytes, expected 153700000 (50000 records of 3074): the file is truncated");
  const auto one = data::load_cifar_file(data::Cifar::cifar10, inner / "data_batch_1.bin");
  CHECK(one.labels == std::vector<std::int64_t>{3});
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

TEST_CASE("idx: the files of MNIST are read from a folder") {
  const Folder folder;
  write_idx(folder.path / "train-images-idx3-ubyte", folder.path / "train-labels-idx1-ubyte", 3, 8);
  write_idx(folder.path / "t10k-images-idx3-ubyte", folder.path / "t10k-labels-idx1-ubyte", 2, 40);
  const auto train = data::load_mnist_records(folder.path, true), test = data::load_mnist_records(folder.path, false);
  CHECK(train.labels == std::vector<std::int64_t>{8, 9, 0});
  CHECK(test.labels == std::vector<std::int64_t>{0, 1});
  const auto [images, others] = data::load_mnist(folder.path);
  CHECK(images.name == "MNIST train");
  CHECK(others.name == "MNIST test");
  CHECK(images.images.shape() == glia::Shape{3, 2, 3, 1});
  CHECK(images.images.to_vector() == train.images);
  CHECK(images.images.to_vector().back() == 17 + 8);
  CHECK(images.labels.to_vector() == train.labels);
  CHECK(images.classes == 10);
  CHECK_FALSE(images.coarse.defined());
  CHECK(others.size() == 2);
  CHECK(others.images.to_vector()[0] == 40);
}

TEST_CASE("idx: missing, truncated and mismatched files are named") {
  const Folder folder;
  const fs::path images = folder.path / "a.images", labels = folder.path / "a.labels";
  const auto load = [&](glia::Index classes) {
    return problem_of([&] { data::load_idx_files(images, labels, classes); });
  };
  CHECK(load(10) == "load_idx: cannot open \"" + images.string() + "\": No such file or directory");
  write_idx(images, labels, 2, 11);
  CHECK(load(10) == "accepted");
  CHECK(load(2) == "load_idx: \"" + labels.string() + "\", byte 9: label 2, expected at most 1");
  const auto set = data::load_idx_files(images, labels, 12);
  CHECK(set.classes == 12);
  CHECK(set.labels == std::vector<std::int64_t>{1, 2});
  CHECK(set.images[11] == 22);
  fs::resize_file(images, 27);
  CHECK(load(10) == "load_idx: \"" + images.string() + "\": header announces [2, 2, 3] bytes, but 11 follow");
  write_idx(images, folder.path / "b.labels", 3, 0);
  CHECK(load(10) == "load_idx: \"" + images.string() + "\" holds 3 images but \"" + labels.string() + "\" 2 labels");
  fs::remove(labels);
  CHECK(load(10) == "load_idx: cannot open \"" + labels.string() + "\": No such file or directory");
  CHECK(contains(problem_of([&] { data::load_mnist(folder.path); }), "train-images-idx3-ubyte"));
}
