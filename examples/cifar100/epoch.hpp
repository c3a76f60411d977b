#pragma once
// One epoch: its steps with progress and checkpoints, and what is measured and written at its end.

#include "step.hpp"

#include <glia/train/interrupt.hpp>

namespace cifar100 {

// One epoch from run.position on; false if it was interrupted.
template <class D>
bool train_epoch(Run<D>& run) {
  const std::string title = "epoch " + std::to_string(run.epoch + 1) + "/" + std::to_string(run.o.epochs);
  run.bar.begin(title, run.loader.batches(), run.position);
  run.loader.set_state({run.epoch, run.position});
  nn::train(run.net);
  glia::data::Batch batch;
  EpochSums& sums = run.sums;
  double start = now();
  while (run.loader.next(batch)) {
    train_step(run, batch);
    ++run.position;
    const double end = now();
    sums.seconds += end - start;
    if (!run.o.quiet) {
      char numbers[128];
      std::snprintf(numbers, sizeof numbers, "loss %.3f  accuracy %5.2f %%  %.0f images/s", sums.loss / sums.images,
                    100 * sums.hits / sums.images, sums.images / sums.seconds);
      run.bar.update(run.position, numbers);
    }
    ++run.steps_done;
    const bool stop =
        glia::train::InterruptGuard::requested() || (run.o.max_steps > 0 && run.steps_done >= run.o.max_steps);
    if (stop && run.position < run.loader.batches()) return false;
    if (end - run.last_save > 60 * run.o.checkpoint_minutes) run.save(false);
    start = now();
  }
  return true;
}

// Scores the network, appends a line to metrics.jsonl, moves on to the next epoch and saves.
template <class D>
void finish_epoch(Run<D>& run) {
  const double start = now();
  const EpochSums& sums = run.sums;
  EpochRecord r;
  const double n = std::max(sums.images, 1.0);
  r.epoch = run.epoch;
  r.loss = sums.loss / n, r.classification = sums.classification / n, r.similarity = sums.similarity / n;
  r.spatial = sums.spatial / n, r.rate = sums.rate / n;
  r.running_accuracy = sums.hits / n, r.spatial_accuracy = sums.spatial_hits / n;
  r.gradient_norm = sums.gradient_norm / std::max(sums.steps, 1.0);
  r.learning_rate = glia::optim::learning_rate(*run.optimizer);
  r.seconds = sums.seconds;
  const Score probe = score(predict(run.net, run.probe), run.probe.labels);
  const Score validation = score(predict(run.net, run.data.validation), run.data.validation.labels);
  r.train_accuracy = probe.accuracy, r.train_loss = probe.loss;
  r.validation_accuracy = validation.accuracy, r.validation_loss = validation.loss;
  r.evaluation_seconds = now() - start;
  run.records.push_back(r);
  {
    std::ofstream lines(run.path("metrics.jsonl"), std::ios::app);
    lines << to_json_line(r) << '\n';
    if (!lines.flush()) glia::raise<glia::Error>("cifar100", "cannot write ", run.path("metrics.jsonl").string());
  }
  char line[256];
  std::snprintf(line, sizeof line,
                "epoch %lld/%lld  loss %.3f (class %.3f, similarity %.3f, spatial %.3f, rate %.3f)  train %5.2f %%  "
                "validation %5.2f %% (loss %.3f)  %.0f images/s  %s",
                static_cast<long long>(run.epoch + 1), static_cast<long long>(run.o.epochs), r.loss, r.classification,
                r.similarity, r.spatial, r.rate, 100 * r.train_accuracy, 100 * r.validation_accuracy, r.validation_loss,
                sums.images / std::max(sums.seconds, 1e-9), glia::train::clock_text(r.seconds).c_str());
  run.say(line);
  ++run.epoch;
  run.position = 0;
  run.sums = {};
  run.save(run.epoch == run.o.epochs);
}

}  // namespace cifar100
