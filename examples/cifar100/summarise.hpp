#pragma once
// The end of a run: scores of all images, summary.json, the curves, steps.csv, a closing line.

#include "run.hpp"

#include <glia/metrics/stability.hpp>

namespace cifar100 {

template <class D>
void fill_timing(Summary& s, const Run<D>& run) {
  std::vector<double> seconds;
  for (const auto& r : run.records) {
    seconds.push_back(r.seconds);
    s.evaluation_seconds_per_epoch += r.evaluation_seconds / static_cast<double>(run.records.size());
    s.measuring_seconds += r.measuring_seconds;
  }
  s.seconds_per_epoch_median = median(seconds);
  if (!seconds.empty() && s.seconds_per_epoch_median > 0) {
    const auto [low, high] = std::minmax_element(seconds.begin(), seconds.end());
    s.seconds_per_epoch_spread = (*high - *low) / s.seconds_per_epoch_median;
    s.images_per_second =
        static_cast<double>(run.steps_per_epoch * images_per_step(run.o, run.data)) / s.seconds_per_epoch_median;
  }
  s.seconds_per_epoch_deviation = glia::metrics::coefficient_of_variation(seconds);
  s.wall_seconds = now() - run.resumed_at;
}

template <class D>
void fill_stability(Summary& s, const Run<D>& run) {
  namespace metrics = glia::metrics;
  std::vector<double> train, validation;
  for (const auto& r : run.records) {
    train.push_back(r.loss), validation.push_back(r.validation_loss);
    const auto n = static_cast<double>(run.records.size());
    s.gradient_share.classification += r.share_classification / n,
        s.gradient_share.similarity += r.share_similarity / n;
    s.gradient_share.spatial += r.share_spatial / n, s.gradient_share.rate += r.share_rate / n;
    s.gradient_share.cosine += r.gradient_cosine / n;
  }
  s.stability.train_oscillation = metrics::oscillation_index(train);
  s.stability.validation_oscillation = metrics::oscillation_index(validation);
  s.stability.largest_spike =
      metrics::largest_spike(std::vector<double>(run.step_losses.begin(), run.step_losses.end()));
  const auto half = static_cast<std::ptrdiff_t>(run.step_norms.size() / 2);
  s.stability.gradient_norm_variation =
      metrics::coefficient_of_variation(std::vector<double>(run.step_norms.begin() + half, run.step_norms.end()));
}

template <class D>
void write_steps(const Run<D>& run) {
  std::ostringstream steps;
  steps << "step,loss,gradient_norm";
  for (std::size_t i = 0; i < run.step_losses.size(); ++i)
    steps << '\n' << i << ',' << run.step_losses[i] << ',' << run.step_norms[i];
  write_text(run.path("steps.csv"), steps.str());
}

template <class D>
void summarise(Run<D>& run) {
  Summary s;
  Evaluation e;
  const RunData& data = run.data;
  auto& net = run.evaluated();
  const auto train_logits = predict(net, data.train);
  const Score train = score(train_logits, data.train.labels);
  fill_test_metrics(s, e, data, predict(net, data.test), predict(net, data.validation));
  s.train_accuracy = train.accuracy, s.train_loss = train.loss;
  s.true_train_accuracy = run.o.label_noise > 0 ? score(train_logits, data.true_labels).accuracy : train.accuracy;
  s.overfitting_gap = train.accuracy - s.val_accuracy;
  s.running_accuracy = run.records.back().running_accuracy;
  s.augmented_gap = s.running_accuracy - s.val_accuracy;
  s.untrained_loss = run.untrained_loss;
  fill_timing(s, run);
  fill_stability(s, run);
  s.parameters = nn::parameter_count(run.net);
  s.epochs = run.o.epochs, s.steps = run.steps_per_epoch * run.o.epochs;
  s.train_images = data.images(), s.labelled_images = data.train.size();
  s.seed = run.o.seed;
  s.threads = glia::num_threads();
  s.device = D::name;
  s.git_revision = git_revision();
  s.data = data.name, s.protocol = run.o.protocol, s.backbone = run.o.backbone, s.command = run.o.command;
  s.environment = environment();
  write_steps(run);
  write_evaluation(run.o.out, e);
  write_text(run.path("summary.json"), to_json(s));  // last: its presence says that the run is complete
  run.say(fmt::format(
      "done: test accuracy {:.2f} % (top-5 {:.2f} %), macro AUC {:.4f}, gap {:.2f} points, {:.1f} s per epoch, {} in "
      "all; see {}",
      100 * s.test_accuracy, 100 * s.test_top5, s.auc_macro, 100 * s.overfitting_gap, s.seconds_per_epoch_median,
      glia::train::clock_text(s.wall_seconds), run.path("summary.json").string()));
}

}  // namespace cifar100
