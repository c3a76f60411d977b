#pragma once
// Spatial pretext tasks on shared features: localised rotation, global rotation, 2x2 jigsaw. The labels come with the
// transformed images; the head reads the features of the one forward pass that the classifier uses too.

#include <glia/nn/linear.hpp>
#include <glia/ops/cross_entropy.hpp>

#include <array>

namespace GLIA_NS::ssl {

// Classes of the tasks: localised rotation names quadrant and quarter turns (label = 4 * quadrant + turns; Moon et al.
// 2022, LoRot-E), global rotation the quarter turns, the jigsaw the order of the four patches.
inline constexpr Index localized_rotation_classes = 16, rotation_classes = 4, jigsaw_classes = 24;

// Quadrant 0 ... 3 (row-major) and quarter turns 0 ... 3 as one label, and back.
constexpr std::int64_t localized_rotation_label(int quadrant, int turns) { return 4 * quadrant + turns; }
struct LocalizedRotation {
  int quadrant, turns;
};
constexpr LocalizedRotation localized_rotation(std::int64_t label) {
  return {static_cast<int>(label / 4), static_cast<int>(label % 4)};
}

// The 24 orders of four patches, in lexicographic order: patch order[i] is shown at place i (row-major). Number 0 is
// the untouched image. The table has an inverse, jigsaw_label.
constexpr std::array<int, 4> jigsaw_order(std::int64_t label) {
  std::array<int, 4> order{};
  bool used[4] = {};
  std::int64_t rest = label;
  constexpr std::int64_t weight[4] = {6, 2, 1, 1};
  for (int place = 0; place < 4; ++place) {
    std::int64_t skip = rest / weight[place];
    rest %= weight[place];
    for (int patch = 0; patch < 4; ++patch) {
      if (used[patch]) continue;
      if (skip-- == 0) {
        used[patch] = true;
        order[static_cast<std::size_t>(place)] = patch;
        break;
      }
    }
  }
  return order;
}
constexpr std::int64_t jigsaw_label(const std::array<int, 4>& order) {
  for (std::int64_t label = 0; label < jigsaw_classes; ++label)
    if (jigsaw_order(label) == order) return label;
  return -1;
}

// One linear layer from pooled features [N, in] to the classes of a spatial task.
template <class Device = Cpu, class T = float>
struct SpatialHead {
  nn::Linear<Device, T> linear;
  GLIA_MEMBERS(linear)

  explicit SpatialHead(Index in, Index classes = localized_rotation_classes) : linear(in, classes) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& features) const { return linear(features); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& features) const { return forward(features); }

  // Cross entropy of the head's answer with the task labels [N].
  Tensor<T, Device> loss(const Tensor<T, Device>& features, const Tensor<std::int64_t, Device>& labels) const {
    return cross_entropy(forward(features), labels);
  }
};

}  // namespace GLIA_NS::ssl
