#include <glia/io/checkpoint.hpp>
#include <glia/nn/module.hpp>

#include "../support/errors.hpp"
#include "../support/folder.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <string>

namespace io = glia::io;
namespace nn = glia::nn;
namespace fs = std::filesystem;
using glia::Tensor;

namespace {

using glia_test::contains;
using glia_test::Folder;
using glia_test::error_of;

struct Layer {
  nn::Parameter<float> weight;
  nn::Buffer<double> mean;
  nn::Parameter<float> absent;  // undefined, as a missing bias
  nn::RandomState noise;
  explicit Layer(float value = 0) : weight(glia::full({2, 3}, value)), mean(glia::full<double>({3}, value)) {
    noise.generator = glia::Generator(static_cast<std::uint64_t>(value) * 0x123456789abcdefu, 77);
  }
  GLIA_MEMBERS(weight, mean, absent, noise)
};

struct Net {
  Layer stem;
  std::array<Layer, 2> blocks;
  explicit Net(float value = 0) : stem(value), blocks{Layer(value + 1), Layer(value + 2)} {}
  GLIA_MEMBERS(stem, blocks)
};

struct WithExtra {
  Layer stem{9};
  nn::Parameter<float> extra{glia::ones({2})};
  GLIA_MEMBERS(stem, extra)
};

struct WithHead {
  Layer stem{1};
  nn::Parameter<float> head{glia::ones({4})};
  GLIA_MEMBERS(stem, head)
};

struct Narrow {
  nn::Buffer<float> mean{glia::zeros({3})};
  GLIA_MEMBERS(mean)
};

// Anything with visit_state saves as an optimizer does.
struct Momentum {
  Tensor<float> buffer = glia::zeros({4});
  std::int64_t steps = 0;
  double rate = 0.1;
  template <class V>
  void visit_state(V&& visitor) {
    visitor(std::string("buffer"), buffer);
    visitor(std::string("steps"), steps);
    visitor(std::string("rate"), rate);
  }
};

// Collects warnings while it lives.
struct Warnings {
  std::string text;
  glia::WarningHandler before = glia::set_warning_handler([this](std::string_view part) { text += part; });
  ~Warnings() { glia::set_warning_handler(before); }
};

}  // namespace

TEST_CASE("checkpoint: module, optimizer, random states, tensors, numbers and texts come back exactly") {
  const Folder folder;
  const fs::path path = folder.path / "run.safetensors";
  Net net(5);
  Momentum momentum;
  momentum.buffer = glia::arange<float>(4);
  momentum.steps = 123456789012345;
  momentum.rate = 0.1 + 0.2;
  io::Checkpoint()
      .add_module("model", net)
      .add_optimizer("optimizer", momentum)
      .add_tensor("order", glia::arange<std::int64_t>(5))
      .set("epoch", 7)
      .set("loss", 1.0 / 3)
      .set("nothing", std::numeric_limits<double>::quiet_NaN())
      .set("seed", std::numeric_limits<std::uint64_t>::max())
      .set("best", true)
      .set("preset", "fast \"x\"\n")
      .save(path);

  Net other(0);
  Momentum fresh;
  const auto file = io::load_checkpoint(path);
  CHECK_FALSE(file.is_previous());
  CHECK(file.load_module("model", other).clean());
  CHECK(file.load_optimizer("optimizer", fresh).clean());
  CHECK(other.stem.weight.tensor().to_vector() == std::vector<float>(6, 5));
  CHECK(other.stem.weight.requires_grad());
  CHECK(other.blocks[1].mean.tensor().to_vector() == std::vector<double>(3, 7));
  CHECK(other.blocks[0].noise.generator == net.blocks[0].noise.generator);
  CHECK(other.stem.noise.generator.counter == 77);
  CHECK(fresh.buffer.to_vector() == std::vector<float>{0, 1, 2, 3});
  CHECK(fresh.steps == 123456789012345);
  CHECK(fresh.rate == 0.1 + 0.2);
  CHECK(file.tensor<std::int64_t>("order").numel() == 5);
  CHECK(file.number("epoch") == 7);
  CHECK(file.number<double>("loss") == 1.0 / 3);
  CHECK(std::isnan(file.number<double>("nothing")));
  CHECK(file.number<std::uint64_t>("seed") == std::numeric_limits<std::uint64_t>::max());
  CHECK(file.number<bool>("best"));
  CHECK(file.text("preset") == "fast \"x\"\n");
  CHECK(file.contains("epoch"));
  CHECK_FALSE(file.contains("missing"));
  CHECK(contains(error_of<glia::FormatError>([&] { file.number("missing"); }), "has no entry \"missing\""));
  CHECK(contains(error_of<glia::FormatError>([&] { file.number("preset"); }), "is not such a number"));
  CHECK(contains(error_of<glia::FormatError>([&] { file.number<int>("seed"); }), "is not such a number"));
}

TEST_CASE("checkpoint: what does not fit is listed by name, and nothing is changed") {
  const Folder folder;
  const fs::path path = folder.path / "run.safetensors";
  WithExtra source;
  source.stem.weight = nn::Parameter<float>(glia::ones({3, 2}));
  io::Checkpoint().add_module("", source).save(path);
  WithHead target;
  const auto file = io::load_checkpoint(path);
  CHECK(error_of<glia::FormatError>([&] { file.load_module("", target); }) ==
        "load_module: \"" + path.string() +
            "\" does not fit: missing: head; unexpected: extra; mismatched: stem.weight ([3, 2] in the file, [2, 3] "
            "here)");
  CHECK(target.stem.mean.tensor().to_vector() == std::vector<double>(3, 1));
  const auto report = file.load_module("", target, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"head"});
  CHECK(report.unexpected == std::vector<std::string>{"extra"});
  CHECK(report.mismatched.size() == 1);
  CHECK(target.stem.mean.tensor().to_vector() == std::vector<double>(3, 9));
  CHECK(target.stem.weight.tensor().to_vector() == std::vector<float>(6, 1));
  Narrow narrow;
  CHECK(contains(error_of<glia::FormatError>([&] { file.load_module("stem", narrow); }),
                 "mismatched: stem.mean (F64 in the file, F32 here)"));
  CHECK(file.load_module("stem", narrow, {.strict = false, .convert = true}).mismatched.empty());
  CHECK(narrow.mean.tensor().to_vector() == std::vector<float>(3, 9));
  Momentum momentum;
  CHECK(contains(error_of<glia::FormatError>([&] { file.load_optimizer("optimizer", momentum); }),
                 "missing: optimizer.buffer, optimizer.steps, optimizer.rate"));
}

TEST_CASE("checkpoint: what could not be read back is refused when it is written") {
  const Folder folder;
  const auto file = folder.path / "run.safetensors";
  io::Checkpoint().set("path", std::string("caf\xc3\xa9")).save(file);
  CHECK_THROWS_WITH_AS(io::Checkpoint().set("path", std::string("caf\xe9")).save(file),
                       doctest::Contains("is not UTF-8"), glia::FormatError);
  CHECK(io::load_checkpoint(file).text("path") == "caf\xc3\xa9");
}

TEST_CASE("checkpoint: an unreadable newest file gives way to the previous one, with a warning") {
  const Folder folder;
  const fs::path path = folder.path / "run.safetensors";
  io::Checkpoint().set("epoch", 1).save(path);
  io::Checkpoint().set("epoch", 2).save(path);
  CHECK(io::load_checkpoint(path).number("epoch") == 2);
  for (const bool gone : {false, true}) {
    if (gone) {
      fs::remove(path);
    } else {
      fs::resize_file(path, 20);
    }
    const Warnings warnings;
    const auto file = io::load_checkpoint(path);
    CHECK(file.number("epoch") == 1);
    CHECK(file.is_previous());
    CHECK(contains(file.problem(), gone ? "cannot open" : "does not fit"));
    CHECK(contains(warnings.text, "using the previous one"));
  }
  // Nor does an unreadable one replace the previous one when the run goes on.
  io::Checkpoint().set("epoch", 2).save(path);
  fs::resize_file(path, 20);
  io::Checkpoint().set("epoch", 3).save(path);
  CHECK(io::load_checkpoint(path).number("epoch") == 3);
  CHECK(io::load_checkpoint(io::previous_path(path)).number("epoch") == 1);
  fs::remove(path);
  fs::resize_file(io::previous_path(path), 3);
  CHECK_THROWS_AS(io::load_checkpoint(path), io::FileError);
  CHECK_THROWS_AS(io::load_checkpoint(folder.path / "never"), io::FileError);
}

namespace {

// Runs f in a child process that dies without cleaning up; returns its wait status.
template <class F>
int in_child(F&& f) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    try {
      f();
    } catch (...) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

// A checkpoint whose every element tells the step.
void save_step(const fs::path& path, int step) {
  std::vector<float> values(5000, static_cast<float>(step));
  io::Checkpoint().set("step", step).add_tensor("x", glia::from_vector(values)).save(path, {.sync = false});
}

// The step of a checkpoint that is whole, or -1.
int readable_step(const fs::path& path) {
  const Warnings quiet;
  const auto file = io::load_checkpoint(path);
  const auto step = file.number<int>("step");
  for (const float value : file.tensor<float>("x").to_vector())
    if (value != static_cast<float>(step)) return -1;
  return step;
}

}  // namespace

TEST_CASE("checkpoint: a writer killed at any byte of the file leaves the old checkpoint") {
  const Folder folder;
  const fs::path path = folder.path / "run.safetensors";
  save_step(path, 1);
  const auto size = fs::file_size(path);
  for (const std::uintmax_t limit :
       {std::uintmax_t{0}, std::uintmax_t{1}, std::uintmax_t{8}, std::uintmax_t{50}, size / 3, size / 2, size - 1}) {
    const int status = in_child([&] {
      // The kernel kills the writer at the byte that passes the limit.
      const ::rlimit bytes{limit, limit};
      std::signal(SIGXFSZ, SIG_DFL);
      const ::rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      ::setrlimit(RLIMIT_FSIZE, &bytes);
      save_step(path, 2);
    });
    CHECK(WIFSIGNALED(status));
    CHECK(readable_step(path) == 1);
  }
  // The next save sweeps away what the dead writers left.
  save_step(path, 3);
  CHECK(readable_step(path) == 3);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("checkpoint: a writer killed at random moments leaves the old or the new checkpoint") {
  const Folder folder;
  const fs::path path = folder.path / "run.safetensors";
  save_step(path, 1);
  std::uint64_t state = 12345;
  int last = 1;
  for (int round = 0; round < 60; ++round) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto delay = static_cast<::useconds_t>((state >> 33) % 20000);
    const ::pid_t child = ::fork();
    if (child == 0) {
      for (int step = last + 1;; ++step) save_step(path, step);
    }
    ::usleep(delay);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const int step = readable_step(path);
    CHECK(step >= last);
    last = step;
  }
  CHECK(last > 1);
}
