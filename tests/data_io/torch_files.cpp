// PyTorch files: both formats, every element type, strided tensors; hostile and damaged files.
#include <glia/io/torch_file.hpp>

#include "../support/errors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>

namespace io = glia::io;
namespace fs = std::filesystem;
using glia::Shape;

namespace {

using glia_test::contains;
using glia_test::error_of;

fs::path reference(const char* name) { return fs::path(GLIA_TESTS_DIR) / "reference" / "torch" / name; }

std::string bytes_of(const fs::path& path) {
  const auto bytes = io::read_file(path);
  return {bytes.begin(), bytes.end()};
}

std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string word(const std::string& text) { return "X" + little(text.size(), 4) + text; }

std::string pickle_error(const std::string& body) {
  const std::string bytes = "\x80\x02" + body;
  return error_of<glia::FormatError>([&] { io::read_pickle(io::ByteSource(io::as_bytes(bytes))); });
}

// A pickle of one tensor: storage of `elements` floats, offset, shape and strides as opcodes.
std::string tensor_pickle(const std::string& elements, const std::string& offset, const std::string& shape,
                          const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + word("storage") + "ctorch\nFloatStorage\n" + word("0") +
         word("cpu") + elements + "tQ" + offset + shape + strides + "\x89)tR.";
}

void check_contents(const io::TorchFile& file) {
  const auto grid = file.get<float>("state_dict.grid");
  CHECK(grid.shape() == Shape{2, 3, 4});
  CHECK(grid.to_vector()[23] == 23.0f / 8);
  const auto transposed = file.get<float>("state_dict.transposed");
  CHECK(transposed.shape() == Shape{4, 2, 3});
  CHECK(transposed.to_vector() == grid.permute({2, 0, 1}).contiguous().to_vector());
  CHECK(file.get<float>("state_dict.sliced").to_vector() ==
        std::vector<float>{4 / 8.0f, 6 / 8.0f, 8 / 8.0f, 10 / 8.0f, 16 / 8.0f, 18 / 8.0f, 20 / 8.0f, 22 / 8.0f});
  CHECK(file.get<float>("state_dict.expanded").to_vector() == std::vector<float>{1.5f, 1.5f, 1.5f, -2, -2, -2});
  CHECK(file.get<double>("state_dict.double").to_vector() == std::vector<double>{1.0 / 3, -1e300});
  CHECK(file.get_as<float>("state_dict.half").to_vector() == std::vector<float>{1.5f, -2, 65504, 5.9604645e-8f});
  CHECK(file.get_as<float>("state_dict.bfloat16").to_vector()[1] == -3.140625f);
  CHECK(file.get<std::int64_t>("state_dict.long").item() == -9'000'000'000);
  CHECK(file.get<std::int32_t>("state_dict.int").to_vector() == std::vector<std::int32_t>{7, -9});
  CHECK(file.get_as<std::int32_t>("state_dict.short").to_vector() == std::vector<std::int32_t>{-300, 300});
  CHECK(file.get_as<std::int32_t>("state_dict.char").to_vector() == std::vector<std::int32_t>{-128, 127});
  CHECK(file.get<std::uint8_t>("state_dict.byte").to_vector() == std::vector<std::uint8_t>{0, 127, 255});
  CHECK(file.get_as<float>("state_dict.bool").to_vector() == std::vector<float>{1, 0, 1});
  CHECK(file.get<float>("state_dict.empty").shape() == Shape{0, 4});
  CHECK(file.get<float>("state_dict.parameter").to_vector() == std::vector<float>{0.25f, -0.5f});
  CHECK(file.get<float>("optimizer.state.0.exp_avg").shape() == Shape{3, 4});
  CHECK(file.entries().size() == 17);

  const std::map<std::string, std::string> notes(file.notes().begin(), file.notes().end());
  CHECK(notes.at("epoch") == "7");
  CHECK(notes.at("best") == "0.75");
  CHECK(notes.at("name") == "süß");
  CHECK(notes.at("done") == "true");
  CHECK(notes.at("negative") == "-5");
  CHECK(notes.at("wide") == "-1099511627776");
  CHECK(notes.at("size.1") == "4");
  CHECK(notes.at("optimizer.param_groups.0.lr") == "0.1");
  CHECK(notes.count("big") == 0);
  CHECK(contains(error_of<glia::FormatError>([&] { file.get<float>("state_dict.double"); }), "holds F64, not F32"));
  CHECK(contains(error_of<glia::FormatError>([&] { file.get_as<std::int32_t>("state_dict.grid"); }), "does not convert to int32"));
  CHECK(contains(error_of<glia::FormatError>([&] { file.get<float>("weight"); }), "has no tensor \"weight\""));
}

}  // namespace

TEST_CASE("torch files: the zip and the legacy format give what PyTorch wrote") {
  check_contents(io::load_torch(reference("zip.pt")));
  check_contents(io::load_torch(reference("legacy.pt")));
  for (const char* name : {"protocol3.pt", "protocol4.pt", "protocol5.pt"}) {
    const auto file = io::load_torch(reference(name));
    CHECK(file.get<float>("grid").to_vector()[5] == 5.0f / 8);
    CHECK(file.notes().at(0) == std::pair<std::string, std::string>{"epoch", "7"});
  }
}

TEST_CASE("torch files: classes and functions are refused by name and never run") {
  for (const char* name : {"evil.pt", "evil_legacy.pt"}) {
    const std::string message = error_of<glia::FormatError>([&] { io::load_torch(reference(name)); });
    CHECK(contains(message, "refuses posix.system"));
    CHECK(contains(message, name));
    CHECK(contains(message, "byte "));
  }
  CHECK_FALSE(fs::exists("glia_torch_file_was_executed"));
  CHECK(contains(error_of<glia::FormatError>([] { io::load_torch(reference("namespace.pt")); }), "refuses argparse.Namespace"));
  CHECK(contains(error_of<glia::FormatError>([] { io::load_torch(reference("module.pt")); }), "refuses torch.nn.modules.linear.Linear"));
  CHECK(contains(error_of<glia::FormatError>([] { io::load_torch(reference("compressed.pt")); }), "is compressed (method 8)"));
}

TEST_CASE("pickle: every wrong program ends in a FormatError") {
  CHECK(pickle_error("K\x05.") == "accepted");
  CHECK(contains(pickle_error("cbuiltins\neval\n" + word("1") + "\x85R."), "byte 2: refuses builtins.eval"));
  CHECK(contains(pickle_error(word("os") + word("system") + "\x93."), "refuses os.system"));
  CHECK(contains(pickle_error("(ios\nsystem\n."), "refuses os.system"));
  CHECK(contains(pickle_error("ccollections\nOrderedDict\n)\x81."), "refuses an object of a class"));
  CHECK(contains(pickle_error("C\x01x."), "refuses bytes"));
  CHECK(contains(pickle_error("\x8f."), "refuses a set"));
  CHECK(contains(pickle_error("\x82\x01."), "refuses an extension code"));
  CHECK(contains(pickle_error("]}b."), "OrderedDict to attach"));
  CHECK(contains(pickle_error("."), "empty stack"));
  CHECK(contains(pickle_error("(."), "empty stack"));
  CHECK(contains(pickle_error("t."), "a mark that is not there"));
  CHECK(contains(pickle_error("h\x07."), "recalls value 7"));
  CHECK(contains(pickle_error("q\x01."), "remembers a value that is not there"));
  CHECK(contains(pickle_error("Na."), "expects a list"));
  CHECK(contains(pickle_error("NNa."), "expects a list"));
  CHECK(contains(pickle_error("}(NU\x01k"
                              "Nu."),
                 "has no value"));
  CHECK(contains(pickle_error("X\xff\xff\xff\x7f"
                              "abc"),
                 "ends where 2147483647 more bytes"));
  CHECK(contains(pickle_error("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                              "abc"),
                 "more bytes were expected"));
  CHECK(contains(pickle_error("\x8b\xff\xff\xff\xff"), "more bytes were expected"));
  CHECK(contains(pickle_error("K"), "more bytes were expected"));
  CHECK(contains(pickle_error("N)R."), "no function"));
  CHECK(contains(pickle_error("ctorch\nFloatStorage\n)R."), "a call of torch.FloatStorage"));
  CHECK(contains(pickle_error("I01\n."), "outdated pickle opcode 73"));
  CHECK(contains(pickle_error("(" + word("module") + "NNNNtQ."), "no tensor storage"));
  const std::string nine = "\x80\x09N.";
  CHECK(contains(error_of<glia::FormatError>([&] { io::read_pickle(io::ByteSource(io::as_bytes(nine))); }), "protocol 9"));
}

TEST_CASE("pickle: a small file cannot describe containers of any size") {
  // A remembered list of 60,000 pairs, made into an OrderedDict again and again: 12 bytes for 120,000 items each time.
  std::string program = "](K\x01K\x02\x86q\x02";
  for (int i = 1; i < 60'000; ++i) program += "h\x02";
  program +=
      "eq\x01"
      "0";
  for (int i = 0; i < 200; ++i) program += "ccollections\nOrderedDict\nh\x01\x85R0";
  CHECK(contains(pickle_error(program + "N."), "items in its containers"));
}

TEST_CASE("pickle: tensors stay inside their storage") {
  const std::string zero("K\0", 2), one = "K\x01", six = "K\x06";
  const std::string two_three = "K\x02K\x03\x86", rows = "K\x03K\x01\x86";
  CHECK(pickle_error(tensor_pickle(six, zero, two_three, rows)) == "accepted");
  CHECK(contains(pickle_error(tensor_pickle(six, one, two_three, rows)), "offset 1 leaves its storage of 6 elements"));
  CHECK(contains(pickle_error(tensor_pickle("K\x05", zero, two_three, rows)), "leaves its storage of 5"));
  CHECK(contains(pickle_error(tensor_pickle(six, zero, two_three, "K\x01\x85")), "with strides"));
  CHECK(contains(pickle_error(tensor_pickle(six, zero, two_three, "J\xff\xff\xff\xffK\x01\x86")), "is not a count"));
  const std::string huge = "\x8a\x08" + little(0x7fffffffffffffffu, 8);
  CHECK(contains(pickle_error(tensor_pickle(huge, zero, two_three, rows)), "is too large"));
  CHECK(contains(pickle_error(tensor_pickle(six, huge, two_three, rows)), "leaves its storage"));
  CHECK(contains(pickle_error(tensor_pickle(six, zero, huge + huge + "\x86", rows)), "too many elements"));
  CHECK(contains(pickle_error(tensor_pickle(six, zero, two_three, huge + huge + "\x86")), "leaves its storage"));
  const std::string million = "J" + little(20'000'000, 4);
  CHECK(
      contains(pickle_error(tensor_pickle(six, zero, million + "\x85", zero + "\x85")), "in a storage of 6 elements"));
}

TEST_CASE("torch files: damage is reported with file and byte") {
  const fs::path folder = fs::temp_directory_path() / ("glia_torch_files_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto error_with = [&](const std::string& bytes, const io::TorchReadOptions& options = {}) {
    const fs::path path = folder / "damaged.pt";
    std::ofstream(path, std::ios::binary) << bytes;
    return error_of<glia::FormatError>([&] {
      const io::TorchFile file(path, options);
      for (const auto& entry : file.entries()) file.get_as<double>(entry.name);
    });
  };
  const std::string zip = bytes_of(reference("protocol4.pt")), legacy = bytes_of(reference("legacy.pt"));
  CHECK(error_with(zip) == "accepted");
  CHECK(contains(error_with(""), "too few"));
  CHECK(contains(error_with("hello, world"), "no PyTorch file"));
  CHECK(contains(error_with("\x80\x02}."), "legacy format"));
  CHECK(contains(error_with(zip.substr(0, zip.size() - 30)), "cut off"));
  CHECK(contains(error_with(legacy.substr(0, legacy.size() - 30)), "leaves the file"));
  CHECK(contains(error_with(legacy.substr(0, 300)), "more bytes were expected"));
  // One element of the tensor changes: the checksum finds it, and is not asked when the reader says so.
  std::string changed = zip;
  const std::string value("\0\0\xa0\x3f", 4);  // 1.25, the tenth element
  REQUIRE(changed.find(value) != std::string::npos);
  changed[changed.find(value)] = 1;
  CHECK(contains(error_with(changed), "checksum"));
  CHECK(error_with(changed, {.verify = false}) == "accepted");
  // Values that contain each other do not make the reader run forever: 40 lists, each twice in the next one.
  std::string nested = "\x80\x02]q";
  nested += '\0';
  for (int i = 1; i < 40; ++i)
    nested +=
        std::string("](h") + static_cast<char>(i - 1) + "h" + static_cast<char>(i - 1) + "eq" + static_cast<char>(i);
  nested += ".";
  const io::PickleTree tree = io::read_pickle(io::ByteSource(io::as_bytes(nested)));
  io::TorchContents out;
  CHECK(contains(error_of<glia::FormatError>([&] { io::detail::TorchLister(io::ByteSource(io::as_bytes(nested)), tree).list(out); }),
                 "nested more than"));
  const std::string itself =
      "\x80\x02]q\x01h\x01"
      "a.";
  const io::PickleTree loop = io::read_pickle(io::ByteSource(io::as_bytes(itself)));
  const io::ByteSource source(io::as_bytes(itself));
  CHECK(contains(error_of<glia::FormatError>([&] { io::detail::TorchLister(source, loop).list(out); }), "nested more than"));
  fs::remove_all(folder);
}
