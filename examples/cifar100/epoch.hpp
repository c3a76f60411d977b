#pragma once
// One epoch: its steps with progress and checkpoints, and what is measured and written at its end.

#include "step.hpp"

#include <glia/core/allow_bfloat16.hpp>
#include <glia/train/interrupt.hpp>
#include <glia/train/profiler.hpp>

#include <optional>

namespace cifar100 {

// What --profile asks for: the first steps, which allocate what later ones use again, are left out.
inline constexpr std::int64_t steps_before_profile = 5;

template <class D>
void finish_profile(Run<D>& run) {
  if (!run.profiler) return;
  run.profiler->stop();
  const auto table =
      run.profiler->table(static_cast<int>(std::max<std::int64_t>(run.steps_done - steps_before_profile, 1)));
  write_text(run.path("profile.txt"), table);
  run.profiler->write_trace(run.path("profile.json"));
  run.profiler.reset();
  run.say(table);
}
template <class D>
void profile_step(Run<D>& run) {
  if (run.o.profile == 0) return;
  if (run.steps_done == steps_before_profile) run.profiler = std::make_unique<glia::train::Profiler>();
  if (run.steps_done == steps_before_profile + run.o.profile) finish_profile(run);
}

// By a signal, or by --max-steps.
template <class D>
bool stop_asked(const Run<D>& run) {
  return glia::train::InterruptGuard::requested() || (run.o.max_steps > 0 && run.steps_done >= run.o.max_steps);
}

// One epoch from run.position on; false if it was interrupted.
template <class D>
bool train_epoch(Run<D>& run) {
  run.bar.begin(fmt::format("epoch {}/{}", run.epoch + 1, run.o.epochs), run.steps_per_epoch, run.position);
  run.labelled.seek(run.global_step());
  if (run.unlabelled) run.unlabelled->seek(run.global_step());
  nn::train(run.net);
  set_frozen(run.net, run.o.fine_tune, run.epoch);
  if (run.teacher) {
    nn::train(run.teacher->module);
    hold_statistics(run.teacher->module, run.o.fine_tune, run.epoch);
  }
  EpochSums& sums = run.sums;
  double start = now();
  while (run.position < run.steps_per_epoch) {
    const double measuring = sums.measuring_seconds;
    profile_step(run);
    {
      std::optional<glia::AllowBfloat16> scope;
      if (run.o.bfloat16) scope.emplace();
      train_step(run, next_batch(run));
    }
    ++run.position;
    const double end = now();
    sums.seconds += end - start - (sums.measuring_seconds - measuring);
    if (!run.o.quiet)
      run.bar.update(run.position,
                     fmt::format("loss {:.3f}  accuracy {:5.2f} %  {:.0f} images/s", sums.loss / sums.images,
                                 100 * sums.hits / sums.labelled, sums.images / sums.seconds));
    ++run.steps_done;
    if (stop_asked(run) && run.position < run.steps_per_epoch) return false;
    if (end - run.last_save > 60 * run.o.checkpoint_minutes) run.save(false);
    start = now();
  }
  return true;
}

// The means of an epoch's sums.
template <class D>
EpochRecord epoch_record(Run<D>& run) {
  const EpochSums& sums = run.sums;
  const double n = std::max(sums.images, 1.0), measured = std::max(sums.measured, 1.0);
  EpochRecord r;
  r.epoch = run.epoch;
  r.loss = sums.loss / n, r.classification = sums.classification / n, r.similarity = sums.similarity / n;
  r.spatial = sums.spatial / n, r.rate = sums.rate / n;
  r.running_accuracy = sums.hits / std::max(sums.labelled, 1.0), r.spatial_accuracy = sums.spatial_hits / n;
  r.gradient_norm = sums.gradient_norm / std::max(sums.steps, 1.0);
  r.share_classification = sums.shares.classification / measured,
  r.share_similarity = sums.shares.similarity / measured;
  r.share_spatial = sums.shares.spatial / measured, r.share_rate = sums.shares.rate / measured;
  r.gradient_cosine = sums.shares.cosine / measured;
  r.learning_rate = glia::optim::learning_rate(*run.optimizer);
  r.seconds = sums.seconds, r.measuring_seconds = sums.measuring_seconds;
  return r;
}

// Scores the network, appends a line to metrics.jsonl, moves on to the next epoch and saves.
template <class D>
void finish_epoch(Run<D>& run) {
  EpochRecord r = epoch_record(run);
  const double start = now();
  const auto probe_logits = predict(run.evaluated(), run.probe);
  const Score probe = score(probe_logits, run.probe.labels);
  const Score validation = score(predict(run.evaluated(), run.data.validation), run.data.validation.labels);
  r.train_accuracy = probe.accuracy, r.train_loss = probe.loss;
  r.true_train_accuracy = run.o.label_noise > 0 ? score(probe_logits, run.probe_true_labels).accuracy : probe.accuracy;
  r.validation_accuracy = validation.accuracy, r.validation_loss = validation.loss;
  r.evaluation_seconds = now() - start;
  run.records.push_back(r);
  {
    std::ofstream lines(run.path("metrics.jsonl"), std::ios::app);
    lines << to_json_line(r) << '\n';
    if (!lines.flush()) glia::raise<glia::Error>("cifar100", "cannot write ", run.path("metrics.jsonl").string());
  }
  run.say(fmt::format(
      "epoch {}/{}  loss {:.3f} (class {:.3f}, similarity {:.3f}, spatial {:.3f}, rate {:.3f})  train {:5.2f} %  "
      "validation {:5.2f} % (loss {:.3f})  {:.0f} images/s  {}",
      run.epoch + 1, run.o.epochs, r.loss, r.classification, r.similarity, r.spatial, r.rate, 100 * r.train_accuracy,
      100 * r.validation_accuracy, r.validation_loss, run.sums.images / std::max(run.sums.seconds, 1e-9),
      glia::train::clock_text(r.seconds)));
  ++run.epoch;
  run.position = 0;
  run.sums = {};
  run.save(run.epoch == run.o.epochs);
}

}  // namespace cifar100
