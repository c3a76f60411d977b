#pragma once
// The small networks behind an encoder: projector and predictor.

#include <glia/nn/linear.hpp>
#include <glia/nn/normalization.hpp>
#include <glia/ops/activation.hpp>

#include <optional>
#include <vector>

namespace GLIA_NS::ssl {

struct ProjectorOptions {
  Index in = 0, hidden = 2048, out = 256;
  int layers = 2;          // linear layers in all, at least 1
  bool last_norm = false;  // batch norm without scale and offset behind the last one (SimSiam)
};

// [N, in] -> [N, out]: linear layers with batch norm and ReLU between them, onto the features that a similarity loss
// compares. Only training uses it.
template <class Device = Cpu, class T = float>
struct Projector {
  std::vector<nn::Linear<Device, T>> linear;
  std::vector<nn::BatchNorm<Device, T>> norm;
  std::optional<nn::BatchNorm<Device, T>> last_norm;
  GLIA_MEMBERS(linear, norm, last_norm)

  // ValueError for sizes or a layer count that are not positive.
  explicit Projector(const ProjectorOptions& o) {
    if (o.layers < 1) raise<ValueError>("Projector", "layers must be positive, got ", o.layers);
    for (int i = 0; i < o.layers; ++i) {
      const bool last = i + 1 == o.layers;
      linear.emplace_back(nn::LinearOptions{i == 0 ? o.in : o.hidden, last ? o.out : o.hidden, last && !o.last_norm});
      if (!last) norm.emplace_back(o.hidden, nn::BatchNormOptions{.relu = true});
    }
    if (o.last_norm) last_norm.emplace(o.out, nn::BatchNormOptions{.affine = false});
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& features) {
    auto x = features;
    for (std::size_t i = 0; i < linear.size(); ++i) {
      x = linear[i](x);
      if (i < norm.size()) x = norm[i](x);
    }
    return last_norm ? (*last_norm)(x) : x;
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& features) { return forward(features); }
};

struct PredictorOptions {
  Index in = 0, hidden = 512;
};

// [N, in] -> [N, in]: the bottleneck that predicts the other view's projection (BYOL, SimSiam).
template <class Device = Cpu, class T = float>
struct Predictor {
  nn::Linear<Device, T> first;
  nn::BatchNorm<Device, T> norm;
  nn::Linear<Device, T> second;
  GLIA_MEMBERS(first, norm, second)

  explicit Predictor(const PredictorOptions& o)
      : first(nn::LinearOptions{o.in, o.hidden, false}),
        norm(o.hidden, nn::BatchNormOptions{.relu = true}),
        second(nn::LinearOptions{o.hidden, o.in, true}) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& z) { return second(norm(first(z))); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& z) { return forward(z); }
};

}  // namespace GLIA_NS::ssl
