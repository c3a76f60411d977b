#pragma once
// A backbone as a plain classifier, as other libraries have it: its own last activation, the mean over the pixels, one
// linear layer.

#include "backbone.hpp"

#include <glia/nn/linear.hpp>

#include <optional>

namespace cifar100 {

struct PlainClassifier {
  Backbone<glia::Cpu> backbone;
  std::optional<nn::Linear<>> head;  // none: the pooled features are the output
  GLIA_MEMBERS(backbone, head)

  // `classes` 0: without a head. std::invalid_argument for an unknown backbone.
  PlainClassifier(const std::string& name, Index classes) : backbone(make_backbone<glia::Cpu>(name)) {
    if (classes > 0) head.emplace(channels_of(backbone), classes);
  }

  // images [N, H, W, 3] -> pooled features [N, C] -> logits [N, classes]
  glia::Tensor<float> features(const glia::Tensor<float>& images) {
    return glia::global_mean_pool(activate(backbone, cifar100::forward(backbone, images)));
  }
  glia::Tensor<float> forward(const glia::Tensor<float>& images) {
    const auto pooled = features(images);
    return head ? (*head)(pooled) : pooled;
  }
};

}  // namespace cifar100
