#pragma once
// The network of pre-training: backbone, projector, predictor, the slow copy of BYOL; and the loss of each objective.

#include "backbone.hpp"
#include "pretrain.hpp"

#include <glia/nn/linear.hpp>
#include <glia/ssl/contrastive.hpp>
#include <glia/ssl/momentum.hpp>
#include <glia/ssl/projector.hpp>
#include <glia/ssl/redundancy.hpp>
#include <glia/ssl/siamese.hpp>

#include <optional>

namespace cifar100 {

inline Index projection_of(const PretrainOptions& o) {
  if (o.projection > 0) return o.projection;
  return o.objective == "ntxent" ? 128 : o.objective == "barlow" || o.objective == "vicreg" ? 512 : 256;
}

// Images to pooled features and their projection.
template <class D>
struct Encoder {
  Backbone<D> backbone;
  glia::ssl::Projector<D> projector;
  GLIA_MEMBERS(backbone, projector)

  explicit Encoder(const PretrainOptions& o)
      : backbone(make_backbone<D>(o.backbone)),
        projector({.in = channels_of(backbone),
                   .hidden = o.hidden,
                   .out = projection_of(o),
                   .layers = o.objective == "ntxent" || o.objective == "byol" ? 2 : 3,
                   .last_norm = o.objective == "simsiam"}) {}

  glia::Tensor<float, D> features(const glia::Tensor<float, D>& images) {
    return glia::global_mean_pool(activate(backbone, cifar100::forward(backbone, images)));
  }
  glia::Tensor<float, D> forward(const glia::Tensor<float, D>& images) { return projector(features(images)); }
};

template <class D>
struct PretrainNet {
  Encoder<D> encoder;
  std::optional<glia::ssl::Predictor<D>> predictor;                       // BYOL, SimSiam
  std::optional<glia::ssl::MomentumEncoder<Encoder<D>>> momentum_target;  // BYOL
  GLIA_MEMBERS(encoder, predictor, momentum_target)

  explicit PretrainNet(const PretrainOptions& o) : encoder(o) {
    if (o.objective == "byol" || o.objective == "simsiam")
      predictor.emplace(
          glia::ssl::PredictorOptions{.in = projection_of(o), .hidden = std::max<Index>(projection_of(o) / 2, 1)});
    if (o.objective == "byol") momentum_target.emplace(encoder);
  }

  // The loss of a batch of views [2N, H, W, 3], the second view of all images behind the first.
  glia::Tensor<float, D> loss(const glia::Tensor<float, D>& views, const PretrainOptions& o) {
    const Index n = views.size(0) / 2;
    const auto halves = [n](const glia::Tensor<float, D>& x) {
      return std::pair(x.slice(0, {0, n}), x.slice(0, {n, 2 * n}));
    };
    const auto z = encoder.forward(views);
    const auto [z1, z2] = halves(z);
    if (o.objective == "ntxent") return glia::ssl::nt_xent(z1, z2, o.temperature);
    // per dimension, so that one learning rate serves any width
    if (o.objective == "barlow")
      return glia::ssl::barlow_twins(z1, z2, {.scale = 1.0 / static_cast<double>(projection_of(o))});
    if (o.objective == "vicreg") return glia::ssl::vicreg(z1, z2, {.invariance = 1, .variance = 1, .covariance = 0.04});
    const auto [p1, p2] = halves((*predictor)(z));
    if (o.objective == "simsiam") return glia::ssl::simsiam_loss(p1, p2, z1, z2);
    const auto [t1, t2] = halves([&] {
      const glia::NoGrad plain;
      return momentum_target->module.forward(views);
    }());
    return glia::ssl::byol_loss(p1, p2, t1, t2);
  }
};

}  // namespace cifar100
