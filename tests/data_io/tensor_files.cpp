// safetensors and .npy files of tensors.
#include <glia/io/npy.hpp>
#include <glia/io/safetensors.hpp>

#include "../support/errors.hpp"
#include "../support/folder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <string>

namespace io = glia::io;
namespace fs = std::filesystem;
using glia::Tensor;

namespace {

using glia_test::contains;
using glia_test::Folder;
using glia_test::error_of;

fs::path reference(const char* name) { return fs::path(GLIA_TESTS_DIR) / "reference" / name; }

template <class T>
void check_round_trip(const fs::path& folder, const Tensor<T>& tensor) {
  const fs::path path = folder / "one.safetensors";
  io::SafetensorsWriter().add("x", tensor).save(path);
  const auto read = io::load_safetensors(path).get<T>("x");
  CHECK(read.shape() == tensor.shape());
  CHECK(read.to_vector() == tensor.to_vector());
  if constexpr (!std::is_same_v<T, glia::bfloat16>) {
    io::save_npy(folder / "one.npy", tensor);
    const auto again = io::load_npy<T>(folder / "one.npy");
    CHECK(again.shape() == tensor.shape());
    CHECK(again.to_vector() == tensor.to_vector());
  }
}

}  // namespace

TEST_CASE("safetensors and npy: every scalar, 0-d, empty and strided tensors survive the file") {
  const Folder folder;
  const auto grid = glia::arange<float>(24).reshape({2, 3, 4});
  check_round_trip(folder.path, grid);
  check_round_trip(folder.path, grid.cast<double>());
  check_round_trip(folder.path, grid.cast<glia::half>());
  check_round_trip(folder.path, grid.cast<glia::bfloat16>());
  check_round_trip(folder.path, grid.cast<std::int32_t>());
  check_round_trip(folder.path, grid.cast<std::int64_t>());
  check_round_trip(folder.path, grid.cast<std::uint8_t>());
  check_round_trip(folder.path, grid.cast<bool>());
  check_round_trip(folder.path, glia::scalar<float>(2.5f));
  check_round_trip(folder.path, glia::zeros<float>({2, 0, 3}));
  check_round_trip(folder.path, grid.permute({2, 0, 1}));
  check_round_trip(folder.path, grid.slice(2, {.start = 1, .stop = 4, .step = 2}));
  const float odd[] = {std::numeric_limits<float>::infinity(), -0.0f, std::numeric_limits<float>::denorm_min()};
  check_round_trip(folder.path, glia::from_span<float>(odd, {3}));
}

TEST_CASE("safetensors: a map of tensors with notes; asking by name") {
  const Folder folder;
  const fs::path path = folder.path / "map.safetensors";
  const std::map<std::string, Tensor<float>> tensors{{"b", glia::ones({2})}, {"a", glia::full({3}, 4.0f)}};
  io::save_safetensors(path, tensors, {{"step", "12"}});
  const auto file = io::load_safetensors(path);
  CHECK(file.entries().size() == 2);
  CHECK(file.contains("a"));
  CHECK_FALSE(file.contains("c"));
  CHECK(file.note("step") == "12");
  CHECK_FALSE(file.note("none").has_value());
  CHECK(file.get<float>("a").to_vector() == std::vector<float>{4, 4, 4});
  CHECK(error_of<glia::Error>([&] { file.get<float>("c"); }) == "load_safetensors: \"" + path.string() + "\" has no tensor \"c\"");
  CHECK(error_of<glia::Error>([&] { file.get<double>("a"); }) ==
        "load_safetensors: \"" + path.string() + "\", tensor \"a\" holds F32, not F64; get_as<...>(name) converts");
  io::SafetensorsWriter writer;
  writer.add("a", glia::ones({1}));
  CHECK_THROWS_AS(writer.add("a", glia::ones({1})), glia::FormatError);
  CHECK_THROWS_AS(writer.add("__metadata__", glia::ones({1})), glia::FormatError);
  CHECK_THROWS_AS(writer.add("u", Tensor<float>()), glia::Error);
}

TEST_CASE("safetensors: conversions on request") {
  const Folder folder;
  const fs::path path = folder.path / "c.safetensors";
  const float values[] = {1.0f / 3, -2, 70000};
  const std::int64_t whole[] = {0, 255, 1};
  io::SafetensorsWriter().add("x", glia::from_span<float>(values, {3})).add("n", glia::from_span<std::int64_t>(whole, {3})).save(path);
  const auto file = io::load_safetensors(path);
  CHECK(file.get_as<double>("x").to_vector() == std::vector<double>{double(1.0f / 3), -2, 70000});
  const auto reduced = file.get_as<glia::bfloat16>("x").to_vector();
  CHECK(reduced[0].bits == glia::bfloat16(1.0f / 3).bits);
  CHECK(std::isinf(static_cast<float>(file.get_as<glia::half>("x").to_vector()[2])));
  CHECK(file.get_as<std::uint8_t>("n").to_vector() == std::vector<std::uint8_t>{0, 255, 1});
  CHECK(file.get_as<float>("n").to_vector() == std::vector<float>{0, 255, 1});
  CHECK(contains(error_of<glia::Error>([&] { file.get_as<std::int32_t>("x"); }), "does not convert to int32"));
  const std::int64_t large[] = {256};
  io::SafetensorsWriter().add("n", glia::from_span<std::int64_t>(large, {1})).save(path);
  CHECK(contains(error_of<glia::Error>([&] { io::load_safetensors(path).get_as<std::uint8_t>("n"); }), "value 256 does not fit uint8"));
}

TEST_CASE("safetensors: a file from Python") {
  const auto file = io::load_safetensors(reference("python.safetensors"));
  CHECK(file.get<float>("weight").shape() == glia::Shape{2, 3});
  CHECK(file.get<float>("weight").to_vector() == std::vector<float>{0, 0.25f, 0.5f, 0.75f, 1, 1.25f});
  CHECK(file.get_as<float>("half").to_vector() == std::vector<float>{1.5f, -2, 65504, 0x1p-24f});
  CHECK(file.get<double>("double").item() == 1.0 / 3);
  CHECK(file.get<std::uint8_t>("bytes").to_vector() == std::vector<std::uint8_t>{0, 127, 255});
  CHECK(file.get_as<std::int32_t>("small").to_vector() == std::vector<std::int32_t>{-128, 127});
  CHECK(contains(error_of<glia::Error>([&] { file.get_as<std::uint8_t>("small"); }), "value -128 does not fit"));
  CHECK(contains(error_of<glia::Error>([&] { file.get_as<std::int64_t>("wide"); }), "value 9223372036854775808 does not fit int64"));
  CHECK(file.get<std::int64_t>("labels").shape() == glia::Shape{2, 1});
  CHECK(file.get<bool>("mask").to_vector() == std::vector<bool>{true, false, true});
  CHECK(file.get<float>("empty").shape() == glia::Shape{0, 4});
  CHECK(file.note("note") == "s\xc3\xbc\xc3\x9f");
}

TEST_CASE("safetensors: cut, grown and corrupted files are refused") {
  const Folder folder;
  const fs::path path = folder.path / "x.safetensors";
  io::SafetensorsWriter().add("x", glia::ones({100})).add("flag", glia::ones<bool>({2})).save(path);
  const auto bytes = io::read_file(path);
  const auto with = [&](std::vector<unsigned char> changed) {
    io::write_file_atomically(path, io::Bytes(changed), {.keep_previous = false});
    return error_of<glia::Error>([&] {
      const auto file = io::load_safetensors(path);
      file.get<bool>("flag");
    });
  };
  CHECK(with(bytes) == "accepted");
  for (std::size_t size = 0; size < bytes.size(); size += 7) CHECK(with({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}) != "accepted");
  auto changed = bytes;
  changed.push_back(0);
  CHECK(contains(with(changed), "follow the header"));
  changed = bytes;
  changed.back() = 2;
  CHECK(contains(with(changed), "element 1 is 2, not a truth value"));
  CHECK(contains(error_of<glia::Error>([&] { io::load_safetensors(folder.path / "none"); }), "cannot open"));
}

TEST_CASE("npy: files from NumPy, in either order") {
  CHECK(io::load_npy<float>(reference("c_order.npy")).to_vector() == std::vector<float>{0, 0.25f, 0.5f, 0.75f, 1, 1.25f});
  const auto cube = io::load_npy<std::int32_t>(reference("fortran_order.npy"));
  CHECK(cube.shape() == glia::Shape{2, 3, 4});
  CHECK(cube.is_contiguous());
  CHECK(cube.to_vector() == glia::arange<std::int32_t>(24).to_vector());
  CHECK(io::load_npy_as<double>(reference("c_order.npy")).to_vector()[5] == 1.25);
  CHECK(error_of<glia::Error>([] { io::load_npy<double>(reference("c_order.npy")); }) ==
        "load_npy: \"" + reference("c_order.npy").string() + "\" holds <f4 elements, not float64; load_npy_as<...> converts");
}

TEST_CASE("npy: a file that lies about its size is refused before memory is taken") {
  const Folder folder;
  const fs::path path = folder.path / "x.npy";
  io::save_npy(path, glia::ones({4}));
  auto bytes = io::read_file(path);
  const std::string header(bytes.begin(), bytes.end());
  bytes[header.find("(4,)") + 1] = '9';
  io::write_file_atomically(path, io::Bytes(bytes));
  CHECK(contains(error_of<glia::Error>([&] { io::load_npy<float>(path); }), "needs 36 bytes, but 16 follow"));
  CHECK_THROWS_AS(io::save_npy(path, glia::ones<glia::bfloat16>({1})), glia::FormatError);
  CHECK_THROWS_AS(io::save_npy(path, Tensor<float>()), glia::Error);
}
