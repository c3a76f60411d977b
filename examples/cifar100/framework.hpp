#pragma once
// The unified framework: one backbone, whose feature maps feed the classifier, the similarity head and the spatial
// head, with a neuromorphic layer as the backbone's last activation.

#include "backbone.hpp"
#include "options.hpp"

#include <glia/glia.hpp>
#include <glia/spiking/layers.hpp>
#include <glia/spiking/qcfs.hpp>
#include <glia/ssl/projector.hpp>

namespace cifar100 {

// A plain activation where the neuromorphic part is off.
struct PlainActivation {
  template <class Visitor>
  void visit_members(Visitor&&) const {}
};

// What a forward pass gives; heads that are off are undefined.
template <class D>
struct Outputs {
  glia::Tensor<float, D> features;    // [N, h, w, C], after the neuromorphic layer
  glia::Tensor<float, D> logits;      // [N, 100]
  glia::Tensor<float, D> embedding;   // [N, 128 or 256], similarity head
  glia::Tensor<float, D> prediction;  // as embedding, of byol and simsiam
  glia::Tensor<float, D> spatial;     // [N, 4, 16 or 24], spatial head
  glia::Tensor<float, D> activity;    // 0-d: mean activity of the neuromorphic layer, in units of its maximum
};

template <class D>
struct UnifiedNet {
  Backbone<D> backbone;
  std::variant<PlainActivation, glia::spiking::Qcfs<D>, glia::spiking::Lif<D>> neuron;
  nn::BatchNorm<D> feature_norm;
  nn::Linear<D> head;
  std::optional<nn::Linear<D>> projector1, projector2;  // of the contrastive tasks
  std::optional<nn::Linear<D>> spatial_head;
  std::optional<glia::ssl::Projector<D>> projector;  // of the others
  std::optional<glia::ssl::Predictor<D>> predictor;
  int steps;
  bool with_max;  // whether pooling adds the largest to the mean
  bool training = true;
  GLIA_MEMBERS(backbone, neuron, feature_norm, head, projector1, projector2, spatial_head, projector, predictor)

  UnifiedNet(const std::string& backbone_name, const Objective& objective, Index classes)
      : backbone(make_backbone<D>(backbone_name, objective.steps)),
        feature_norm(channels(), {.momentum = 0.4}),
        head(channels(), classes),
        steps(objective.steps),
        with_max(objective.pooling == "mean+max") {
    if (objective.neuron == "multilevel")
      neuron.template emplace<1>(glia::spiking::QcfsOptions{.levels = objective.levels, .theta = 4.0});
    else if (objective.neuron == "lif")
      neuron.template emplace<2>(glia::spiking::LifOptions<>{.beta = 0.5, .threshold = 1.0});
    add_similarity_head(objective.similarity);
    if (const Index turns = spatial_classes(objective)) spatial_head.emplace(4 * channels(), turns);
    nn::init::constant(head.weight, 0.0);  // every class is equally likely at first: the untrained loss is ln(classes)
    nn::init::constant(head.bias, 0.0);
  }

  Index channels() const {
    return std::visit([](const auto& b) { return b.channels(); }, backbone);
  }

  // Features [N, h, w, C] as one vector per image [N, C], for the classifier and the similarity head.
  glia::Tensor<float, D> pool(const glia::Tensor<float, D>& features) const {
    const auto mean = glia::global_mean_pool(features);
    return with_max ? mean + glia::max(features, {1, 2}) : mean;
  }

  // images [N, 32, 32, 3]. The auxiliary heads run in training only.
  Outputs<D> forward(const glia::Tensor<float, D>& images) {
    Outputs<D> out;
    const auto potential = std::visit([&](auto& b) { return b.forward(images); }, backbone);
    activate(potential, out);
    const auto pooled = feature_norm(pool(out.features));
    out.logits = head(pooled);
    if (!training) return out;
    if (projector1) out.embedding = (*projector2)(glia::relu((*projector1)(pooled)));
    if (projector) out.embedding = (*projector)(pooled);
    if (predictor) out.prediction = (*predictor)(out.embedding);
    if (spatial_head) out.spatial = (*spatial_head)(glia::adaptive_avg_pool2d(out.features, 2, 2).flatten(1));
    return out;
  }

 private:
  void add_similarity_head(const std::string& task) {
    if (task == "supcon" || task == "ntxent") {
      projector1.emplace(channels(), Index{256});
      projector2.emplace(Index{256}, Index{128});
    } else if (task != "none") {
      projector.emplace(
          glia::ssl::ProjectorOptions{.in = channels(), .hidden = 512, .out = 256, .last_norm = task == "simsiam"});
      if (task == "byol" || task == "simsiam") predictor.emplace(glia::ssl::PredictorOptions{.in = 256, .hidden = 128});
    }
  }

  // The currents of a spiking backbone [T, N, ...] go to the LIF neurons as they are, and to a multi-level activation as
  // their mean over time.
  void activate(const glia::Tensor<float, D>& potential, Outputs<D>& out) {
    const bool in_time = std::holds_alternative<SpikingNet<D>>(backbone);
    if (auto* levels = std::get_if<1>(&neuron)) {
      out.features = (*levels)(in_time ? glia::mean(potential, 0) : potential);
      if (training) out.activity = glia::mean(out.features) / levels->theta.tensor().reshape({});
    } else if (auto* lif = std::get_if<2>(&neuron)) {
      out.features = glia::mean((*lif)(in_time ? potential : glia::spiking::repeat(potential, steps)), 0);
      if (training) out.activity = glia::mean(out.features);
    } else {
      out.features = cifar100::activate(backbone, potential);
    }
  }
};

}  // namespace cifar100
