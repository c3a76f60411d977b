#pragma once
// The state of a training run: data, network, optimizer, place in the run. How it is built, saved and restored.

#include "evaluate.hpp"
#include "files.hpp"
#include "framework.hpp"
#include "records.hpp"
#include "run_data.hpp"
#include "whitening.hpp"

#include <glia/data/rotate.hpp>
#include <glia/io/checkpoint.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/schedule.hpp>
#include <glia/train/progress.hpp>

namespace cifar100 {

// Running sums of one epoch; part of the checkpoint, so that a resumed epoch reports the same means.
struct EpochSums {
  double images = 0, hits = 0, spatial_hits = 0, loss = 0, classification = 0, similarity = 0, spatial = 0, rate = 0;
  double gradient_norm = 0, steps = 0, seconds = 0;

  template <class V>
  void visit(V&& v) {
    v("images", images), v("hits", hits), v("spatial_hits", spatial_hits), v("loss", loss);
    v("classification", classification), v("similarity", similarity), v("spatial", spatial), v("rate", rate);
    v("gradient_norm", gradient_norm), v("steps", steps), v("seconds", seconds);
  }
};

template <class D>
std::unique_ptr<glia::optim::Optimizer<float, D>> make_optimizer(UnifiedNet<D>& net, const Options& o) {
  namespace optim = glia::optim;
  const auto trainable =
      optim::split(glia::parameters(net), [](const auto& p) { return p.tensor.requires_grad(); }).first;
  if (o.optimizer == "adamw")
    return std::make_unique<optim::AdamW<float, D>>(
        optim::decay_groups(trainable),
        optim::AdamWOptions{.learning_rate = o.learning_rate, .weight_decay = o.weight_decay});
  auto [filters, rest] = optim::split(trainable, [](const auto& p) { return p.tensor.rank() == 4; });
  return std::make_unique<optim::Combined<float, D>>(
      optim::Muon<float, D>(filters, {.learning_rate = o.learning_rate,
                                      .momentum = 0.6,
                                      .iterations = 3,
                                      .scale = optim::MuonScale::none,
                                      .renormalize = true}),
      optim::AdamW<float, D>(optim::decay_groups(rest),
                             {.learning_rate = o.vector_learning_rate, .weight_decay = o.weight_decay}));
}

// The network of a run as it starts: weights from the seed, the stem from the data.
template <class D>
UnifiedNet<D> make_net(const Options& o, const RunData& data) {
  glia::manual_seed(o.seed);
  UnifiedNet<D> net(o.backbone, o.objective, data.train.classes);
  if (auto* speed = std::get_if<SpeedNet<D>>(&net.backbone))
    speed->set_stem(whitening_filters(data.train, 24).template to<D>());
  return net;
}

template <class D>
struct Run {
  explicit Run(const Options& options)
      : o(options),
        data(load_run_data(options)),
        net(make_net<D>(options, data)),
        optimizer(make_optimizer(net, o)),
        schedule(glia::optim::ChainedSchedule{}),
        loader(data.train,
               {.batch = images_per_step(),
                .shuffle = true,
                .drop_last = data.train.size() >= images_per_step(),
                .seed = o.seed,
                .workers = glia::num_threads() > 4 ? 2 : 0,
                .views = two_views() ? 2 : 1},
               {.normalization = glia::data::cifar100_normalization, .flip = true, .shift = o.shift}, hook()),
        probe(glia::data::stratified_subset(data.train, std::min<Index>(data.train.size(), 5000), 7)) {
    const std::int64_t total = loader.batches() * o.epochs;
    if (total == 0) glia::raise<glia::ValueError>("cifar100", "the training set has no full batch of ", o.batch);
    const auto rise = std::max<std::int64_t>(static_cast<std::int64_t>(o.warmup * static_cast<double>(total)), 1);
    schedule = glia::optim::SequentialSchedule{
        {glia::optim::WarmupSchedule{.steps = rise, .start = 0.05},
         glia::optim::PolynomialSchedule{.steps = std::max<std::int64_t>(total - rise, 1), .minimum = 0.005}},
        {rise}};
  }

  bool two_views() const { return o.objective.similarity == "ntxent"; }
  // Two views of half as many images, so that the number of augmented images per step stays the same.
  Index images_per_step() const { return two_views() ? o.batch / 2 : o.batch; }

  glia::data::BatchHook hook() const {
    if (!o.objective.spatial) return {};
    return [](glia::data::Batch& batch, std::uint64_t seed) {
      const auto key = glia::data::random_key(batch, seed, glia::data::RandomUse::spatial);
      batch.spatial_labels = glia::data::rotate_quadrants(batch.images, batch.positions, key);
    };
  }

  std::filesystem::path path(const char* file) const { return std::filesystem::path(o.out) / file; }
  void say(const std::string& line) {
    if (!o.quiet) bar.finish(line);
  }

  // Settings that change the numbers of a run; threads and output places do not.
  std::string identity() const {
    Options same = o;
    same.data = same.out = "";
    same.resume = same.quiet = false;
    same.threads = 0;
    same.max_steps = 0;
    same.checkpoint_minutes = 0;
    return to_json(same);
  }

  void begin();
  void restore();
  void save(bool finished);

  Options o;
  RunData data;
  UnifiedNet<D> net;
  std::unique_ptr<glia::optim::Optimizer<float, D>> optimizer;
  glia::optim::Schedule schedule;
  glia::data::Loader loader;
  glia::data::Dataset probe;  // a fixed stratified part of the training images
  glia::train::ProgressBar bar;
  std::vector<EpochRecord> records;
  EpochSums sums;
  std::int64_t epoch = 0, position = 0;  // the next step to take
  std::int64_t steps_done = 0;           // in this call
  double untrained_loss = 0, wall_before = 0, resumed_at = 0, last_save = 0;
};

// A new run: writes config.json and an empty metrics.jsonl, and scores the untrained network. ValueError if the folder
// holds a run.
template <class D>
void Run<D>::begin() {
  if (std::filesystem::exists(path("checkpoint.safetensors")))
    glia::raise<glia::ValueError>("cifar100", "\"", o.out,
                                  "\" already holds a run: give --resume to go on with it, or another --out");
  write_text(path("config.json"), to_json(o));
  write_text(path("metrics.jsonl"), "");
  std::filesystem::resize_file(path("metrics.jsonl"), 0);
  untrained_loss = score(predict(net, data.validation), data.validation.labels).loss;
  char line[256];
  std::snprintf(line, sizeof line,
                "%s: %lld training, %lld validation, %lld test images; %s, %.2f million parameters; %d threads",
                data.name.c_str(), static_cast<long long>(data.train.size()),
                static_cast<long long>(data.validation.size()), static_cast<long long>(data.test.size()),
                o.backbone.c_str(), static_cast<double>(nn::parameter_count(net)) / 1e6, glia::num_threads());
  say(line);
  if (o.synthetic) say("NOTE: this is a generated set, not CIFAR-100; its accuracies say nothing about CIFAR-100.");
}

// Goes on where the checkpoint was written. ValueError if that run had other settings.
template <class D>
void Run<D>::restore() {
  const auto file = glia::io::load_checkpoint(path("checkpoint.safetensors"));
  if (file.text("config") != identity())
    glia::raise<glia::ValueError>("cifar100", "the checkpoint in \"", o.out,
                                  "\" was made with other settings; resume with the options in its config.json");
  file.load_module("net", net);
  file.load_optimizer("optimizer", *optimizer);
  epoch = file.number("epoch");
  position = file.number("position");
  wall_before = file.template number<double>("wall");
  untrained_loss = file.template number<double>("untrained_loss");
  sums.visit(
      [&](const char* name, double& value) { value = file.template number<double>(std::string("sums.") + name); });
  records = read_epochs(path("metrics.jsonl").string(), epoch);
  std::ofstream lines(path("metrics.jsonl"), std::ios::trunc);
  for (const auto& record : records) lines << to_json_line(record) << '\n';
  say("resumed at epoch " + std::to_string(epoch + 1) + ", batch " + std::to_string(position));
}

template <class D>
void Run<D>::save(bool finished) {
  glia::io::Checkpoint file;
  file.add_module("net", net).add_optimizer("optimizer", *optimizer);
  file.set("config", identity()).set("epoch", epoch).set("position", position).set("wall", now() - resumed_at);
  file.set("untrained_loss", untrained_loss).set("finished", finished);
  sums.visit([&](const char* name, double& value) { file.set(std::string("sums.") + name, value); });
  file.save(path("checkpoint.safetensors"));
  last_save = now();
}

}  // namespace cifar100
