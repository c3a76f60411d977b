// Sequential, Residual, copies of modules, copy_state, summary.
#include <doctest/doctest.h>

#include <glia/nn/activation.hpp>
#include <glia/nn/containers.hpp>
#include <glia/nn/conv.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/dropout.hpp>
#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/nn/pooling.hpp>
#include <glia/nn/summary.hpp>

#include <sstream>

#include "../reference/nn_fixture.hpp"
#include "support.hpp"

using namespace nn_test;

namespace {

template <class Device = Cpu, class T = float>
struct Net {
  nn::Sequential<nn::Conv2d<Device, T>, nn::BatchNorm<Device, T>, nn::ReLU<Device, T>> stem{
      {{.in = 2, .out = 3, .kernel = 3, .padding = 1, .bias = false}}, nn::BatchNorm<Device, T>{3}, {}};
  nn::Residual<nn::Identity<Device, T>, nn::Conv2d<Device, T>> side{{}, {{.in = 3, .out = 3, .bias = false}}};
  nn::MaxPool2d<Device, T> pool{2};
  nn::Flatten<Device, T> flat;
  nn::Linear<Device, T> head{12, 2};
  GLIA_MEMBERS(stem, side, pool, flat, head)

  glia::Tensor<T, Device> forward(const glia::Tensor<T, Device>& x) { return head(flat(pool(side(stem(x))))); }
};

template <class M>
std::vector<std::string> state_names(M& module) {
  std::vector<std::string> names;
  nn::visit(module, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X> || nn::is_buffer<X> || std::is_same_v<X, nn::RandomState>) names.push_back(path);
  });
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a small residual net agrees with PyTorch, values and all gradients") {
  Net<Cpu, double> net;
  check_layer_reference(net, wave({2, 4, 4, 2}, 1), nn_fixture::net,
                        {nn_fixture::net_grad0, nn_fixture::net_grad1, nn_fixture::net_grad2, nn_fixture::net_grad3,
                         nn_fixture::net_grad4, nn_fixture::net_grad5, nn_fixture::net_grad6});
  CHECK(state_names(net) == Names{"stem.0.weight", "stem.1.weight", "stem.1.bias", "stem.1.running_mean",
                                  "stem.1.running_variance", "side.shortcut.weight", "head.weight", "head.bias"});
}

TEST_CASE("Sequential: deduced types, vectors, variants, pointers; gradients and names") {
  using L = nn::Linear<Cpu, double>;
  using A = nn::Tanh<Cpu, double>;
  nn::Sequential tuple{L{3, 4}, A{}, L{4, 2}};
  static_assert(std::is_same_v<decltype(tuple), nn::Sequential<L, A, L>>);
  check_layer_gradients(tuple, normal({2, 3}, 1));
  CHECK(state_names(tuple) == Names{"0.weight", "0.bias", "2.weight", "2.bias"});
  CHECK(tuple.get<2>().weight.shape() == Shape{2, 4});

  nn::Sequential row{std::vector<L>{{3, 3}, {3, 3}}};
  static_assert(std::is_same_v<decltype(row), nn::Sequential<std::vector<L>>>);
  row.push_back(L{{.in = 3, .out = 2, .bias = false}});
  CHECK(row.size() == 3);
  check_layer_gradients(row, normal({2, 3}, 2));
  CHECK(state_names(row) == Names{"0.weight", "0.bias", "1.weight", "1.bias", "2.weight"});

  nn::Sequential<std::vector<std::variant<L, A>>> mixed;
  mixed.push_back(L{3, 2});
  mixed.push_back(A{});
  const auto x = normal({2, 3}, 3);
  check_close(mixed(x), glia::tanh(std::get<L>(mixed[0])(x)).to_vector());
  CHECK(state_names(mixed) == Names{"0.weight", "0.bias"});

  nn::Sequential<std::unique_ptr<L>, std::optional<A>> held{std::make_unique<L>(3, 2), A{}};
  check_close(held(x), glia::tanh((*held.get<0>())(x)).to_vector());
  held.get<1>().reset();
  CHECK(error_of<glia::Error>([&] { held(x); }).find("a layer is empty") != std::string::npos);
  CHECK(nn::Sequential<std::vector<L>>{}(x).to_vector() == x.to_vector());
}

TEST_CASE("parameters() finds scalar and device through containers") {
  nn::Sequential<nn::Linear<Cpu, double>, nn::Dropout<Cpu, double>> net{{3, 2}, {}};
  const std::vector<nn::NamedTensor<double, Cpu>> list = glia::parameters(net);
  CHECK(list.size() == 2);
  CHECK(list[1].name == "0.bias");
  static_assert(std::is_same_v<nn::module_scalar<nn::Residual<std::vector<nn::Linear<Cpu, double>>>>, double>);
  static_assert(std::is_same_v<nn::module_scalar<Net<>>, float>);
  static_assert(std::is_same_v<nn::module_device<nn::Residual<nn::Linear<>>>, Cpu>);
}

TEST_CASE("Residual adds its shortcut, and says when the shapes differ") {
  nn::Residual block{nn::Linear<Cpu, double>{3, 3}};
  check_layer_gradients(block, normal({2, 3}, 1));
  CHECK(state_names(block) == Names{"body.weight", "body.bias"});
  nn::Residual wrong{nn::Linear<>{3, 2}};
  CHECK(shape_error([&] { wrong(glia::zeros({4, 3})); }) ==
        "Residual: the body gives shape [4, 2] but the shortcut gives [4, 3] for input [4, 3]");
  nn::Residual projected{nn::Linear<>{3, 2}, nn::Linear<>{{.in = 3, .out = 2, .bias = false}}};
  CHECK(projected(glia::zeros({4, 3})).shape() == Shape{4, 2});
}

TEST_CASE("a forward pass without recording frees what it no longer needs") {
  nn::Sequential net{nn::ReLU<>{}, nn::ReLU<>{}, nn::ReLU<>{}};
  const glia::NoGrad plain;
  const auto x = glia::ones({4});
  const auto y = net(x);
  CHECK(x.impl()->use_count() == 1);
  CHECK(y.impl()->use_count() == 1);
}

TEST_CASE("copying a module is deep") {
  Net<> net;
  net.head.bias.set_requires_grad(false);
  net.forward(glia::ones({2, 4, 4, 2}));
  Net<> copy = net;
  const auto x = wave({2, 4, 4, 2}, 1).cast<float>();
  nn::eval(net);
  nn::eval(copy);
  CHECK(copy.forward(x).to_vector() == net.forward(x).to_vector());
  CHECK(copy.head.weight.requires_grad());
  CHECK_FALSE(copy.head.bias.requires_grad());
  const auto before = net.forward(x).to_vector();
  {
    const glia::NoGrad plain;
    copy.head.weight.tensor().fill_(0.0f);
    copy.stem.get<1>().running_mean.tensor().fill_(9.0f);
  }
  CHECK(net.forward(x).to_vector() == before);
  copy = net;
  CHECK(copy.forward(x).to_vector() == before);
  glia::sum(copy.forward(x)).backward();
  CHECK(copy.head.weight.tensor().grad().defined());
  CHECK_FALSE(net.head.weight.tensor().grad().defined());
}

TEST_CASE("train and eval reach every layer") {
  nn::Sequential net{nn::Residual{nn::BatchNorm<>{2}}, nn::Dropout<>{0.5}};
  nn::eval(net);
  CHECK_FALSE(net.get<0>().body.training);
  CHECK_FALSE(net.get<1>().training);
  nn::train(net);
  CHECK(net.get<0>().body.training);
  CHECK(net.get<1>().training);
}

TEST_CASE("copy_state: between scalars, with buffers and random streams") {
  Net<Cpu, float> from;
  from.forward(wave({2, 4, 4, 2}, 1).cast<float>());
  Net<Cpu, double> to;
  nn::copy_state(from, to);
  nn::eval(from);
  nn::eval(to);
  const auto x = wave({2, 4, 4, 2}, 3);
  CHECK(to.head.weight.tensor().cast<float>().to_vector() == from.head.weight.tensor().to_vector());
  CHECK(to.stem.get<1>().running_variance.tensor().cast<float>().to_vector() ==
        from.stem.get<1>().running_variance.tensor().to_vector());
  check_close(from.forward(x.cast<float>()), to.forward(x).to_vector(), 1e-5);
  // Handles that an optimizer holds stay valid: the elements are overwritten, not the tensors.
  const auto handle = to.head.bias.tensor();
  from.head.bias.tensor().detach().fill_(3.0f);
  nn::copy_state(from, to);
  CHECK(handle.to_vector() == std::vector<double>{3.0, 3.0});

  nn::Dropout<> drop{0.5};
  nn::Dropout<Cpu, double> other{0.5};
  drop(glia::ones({100}));
  CHECK_FALSE(other.random.generator == drop.random.generator);
  nn::copy_state(drop, other);
  CHECK(other.random.generator == drop.random.generator);
}

TEST_CASE("copy_state refuses other structures and writes nothing") {
  nn::Sequential small{nn::Linear<>{3, 2}}, wide{nn::Linear<>{4, 2}};
  CHECK(shape_error([&] { nn::copy_state(small, wide); }) ==
        "copy_state: '0.weight' has shape [2, 3] in the source and [2, 4] in the target");
  nn::Sequential bare{nn::Linear<>{{.in = 3, .out = 2, .bias = false}}, nn::PReLU<>{}};
  const auto before = bare.get<0>().weight.tensor().to_vector();
  CHECK(error_of<glia::ValueError>([&] { nn::copy_state(small, bare); }) ==
        "copy_state: the models differ: only the source has '0.bias'; only the target has '1.weight'");
  CHECK(bare.get<0>().weight.tensor().to_vector() == before);
}

TEST_CASE("summary: rows, parameters, operations; the model is left as it was") {
  Net<> net;
  nn::set_requires_grad(net.stem, false);
  const auto mean = net.stem.get<1>().running_mean.tensor().to_vector();
  const auto result = nn::summary(net, glia::ones({1, 4, 4, 2}));
  REQUIRE(result.rows.size() == 7);
  CHECK(result.rows[0].path == "stem.0");
  CHECK(result.rows[0].kind == std::string("Conv2d"));
  CHECK(result.rows[0].output == Shape{1, 4, 4, 3});
  CHECK(result.rows[0].parameters == 54);
  CHECK(result.rows[0].macs == 16 * 54);
  CHECK(result.rows[2].path == "stem.2");
  CHECK(result.rows[6].macs == 24);
  CHECK(result.macs == 16 * 54 + 16 * 9 + 24);
  CHECK(result.parameters == 54 + 6 + 9 + 26);
  CHECK(result.trainable == 9 + 26);
  CHECK(result.buffers == 6);
  CHECK(net.stem.get<1>().training);
  CHECK(net.stem.get<1>().running_mean.tensor().to_vector() == mean);
  std::ostringstream out;
  out << result;
  CHECK(out.str().find("side.shortcut  Conv2d") != std::string::npos);
  CHECK(out.str().find("parameters 95 (35 trainable), buffers 6, MACs 1,032") != std::string::npos);
  // A layer that runs twice counts its parameters once.
  nn::Sequential<std::vector<nn::Linear<>>> shared{std::vector<nn::Linear<>>{{2, 2}}};
  struct Twice {
    nn::Sequential<std::vector<nn::Linear<>>>* inner;
    glia::Tensor<> forward(const glia::Tensor<>& x) { return (*inner)((*inner)(x)); }
  };
  const nn::Trace trace;
  Twice{&shared}.forward(glia::ones({2}));
  CHECK(trace.entries().size() == 2);
  CHECK(trace.entries()[0].module == trace.entries()[1].module);
}
