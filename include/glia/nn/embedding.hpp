#pragma once
// A table of vectors, looked up by index.

#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/indexing.hpp>

namespace GLIA_NS::nn {

struct EmbeddingOptions {
  Index count = 0, width = 0;
};

// Rows of weight [count, width], standard normal at the start, for int64 indices of any shape: [...] -> [..., width].
// IndexError for an index outside 0 .. count - 1.
template <class Device = Cpu, class T = float>
struct Embedding {
  Parameter<ParameterScalar<T>, Device> weight;
  GLIA_MEMBERS(weight)

  Embedding(const EmbeddingOptions& o) {
    if (o.count < 1 || o.width < 1)
      raise<ValueError>("Embedding", "count and width must be positive, got ", o.count, " and ", o.width);
    weight = Parameter<ParameterScalar<T>, Device>(Tensor<ParameterScalar<T>, Device>::empty({o.count, o.width}));
    init::normal(weight, 0.0, 1.0);
  }
  Embedding(Index count, Index width) : Embedding(EmbeddingOptions{count, width}) {}

  Tensor<T, Device> forward(const Tensor<std::int64_t, Device>& index) const {
    auto y = with_path(weight, [&] { return embedding(weight.tensor(), index).template cast<T>(); });
    return traced(*this, "Embedding", std::move(y));
  }
  Tensor<T, Device> operator()(const Tensor<std::int64_t, Device>& index) const { return forward(index); }
};

}  // namespace GLIA_NS::nn
