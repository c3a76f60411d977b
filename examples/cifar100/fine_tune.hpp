#pragma once
// Fine-tuning: the start from given weights, freezing, layer-wise learning rates.

#include "fine_tune_options.hpp"
#include "framework.hpp"
#include "weights.hpp"

#include <glia/data/augment.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/optim/group.hpp>

#include <cmath>
#include <limits>
#include <numeric>

namespace cifar100 {

// Gives the normalisation in front of the head the statistics of pooled features [N, C], and the scale and offset that
// undo it: the head then sees the features as they are, in training as in evaluation.
template <class D>
void pass_features_through(nn::BatchNorm<D>& norm, const glia::Tensor<float, D>& pooled) {
  const glia::NoGrad plain;
  const auto mean = glia::mean(pooled, glia::Axes{0});
  const auto centred = pooled - mean;
  const auto variance = glia::mean(centred * centred, glia::Axes{0});
  norm.running_mean.tensor().copy_(mean);
  norm.running_variance.tensor().copy_(variance);
  norm.bias.tensor().copy_(mean);
  norm.weight.tensor().copy_(glia::sqrt(variance + static_cast<float>(norm.options.epsilon)));
}

// Puts the weights of a file into the backbone, and into the head if the file has one for as many classes. Returns the
// report. Errors: glia::Error.
template <class D>
WeightReport initialise(UnifiedNet<D>& net, const std::string& backbone, const std::string& file,
                        const FineTune& options, const glia::data::Dataset& images) {
  PlainClassifier loaded(backbone, net.head.weight.shape()[0]);
  const auto report =
      load_weights(WeightFile(file), loaded,
                   {.prefix = options.prefix, .stem = options.stem == "crop" ? StemFit::crop : StemFit::area});
  nn::copy_state(loaded.backbone, net.backbone);
  if (!report.head) return report;
  nn::copy_state(*loaded.head, net.head);
  const glia::NoGrad plain;
  std::vector<Index> positions(static_cast<std::size_t>(std::min<Index>(images.size(), 1000)));
  std::iota(positions.begin(), positions.end(), Index{0});
  const auto batch =
      glia::data::Augment({.normalization = glia::data::cifar100_normalization})(images.images, positions, 0);
  const bool training = net.training;
  nn::eval(net);
  pass_features_through(net.feature_norm, net.pool(net.forward(batch.template to<D>()).features));
  nn::set_training(net, training);
  return report;
}

// Puts the backbone in evaluation mode up to the stage that the options freeze in this epoch: batch norms use their
// running statistics and keep them. Call it after nn::train.
template <class D>
void hold_statistics(UnifiedNet<D>& net, const FineTune& options, std::int64_t epoch) {
  const Index last = last_frozen_stage(options, depth_of(net.backbone), epoch);
  nn::visit(net.backbone, [&](const std::string& path, auto& object) {
    if constexpr (requires { object.training = true; })
      if (!path.empty() && stage_of(net.backbone, path) <= last) object.training = false;
  });
}

// Freezes the backbone up to the stage that the options name for this epoch, statistics included, and thaws the rest.
// The speed net's whitening stem is always fixed. Call it after nn::train.
template <class D>
void set_frozen(UnifiedNet<D>& net, const FineTune& options, std::int64_t epoch) {
  const Index last = last_frozen_stage(options, depth_of(net.backbone), epoch);
  const bool fixed_stem = has_fixed_stem(net.backbone);
  nn::visit(net.backbone, [&](const std::string& path, auto& object) {
    if constexpr (nn::is_parameter<std::remove_cvref_t<decltype(object)>>) {
      const Index stage = stage_of(net.backbone, path);
      object.set_requires_grad(stage > last && !(fixed_stem && stage == 0));
    }
  });
  hold_statistics(net, options, epoch);
}

// Splits the groups of an optimizer by stage: a stage's learning rate is `decay` times that of the next later one, down
// to the stem; what lies behind the backbone learns at the full rate. The latest part comes first.
template <class D>
std::vector<glia::optim::ParameterGroup<float, D>> layerwise(std::vector<glia::optim::ParameterGroup<float, D>> groups,
                                                             const UnifiedNet<D>& net, double decay) {
  if (decay == 1) return groups;
  static const std::string start = "backbone.";
  const Index depth = depth_of(net.backbone);
  const auto stage = [&](const std::string& name) {
    return name.compare(0, start.size(), start) == 0
               ? stage_of(net.backbone, std::string_view(name).substr(start.size()))
               : depth + 1;
  };
  std::vector<glia::optim::ParameterGroup<float, D>> out;
  for (Index s = depth + 1; s >= 0; --s)
    for (const auto& group : groups) {
      auto part = glia::optim::split(group.parameters, [&](const auto& p) { return stage(p.name) == s; }).first;
      if (part.empty()) continue;
      auto options = group.options;
      options.learning_rate_factor *= std::pow(decay, static_cast<double>(depth + 1 - s));
      out.push_back(glia::optim::group(std::move(part), options));
    }
  return out;
}

}  // namespace cifar100
