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

// The share of the labels asked about, those not negative, that have the highest score.
inline double accuracy_where_asked(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels) {
  const auto best = glia::argmax(logits, 1).to_vector(), given = labels.to_vector();
  double hits = 0, asked = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    asked += given[i] >= 0 ? 1 : 0;
    hits += given[i] >= 0 && best[i] == given[i] ? 1 : 0;
  }
  return hits / std::max(asked, 1.0);
}

// The images of a step and what they are, on the host.
struct StepBatch {
  glia::Tensor<float> images;  // [views * per_view, 32, 32, 3]
  Targets<glia::Cpu> targets;
};

// Puts the views and the unlabelled images together; `unlabelled` may be null.
inline StepBatch assemble(const glia::data::Batch& labelled, const glia::data::Batch* unlabelled, bool elr) {
  StepBatch out;
  Targets<glia::Cpu>& t = out.targets;
  const bool two = labelled.second_view.defined();
  t.views = two ? 2 : 1;
  t.labelled = labelled.size();
  t.per_view = t.labelled + (unlabelled != nullptr ? unlabelled->size() : 0);
  if (!two && unlabelled == nullptr) {
    out.images = labelled.images;
    t.labels = labelled.labels, t.soft = labelled.targets, t.spatial = labelled.spatial_labels;
  } else {
    std::vector<glia::Tensor<float>> images{labelled.images};
    if (unlabelled != nullptr) images.push_back(unlabelled->images);
    if (two) images.push_back(labelled.second_view);
    if (two && unlabelled != nullptr) images.push_back(unlabelled->second_view);
    out.images = glia::concat<float, glia::Cpu>(images);
    const auto twice = [two]<class T>(const glia::Tensor<T>& x) {
      return two ? glia::concat<T, glia::Cpu>({x, x}) : x;
    };
    t.labels = twice(labelled.labels);
    if (labelled.targets.defined()) t.soft = twice(labelled.targets);
    if (labelled.spatial_labels.defined()) {
      // each part holds its labels of view 1, then of view 2
      std::vector<glia::Tensor<std::int64_t>> parts;
      for (Index view = 0; view < t.views; ++view)
        for (const glia::data::Batch* part : {&labelled, unlabelled})
          if (part != nullptr)
            parts.push_back(part->spatial_labels.slice(0, {view * part->size(), (view + 1) * part->size()}));
      t.spatial = glia::concat<std::int64_t, glia::Cpu>(parts);
    }
  }
  if (elr) {
    std::vector<std::int64_t> samples;
    for (Index view = 0; view < t.views; ++view)
      samples.insert(samples.end(), labelled.positions.begin(), labelled.positions.end());
    t.samples = glia::from_vector<std::int64_t>(samples);
  }
  return out;
}

template <class D>
Targets<D> to_device(const Targets<glia::Cpu>& host) {
  const auto move = []<class T>(const glia::Tensor<T>& x) {
    return x.defined() ? x.template to<D>() : glia::Tensor<T, D>();
  };
  return {host.views,      host.labelled,      host.per_view,     move(host.labels),
          move(host.soft), move(host.samples), move(host.spatial)};
}

// The next batch of the run's streams.
template <class D>
StepBatch next_batch(Run<D>& run) {
  const auto labelled = run.labelled.next();
  if (!run.unlabelled) return assemble(labelled, nullptr, run.memory.has_value());
  const auto unlabelled = run.unlabelled->next();
  return assemble(labelled, &unlabelled, run.memory.has_value());
}

// Whether the terms' gradients are measured in this step: in the middle of the interval, because at the very first step
// the classifier, which starts at zero, passes no gradient on.
template <class D>
bool measures_now(const Run<D>& run) {
  if (run.o.gradient_every < 0) return false;
  const std::int64_t every = run.o.gradient_every > 0 ? run.o.gradient_every : run.steps_per_epoch;
  return run.global_step() % every == every / 2;
}

template <class D>
void measure_gradients(Run<D>& run, const Outputs<D>& out, const LossTerms<D>& terms) {
  const double start = now();
  const GradientShares s = gradient_shares(out, terms, run.o.objective);
  GradientShares& sum = run.sums.shares;
  sum.classification += s.classification, sum.similarity += s.similarity, sum.spatial += s.spatial, sum.rate += s.rate;
  sum.cosine += s.cosine;
  run.sums.measured += 1;
  run.sums.measuring_seconds += now() - start;
}

// Takes a step. glia::Error if the gradient is not finite.
template <class D>
void train_step(Run<D>& run, const StepBatch& batch) {
  namespace optim = glia::optim;
  const double progress =
      static_cast<double>(run.global_step()) / static_cast<double>(run.steps_per_epoch * run.o.epochs);
  const auto side = side_at(run.o.resolution, progress, batch.images.size(1));
  const auto images = glia::data::resize_images(batch.images, side, side).template to<D>();
  const auto targets = to_device<D>(batch.targets);
  optim::scale_learning_rate(*run.optimizer, run.schedule(run.global_step()));
  run.optimizer->zero_grad();
  const auto out = run.net.forward(images);
  glia::Tensor<float, D> teacher;
  if (run.teacher) {
    const glia::NoGrad plain;
    teacher = run.teacher->module.forward(images).embedding;
  }
  const auto terms = combined_loss(out, targets, run.o.objective, run.memory, teacher);
  // Frozen features have no gradient to share.
  if (measures_now(run) && out.features.requires_grad()) measure_gradients(run, out, terms);
  terms.total.backward();
  const double norm = optim::grad_norm(run.optimizer->parameters());
  if (!std::isfinite(norm))
    glia::raise<glia::Error>("cifar100", "the gradient is not finite at epoch ", run.epoch + 1, ", batch ",
                             run.position, "; lower --learning-rate (the last checkpoint is intact)");
  run.optimizer->step();
  if (run.teacher) run.teacher->update(run.net, 0.99);
  if (run.ema) run.ema->update(run.net);
  EpochSums& sums = run.sums;
  const auto n = static_cast<double>(images.size(0));
  sums.images += n;
  sums.labelled += static_cast<double>(batch.targets.labels.numel());
  sums.steps += 1;
  sums.hits += hits(labelled_rows(out.logits.detach(), targets).template to<glia::Cpu>(), batch.targets.labels);
  if (out.spatial.defined())
    sums.spatial_hits += n * accuracy_where_asked(out.spatial.detach().template to<glia::Cpu>(), batch.targets.spatial);
  const double loss = value_of(terms.total);
  sums.loss += n * loss;
  sums.classification += n * value_of(terms.classification);
  sums.similarity += n * value_of(terms.similarity);
  sums.spatial += n * value_of(terms.spatial);
  sums.rate += n * value_of(terms.rate);
  sums.gradient_norm += norm;
  run.step_losses.push_back(static_cast<float>(loss));
  run.step_norms.push_back(static_cast<float>(norm));
}

}  // namespace cifar100
