#pragma once
// The end of a run: scores of all images, summary.json, a closing line.

#include "run.hpp"

namespace cifar100 {

template <class D>
void summarise(Run<D>& run) {
  Summary s;
  const RunData& data = run.data;
  const Score train = score(predict(run.net, data.train), data.train.labels);
  const Score validation = score(predict(run.net, data.validation), data.validation.labels);
  fill_test_metrics(s, predict(run.net, data.test), data.test);
  s.train_accuracy = train.accuracy, s.train_loss = train.loss;
  s.val_accuracy = validation.accuracy, s.val_loss = validation.loss;
  s.overfitting_gap = train.accuracy - validation.accuracy;
  s.untrained_loss = run.untrained_loss;
  std::vector<double> seconds;
  for (const auto& r : run.records) seconds.push_back(r.seconds);
  s.seconds_per_epoch_median = median(seconds);
  if (!seconds.empty() && s.seconds_per_epoch_median > 0)
    s.seconds_per_epoch_spread =
        (*std::max_element(seconds.begin(), seconds.end()) - *std::min_element(seconds.begin(), seconds.end())) /
        s.seconds_per_epoch_median;
  s.images_per_second = s.seconds_per_epoch_median > 0
                            ? static_cast<double>(run.loader.batches() * run.o.batch) / s.seconds_per_epoch_median
                            : 0.0;
  s.wall_seconds = now() - run.resumed_at;
  s.parameters = nn::parameter_count(run.net);
  s.epochs = run.o.epochs;
  s.seed = run.o.seed;
  s.threads = glia::num_threads();
  s.device = D::name;
  s.git_revision = git_revision();
  s.data = data.name, s.protocol = run.o.protocol, s.backbone = run.o.backbone;
  write_text(run.path("summary.json"), to_json(s));
  char line[256];
  std::snprintf(line, sizeof line,
                "done: test accuracy %.2f %% (top-5 %.2f %%), macro AUC %.4f, gap %.2f points, %.1f s per epoch, %s in "
                "all; see %s",
                100 * s.test_accuracy, 100 * s.test_top5, s.auc_macro, 100 * s.overfitting_gap,
                s.seconds_per_epoch_median, glia::train::clock_text(s.wall_seconds).c_str(),
                run.path("summary.json").string().c_str());
  run.say(line);
}

}  // namespace cifar100
