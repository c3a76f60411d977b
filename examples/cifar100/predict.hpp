#pragma once
// The body of predict(), for the files that instantiate it for a device.

#include "evaluate.hpp"

#include <glia/data/augment.hpp>

#include <numeric>

namespace cifar100 {

template <class D>
glia::Tensor<float> predict(UnifiedNet<D>& net, const glia::data::Dataset& set, Index batch) {
  const glia::NoGrad guard;
  const bool training = net.training;
  nn::eval(net);
  const glia::data::Augment plain({.normalization = glia::data::cifar100_normalization});
  auto logits = glia::Tensor<float>::empty({set.size(), net.head.weight.shape()[0]});
  for (Index first = 0; first < set.size(); first += batch) {
    const Index last = std::min(first + batch, set.size());
    std::vector<Index> positions(static_cast<std::size_t>(last - first));
    std::iota(positions.begin(), positions.end(), first);
    const auto images = plain(set.images, positions, 0);
    auto rows = logits.slice(0, {first, last});
    rows.copy_(net.forward(images.template to<D>()).logits.template to<glia::Cpu>());
  }
  nn::set_training(net, training);
  return logits;
}

}  // namespace cifar100
