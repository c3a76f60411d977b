#pragma once
// The unified framework: one backbone, whose feature maps feed the classifier, the similarity head and the spatial head, with a
// neuromorphic layer as the backbone's last activation.

#include "backbone.hpp"
#include "options.hpp"

#include <glia/spiking/layers.hpp>
#include <glia/spiking/qcfs.hpp>
#include <glia/spiking/regularize.hpp>
#include <glia/ssl/contrastive.hpp>

namespace cifar100 {

// A plain activation where the neuromorphic part is off.
struct PlainActivation {
  template <class Visitor>
  void visit_members(Visitor&&) const {}
};

// What a forward pass gives; heads that are off are undefined.
template <class D>
struct Outputs {
  glia::Tensor<float, D> features;  // [N, h, w, C], after the neuromorphic layer
  glia::Tensor<float, D> logits;    // [N, 100]
  glia::Tensor<float, D> embedding; // [N, 128], similarity head
  glia::Tensor<float, D> spatial;   // [N, 16], spatial head
  glia::Tensor<float, D> activity;  // 0-d: mean activity of the neuromorphic layer, in units of its maximum
};

template <class D>
struct UnifiedNet {
  Backbone<D> backbone;
  std::variant<PlainActivation, glia::spiking::Qcfs<D>, glia::spiking::Lif<D>> neuron;
  nn::BatchNorm<D> feature_norm;
  nn::Linear<D> head;
  std::optional<nn::Linear<D>> projector1, projector2;
  std::optional<nn::Linear<D>> spatial_head;
  int steps;
  bool training = true;
  GLIA_MEMBERS(backbone, neuron, feature_norm, head, projector1, projector2, spatial_head)

  UnifiedNet(const std::string& backbone_name, const Objective& objective, Index classes)
      : backbone(make_backbone<D>(backbone_name)),
        feature_norm(channels(), {.momentum = 0.4}),
        head(channels(), classes),
        steps(objective.steps) {
    if (objective.neuron == "multilevel")
      neuron.template emplace<1>(glia::spiking::QcfsOptions{.levels = objective.levels, .theta = 4.0});
    else if (objective.neuron == "lif")
      neuron.template emplace<2>(glia::spiking::LifOptions<>{.beta = 0.5, .threshold = 1.0});
    if (objective.similarity != "none") {
      projector1.emplace(channels(), Index{256});
      projector2.emplace(Index{256}, Index{128});
    }
    if (objective.spatial) spatial_head.emplace(4 * channels(), Index{16});
    nn::init::constant(head.weight, 0.0);  // every class is equally likely at first: the untrained loss is ln(classes)
    nn::init::constant(head.bias, 0.0);
  }

  Index channels() const {
    return std::visit([](const auto& b) { return b.channels(); }, backbone);
  }

  // images [N, 32, 32, 3]. The auxiliary heads run in training only.
  Outputs<D> forward(const glia::Tensor<float, D>& images) {
    Outputs<D> out;
    const auto potential = std::visit([&](auto& b) { return b.forward(images); }, backbone);
    activate(potential, out);
    const auto pooled = feature_norm(glia::global_mean_pool(out.features));
    out.logits = head(pooled);
    if (!training) return out;
    if (projector1) out.embedding = (*projector2)(glia::relu((*projector1)(pooled)));
    if (spatial_head) out.spatial = (*spatial_head)(glia::adaptive_avg_pool2d(out.features, 2, 2).flatten(1));
    return out;
  }

 private:
  void activate(const glia::Tensor<float, D>& potential, Outputs<D>& out) {
    if (auto* levels = std::get_if<1>(&neuron)) {
      out.features = (*levels)(potential);
      if (training) out.activity = glia::mean(out.features) / levels->theta.tensor().reshape({});
    } else if (auto* lif = std::get_if<2>(&neuron)) {
      out.features = glia::mean((*lif)(glia::spiking::repeat(potential, steps)), 0);
      if (training) out.activity = glia::mean(out.features);
    } else {
      out.features = glia::silu(potential);
    }
  }
};

// The terms of the combined loss, each as it enters the sum before its weight.
template <class D>
struct LossTerms {
  glia::Tensor<float, D> total, classification, similarity, spatial, rate;
};

// One combined loss on shared features. `views` images of a sample lie one after the other (view 1 of all, then view 2).
template <class D>
LossTerms<D> combined_loss(const Outputs<D>& out, const glia::Tensor<std::int64_t, D>& labels,
                           const glia::Tensor<std::int64_t, D>& spatial_labels, const Objective& o) {
  LossTerms<D> terms;
  terms.classification = glia::cross_entropy(out.logits, labels, {.label_smoothing = o.label_smoothing});
  terms.total = terms.classification;
  if (out.embedding.defined()) {
    const Index n = out.embedding.size(0);
    terms.similarity = o.similarity == "ntxent"
                           ? glia::ssl::nt_xent(out.embedding.slice(0, {0, n / 2}), out.embedding.slice(0, {n / 2, n}),
                                                o.temperature)
                           : glia::ssl::sup_con(out.embedding, labels, o.temperature);
    terms.total = terms.total + terms.similarity * static_cast<float>(o.similarity_weight);
  }
  if (out.spatial.defined()) {
    terms.spatial = glia::cross_entropy(out.spatial, spatial_labels);
    terms.total = terms.total + terms.spatial * static_cast<float>(o.spatial_weight);
  }
  if (out.activity.defined()) {
    terms.rate = out.activity;
    terms.total = terms.total + terms.rate * static_cast<float>(o.rate_weight);
  }
  return terms;
}

}  // namespace cifar100
