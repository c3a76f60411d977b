// Files, and the safetensors and .npy layouts, without tensors.
#include <glia/io/npy_format.hpp>
#include <glia/io/safetensors_format.hpp>

#include "../support/errors.hpp"
#include "../support/folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <string_view>

namespace io = glia::io;
namespace fs = std::filesystem;

namespace {

using glia_test::contains;
using glia_test::Folder;

std::string content(const fs::path& path) {
  const auto bytes = io::read_file(path);
  return {bytes.begin(), bytes.end()};
}

std::string image(std::string_view header, std::size_t data_bytes) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return out + std::string(header) + std::string(data_bytes, '\0');
}

std::string error_of(std::string_view bytes) {
  try {
    io::parse_safetensors(io::as_bytes(bytes), "f");
  } catch (const glia::FormatError& error) {
    return error.what();
  }
  return "accepted";
}

std::string npy_image(int version, const std::string& dict, std::size_t data_bytes) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>((dict.size() >> (8 * i)) & 0xff);
  return out + dict + std::string(data_bytes, '\0');
}

std::string npy_error(const std::string& bytes) {
  try {
    io::parse_npy_header(io::as_bytes(bytes), bytes.size(), "f");
  } catch (const glia::FormatError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("file: atomic writes replace the file and keep the previous one") {
  const Folder folder;
  const fs::path path = folder.path / "a.bin";
  io::write_file_atomically(path, io::as_bytes("first"));
  CHECK(content(path) == "first");
  CHECK_FALSE(fs::exists(io::previous_path(path)));
  const io::Bytes parts[] = {io::as_bytes("sec"), io::as_bytes(""), io::as_bytes("ond")};
  io::write_file_atomically(path, parts);
  CHECK(content(path) == "second");
  CHECK(content(io::previous_path(path)) == "first");
  io::write_file_atomically(path, io::as_bytes("third"), {.keep_previous = false});
  CHECK(content(path) == "third");
  CHECK(content(io::previous_path(path)) == "first");
  // A previous file that is already the same file under its second name.
  fs::remove(io::previous_path(path));
  fs::create_hard_link(path, io::previous_path(path));
  io::write_file_atomically(path, io::as_bytes("fourth"));
  CHECK(content(path) == "fourth");
  CHECK(content(io::previous_path(path)) == "third");
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("file: leftovers of dead writers are removed, those of living ones stay") {
  const Folder folder;
  const fs::path path = folder.path / "a.bin";
  const fs::path stale = folder.path / "a.bin.tmp.1.0", other = folder.path / "b.bin.tmp.1.0",
                 alive = folder.path / "a.bin.tmp.2.0";
  for (const fs::path& leftover : {stale, other, alive}) std::ofstream(leftover) << "half";
  const io::detail::Descriptor writer(::open(alive.c_str(), O_WRONLY));
  REQUIRE(::flock(writer.get(), LOCK_EX) == 0);
  io::write_file_atomically(path, io::as_bytes("new"));
  CHECK_FALSE(fs::exists(stale));
  CHECK(fs::exists(other));
  CHECK(fs::exists(alive));
}

TEST_CASE("file: errors name the path and the reason") {
  const Folder folder;
  CHECK_THROWS_AS(io::read_file(folder.path / "none"), io::FileError);
  CHECK_THROWS_WITH_AS(io::read_file("/nonexistent/none"),
                       "read_file: cannot open \"/nonexistent/none\": No such file or directory", io::FileError);
  CHECK_THROWS_AS(io::read_file(folder.path), io::FileError);
  CHECK_THROWS_AS(io::write_file_atomically(folder.path / "no" / "folder", io::as_bytes("x")), io::FileError);
  io::write_file_atomically(folder.path / "five", io::as_bytes("12345"));
  CHECK_THROWS_AS(io::read_file(folder.path / "five", 4), glia::FormatError);
  CHECK(io::read_file(folder.path / "five", 5).size() == 5);
  unsigned char buffer[4];
  const io::InputFile file("test", folder.path / "five");
  file.read_at(1, buffer);
  CHECK(buffer[3] == '5');
  CHECK_THROWS_AS(file.read_at(2, buffer), io::FileError);
}

TEST_CASE("safetensors: a header is read in data order, with metadata") {
  const auto header = io::parse_safetensors(io::as_bytes(image(
      R"({"__metadata__":{"step":"7"},"z":{"dtype":"U8","shape":[],"data_offsets":[12,13]},)"
      R"("a":{"dtype":"F32","shape":[3,1],"data_offsets":[0,12]},"e":{"dtype":"BF16","shape":[0,5],"data_offsets":[12,12]}}   )",
      13)));
  REQUIRE(header.entries.size() == 3);
  CHECK(header.entries[0].name == "a");
  CHECK(header.entries[0].type == io::FileType::f32);
  CHECK(header.entries[0].shape == glia::Shape{3, 1});
  CHECK(header.entries[1].name == "e");
  CHECK(header.entries[2].name == "z");
  CHECK(header.entries[2].shape.rank() == 0);
  REQUIRE(header.metadata.size() == 1);
  CHECK(header.metadata[0].second == "7");
  CHECK(error_of(image("{}", 0)) == "accepted");
}

TEST_CASE("safetensors: every broken header is refused by name") {
  const auto entry = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return "\"a\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
           ",\"data_offsets\":" + std::string(offsets) + "}";
  };
  CHECK(contains(error_of("1234567"), "too few for the 8 bytes"));
  CHECK(contains(error_of(image("{}", 0).substr(0, 9)), "does not fit"));
  CHECK(contains(error_of(std::string(8, '\xff')), "at most 100000000"));
  CHECK(contains(error_of(image(" {}", 0)), "must begin with '{'"));
  CHECK(contains(error_of(image("", 0)), "must begin with '{'"));
  CHECK(error_of(image("{x}", 0)) == "load_safetensors: \"f\", byte 9: expected '\"', got 'x'");
  CHECK(contains(error_of(image("{}", 1)), "hold 0 bytes but 1 follow"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2]", "[0,8]") + "}", 7)), "hold 8 bytes but 7 follow"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2]", "[4,12]") + "}", 12)), "hole"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2]", "[0,4]") + "}", 4)), "do not hold the 8 bytes"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2]", "[8,0]") + "}", 8)), "do not hold"));
  CHECK(contains(error_of(image("{" + entry("F33", "[2]", "[0,8]") + "}", 8)), "unknown dtype \"F33\""));
  CHECK(contains(error_of(image("{" + entry("F32", "[-2]", "[0,8]") + "}", 8)), "expected an integer of at least 0"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2.0]", "[0,8]") + "}", 8)), "expected integer, got number"));
  CHECK(contains(error_of(image("{" + entry("F32", "[2]", "[0,8,9]") + "}", 8)), "must hold 2 numbers"));
  CHECK(contains(error_of(image("{" + entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4)), "at most 8"));
  CHECK(contains(error_of(image("{" + entry("F32", "[4294967296,4294967296]", "[0,0]") + "}", 0)), "too many elements"));
  CHECK(contains(error_of(image("{" + entry("F32", "[0,9223372036854775807,3]", "[0,0]") + "}", 0)), "too many elements"));
  CHECK(contains(error_of(image("{" + entry("F32", "[18446744073709551615]", "[0,0]") + "}", 0)), "too large"));
  CHECK(contains(error_of(image("{" + entry("U8", "[1]", "[0,1]") + "," + entry("U8", "[1]", "[1,2]") + "}", 2)),
                 "duplicate key \"a\""));
  CHECK(contains(error_of(image("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}," +
                                entry("U8", "[2]", "[1,3]") + "}", 3)), "overlap"));
  CHECK(contains(error_of(image("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1)), "no member \"data_offsets\""));
  CHECK(contains(error_of(image("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1)), "unknown field"));
  CHECK(contains(error_of(image("{\"a\":3}", 0)), "tensor \"a\": expected object, got integer"));
  CHECK(contains(error_of(image("{\"__metadata__\":{\"a\":1}}", 0)), "must be a string, got integer"));
  CHECK(contains(error_of(image("{\"__metadata__\":[]}", 0)), "must be an object"));
  CHECK(contains(error_of(image("{\"a\":[" + std::string(20000, ',') + "]}", 0)), "expected a value"));
  std::string zeros = "{\"a\":[0";
  for (int i = 0; i < 10000; ++i) zeros += ",0";
  CHECK(contains(error_of(image(zeros + "]}", 0)), "more than"));
}

TEST_CASE("safetensors: encoding orders by element size and aligns the data") {
  std::vector<io::SafetensorsEntry> entries;
  entries.push_back({"byte", io::FileType::u8, glia::Shape{3}});
  entries.push_back({"wide", io::FileType::f64, glia::Shape{2}});
  entries.push_back({"name \"x\"\n", io::FileType::f32, glia::Shape{}});
  std::string bytes = io::encode_safetensors_header(entries, {{"key", "value"}});
  CHECK(bytes.size() % 8 == 0);
  bytes.resize(bytes.size() + 23);
  const auto header = io::parse_safetensors(io::as_bytes(bytes));
  REQUIRE(header.entries.size() == 3);
  CHECK(header.entries[0].name == "wide");
  CHECK(header.entries[1].name == "name \"x\"\n");
  CHECK(header.entries[1].begin == 16);
  CHECK(header.entries[2].end == 23);
  CHECK(header.metadata[0].first == "key");
  entries.push_back(entries[0]);
  CHECK_THROWS_AS(io::encode_safetensors_header(entries), glia::FormatError);
  entries = {{"__metadata__", io::FileType::u8, glia::Shape{1}}};
  CHECK_THROWS_AS(io::encode_safetensors_header(entries), glia::FormatError);
}

TEST_CASE("npy: headers of versions 1 to 3 are read") {
  const std::string bytes = npy_image(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", 24);
  const auto header = io::parse_npy_header(io::as_bytes(bytes), bytes.size(), "f");
  CHECK(header.data_begin == bytes.size() - 24);
  CHECK(header.type == io::FileType::f32);
  CHECK(header.shape == glia::Shape{2, 3});
  CHECK_FALSE(header.fortran_order);
  CHECK(npy_error(npy_image(2, "{\"shape\":(3,),\"fortran_order\":True,\"descr\":\"<i8\"}", 24)) == "accepted");
  CHECK(npy_error(npy_image(3, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}\n", 1)) == "accepted");
  CHECK(npy_error(npy_image(1, "{'descr': '<b1', 'fortran_order': False, 'shape': (0, 5)}\n", 0)) == "accepted");
}

TEST_CASE("npy: every broken header is refused with its reason") {
  const auto dict = [](std::string_view descr, std::string_view shape) {
    return "{'descr': " + std::string(descr) + ", 'fortran_order': False, 'shape': " + std::string(shape) + ", }\n";
  };
  CHECK(contains(npy_error(""), "not a .npy file"));
  CHECK(contains(npy_error("\x93NUMPX123456"), "not a .npy file"));
  CHECK(contains(npy_error(npy_image(4, dict("'<f4'", "(1,)"), 4)), "version 4.0"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(1,)"), 4).substr(0, 30)), "but only"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(2,)"), 4)), "needs 8 bytes, but 4 follow"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(1,)"), 5)), "needs 4 bytes, but 5 follow"));
  CHECK(contains(npy_error(npy_image(1, dict("'>f4'", "(1,)"), 4)), "big-endian"));
  CHECK(contains(npy_error(npy_image(1, dict("'<c8'", "(1,)"), 8)), "'<c8' is not supported"));
  CHECK(contains(npy_error(npy_image(1, dict("'|O'", "(1,)"), 8)), "not supported"));
  CHECK(contains(npy_error(npy_image(1, dict("[('a', '<f4')]", "(1,)"), 4)), "structured"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(-1,)"), 4)), "extent of at least 0"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(1,1,1,1,1,1,1,1,1)"), 4)), "more than 8 axes"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(99999999999999999999,)"), 4)), "extent too large"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(4294967296, 4294967296)"), 4)), "too many elements"));
  CHECK(contains(npy_error(npy_image(1, dict("'<f4'", "(1,) + x"), 4)), "expected"));
  CHECK(contains(npy_error(npy_image(1, "{'descr': '<f4'}", 4)), "all needed"));
  CHECK(contains(npy_error(npy_image(1, "{'descr': '<f4', 'descr': '<f4'}", 4)), "repeated key"));
  CHECK(contains(npy_error(npy_image(2, "", 4)), "expected '{'"));
}

TEST_CASE("npy: written headers are aligned and read back") {
  for (const glia::Shape& shape : {glia::Shape{}, glia::Shape{5}, glia::Shape{2, 0, 3}, glia::Shape{1, 2, 3, 4, 5, 6, 7, 8}}) {
    std::string bytes = io::encode_npy_header(io::FileType::f64, shape);
    CHECK(bytes.size() % 64 == 0);
    bytes.resize(bytes.size() + static_cast<std::size_t>(shape.numel()) * 8);
    const auto header = io::parse_npy_header(io::as_bytes(bytes), bytes.size(), "f");
    CHECK(header.shape == shape);
    CHECK(header.type == io::FileType::f64);
  }
  CHECK_THROWS_AS(io::encode_npy_header(io::FileType::bf16, glia::Shape{1}), glia::FormatError);
}
