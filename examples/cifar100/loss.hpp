#pragma once
// The combined loss: classification, similarity, spatial and rate terms on shared features, in one sum.

#include "framework.hpp"

#include <glia/ssl/contrastive.hpp>
#include <glia/ssl/noisy.hpp>
#include <glia/ssl/redundancy.hpp>
#include <glia/ssl/siamese.hpp>

namespace cifar100 {

// What the rows of a step's batch are. Rows: view 1 of the labelled images, view 1 of the unlabelled ones, then view 2
// of both.
template <class D>
struct Targets {
  Index views = 1, labelled = 0, per_view = 0;  // labelled and all rows of one view
  glia::Tensor<std::int64_t, D> labels;         // [views * labelled]
  glia::Tensor<float, D> soft;                  // [views * labelled, classes] of mixed images, or undefined
  glia::Tensor<std::int64_t, D> samples;        // [views * labelled] numbers of the training images
  glia::Tensor<std::int64_t, D> spatial;        // [views * per_view], or undefined
};

// The labelled rows of x [views * per_view, ...], in order; x itself if all are.
template <class D>
glia::Tensor<float, D> labelled_rows(const glia::Tensor<float, D>& x, const Targets<D>& targets) {
  if (targets.labelled == targets.per_view) return x;
  const auto first = x.slice(0, {0, targets.labelled});
  if (targets.views == 1) return first;
  return glia::concat<float, D>({first, x.slice(0, {targets.per_view, targets.per_view + targets.labelled})});
}

// The terms, each as it enters the sum before its weight; terms that are off are undefined.
template <class D>
struct LossTerms {
  glia::Tensor<float, D> total, classification, similarity, spatial, rate;
};

// State of a loss that remembers training images; empty unless the classification is elr.
template <class D>
using LossMemory = std::optional<glia::ssl::ElrLoss<D>>;

template <class D>
glia::Tensor<float, D> classification_loss(const Outputs<D>& out, const Targets<D>& targets, const Objective& o,
                                           LossMemory<D>& memory) {
  const auto logits = labelled_rows(out.logits, targets);
  if (targets.soft.defined()) return glia::cross_entropy(logits, targets.soft, {.label_smoothing = o.label_smoothing});
  if (o.classification == "gce") return glia::ssl::gce_loss(logits, targets.labels);
  if (o.classification == "sce") return glia::ssl::sce_loss(logits, targets.labels);
  if (o.classification == "elr") return memory.value()(logits, targets.labels, targets.samples);
  return glia::cross_entropy(logits, targets.labels, {.label_smoothing = o.label_smoothing});
}

// `teacher`: the momentum encoder's embeddings of the same rows, for byol. supcon has labelled anchors only; the others
// take every image.
template <class D>
glia::Tensor<float, D> similarity_loss(const Outputs<D>& out, const Targets<D>& targets, const Objective& o,
                                       const glia::Tensor<float, D>& teacher) {
  namespace ssl = glia::ssl;
  if (o.similarity == "supcon")
    return ssl::sup_con(labelled_rows(out.embedding, targets), targets.labels, o.temperature);
  const Index n = targets.per_view;
  const auto view = [n](const glia::Tensor<float, D>& x, Index v) { return x.slice(0, {v * n, (v + 1) * n}); };
  const auto z1 = view(out.embedding, 0), z2 = view(out.embedding, 1);
  if (o.similarity == "ntxent") return ssl::nt_xent(z1, z2, o.temperature);
  if (o.similarity == "barlow") return ssl::barlow_twins(z1, z2, {.scale = 0.1});
  if (o.similarity == "vicreg") return ssl::vicreg(z1, z2);
  const auto p1 = view(out.prediction, 0), p2 = view(out.prediction, 1);
  if (o.similarity == "simsiam") return ssl::simsiam_loss(p1, p2, z1, z2);
  return ssl::byol_loss(p1, p2, view(teacher, 0), view(teacher, 1));
}

template <class D>
LossTerms<D> combined_loss(const Outputs<D>& out, const Targets<D>& targets, const Objective& o, LossMemory<D>& memory,
                           const glia::Tensor<float, D>& teacher = {}) {
  LossTerms<D> terms;
  terms.classification = classification_loss(out, targets, o, memory);
  terms.total = terms.classification;
  const auto add = [&terms](const glia::Tensor<float, D>& term, double weight) {
    terms.total = terms.total + term * static_cast<float>(weight);
  };
  if (out.embedding.defined()) add(terms.similarity = similarity_loss(out, targets, o, teacher), o.similarity_weight);
  if (out.spatial.defined()) add(terms.spatial = glia::cross_entropy(out.spatial, targets.spatial), o.spatial_weight);
  if (out.activity.defined()) add(terms.rate = out.activity, o.rate_weight);
  return terms;
}

// How much each weighted term pulls on the shared features.
struct GradientShares {
  double classification = 0, similarity = 0, spatial = 0, rate = 0;  // parts of the sum of the terms' gradient norms
  double cosine = 0;  // between the classification's gradient and the sum of the others; 0 if there is no other
};

// Measures on one batch, by a backward pass of every term through the heads alone. Costs no pass through the backbone
// and changes nothing.
template <class D>
GradientShares gradient_shares(const Outputs<D>& out, const LossTerms<D>& terms, const Objective& o) {
  GradientShares shares;
  glia::Tensor<float> main_pull, others;
  const auto pull = [&](const glia::Tensor<float, D>& term, double weight) {
    if (!term.defined() || weight == 0) return glia::Tensor<float>();
    const auto g = glia::grad(term, {out.features}, {.retain_graph = true, .allow_unused = true})[0];
    if (!g.defined()) return glia::Tensor<float>();
    const glia::NoGrad plain;
    return (g * static_cast<float>(weight)).template to<glia::Cpu>().contiguous();
  };
  const auto dot = [](const glia::Tensor<float>& a, const glia::Tensor<float>& b) {
    double sum = 0;
    for (Index i = 0; i < a.numel(); ++i) sum += static_cast<double>(a.data()[i]) * static_cast<double>(b.data()[i]);
    return sum;
  };
  const auto norm = [&](const glia::Tensor<float>& g) { return g.defined() ? std::sqrt(dot(g, g)) : 0.0; };
  const auto other = [&](const glia::Tensor<float, D>& term, double weight) {
    const auto g = pull(term, weight);
    const glia::NoGrad plain;
    if (g.defined()) others = others.defined() ? others + g : g;
    return norm(g);
  };
  main_pull = pull(terms.classification, 1);
  shares.classification = norm(main_pull);
  shares.similarity = other(terms.similarity, o.similarity_weight);
  shares.spatial = other(terms.spatial, o.spatial_weight);
  shares.rate = other(terms.rate, o.rate_weight);
  if (main_pull.defined() && others.defined()) {
    const double length = norm(main_pull) * norm(others);
    if (length > 0) shares.cosine = dot(main_pull, others) / length;
  }
  const double sum = shares.classification + shares.similarity + shares.spatial + shares.rate;
  if (sum > 0) shares.classification /= sum, shares.similarity /= sum, shares.spatial /= sum, shares.rate /= sum;
  return shares;
}

}  // namespace cifar100
