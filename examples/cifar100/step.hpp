#pragma once
// One training step: a batch through the network, the combined loss, the optimizer, the running sums.

#include "resolution.hpp"
#include "run.hpp"

#include <glia/data/resize.hpp>
#include <glia/metrics/accuracy.hpp>
#include <glia/optim/clip.hpp>

namespace cifar100 {

template <class D>
double value_of(const glia::Tensor<float, D>& term) {
  return term.defined() ? static_cast<double>(term.item()) : 0.0;
}

inline double hits(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels) {
  return static_cast<double>(glia::metrics::topk_hits<float>(logits.span(), logits.size(1), labels.span(), 1));
}

// Trains on a batch of the loader. glia::Error if the gradient is not finite.
template <class D>
void train_step(Run<D>& run, glia::data::Batch& batch) {
  namespace optim = glia::optim;
  const Objective& objective = run.o.objective;
  glia::Tensor<float> host = batch.images;
  glia::Tensor<std::int64_t> host_labels = batch.labels, host_spatial = batch.spatial_labels;
  if (run.two_views()) {
    if (objective.spatial) {
      // both views pass through the spatial task
      const auto key = glia::data::random_key(batch, run.o.seed, glia::data::RandomUse::user);
      const auto second = glia::data::rotate_quadrants(batch.second_view, batch.positions, key);
      host_spatial = glia::concat<std::int64_t, glia::Cpu>({host_spatial, second});
    }
    host = glia::concat<float, glia::Cpu>({batch.images, batch.second_view});
    host_labels = glia::concat<std::int64_t, glia::Cpu>({batch.labels, batch.labels});
  }
  const std::int64_t step = run.epoch * run.loader.batches() + run.position;
  const double progress = static_cast<double>(step) / static_cast<double>(run.loader.batches() * run.o.epochs);
  const auto side = side_at(run.o.resolution, progress, host.size(1));
  const auto images = glia::data::resize_images(host, side, side).template to<D>();
  const auto labels = host_labels.to<D>();
  const auto spatial_labels = host_spatial.defined() ? host_spatial.to<D>() : glia::Tensor<std::int64_t, D>();
  optim::scale_learning_rate(*run.optimizer, run.schedule(step));
  run.optimizer->zero_grad();
  const auto out = run.net.forward(images);
  const auto terms = combined_loss(out, labels, spatial_labels, objective);
  terms.total.backward();
  const double norm = optim::grad_norm(run.optimizer->parameters());
  if (!std::isfinite(norm))
    glia::raise<glia::Error>("cifar100", "the gradient is not finite at epoch ", run.epoch + 1, ", batch ",
                             run.position, "; lower --learning-rate (the last checkpoint is intact)");
  run.optimizer->step();
  EpochSums& sums = run.sums;
  const auto n = static_cast<double>(images.size(0));
  sums.images += n;
  sums.steps += 1;
  sums.hits += hits(out.logits.detach().template to<glia::Cpu>(), host_labels);
  if (out.spatial.defined()) sums.spatial_hits += hits(out.spatial.detach().template to<glia::Cpu>(), host_spatial);
  sums.loss += n * value_of(terms.total);
  sums.classification += n * value_of(terms.classification);
  sums.similarity += n * value_of(terms.similarity);
  sums.spatial += n * value_of(terms.spatial);
  sums.rate += n * value_of(terms.rate);
  sums.gradient_norm += norm;
}

}  // namespace cifar100
