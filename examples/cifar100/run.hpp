#pragma once
// The state of a training run: data, network, optimizer, place in the run. How it is built, saved and restored.

#include "batches.hpp"
#include "evaluate.hpp"
#include "files.hpp"
#include "fine_tune.hpp"
#include "loss.hpp"
#include "records.hpp"
#include "whitening.hpp"

#include <glia/io/checkpoint.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/ema.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/schedule.hpp>
#include <glia/ssl/momentum.hpp>
#include <glia/train/profiler.hpp>
#include <glia/train/progress.hpp>

#include <fmt/format.h>

namespace cifar100 {

// Running sums of one epoch; part of the checkpoint, so that a resumed epoch reports the same means.
struct EpochSums {
  double images = 0, labelled = 0, hits = 0, spatial_hits = 0;
  double loss = 0, classification = 0, similarity = 0, spatial = 0, rate = 0;
  double gradient_norm = 0, steps = 0, seconds = 0;
  GradientShares shares;  // sums over the measured steps
  double measured = 0, measuring_seconds = 0;

  template <class V>
  void visit(V&& v) {
    v("images", images), v("labelled", labelled), v("hits", hits), v("spatial_hits", spatial_hits), v("loss", loss);
    v("classification", classification), v("similarity", similarity), v("spatial", spatial), v("rate", rate);
    v("gradient_norm", gradient_norm), v("steps", steps), v("seconds", seconds);
    v("share_classification", shares.classification), v("share_similarity", shares.similarity);
    v("share_spatial", shares.spatial), v("share_rate", shares.rate), v("share_cosine", shares.cosine);
    v("measured", measured), v("measuring_seconds", measuring_seconds);
  }
};

template <class D>
std::unique_ptr<glia::optim::Optimizer<float, D>> make_optimizer(UnifiedNet<D>& net, const Options& o) {
  namespace optim = glia::optim;
  const auto trainable =
      optim::split(glia::parameters(net), [](const auto& p) { return p.tensor.requires_grad(); }).first;
  if (o.optimizer == "adamw")
    return std::make_unique<optim::AdamW<float, D>>(
        layerwise(optim::decay_groups(trainable), net, o.fine_tune.layer_decay),
        optim::AdamWOptions{.learning_rate = o.learning_rate, .weight_decay = o.weight_decay});
  auto [filters, rest] = optim::split(trainable, [](const auto& p) { return p.tensor.rank() == 4; });
  const double decay = o.fine_tune.layer_decay;
  if (filters.empty())  // the whole backbone is frozen
    return std::make_unique<optim::AdamW<float, D>>(
        optim::decay_groups(rest),
        optim::AdamWOptions{.learning_rate = o.vector_learning_rate, .weight_decay = o.weight_decay});
  return std::make_unique<optim::Combined<float, D>>(
      optim::Muon<float, D>(layerwise({optim::group(filters)}, net, decay), {.learning_rate = o.learning_rate,
                                                                             .momentum = 0.6,
                                                                             .iterations = 3,
                                                                             .scale = optim::MuonScale::none,
                                                                             .renormalize = true}),
      optim::AdamW<float, D>(layerwise(optim::decay_groups(rest), net, decay),
                             {.learning_rate = o.vector_learning_rate, .weight_decay = o.weight_decay}));
}

// The network of a run as it starts: weights from the seed, the stem from the data.
template <class D>
UnifiedNet<D> make_net(const Options& o, const RunData& data) {
  glia::manual_seed(o.seed);
  UnifiedNet<D> net(o.backbone, o.objective, data.train.classes);
  if (has_fixed_stem(net.backbone)) set_stem(net.backbone, whitening_filters(data.train, 24).template to<D>());
  if (!o.init.empty() && !o.resume) {
    const auto report = initialise(net, o.backbone, o.init, o.fine_tune, data.train);
    if (!o.quiet) std::fprintf(stderr, "%s", report.text(false).c_str());
  }
  set_frozen(net, o.fine_tune,
             o.epochs + o.fine_tune.freeze_epochs);  // what stays frozen, for the optimizer to leave out
  return net;
}

template <class D>
struct Run {
  explicit Run(const Options& options) : Run(options, load_run_data(options)) {}
  Run(const Options& options, RunData loaded)
      : o(options),
        data(std::move(loaded)),
        net(make_net<D>(options, data)),
        optimizer(make_optimizer(net, o)),
        sizes(step_sizes(o, data)),
        labelled(make_stream(o, data.train, sizes.labelled, true)) {
    if (sizes.unlabelled > 0) unlabelled.emplace(make_stream(o, data.unlabelled, sizes.unlabelled, false));
    const Index images = two_views(o.objective) ? o.batch / 2 : o.batch;
    steps_per_epoch = o.labels > 0 ? data.images() / images : labelled.batches();
    const std::int64_t total = steps_per_epoch * o.epochs;
    if (total == 0) glia::raise<glia::ValueError>("cifar100", "the training set has no full batch of ", o.batch);
    schedule = learning_rate_schedule(total);
    if (o.objective.classification == "elr") memory.emplace(data.train.size(), data.train.classes);
    if (o.objective.similarity == "byol") teacher.emplace(net);
    if (o.ema > 0)
      ema.emplace(net, glia::optim::EmaOptions{
                           .decay = std::max(0.0, 1.0 - 1.0 / std::max(o.ema * static_cast<double>(total), 1.0))});
    const auto positions = glia::data::stratified_positions(data.train, std::min<Index>(data.train.size(), 5000), 7);
    probe = glia::data::subset(data.train, positions);
    auto truth = data.train;
    truth.labels = data.true_labels;
    probe_true_labels = glia::data::subset(truth, positions).labels;
  }

  // The network to be evaluated: with averaged weights if there are any.
  UnifiedNet<D>& evaluated() { return ema ? ema->module() : net; }
  std::int64_t global_step() const { return epoch * steps_per_epoch + position; }
  std::filesystem::path path(const char* file) const { return std::filesystem::path(o.out) / file; }
  void say(const std::string& line) {
    if (!o.quiet) bar.finish(line);
  }

  void begin();
  void restore();
  void save(bool finished);

  Options o;
  RunData data;
  UnifiedNet<D> net;
  std::unique_ptr<glia::optim::Optimizer<float, D>> optimizer;
  glia::optim::Schedule schedule = glia::optim::ChainedSchedule{};
  StepSizes sizes;
  Stream labelled;
  std::optional<Stream> unlabelled;
  LossMemory<D> memory;
  std::optional<glia::ssl::MomentumEncoder<UnifiedNet<D>>> teacher;
  std::optional<glia::optim::Ema<UnifiedNet<D>>> ema;
  glia::data::Dataset probe;                     // a fixed stratified part of the labelled images
  glia::Tensor<std::int64_t> probe_true_labels;  // without label noise
  glia::train::ProgressBar bar;
  std::unique_ptr<glia::train::Profiler> profiler;  // while it records
  std::vector<EpochRecord> records;
  std::vector<float> step_losses, step_norms;  // of every step so far
  EpochSums sums;
  std::int64_t steps_per_epoch = 0;
  std::int64_t epoch = 0, position = 0;  // the next step to take
  std::int64_t steps_done = 0;           // in this call
  double untrained_loss = 0, wall_before = 0, resumed_at = 0, last_save = 0;

 private:
  // Up during the warm-up, then down to 0.005 of the peak, both linear.
  glia::optim::Schedule learning_rate_schedule(std::int64_t total) const {
    const auto rise = std::max<std::int64_t>(static_cast<std::int64_t>(o.warmup * static_cast<double>(total)), 1);
    return glia::optim::SequentialSchedule{
        {glia::optim::WarmupSchedule{.steps = rise, .start = 0.05},
         glia::optim::PolynomialSchedule{.steps = std::max<std::int64_t>(total - rise, 1), .minimum = 0.005}},
        {rise}};
  }
  // Calls f(name, module) for every part with weights or memory.
  template <class F>
  void each_module(F&& f) {
    f("net", net);
    if (memory) f("memory", *memory);
    if (teacher) f("teacher", *teacher);
  }
};

// A new run: writes config.json and an empty metrics.jsonl, and scores the untrained network. ValueError if the folder
// holds a run.
template <class D>
void Run<D>::begin() {
  if (holds_checkpoint(o.out))
    glia::raise<glia::ValueError>("cifar100", "\"", o.out,
                                  "\" already holds a run: give --resume to go on with it, or another --out");
  write_text(path("config.json"), to_json(o));
  write_text(path("metrics.jsonl"), "");
  std::filesystem::resize_file(path("metrics.jsonl"), 0);
  // Two images per class are enough to see ln(classes), and do not delay the first step.
  const auto sample = glia::data::subset(
      data.validation,
      glia::data::stratified_positions(data.validation, std::min<Index>(data.validation.size(), 200), 7));
  untrained_loss = score(predict(net, sample), sample.labels).loss;
  say(fmt::format("{}: {} training, {} validation, {} test images; {}, {:.2f} million parameters; {} threads",
                  data.name, data.images(), data.validation.size(), data.test.size(), o.backbone,
                  static_cast<double>(nn::parameter_count(net)) / 1e6, glia::num_threads()));
  if (o.labels > 0)
    say(fmt::format("{} images are labelled; a step takes {} labelled and {} unlabelled images", data.train.size(),
                    sizes.labelled, sizes.unlabelled));
  if (o.synthetic) say("NOTE: this is a generated set, not CIFAR-100; its accuracies say nothing about CIFAR-100.");
}

// Goes on where the checkpoint was written. ValueError if that run had other settings, FormatError if metrics.jsonl
// lacks an epoch.
template <class D>
void Run<D>::restore() {
  const auto file = glia::io::load_checkpoint(path("checkpoint.safetensors"));
  if (file.text("config") != identity(o))
    glia::raise<glia::ValueError>("cifar100", "the checkpoint in \"", o.out,
                                  "\" was made with other settings; resume with the options in its config.json");
  each_module([&](const char* name, auto& module) { file.load_module(name, module); });
  file.load_optimizer("optimizer", *optimizer);
  if (ema) file.load_optimizer("ema", *ema);
  epoch = file.number("epoch");
  position = file.number("position");
  wall_before = file.template number<double>("wall");
  untrained_loss = file.template number<double>("untrained_loss");
  sums.visit(
      [&](const char* name, double& value) { value = file.template number<double>(std::string("sums.") + name); });
  if (global_step() > 0) {
    step_losses = file.template tensor<float, glia::Cpu>("steps.loss").to_vector();
    step_norms = file.template tensor<float, glia::Cpu>("steps.gradient_norm").to_vector();
  }
  records = read_epochs(path("metrics.jsonl").string(), epoch);
  if (static_cast<std::int64_t>(records.size()) != epoch)
    glia::raise<glia::FormatError>("cifar100", "\"", path("metrics.jsonl").string(),
                                   "\": expected a line for each of the ", epoch, " epochs of the checkpoint, got ",
                                   records.size());
  std::string lines;
  for (const auto& record : records) lines += to_json_line(record) + '\n';
  replace_lines(path("metrics.jsonl"), lines);
  say(fmt::format("resumed at epoch {}, batch {}", epoch + 1, position));
}

template <class D>
void Run<D>::save(bool finished) {
  glia::io::Checkpoint file;
  each_module([&](const char* name, auto& module) { file.add_module(name, module); });
  file.add_optimizer("optimizer", *optimizer);
  if (ema) file.add_optimizer("ema", *ema);
  file.set("config", identity(o)).set("epoch", epoch).set("position", position).set("wall", now() - resumed_at);
  file.set("untrained_loss", untrained_loss).set("finished", finished);
  sums.visit([&](const char* name, double& value) { file.set(std::string("sums.") + name, value); });
  if (!step_losses.empty()) {
    file.add_tensor("steps.loss", glia::from_vector<float>(step_losses));
    file.add_tensor("steps.gradient_norm", glia::from_vector<float>(step_norms));
  }
  file.save(path("checkpoint.safetensors"));
  last_save = now();
}

}  // namespace cifar100
