// Layers of bfloat16: activations in 16 bits, parameters and running statistics in float, training with one switch.
#include <doctest/doctest.h>

#include <glia/io/checkpoint.hpp>
#include <glia/nn/activation.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/dropout.hpp>
#include <glia/nn/embedding.hpp>
#include <glia/nn/fold.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/nn/pooling.hpp>
#include <glia/nn/summary.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/spiking/layers.hpp>
#include <glia/spiking/qcfs.hpp>

#include "../support/folder.hpp"
#include "../support/rounding.hpp"
#include "support.hpp"

using namespace nn_test;
using glia::bfloat16;
using glia::Tensor;
using B16 = Tensor<bfloat16>;
using Linear64 = nn::Linear<Cpu, double>;

namespace {

template <class Device = Cpu, class T = float>
struct Net {
  nn::Conv2d<Device, T> stem{{.in = 1, .out = 8, .kernel = 3, .padding = 1, .bias = false}};
  nn::BatchNorm<Device, T> norm{8, {.relu = true}};
  nn::MaxPool2d<Device, T> pool{2};
  nn::Conv2d<Device, T> body{{.in = 8, .out = 8, .kernel = 3, .padding = 1}};
  nn::BatchNorm<Device, T> body_norm{8, {.silu = true}};
  nn::Linear<Device, T> head{8, 2};
  GLIA_MEMBERS(stem, norm, pool, body, body_norm, head)

  Tensor<T, Device> forward(const Tensor<T, Device>& x) {
    const auto y = pool(norm(stem(x)));
    return head(glia::global_mean_pool(body_norm(body(y), y)));
  }
};

// The values that a bfloat16 layer computes with, in double.
D64 rounded(const Tensor<float>& x) { return x.detach().cast<bfloat16>().cast<double>(); }

// `layer` against the same layer in double, with weights that are rounded if the former rounds its own.
template <class Layer, class Exact>
void check_outputs(Layer& layer, Exact& exact, const Shape& shape, bool rounds_parameters, double slack) {
  nn::copy_state(layer, exact);
  if (rounds_parameters)
    for (auto* p : parameter_list(exact)) {
      const glia::NoGrad plain;
      p->tensor().copy_(rounded(p->tensor().template cast<float>()));
    }
  const B16 x = normal(shape, 5).cast<bfloat16>();
  const B16 y = layer.forward(x);
  const D64 expected = exact.forward(x.cast<double>());
  CHECK_ROUNDED_ONCE(y, expected, slack);
}

// Gradients of the float parameters against those of the same layer in double on the same rounded numbers.
template <class Layer, class Exact>
void check_gradients_of(Layer& layer, Exact& exact, const Shape& shape, bool rounds_parameters) {
  check_outputs(layer, exact, shape, rounds_parameters, 1e-5);
  const auto forget = [](const std::string&, auto& object) {
    if constexpr (nn::is_parameter<std::remove_cvref_t<decltype(object)>>) object.tensor().zero_grad();
  };
  nn::visit(layer, forget), nn::visit(exact, forget);
  auto x = normal(shape, 6).cast<bfloat16>().set_requires_grad();
  auto x64 = x.detach().cast<double>().set_requires_grad();
  const auto y = layer.forward(x);
  const B16 direction = normal(y.shape(), 7).template cast<bfloat16>();
  glia::sum(y * direction).backward();
  glia::sum(exact.forward(x64) * direction.template cast<double>()).backward();
  CHECK_ROUNDED_ONCE(x.grad(), x64.grad(), 1e-5);
  std::vector<Tensor<float>> found;
  nn::visit(layer, [&](const std::string&, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X>) found.push_back(object.tensor().grad());
  });
  const auto list = parameter_list(exact);
  REQUIRE(found.size() == list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    // Gradients of rounded weights are rounded on their way through the cast; those of a normalisation are not.
    const D64 expected = list[i]->tensor().grad();
    if (rounds_parameters)
      CHECK_EQ(glia_test::rounded_once(found[i].cast<bfloat16>().to_vector(), expected.to_vector(), 1e-5),
               std::string());
    else
      CHECK_NEAR(found[i], expected.to_vector(), {1e-5, 1e-4});
  }
}

// Bars that stand (class 1) or lie (class 0) somewhere in a noisy 8x8 image.
struct Bars {
  Tensor<float> images;
  Tensor<std::int64_t> labels;
};
Bars bars(Index count, std::uint64_t seed) {
  glia::Generator generator(seed);
  const auto noise = glia::randn<float>({count, 8, 8, 1}, generator), place = glia::rand<float>({count}, generator);
  std::vector<float> pixels = (noise * 0.3f).to_vector();
  std::vector<std::int64_t> labels;
  for (Index n = 0; n < count; ++n) {
    const auto at = static_cast<Index>(8 * place.data()[n]);
    labels.push_back(n % 2);
    for (Index i = 0; i < 8; ++i)
      pixels[static_cast<std::size_t>(n * 64 + (n % 2 == 1 ? i * 8 + at : at * 8 + i))] += 1.0f;
  }
  return {glia::from_vector(pixels, {count, 8, 8, 1}), glia::from_vector(labels, {count})};
}

struct Outcome {
  double first = 0, last = 0, accuracy = 0;
};
// The one switch is T.
template <class T>
Outcome train_on_bars() {
  glia::manual_seed(3);
  Net<Cpu, T> net;
  glia::autograd::unclaimed_parameters().clear();  // those of other tests are not to be reported here
  const auto parameters = glia::parameters(net);
  static_assert(std::is_same_v<decltype(parameters), const std::vector<nn::NamedTensor<float, Cpu>>>);
  glia::optim::Sgd<float> optimizer(parameters, {.learning_rate = 0.1, .momentum = 0.9});
  const Bars train = bars(128, 1), test = bars(200, 2);
  const auto x = train.images.cast<T>();
  Outcome out;
  for (int step = 0; step < 40; ++step) {
    optimizer.zero_grad();
    const auto loss = glia::cross_entropy(net.forward(x).template cast<float>(), train.labels);
    loss.backward();
    optimizer.step();
    (step == 0 ? out.first : out.last) = static_cast<double>(loss.item());
  }
  nn::eval(net);
  const glia::NoGrad plain;
  const auto guesses = glia::argmax(net.forward(test.images.cast<T>()), -1).to_vector();
  const auto labels = test.labels.to_vector();
  for (std::size_t i = 0; i < guesses.size(); ++i) out.accuracy += guesses[i] == labels[i] ? 0.005 : 0.0;
  return out;
}

}  // namespace

TEST_CASE("parameters and statistics of bfloat16 layers are float") {
  static_assert(std::is_same_v<nn::ParameterScalar<bfloat16>, float> &&
                std::is_same_v<nn::ParameterScalar<glia::half>, float>);
  static_assert(std::is_same_v<nn::ParameterScalar<float>, float> &&
                std::is_same_v<nn::ParameterScalar<double>, double>);
  static_assert(std::is_same_v<nn::module_scalar<Net<Cpu, bfloat16>>, float>);
  static_assert(std::is_same_v<nn::module_scalar<std::vector<nn::Linear<Cpu, bfloat16>>>, float>);
  static_assert(std::is_same_v<nn::module_scalar<Net<Cpu, double>>, double>);
  Net<Cpu, bfloat16> net;
  nn::visit(net, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) {
      CAPTURE(path);
      CHECK(std::is_same_v<typename X::tensor_type, Tensor<float>>);
    }
  });
  glia::manual_seed(1);
  const nn::Linear<> wide(7, 5);
  glia::manual_seed(1);
  const nn::Linear<Cpu, bfloat16> narrow(7, 5);
  CHECK(narrow.weight.tensor().to_vector() == wide.weight.tensor().to_vector());  // the same start, unrounded
}

TEST_CASE("bfloat16 layers round their result once; float parameters get the gradients of the rounded numbers") {
  glia::manual_seed(2);
  nn::Linear<Cpu, bfloat16> linear(40, 12);
  Linear64 linear64(40, 12);
  check_gradients_of(linear, linear64, {3, 5, 40}, true);
  const auto conv = [](const nn::Conv2dOptions& options, const Shape& shape) {
    nn::Conv2d<Cpu, bfloat16> layer(options);
    nn::Conv2d<Cpu, double> exact(options);
    check_gradients_of(layer, exact, shape, true);
  };
  conv({.in = 3, .out = 6, .kernel = 3, .stride = 2, .padding = 1}, {2, 9, 8, 3});
  conv({.in = 4, .out = 8, .kernel = 3, .padding = 1, .groups = 4}, {2, 6, 6, 4});
  conv({.in = 20, .out = 16, .kernel = 3, .padding = 1, .bias = false}, {2, 6, 6, 20});
  nn::ConvTranspose2d<Cpu, bfloat16> up({.in = 5, .out = 3, .kernel = 2, .stride = 2, .bias = false});
  nn::ConvTranspose2d<Cpu, double> up64({.in = 5, .out = 3, .kernel = 2, .stride = 2, .bias = false});
  check_gradients_of(up, up64, {2, 4, 4, 5}, true);
}

TEST_CASE("bfloat16 normalisation layers compute in float from unrounded parameters") {
  const auto check = [](auto layer, auto exact) {
    nn::visit(layer, [](const std::string&, auto& object) {  // parameters that bfloat16 could not hold
      if constexpr (nn::is_parameter<std::remove_cvref_t<decltype(object)>>) {
        const glia::NoGrad plain;
        object.tensor().copy_((normal(object.shape(), 3) * 0.1 + 1.0).template cast<float>());
      }
    });
    check_gradients_of(layer, exact, {3, 4, 5, 6}, false);
    nn::eval(layer), nn::eval(exact);
    if constexpr (requires { layer.training; }) check_gradients_of(layer, exact, {3, 4, 5, 6}, false);
  };
  check(nn::BatchNorm<Cpu, bfloat16>(6), nn::BatchNorm<Cpu, double>(6));
  check(nn::BatchNorm<Cpu, bfloat16>(6, {.relu = true}), nn::BatchNorm<Cpu, double>(6, {.relu = true}));
  check(nn::BatchNorm<Cpu, bfloat16>(6, {.silu = true}), nn::BatchNorm<Cpu, double>(6, {.silu = true}));
  check(nn::LayerNorm<Cpu, bfloat16>(6), nn::LayerNorm<Cpu, double>(6));
  check(nn::GroupNorm<Cpu, bfloat16>(2, 6), nn::GroupNorm<Cpu, double>(2, 6));
  // Moving averages move by less than a bfloat16 could: 0.001 of a step from 1 to 4.
  nn::BatchNorm<Cpu, bfloat16> slow(2, {.momentum = 0.001});
  nn::BatchNorm<Cpu, double> slow64(2, {.momentum = 0.001});
  const B16 x = (normal({50, 2}, 8) * 2.0).cast<bfloat16>();
  for (int i = 0; i < 5; ++i) slow(x), slow64(x.cast<double>());
  CHECK_NEAR(slow.running_variance.tensor(), slow64.running_variance.tensor().to_vector(), {1e-6});
  CHECK(slow.running_variance.tensor()(0).item() != 1.0f);
}

TEST_CASE("float parameters move by steps that bfloat16 weights would lose") {
  glia::manual_seed(4);
  nn::Linear<Cpu, bfloat16> layer({.in = 3, .out = 2, .bias = false});
  glia::autograd::unclaimed_parameters().clear();
  nn::init::constant(layer.weight, 0.5);
  // The gradient of every weight is 1: with a rate of 1e-5 a step is a 195th of the distance to the next bfloat16.
  const B16 x = glia::ones<bfloat16>({1, 3});
  glia::optim::Sgd<float> optimizer(glia::parameters(layer), {.learning_rate = 1e-5});
  bfloat16 lost(0.5f);
  for (int step = 1; step <= 400; ++step) {
    optimizer.zero_grad();
    glia::sum(layer(x)).backward();
    optimizer.step();
    lost -= bfloat16(1e-5f);
    CHECK(0.5f - layer.weight.tensor()(0, 0).item() == doctest::Approx(1e-5 * step).epsilon(0.01));
  }
  CHECK(static_cast<float>(lost) == 0.5f);                                                     // never moved
  CHECK(static_cast<float>(nn::operand<bfloat16>(layer.weight)(0, 0).item()) == 0.49609375f);  // two units below 1 / 2
}

TEST_CASE("a network learns in bfloat16 what it learns in float") {
  const Outcome wide = train_on_bars<float>(), narrow = train_on_bars<bfloat16>();
  CHECK(wide.accuracy >= 0.97);
  CHECK(narrow.accuracy >= 0.97);
  CHECK(narrow.last < 0.1 * narrow.first);
  CHECK(narrow.first == doctest::Approx(wide.first).epsilon(0.02));  // the same start, up to rounding
  CHECK(narrow.first != wide.first);
}

TEST_CASE("checkpoints, copy_state and summaries do not tell a bfloat16 network from a float one") {
  glia::manual_seed(5);
  Net<> wide;
  Net<Cpu, bfloat16> narrow, loaded;
  const auto values = [](auto& net) {
    std::vector<std::vector<float>> out;
    nn::visit(net, [&](const std::string&, auto& object) {
      using X = std::remove_cvref_t<decltype(object)>;
      if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) out.push_back(object.tensor().to_vector());
    });
    return out;
  };
  wide.forward(bars(16, 1).images);  // statistics of its own
  CHECK(values(narrow) != values(wide));
  nn::copy_state(wide, narrow);
  CHECK(values(narrow) == values(wide));  // bit for bit: nothing was rounded
  const glia_test::Folder folder;
  glia::io::Checkpoint().add_module("net", narrow).save(folder.path / "narrow.safetensors");
  glia::io::load_checkpoint(folder.path / "narrow.safetensors").load_module("net", loaded);
  CHECK(values(loaded) == values(wide));
  Net<> back;
  glia::io::load_checkpoint(folder.path / "narrow.safetensors").load_module("net", back);
  CHECK(values(back) == values(wide));
  const Tensor<float> example = bars(2, 3).images;
  CHECK(nn::summary(narrow, example.cast<bfloat16>()).text() == nn::summary(wide, example).text());
}

TEST_CASE("the other layers with parameters keep them in float, too") {
  nn::PReLU<Cpu, bfloat16> prelu(4);
  nn::Embedding<Cpu, bfloat16> words(5, 3);
  glia::spiking::Qcfs<Cpu, bfloat16> levels{{.levels = 4, .theta = 1.0}};
  glia::spiking::Plif<Cpu, bfloat16> neurons;
  const B16 x = normal({6, 4}, 1).cast<bfloat16>();
  const auto train = [&](auto& layer, const B16& y) {
    glia::sum(y).backward();
    const std::vector<nn::NamedTensor<float, Cpu>> list = glia::parameters(layer);
    REQUIRE(list.size() == 1);
    CHECK(glia::norm(list[0].tensor.grad()).item() > 0.0f);
  };
  train(prelu, prelu(x));
  train(levels, levels(x));
  train(neurons, neurons(x * bfloat16(2.0f)));
  const auto index = glia::tensor<std::int64_t>({3, 1, 3});
  const B16 rows = words(index);
  CHECK(rows.cast<float>().to_vector() ==
        glia::embedding(words.weight.tensor(), index).cast<bfloat16>().cast<float>().to_vector());
  train(words, rows);
  CHECK(words.weight.tensor().grad().to_vector() == std::vector<float>{0, 0, 0, 1, 1, 1, 0, 0, 0, 2, 2, 2, 0, 0, 0});
}

TEST_CASE("dropout of bfloat16 values rounds the result, not the factor") {
  nn::Dropout<Cpu, bfloat16> layer(0.1);
  const auto x = glia::full<bfloat16>({4000}, bfloat16(1.0234375f)).set_requires_grad();
  const B16 dropped = layer(x);
  glia::sum(dropped).backward();
  const auto y = dropped.cast<float>().to_vector(), slopes = x.grad().cast<float>().to_vector();
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(slopes[i] == (y[i] == 0.0f ? 0.0f : static_cast<float>(bfloat16(1.0f / 0.9f))));
  Index kept = 0;
  for (const float v : y) {
    if (v == 0.0f) continue;
    ++kept;
    CHECK(v == static_cast<float>(bfloat16(1.0234375f / 0.9f)));  // with 1 / 0.9 rounded it would be one unit less
  }
  CHECK(kept > 3500);
  CHECK(kept < 3700);
}

TEST_CASE("a folded bfloat16 convolution gives what convolution and normalisation give") {
  glia::manual_seed(6);
  nn::Conv2d<Cpu, bfloat16> conv({.in = 3, .out = 4, .kernel = 3, .padding = 1});
  nn::BatchNorm<Cpu, bfloat16> norm(4);
  const B16 x = normal({4, 6, 6, 3}, 2).cast<bfloat16>();
  for (int i = 0; i < 5; ++i) norm(conv(x));
  nn::eval(norm);
  const auto folded = nn::fold(conv, norm);
  const auto expected = norm(conv(x)).cast<double>();
  CHECK_NEAR(folded(x), expected.to_vector(), {0x1p-6, 2e-2});  // other weights are rounded
}
