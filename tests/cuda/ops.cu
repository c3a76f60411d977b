// Every op with CUDA kernels of its own on the device against the CPU: values and gradients in double, gradient checks
// on the device, bitwise repetition, empty inputs. The whole family runs from one table, as tests/op_table does on the
// CPU.

#include <glia/autograd/gradcheck.hpp>
#include <glia/cuda.hpp>
#include <glia/ops/batch_norm_silu.hpp>
#include <glia/ops/conv_transpose.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/indexing.hpp>
#include <glia/ops/matmul.hpp>
#include <glia/ops/normalization.hpp>
#include <glia/ops/pool.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/ops/scan.hpp>
#include <glia/ops/sort.hpp>
#include <glia/spiking/qcfs.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

using glia::Axes;
using glia::Cpu;
using glia::Cuda;
using glia::Index;
using glia::Shape;
using glia::Tensor;

namespace {

template <class D>
using Doubles = std::vector<Tensor<double, D>>;

struct Row {
  const char* name;
  std::function<Tensor<double>(const Doubles<Cpu>&)> host;
  std::function<Tensor<double, Cuda>(const Doubles<Cuda>&)> device;
  std::vector<std::vector<Shape>> samples;
  bool twice = false;  // also check second derivatives (they go through other kernels here)
};
template <class F>
Row row(const char* name, F f, std::vector<std::vector<Shape>> samples, bool twice = false) {
  return {name, f, f, std::move(samples), twice};
}

template <class D>
Tensor<std::int64_t, D> indices(const Doubles<D>&, std::initializer_list<std::int64_t> values, const Shape& shape) {
  return glia::tensor<std::int64_t, D>(values, shape);
}

std::vector<Row> rows() {
  using glia::Conv2dOptions;
  const std::vector<std::vector<Shape>> matrices = {{{3, 5}}, {{2, 3, 4}}, {{1, 1}}, {{0, 3}}};
  return {
      row("softmax", [](const auto& x) { return glia::softmax(x[0]); }, {{{3, 5}}, {{2, 2000}}, {{0, 3}}}),
      row("softmax first axis", [](const auto& x) { return glia::softmax(x[0], 0); }, {{{5, 3}}, {{3, 0}}}),
      row(
          "log_softmax", [](const auto& x) { return glia::log_softmax(x[0]); }, matrices),
      row(
          "logsumexp", [](const auto& x) { return glia::logsumexp(x[0], -1); }, matrices),
      row("cross_entropy",
          [](const auto& x) {
            return glia::cross_entropy(x[0], indices(x, {1, 0, 4, -100}, {4}), {.label_smoothing = 0.1}, x[1].detach());
          },
          {{{4, 5}, {5}}}),
      row("cross_entropy soft targets", [](const auto& x) { return glia::cross_entropy(x[0], x[1]); },
          {{{4, 5}, {4, 5}}}),
      row("batch_norm", [](const auto& x) { return glia::batch_norm(x[0], x[1], x[2]).output; },
          {{{7, 3}, {3}, {3}}, {{2, 3, 4, 6}, {6}, {6}}}),
      row("batch_norm relu residual",
          [](const auto& x) { return glia::batch_norm(x[0], x[1], x[2], {.relu = true}, x[3]).output; },
          {{{9, 4}, {4}, {4}, {9, 4}}}),
      row("batch_norm_silu",
          [](const auto& x) { return glia::batch_norm_silu(x[0], x[1], x[2], {}, x[3]).output; },
          {{{7, 3}, {3}, {3}, {7, 3}}, {{2, 3, 4, 6}, {6}, {6}, {2, 3, 4, 6}}}),
      row("batch_norm_silu_inference",
          [](const auto& x) { return glia::batch_norm_silu_inference(x[0], x[1], glia::mul(x[1], x[1])); },
          {{{5, 3}, {3}}}),
      row("batch_norm_inference",
          [](const auto& x) { return glia::batch_norm_inference(x[0], x[1], glia::mul(x[1], x[1])); }, {{{5, 3}, {3}}}),
      row("layer_norm", [](const auto& x) { return glia::layer_norm(x[0], x[1], x[2]); },
          {{{3, 6}, {6}, {6}}, {{2, 1500}, {1500}, {1500}}}),
      row("group_norm", [](const auto& x) { return glia::group_norm(x[0], 2, x[1], x[2]); },
          {{{2, 3, 2, 4}, {4}, {4}}}),
      row("max_pool2d", [](const auto& x) { return glia::max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); },
          {{{2, 5, 6, 3}}}),
      row("avg_pool2d",
          [](const auto& x) {
            return glia::avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false});
          },
          {{{2, 5, 6, 3}}}),
      row("adaptive_avg_pool2d", [](const auto& x) { return glia::adaptive_avg_pool2d(x[0], 3, 2); }, {{{2, 5, 7, 2}}}),
      row("global_mean_pool", [](const auto& x) { return glia::global_mean_pool(x[0]); }, {{{2, 4, 4, 3}}}),
      row(
          "conv2d", [](const auto& x) { return glia::conv2d(x[0], x[1], x[2], {.padding = 1}); },
          {{{2, 5, 4, 3}, {4, 3, 3, 3}, {4}}, {{0, 5, 4, 3}, {4, 3, 3, 3}, {4}}}, true),
      row("conv2d stride, dilation",
          [](const auto& x) { return glia::conv2d(x[0], x[1], {}, {.stride = 2, .padding = 2, .dilation = 2}); },
          {{{1, 7, 6, 2}, {3, 3, 2, 2}}}),
      row("conv2d groups", [](const auto& x) { return glia::conv2d(x[0], x[1], {}, {.padding = 1, .groups = 2}); },
          {{{2, 4, 4, 4}, {6, 3, 3, 2}}}),
      row("conv2d pointwise", [](const auto& x) { return glia::conv2d(x[0], x[1]); }, {{{2, 3, 3, 4}, {5, 1, 1, 4}}}),
      row("conv_transpose2d",
          [](const auto& x) {
            return glia::conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1, .output_padding = 1});
          },
          {{{2, 3, 3, 4}, {4, 3, 3, 2}, {2}}}),
      row(
          "gather",
          [](const auto& x) {
            return glia::gather(x[0], 1, indices(x, {0, 2, 2, 1, 0, 0}, {2, 3}));
          },
          {{{2, 3}}}, true),
      row("scatter_add",
          [](const auto& x) {
            return glia::scatter_add(x[0], 1, indices(x, {0, 2, 2, 1, 0, 0}, {2, 3}), x[1]);
          },
          {{{2, 4}, {2, 3}}}),
      row(
          "index_select",
          [](const auto& x) {
            return glia::index_select(x[0], 1, indices(x, {2, 0, 2, 2}, {4}));
          },
          {{{2, 3, 5}}}, true),
      row("index_add",
          [](const auto& x) {
            return glia::index_add(x[0], 0, indices(x, {1, 0, 1}, {3}), x[1]);
          },
          {{{2, 4}, {3, 4}}}),
      row("embedding",
          [](const auto& x) {
            return glia::embedding(x[0], indices(x, {3, 0, 3, 1}, {2, 2}));
          },
          {{{4, 3}}}),
      row("sort", [](const auto& x) { return glia::sort(x[0], 0, true).values; }, {{{5, 3}}, {{1, 1}}}),
      row("topk", [](const auto& x) { return glia::topk(x[0], 2, -1).values; }, {{{3, 5}}}),
      row("cumsum", [](const auto& x) { return glia::cumsum(x[0], -1); }, {{{3, 5}}, {{2, 3000}}}),
      row("cumsum reversed", [](const auto& x) { return glia::cumsum(x[0], 0, true); }, {{{5, 3}}}),
      row("max", [](const auto& x) { return glia::max(x[0], -1); }, {{{3, 5}}}),
      row("norm", [](const auto& x) { return glia::norm(x[0], 0); }, {{{3, 5}}}),
      row("prod", [](const auto& x) { return glia::prod(x[0], -1); }, {{{3, 4}}}),
  };
}

struct Results {
  std::vector<double> value;
  std::vector<std::vector<double>> gradients;
};

template <class D, class F>
Results results(const F& f, const Doubles<Cpu>& inputs) {
  Doubles<D> leaves;
  for (const auto& x : inputs) leaves.push_back(x.template to<D>().detach().clone().set_requires_grad());
  const auto y = f(leaves);
  Results out{y.to_vector(), {}};
  glia::Generator generator(5);
  y.backward(glia::rand<double>(y.shape(), generator, 0.5, 1.5).template to<D>());
  for (const auto& x : leaves)
    out.gradients.push_back(x.grad().defined() ? x.grad().to_vector() : std::vector<double>());
  return out;
}

}  // namespace

CUDA_TEST_CASE("cuda ops: values and gradients agree with the CPU and repeat bitwise") {
  for (const Row& r : rows())
    for (const auto& shapes : r.samples) {
      CAPTURE(r.name);
      glia::Generator generator(17);
      Doubles<Cpu> inputs;
      for (const Shape& shape : shapes) inputs.push_back(glia::rand<double>(shape, generator, 0.3, 2.0));
      const Results expected = results<Cpu>(r.host, inputs), actual = results<Cuda>(r.device, inputs),
                    again = results<Cuda>(r.device, inputs);
      CHECK_NEAR(actual.value, expected.value, {1e-11, 1e-12});
      CHECK(again.value == actual.value);
      REQUIRE(actual.gradients.size() == expected.gradients.size());
      for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
        CAPTURE(i);
        CHECK_NEAR(actual.gradients[i], expected.gradients[i], {1e-9, 1e-11});
        CHECK(again.gradients[i] == actual.gradients[i]);
      }
    }
}

CUDA_TEST_CASE("cuda ops: gradients agree with differences on the device") {
  for (const Row& r : rows()) {
    CAPTURE(r.name);
    glia::Generator generator(18);
    Doubles<Cuda> points;
    for (const Shape& shape : r.samples[0]) points.push_back(glia::rand<double>(shape, generator, 0.3, 2.0).to<Cuda>());
    CHECK_EQ(glia::gradcheck(r.device, points).message, std::string());
    if (r.twice) CHECK_EQ(glia::gradgradcheck(r.device, points).message, std::string());
  }
}

namespace {

template <class D, class F>
std::vector<std::vector<float>> in_float(const F& f, const std::vector<Tensor<float>>& inputs) {
  std::vector<Tensor<float, D>> leaves;
  for (const auto& x : inputs) leaves.push_back(x.template to<D>().detach().clone().set_requires_grad());
  const auto y = f(leaves);
  glia::sum(y * y).backward();
  std::vector<std::vector<float>> out{y.to_vector()};
  for (const auto& x : leaves) out.push_back(x.grad().to_vector());
  return out;
}
template <class F>
void floats_agree(const F& f, const std::vector<Shape>& shapes, double relative, double absolute) {
  glia::Generator generator(19);
  std::vector<Tensor<float>> inputs;
  for (const Shape& shape : shapes) inputs.push_back(glia::randn(shape, generator));
  const auto expected = in_float<Cpu>(f, inputs), actual = in_float<Cuda>(f, inputs), again = in_float<Cuda>(f, inputs);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK_NEAR(actual[i], expected[i], {relative, absolute});
    CHECK(again[i] == actual[i]);
  }
}

}  // namespace

CUDA_TEST_CASE("cuda ops: float convolutions, most of them by cuDNN") {
  struct Sizes {
    Index batch, extent, in, out, kernel, stride, padding, dilation, groups;
  };
  for (const Sizes& s :
       {Sizes{8, 16, 16, 32, 3, 1, 1, 1, 1}, Sizes{4, 15, 8, 8, 3, 2, 1, 1, 1}, Sizes{2, 9, 3, 5, 5, 1, 2, 1, 1},
        Sizes{4, 8, 32, 64, 1, 1, 0, 1, 1}, Sizes{4, 8, 32, 64, 1, 2, 0, 1, 1}, Sizes{2, 12, 8, 8, 3, 1, 2, 2, 1},
        Sizes{2, 8, 8, 16, 3, 1, 1, 1, 4}, Sizes{2, 8, 16, 16, 3, 1, 1, 1, 16}, Sizes{0, 8, 4, 4, 3, 1, 1, 1, 1}}) {
    const glia::Conv2dOptions options{
        .stride = s.stride, .padding = s.padding, .dilation = s.dilation, .groups = s.groups};
    CAPTURE(s.in);
    CAPTURE(s.kernel);
    floats_agree([&](const auto& x) { return glia::conv2d(x[0], x[1], x[2], options); },
                 {{s.batch, s.extent, s.extent, s.in}, {s.out, s.kernel, s.kernel, s.in / s.groups}, {s.out}}, 1e-3,
                 1e-3);
  }
  // A search among the algorithms, and TF32 by name, give the same to their precision; without workspace there is still
  // a way.
  auto& settings = glia::cuda::convolution_settings();
  const auto conv = [](const auto& x) { return glia::conv2d(x[0], x[1], {}, {.padding = 1}); };
  const std::vector<Shape> shapes = {{8, 16, 16, 16}, {32, 3, 3, 16}};
  settings = {.search = true};
  floats_agree(conv, shapes, 1e-3, 1e-3);
  settings = {.workspace_limit = 0};
  floats_agree(conv, shapes, 1e-3, 1e-3);
  settings = {.tf32 = true};
  floats_agree(conv, shapes, 3e-2, 3e-1);
  settings = {};
}

namespace {

// Values and gradients of f in 16-bit floats on the device, as floats, against those of the same (rounded) numbers in
// float on the CPU.
template <class T, class F>
void narrow_floats_agree(const F& f, const std::vector<Shape>& shapes) {
  glia::Generator generator(24);
  std::vector<Tensor<float>> wide;
  std::vector<Tensor<T, Cuda>> narrow;
  for (const Shape& shape : shapes) {
    const auto rounded = glia::randn(shape, generator).cast<T>();
    narrow.push_back(rounded.template to<Cuda>().set_requires_grad());
    wide.push_back(rounded.template cast<float>().set_requires_grad());
  }
  const auto y = f(narrow).template cast<float>();
  const auto expected = f(wide);
  CHECK_NEAR(y, expected.to_vector(), {2e-2, 2e-2});
  glia::sum(y).backward();
  glia::sum(expected).backward();
  for (std::size_t i = 0; i < wide.size(); ++i)
    CHECK_NEAR(narrow[i].grad().template cast<float>(), wide[i].grad().to_vector(), {2e-2, 5e-1});
}

}  // namespace

CUDA_TEST_CASE("cuda ops: products and convolutions in bfloat16 and half") {
  const auto conv = [](const auto& x) { return glia::conv2d(x[0], x[1], {}, {.padding = 1}); };
  const auto grouped = [](const auto& x) { return glia::conv2d(x[0], x[1], {}, {.padding = 1, .groups = 2}); };
  const auto product = [](const auto& x) { return glia::matmul(x[0], x[1]); };
  narrow_floats_agree<glia::bfloat16>(conv, {{4, 8, 8, 16}, {32, 3, 3, 16}});
  narrow_floats_agree<glia::bfloat16>(grouped, {{2, 6, 6, 8}, {8, 3, 3, 4}});
  narrow_floats_agree<glia::bfloat16>(product, {{3, 33, 64}, {64, 17}});
  narrow_floats_agree<glia::half>(conv, {{4, 8, 8, 16}, {32, 3, 3, 16}});
  narrow_floats_agree<glia::half>(product, {{33, 64}, {64, 17}});
}

CUDA_TEST_CASE("cuda ops: float batch norm in packs and without") {
  for (const Index channels : {3, 8, 64})
    floats_agree([](const auto& x) { return glia::batch_norm(x[0], x[1], x[2], {.relu = true}, x[3]).output; },
                 {{500, channels}, {channels}, {channels}, {500, channels}}, 1e-3, 1e-3);
}

CUDA_TEST_CASE("cuda ops: whole numbers, positions, labels") {
  glia::Generator generator(20);
  const auto x = glia::randn({37, 1300}, generator);
  const auto y = x.to<Cuda>();
  for (const Index axis : {0, 1}) {
    CHECK(glia::argmax(y, axis).to_vector() == glia::argmax(x, axis).to_vector());
    CHECK(glia::argmin(y, axis).to_vector() == glia::argmin(x, axis).to_vector());
    CHECK(glia::argsort(y, axis).to_vector() == glia::argsort(x, axis).to_vector());
    CHECK(glia::argsort(y, axis, true).to_vector() == glia::argsort(x, axis, true).to_vector());
    CHECK(glia::topk(y, 5, axis).indices.to_vector() == glia::topk(x, 5, axis).indices.to_vector());
  }
  CHECK(glia::argmax(y).item() == glia::argmax(x).item());
  const auto counts = glia::tensor<std::int64_t>({3, 0, 2, 3, 1});
  CHECK(glia::cumsum(counts.to<Cuda>(), 0).to_vector() == glia::cumsum(counts, 0).to_vector());
  CHECK(glia::one_hot(counts.to<Cuda>(), 4).to_vector() == glia::one_hot(counts, 4).to_vector());
  const auto message = [](auto labels) {
    return glia_test::error_of<glia::IndexError>([&] { glia::one_hot(labels, 3); });
  };
  CHECK(message(counts.to<Cuda>()) == message(counts));
  glia::cuda::index_checks() = false;
  CHECK(glia::one_hot(counts.to<Cuda>(), 4).to_vector() == glia::one_hot(counts, 4).to_vector());
  glia::cuda::index_checks() = true;
  glia::Generator a(21), b(21);
  CHECK(glia::permutation<Cuda>(1000, a).to_vector() == glia::permutation(1000, b).to_vector());
  // Many indices for few rows: every sum in the order of the list, bitwise as on the CPU.
  const auto source = glia::randn({5000, 7}, generator);
  auto where = glia::Tensor<std::int64_t>::empty({5000});
  for (Index i = 0; i < 5000; ++i) where.mutable_data()[i] = static_cast<std::int64_t>(glia::random_below(22, 0, i, 9));
  const auto zeros = glia::zeros({9, 7});
  CHECK(glia::index_add(zeros.to<Cuda>(), 0, where.to<Cuda>(), source.to<Cuda>()).to_vector() ==
        glia::index_add(zeros, 0, where, source).to_vector());
}

CUDA_TEST_CASE("cuda ops: bounded activation") {
  glia::Generator generator(23);
  const auto z = glia::randn<double>({20001}, generator, 0.5), theta = glia::full<double>({1}, 1.7);
  const auto run = [](auto z_in, auto theta_in) {
    z_in.set_requires_grad(), theta_in.set_requires_grad();
    const auto out = glia::spiking::qcfs(z_in, theta_in, 4);
    glia::sum(out * out).backward();
    return std::vector{out.to_vector(), z_in.grad().to_vector(), theta_in.grad().to_vector()};
  };
  const auto expected = run(z.clone(), theta.clone()), actual = run(z.to<Cuda>(), theta.to<Cuda>());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(actual[i], expected[i], {1e-11, 1e-12});
}
