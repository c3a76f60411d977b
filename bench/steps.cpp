// Whole training steps, inference and single layers, timed case by case: the library's side of
// bench/compare_pytorch.py.
//   bench_steps [REGEX]   times the cases whose names match and prints one JSON object a line
//   bench_steps --serve   reads "case seconds" lines and answers each with such a line

#include "nets.hpp"
#include "op_cases.hpp"

#include <glia/compiled/training.hpp>
#include <glia/kernels/cpu/conv.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/matmul.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/spiking/layers.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>

namespace {

using glia::Index;
using glia::Tensor;
namespace nn = glia::nn;
using op_cases::normal;

// A case is made (with its data) on first use; calling it runs it once.
struct Case {
  std::string name;
  std::function<std::function<void()>()> make;
};

Tensor<std::int64_t> labels(Index n) {
  auto out = Tensor<std::int64_t>::empty({n});
  for (Index i = 0; i < n; ++i) out.mutable_data()[i] = i * 7 % 100;
  return out;
}

template <class Make>
std::function<std::function<void()>()> training(const Make& make) {
  return [make] {
    struct State {
      decltype(make()) net;
      glia::optim::Sgd<> optimizer;
      Tensor<> images = normal({128, 32, 32, 3});
      Tensor<std::int64_t> y = labels(128);
      explicit State(const Make& m)
          : net(m()),
            optimizer(glia::parameters(net), {.learning_rate = 0.01, .momentum = 0.9, .weight_decay = 5e-4}) {}
    };
    auto state = std::make_shared<State>(make);
    return [state] {
      state->optimizer.zero_grad();
      glia::cross_entropy(state->net.forward(state->images), state->y).backward();
      state->optimizer.step();
    };
  };
}

template <class Make>
std::function<std::function<void()>()> inference(const Make& make) {
  return [make] {
    auto net = std::make_shared<decltype(make())>(make());
    nets::fold(*net);
    nn::eval(*net);
    return [net, images = normal({128, 32, 32, 3})] {
      const glia::NoGrad guard;
      net->forward(images);
    };
  };
}

// The three passes of a 3x3 convolution, batch 128.
std::function<std::function<void()>()> convolution(Index in, Index out, Index size) {
  return [=] {
    glia::ConvGeometry g;
    g.batch = 128, g.in_channels = in, g.out_channels = out, g.height = g.width = g.out_height = g.out_width = size;
    g.kernel_h = g.kernel_w = 3, g.padding_h = g.padding_w = 1;
    return [g, x = normal({128, size, size, in}), w = normal({out, 3, 3, in}), y = normal({128, size, size, out}),
            dx = normal({128, size, size, in}), dw = normal({out, 3, 3, in})]() mutable {
      conv2d_forward(glia::Cpu{}, g, x.data(), w.data(), static_cast<const float*>(nullptr), y.mutable_data());
      conv2d_backward_input(glia::Cpu{}, g, y.data(), w.data(), dx.mutable_data());
      conv2d_backward_weight(glia::Cpu{}, g, x.data(), y.data(), dw.mutable_data());
    };
  };
}

// The product of an [m, k] by a [k, n] matrix of T.
template <class T>
std::function<std::function<void()>()> product(Index m, Index n, Index k) {
  return [=] { return [a = normal({m, k}).cast<T>(), b = normal({k, n}).cast<T>()] { glia::matmul(a, b); }; };
}

std::vector<Case> cases() {
  std::vector<Case> list{
      {"step/resnet20", training([] { return nets::resnet20(); })},
      {"step/resnet9", training([] { return nets::ResNet9(); })},
      {"step/resnet18", training([] { return nets::resnet18(); })},
      {"infer/resnet20", inference([] { return nets::resnet20(); })},
      {"infer/resnet9", inference([] { return nets::ResNet9(); })},
      {"infer/resnet18", inference([] { return nets::resnet18(); })},
  };
  constexpr Index shapes[][3] = {{16, 16, 32},  {32, 32, 16},   {64, 64, 8},   {64, 64, 32},
                                 {64, 128, 32}, {128, 128, 16}, {256, 256, 8}, {512, 512, 4}};
  for (const auto& [in, out, size] : shapes)
    list.push_back({glia::text("conv/", in, "-", out, "@", size), convolution(in, out, size)});
  constexpr Index products[][3] = {{1024, 1024, 1024}, {131072, 64, 576}, {8192, 256, 2304}, {64, 576, 131072}};
  for (const auto& [m, n, k] : products) {
    list.push_back({glia::text("gemm/", m, "x", n, "x", k), product<float>(m, n, k)});
    list.push_back({glia::text("gemm16/", m, "x", n, "x", k), product<glia::bfloat16>(m, n, k)});
  }
  list.push_back({"layer/bn_relu", [] {
                    auto norm = std::make_shared<nn::BatchNorm<>>(64, nn::BatchNormOptions{.relu = true});
                    return [norm, x = normal({128, 32, 32, 64}).set_requires_grad(),
                            dy = normal({128, 32, 32, 64})]() mutable {
                      x.zero_grad();
                      (*norm)(x).backward(dy);
                    };
                  }});
  list.push_back({"layer/lif", [] {
                    return [x = normal({4, 128, 32, 32, 64}).set_requires_grad(),
                            dy = normal({4, 128, 32, 32, 64})]() mutable {
                      x.zero_grad();
                      glia::spiking::Lif<>({.beta = 0.9, .threshold = 1.0})(x).backward(dy);
                    };
                  }});
  list.push_back({"layer/cross_entropy", [] {
                    return [x = normal({32768, 100}).set_requires_grad(), y = labels(32768)]() mutable {
                      x.zero_grad();
                      glia::cross_entropy(x, y).backward();
                    };
                  }});
  for (auto& [name, make] : op_cases::list()) list.push_back({"op/" + name, make});
  // 1000 additions of one-element tensors, forward and backward.
  list.push_back({"overhead/add_chain_1000", [] {
                    return [x = glia::ones({1}).set_requires_grad(), one = glia::ones({1})]() mutable {
                      x.zero_grad();
                      Tensor<> y = x;
                      for (int i = 0; i < 1000; ++i) y = y + one;
                      y.backward();
                    };
                  }});
  return list;
}

class Bench {
 public:
  // Median over runs that fill `seconds`, at least three, after one that is not counted.
  std::string run(const std::string& name, double seconds) {
    for (const Case& one : cases_) {
      if (one.name != name) continue;
      if (current_ != name) {
        call_ = nullptr;
        call_ = one.make();
        current_ = name;
        call_();
      }
      call_();
      std::vector<double> times;
      for (double total = 0; times.size() < 3 || total < seconds; total += times.back()) {
        const auto start = std::chrono::steady_clock::now();
        call_();
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
      std::sort(times.begin(), times.end());
      char line[256];
      std::snprintf(line, sizeof line, "{\"case\": \"%s\", \"seconds\": %.9g, \"least\": %.9g, \"runs\": %zu}",
                    name.c_str(), times[times.size() / 2], times.front(), times.size());
      return line;
    }
    return "{\"case\": \"" + name + "\", \"error\": \"no such case\"}";
  }
  const std::vector<Case>& cases() const { return cases_; }

 private:
  std::vector<Case> cases_ = ::cases();
  std::string current_;
  std::function<void()> call_;
};

}  // namespace

int main(int argc, char** argv) {
  Bench bench;
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--serve") {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string name;
      double seconds = 1;
      words >> name >> seconds;
      std::cout << bench.run(name, seconds) << std::endl;
    }
    return 0;
  }
  // Google Benchmark's options mean: every case, as short as possible.
  const bool brief = first.rfind("--benchmark", 0) == 0;
  const std::regex wanted(brief || first.empty() ? ".*" : first);
  for (const Case& one : bench.cases())
    if (std::regex_search(one.name, wanted)) std::cout << bench.run(one.name, brief ? 0 : 1) << std::endl;
  return 0;
}
