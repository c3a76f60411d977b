#pragma once
// Backbones behind one concept: images [N, H, W, 3] to shared feature maps [N, h, w, C] before their last activation,
// so that the neuromorphic layer of the framework is that activation. A spiking backbone gives [T, N, h, w, C].

#include "backbone_name.hpp"
#include "resnet.hpp"
#include "speed_net.hpp"
#include "spiking_net.hpp"
#include "swift_net.hpp"

#include <glia/compiled/training.hpp>

#include <concepts>
#include <string>
#include <variant>

namespace cifar100 {

// What every family gives:
//   forward(images)       the last feature map, unactivated, shared by all heads
//   feature_maps(images)  the output of every stage, the last one as forward gives it
//   activate(features)    the family's own last activation, always [N, h, w, C]
//   channels(), depth()   channels of the last map; number of stages
//   stage_of(path)        the stage of a parameter by its path in the backbone: 0 the stem, 1 ... depth()
template <class B, class D = glia::Cpu>
concept BackboneFor = requires(B& b, const B& c, const glia::Tensor<float, D>& x, std::string_view path) {
  { b.forward(x) } -> std::same_as<glia::Tensor<float, D>>;
  { b.feature_maps(x) } -> std::same_as<std::vector<glia::Tensor<float, D>>>;
  { c.activate(x) } -> std::same_as<glia::Tensor<float, D>>;
  { c.channels() } -> std::same_as<Index>;
  { c.depth() } -> std::same_as<Index>;
  { c.stage_of(path) } -> std::same_as<Index>;
};
static_assert(BackboneFor<SpeedNet<glia::Cpu>> && BackboneFor<SwiftNet<glia::Cpu>> && BackboneFor<ResNet<glia::Cpu>> &&
              BackboneFor<SpikingNet<glia::Cpu>>);

template <class D>
using Backbone = std::variant<SpeedNet<D>, SwiftNet<D>, ResNet<D>, SpikingNet<D>>;

// The backbone of a name (see parse_backbone), with fresh weights; `steps` is T of a spiking one. std::invalid_argument
// for an unknown name.
template <class D>
Backbone<D> make_backbone(const std::string& name, Index steps = 4) {
  const BackboneSpec spec = parse_backbone(name);
  if (spec.family == BackboneFamily::speed) return SpeedNet<D>(spec.widths);
  if (spec.family == BackboneFamily::swift) return SwiftNet<D>(spec.widths);
  if (spec.family == BackboneFamily::spiking) return SpikingNet<D>(spec.widths, steps);
  return ResNet<D>(spec.widths, spec.blocks, spec.projection);
}

// The concept's functions on whichever backbone is held.
template <class D>
Index channels_of(const Backbone<D>& backbone) {
  return std::visit([](const auto& b) { return b.channels(); }, backbone);
}
template <class D>
Index depth_of(const Backbone<D>& backbone) {
  return std::visit([](const auto& b) { return b.depth(); }, backbone);
}
template <class D>
Index stage_of(const Backbone<D>& backbone, std::string_view path) {
  return std::visit([&](const auto& b) { return b.stage_of(path); }, backbone);
}
template <class D>
glia::Tensor<float, D> forward(Backbone<D>& backbone, const glia::Tensor<float, D>& images) {
  return std::visit([&](auto& b) { return b.forward(images); }, backbone);
}
template <class D>
glia::Tensor<float, D> activate(const Backbone<D>& backbone, const glia::Tensor<float, D>& features) {
  return std::visit([&](const auto& b) { return b.activate(features); }, backbone);
}


// Whether the stem is a set of fixed filters, taken from the data.
template <class D>
bool has_fixed_stem(const Backbone<D>& backbone) {
  return !std::holds_alternative<ResNet<D>>(backbone);
}
template <class D>
void set_stem(Backbone<D>& backbone, const glia::Tensor<float, D>& filters) {
  std::visit(
      [&](auto& b) {
        if constexpr (requires { b.set_stem(filters); }) b.set_stem(filters);
      },
      backbone);
}

}  // namespace cifar100
