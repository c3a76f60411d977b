// The profiler: what it counts, how spans nest, the trace, and that steps after the first few ask the system for
// nothing.
#include <doctest/doctest.h>

#include <glia/io/json.hpp>
#include <glia/nn/containers.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/pool.hpp>
#include <glia/optim/adam.hpp>
#include <glia/train/profiler.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <sys/resource.h>

namespace {

namespace nn = glia::nn;
using glia::Index;
using glia::train::Profiler;
using glia::train::ProfileRow;

struct SmallNet {
  nn::Conv2d<> conv{{.in = 3, .out = 8, .kernel = 3, .padding = 1, .bias = false}};
  nn::BatchNorm<> norm{8, {.silu = true}};
  nn::Linear<> head{8, 5};
  GLIA_MEMBERS(conv, norm, head)

  glia::Tensor<> forward(const glia::Tensor<>& x) { return head(glia::global_mean_pool(norm(conv(x)))); }
};

struct Training {
  SmallNet net;
  glia::optim::AdamW<> optimizer{glia::parameters(net), {.learning_rate = 1e-3}};
  glia::Tensor<> images;
  glia::Tensor<std::int64_t> labels = glia::tensor<std::int64_t>({0, 1, 2, 3}, {4});

  explicit Training(Index size = 8) {
    glia::Generator generator(1);
    images = glia::randn({4, size, size, 3}, generator);
  }
  double step() {
    optimizer.zero_grad();
    auto loss = glia::cross_entropy(net.forward(images), labels);
    loss.backward();
    optimizer.step();
    return static_cast<double>(loss.item());
  }
};

const ProfileRow& row(const std::vector<ProfileRow>& rows, const std::string& name, const std::string& phase) {
  for (const auto& r : rows)
    if (r.name == name && r.phase == phase) return r;
  FAIL("no row ", name, " ", phase);
  return rows.front();
}

}  // namespace

TEST_CASE("a profile names ops, phases and modules, and its self times add up") {
  Training training;
  training.step();
  Profiler profiler;
  training.step();
  training.step();
  profiler.stop();
  CHECK_FALSE(glia::profile::collecting());

  const auto ops = profiler.by_op();
  CHECK(row(ops, "conv2d", "forward").calls == 2);
  CHECK(row(ops, "conv2d", "backward").calls == 2);
  CHECK(row(ops, "batch_norm_silu", "forward").calls == 2);
  CHECK(row(ops, "batch_norm_silu", "backward").calls == 2);
  CHECK(row(ops, "matmul", "forward").calls == 2);
  CHECK(row(ops, "matmul", "backward").calls == 2);  // the two products inside are part of the node's call
  CHECK(row(ops, "adamw", "update").calls == 2);
  CHECK(row(ops, "backward", "backward").calls == 2);

  // Two steps of conv: 4 * 8 * 8 pixels, 8 channels, 27 products each, and its three passes are one of each.
  const std::int64_t products = 2 * 2 * 4 * 64 * 8 * 27;
  CHECK(row(ops, "conv2d forward", "forward").counters.flops == products);
  CHECK(row(ops, "conv2d weight", "backward").counters.flops == products);
  CHECK(row(ops, "matmul", "forward").counters.flops == 2 * 2 * 4 * 8 * 5);
  // The fused normalisation reads x, scale and offset and writes the output.
  CHECK(row(ops, "batch_norm_silu", "forward").counters.bytes == 2 * 4 * (2 * 4 * 64 * 8 + 2 * 8));
  CHECK(row(ops, "conv2d forward", "forward").counters.allocations == 2);
  CHECK(row(ops, "conv2d forward", "forward").counters.allocated_bytes == 2 * 4 * 4 * 64 * 8);

  for (const auto& rows : {ops, profiler.by_path()}) {
    double self = 0;
    for (const auto& r : rows) {
      CHECK(r.self_ms >= 0);
      CHECK(r.self_ms <= r.total_ms + 1e-9);
      self += r.self_ms;
    }
    CHECK(self == doctest::Approx(profiler.busy_ms()).epsilon(1e-9));
  }
  CHECK(profiler.busy_ms() > 0);
  CHECK(profiler.busy_ms() <= profiler.wall_ms());

  const auto paths = profiler.by_path();
  CHECK(row(paths, "conv", "").counters.flops == 2 * products);  // forward and backward belong to the layer
  CHECK(row(paths, "head", "").counters.flops == 2 * 2 * 2 * 4 * 8 * 5 + 2 * 2 * 4 * 8 * 5);
  CHECK(row(paths, "norm", "").counters.bytes > 0);

  const std::string table = profiler.table(2);
  CHECK(table.find("conv2d weight") != std::string::npos);
  CHECK(table.find("2 steps") == 0);
}

TEST_CASE("the trace is valid JSON in which every span lies inside its parent") {
  Training training;
  Profiler profiler;
  {
    const glia::profile::Section section("a \"quoted\"\npath");
    training.step();
  }
  std::thread([] { glia::exp(glia::zeros({4})); }).join();
  profiler.stop();
  const std::string path = "glia_profiler_test_trace.json";
  profiler.write_trace(path);
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::remove(path.c_str());
  const auto trace = glia::io::parse_json(text.str());
  const auto& events = trace.at("traceEvents").items();
  REQUIRE(events.size() > 20);
  bool quoted = false, other_thread = false;
  std::vector<std::pair<double, double>> open;
  for (const auto& e : events) {
    CHECK(e.at("ph").as_string() == "X");
    quoted = quoted || e.at("name").as_string() == "a \"quoted\"\npath";
    if (e.at("tid").as_int() != 0) {
      other_thread = other_thread || e.at("name").as_string() == "exp";
      continue;
    }
    const double begin = e.at("ts").as_double(), end = begin + e.at("dur").as_double();
    while (!open.empty() && open.back().second <= begin) open.pop_back();
    if (!open.empty()) CHECK(end <= open.back().second + 1e-6);
    CHECK(begin >= 0);
    open.emplace_back(begin, end);
  }
  CHECK(quoted);
  CHECK(other_thread);
}

TEST_CASE("one profiler at a time; nothing is kept outside of one") {
  {
    Profiler first;
    CHECK_THROWS_WITH_AS(Profiler{}, "Profiler: another profiler is recording", glia::Error);
  }
  glia::exp(glia::zeros({4}));
  Profiler second;
  second.stop();
  second.stop();
  CHECK(second.by_op().empty());
  CHECK(second.busy_ms() == 0);
}

TEST_CASE("training steps after the first ask the system for no memory and cause no page faults") {
  if (glia::config::address_sanitizer) return;  // there the cache is off, so that errors are found
  Training training(32);
  training.step();
  training.step();
  const auto before = glia::cpu_allocator().statistics();
  rusage first{}, last{};
  getrusage(RUSAGE_SELF, &first);
  double loss = 0;
  for (int i = 0; i < 8; ++i) loss = training.step();
  getrusage(RUSAGE_SELF, &last);
  const auto after = glia::cpu_allocator().statistics();
  CHECK(loss > 0);
  CHECK(after.allocations > before.allocations + 8 * 10);
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.bytes_in_use == before.bytes_in_use);
  // One or two can come from the runtime's own stacks; a single buffer of this net that went back to the system would
  // cost 32. The thread sanitizer's own records of memory accesses fault in as they grow.
  if (!glia::config::thread_sanitizer) CHECK(last.ru_minflt - first.ru_minflt <= 4);
}
