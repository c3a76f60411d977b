#pragma once
// Single ops on 4 Mi elements, without recording: elementwise, reductions, rearrangements, sorting. bench/torch_cases.py has the same.

#include <glia/ops/activation.hpp>
#include <glia/ops/join.hpp>
#include <glia/ops/matmul.hpp>
#include <glia/ops/normalization.hpp>
#include <glia/ops/pool.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/ops/scan.hpp>
#include <glia/ops/sort.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace op_cases {

using glia::Index;
using glia::Tensor;

inline Tensor<> normal(const glia::Shape& shape, std::uint64_t seed = 1) {
  glia::Generator generator(seed);
  return glia::randn(shape, generator);
}

// Scattered positions below `limit`.
inline Tensor<std::int64_t> positions(const glia::Shape& shape, Index limit) {
  auto out = Tensor<std::int64_t>::empty(shape);
  for (Index i = 0; i < out.numel(); ++i) out.mutable_data()[i] = i * 2654435761 % limit;
  return out;
}

using Make = std::function<std::function<void()>()>;

// A case that calls f(data...) on what make() gives, once per run.
template <class F, class... Data>
Make on(F f, std::function<Tensor<>()> data, Data... more) {
  return [=]() -> std::function<void()> {
    return [f, x = data(), ... y = more()] {
      const glia::NoGrad plain;
      f(x, y...);
    };
  };
}

inline std::vector<std::pair<std::string, Make>> list() {
  const std::function<Tensor<>()> x = [] { return normal({4096, 1024}); }, y = [] { return normal({4096, 1024}, 2); };
  const std::function<Tensor<>()> square = [] { return normal({2048, 2048}); };
  const std::function<Tensor<>()> images = [] { return normal({64, 32, 32, 64}); }, planes = [] { return normal({64, 64, 32, 32}); };
  const auto where_to = [] { return positions({4096, 1024}, 1024); };
  const auto half_of = [](auto make) {
    return [make] { return make().template cast<glia::bfloat16>(); };
  };
  return {
      {"add", on([](const auto& a, const auto& b) { return a + b; }, x, y)},
      {"add_transposed", on([](const auto& a, const auto& b) { return a.transpose() + b; }, square, square)},
      {"add_bfloat16", on([](const auto&, const auto& a, const auto& b) { return a + b; }, x, half_of(x), half_of(y))},
      {"exp", on([](const auto& a) { return glia::exp(a); }, x)},
      {"tanh", on([](const auto& a) { return glia::tanh(a); }, x)},
      {"gelu", on([](const auto& a) { return glia::gelu(a); }, x)},
      {"where", on([](const auto& a, const auto& b) { return glia::where(a > 0.0f, a, b); }, x, y)},
      {"sum_rows", on([](const auto& a) { return glia::sum(a, 1); }, x)},
      {"sum_columns", on([](const auto& a) { return glia::sum(a, 0); }, x)},
      {"var_rows", on([](const auto& a) { return glia::var(a, 1); }, x)},
      {"argmax_rows", on([](const auto& a) { return glia::argmax(a, 1); }, x)},
      {"softmax_rows", on([](const auto& a) { return glia::softmax(a, 1); }, x)},
      {"layer_norm", on([](const auto& a) { return glia::layer_norm(a); }, x)},
      {"cumsum_rows", on([](const auto& a) { return glia::cumsum(a, 1); }, x)},
      {"transpose", on([](const auto& a) { return a.transpose().contiguous(); }, x)},
      {"nchw_to_nhwc", on([](const auto& a) { return a.permute({0, 2, 3, 1}).contiguous(); }, planes)},
      {"concat", on([](const auto& a, const auto& b) { return glia::concat(std::vector<Tensor<>>{a, b}, 1); }, x, y)},
      {"gather", on([](const auto& a, const auto& i) { return glia::gather(a, 1, i); }, x, where_to)},
      {"scatter_add", on([](const auto& a, const auto& b, const auto& i) { return glia::scatter_add(a, 1, i, b); }, x, y, where_to)},
      {"sort", on([](const auto& a) { return glia::sort(a, 1); }, x)},
      {"topk_10", on([](const auto& a) { return glia::topk(a, 10, 1); }, x)},
      {"max_pool", on([](const auto& a) { return glia::max_pool2d(a, {.kernel = 3, .stride = 2, .padding = 1}); }, images)},
      {"randn", [] {
         return [generator = glia::Generator(3)]() mutable { glia::randn({4096, 1024}, generator); };
       }},
  };
}

}  // namespace op_cases
