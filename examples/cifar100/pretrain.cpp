#include "pretrain.hpp"

#include "files.hpp"
#include "pretrain_data.hpp"
#include "pretrain_net.hpp"
#include "whitening.hpp"

#include <glia/data/loader.hpp>
#include <glia/io/checkpoint.hpp>
#include <glia/ops/join.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/optim/schedule.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/ssl/diagnostics.hpp>
#include <glia/ssl/probe.hpp>
#include <glia/train/interrupt.hpp>
#include <glia/train/progress.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>

namespace cifar100 {

namespace {

namespace data = glia::data;
namespace optim = glia::optim;
namespace fs = std::filesystem;
using D = glia::Cpu;

PretrainNet<D> build(const PretrainOptions& o, const data::Dataset& train) {
  glia::manual_seed(o.seed);
  PretrainNet<D> net(o);
  if (has_fixed_stem(net.encoder.backbone)) set_stem(net.encoder.backbone, whitening_filters(train, 24));
  if (net.momentum_target) net.momentum_target.emplace(net.encoder);  // with the stem
  return net;
}

std::unique_ptr<optim::Optimizer<float, D>> make_pretrain_optimizer(PretrainNet<D>& net, const PretrainOptions& o) {
  const auto trainable =
      optim::split(glia::parameters<float, D>(net), [](const auto& p) { return p.tensor.requires_grad(); }).first;
  if (o.optimizer == "sgd")
    return std::make_unique<optim::Sgd<float, D>>(
        optim::decay_groups(trainable),
        optim::SgdOptions{.learning_rate = o.learning_rate, .momentum = 0.9, .weight_decay = o.weight_decay});
  return std::make_unique<optim::AdamW<float, D>>(
      optim::decay_groups(trainable),
      optim::AdamWOptions{.learning_rate = o.learning_rate, .weight_decay = o.weight_decay});
}

// Pooled features [N, C] of unaugmented images, in evaluation mode.
glia::Tensor<float> features_of(PretrainNet<D>& net, const data::Dataset& set,
                                const data::Normalization& normalization) {
  const glia::NoGrad plain;
  const data::Augment augment({.normalization = normalization});
  auto out = glia::Tensor<float>::empty({set.size(), channels_of(net.encoder.backbone)});
  for (Index first = 0; first < set.size(); first += 250) {
    const Index last = std::min<Index>(first + 250, set.size());
    std::vector<Index> positions(static_cast<std::size_t>(last - first));
    std::iota(positions.begin(), positions.end(), first);
    out.slice(0, {first, last}).copy_(net.encoder.features(augment(set.images, positions, 0)));
  }
  return out;
}

class PretrainRun {
 public:
  explicit PretrainRun(const PretrainOptions& options)
      : o_(options),
        data_(load_pretrain_data(o_)),
        net_(build(o_, data_.train)),
        optimizer_(make_pretrain_optimizer(net_, o_)),
        loader_(data_.train,
                {.batch = o_.batch,
                 .shuffle = true,
                 .drop_last = true,
                 .seed = o_.seed,
                 .workers = glia::num_threads() > 4 ? 2 : 0,
                 .views = 2},
                views_of(data_.normalization, o_.crop_size)) {
    total_ = loader_.batches() * o_.epochs;
    if (total_ == 0)
      glia::raise<glia::ValueError>("pretrain", "the ", data_.train.size(), " images make no full batch of ", o_.batch);
    rise_ = std::max<std::int64_t>(static_cast<std::int64_t>(o_.warmup * static_cast<double>(total_)), 1);
  }

  Outcome run() {
    fs::create_directories(o_.out);
    if (o_.resume)
      restore();
    else
      begin();
    const glia::train::InterruptGuard interrupt;
    last_save_ = now();
    while (epoch_ < o_.epochs) {
      if (!train_epoch()) {
        save();
        return stopped();
      }
      finish_epoch();
      if (epoch_ < o_.epochs && stop_asked()) return stopped();
    }
    say("done; fine-tune with: cifar100 train --backbone " + o_.backbone + " --init " +
        path("checkpoint.safetensors").string());
    return Outcome::finished;
  }

 private:
  fs::path path(const char* file) const { return fs::path(o_.out) / file; }
  void say(const std::string& line) {
    if (!o_.quiet) bar_.finish(line);
  }

  // By a signal, or by --max-steps.
  bool stop_asked() const {
    return glia::train::InterruptGuard::requested() || (o_.max_steps > 0 && done_ >= o_.max_steps);
  }
  Outcome stopped() {
    say("interrupted; saved. Go on with --resume --out " + o_.out);
    return Outcome::interrupted;
  }

  // Settings that change the numbers of a run.
  std::string identity() const {
    PretrainOptions same = o_;
    same.data = same.out = "";
    same.resume = same.quiet = false;
    same.threads = 0;
    same.max_steps = 0;
    same.checkpoint_minutes = 0;
    return to_json(same);
  }

  void begin() {
    if (holds_checkpoint(o_.out))
      glia::raise<glia::ValueError>("pretrain", "\"", o_.out,
                                    "\" already holds a run: give --resume to go on with it, or another --out");
    write_text(path("config.json"), to_json(o_));
    std::ofstream(path("metrics.jsonl"), std::ios::trunc);
    char line[256];
    std::snprintf(line, sizeof line, "%s: %lld images, no labels; %s on %s, %.2f million parameters; %d threads",
                  data_.train.name.c_str(), static_cast<long long>(data_.train.size()), o_.objective.c_str(),
                  o_.backbone.c_str(), static_cast<double>(nn::parameter_count(net_.encoder.backbone)) / 1e6,
                  glia::num_threads());
    say(line);
  }

  void restore() {
    const auto file = glia::io::load_checkpoint(path("checkpoint.safetensors"));
    if (file.text("config") != identity())
      glia::raise<glia::ValueError>("pretrain", "the checkpoint in \"", o_.out,
                                    "\" was made with other settings; resume with the options in its config.json");
    file.load_module("net", net_);
    file.load_optimizer("optimizer", *optimizer_);
    epoch_ = file.number("epoch"), position_ = file.number("position");
    loss_ = file.number<double>("loss"), norm_ = file.number<double>("norm"), steps_ = file.number<double>("steps");
    // Lines of later epochs, written after this checkpoint, are dropped.
    std::string kept;
    std::ifstream lines(path("metrics.jsonl"));
    std::int64_t count = 0;
    for (std::string line; count < epoch_ && std::getline(lines, line); ++count) kept += line + '\n';
    if (count != epoch_)
      glia::raise<glia::FormatError>("pretrain", "\"", path("metrics.jsonl").string(),
                                     "\": expected a line for each of the ", epoch_, " epochs of the checkpoint, got ",
                                     count);
    replace_lines(path("metrics.jsonl"), kept);
    say("resumed at epoch " + std::to_string(epoch_ + 1) + ", batch " + std::to_string(position_));
  }

  void save() {
    glia::io::Checkpoint file;
    file.add_module("net", net_).add_optimizer("optimizer", *optimizer_);
    file.set("config", identity()).set("epoch", epoch_).set("position", position_);
    file.set("loss", loss_).set("norm", norm_).set("steps", steps_);
    file.save(path("checkpoint.safetensors"));
    last_save_ = now();
  }

  double learning_rate_factor(std::int64_t step) const {
    if (step < rise_) return static_cast<double>(step + 1) / static_cast<double>(rise_);
    return optim::CosineSchedule{.steps = std::max<std::int64_t>(total_ - rise_, 1)}(step - rise_);
  }

  bool train_epoch() {
    bar_.begin("epoch " + std::to_string(epoch_ + 1) + "/" + std::to_string(o_.epochs), loader_.batches(), position_);
    loader_.set_state({epoch_, position_});
    nn::train(net_);
    data::Batch batch;
    const double start = now();
    const Index first = position_;
    while (loader_.next(batch)) {
      step(batch);
      ++position_;
      if (!o_.quiet) {
        char numbers[96];
        std::snprintf(numbers, sizeof numbers, "loss %.4f  %.0f images/s", loss_ / steps_,
                      static_cast<double>((position_ - first) * o_.batch) / (now() - start));
        bar_.update(position_, numbers);
      }
      ++done_;
      if (stop_asked() && position_ < loader_.batches()) return false;
      if (now() - last_save_ > 60 * o_.checkpoint_minutes) save();
    }
    seconds_ = now() - start;
    return true;
  }

  void step(const data::Batch& batch) {
    const std::int64_t number = epoch_ * loader_.batches() + position_;
    optim::scale_learning_rate(*optimizer_, learning_rate_factor(number));
    optimizer_->zero_grad();
    const auto loss = net_.loss(glia::concat<float, D>({batch.images, batch.second_view}), o_);
    loss.backward();
    const double norm = optim::grad_norm(optimizer_->parameters());
    if (!std::isfinite(norm))
      glia::raise<glia::Error>("pretrain", "the gradient is not finite at epoch ", epoch_ + 1, ", batch ", position_,
                               "; lower --learning-rate (the last checkpoint is intact)");
    optimizer_->step();
    if (net_.momentum_target) {
      const double progress = static_cast<double>(number) / static_cast<double>(total_);
      net_.momentum_target->update(
          net_.encoder, 1.0 - (1.0 - o_.momentum) * (std::cos(3.14159265358979323846 * progress) + 1.0) / 2.0);
    }
    loss_ += static_cast<double>(loss.item()), norm_ += norm, steps_ += 1;
  }

  void finish_epoch() {
    nlohmann::json record{{"epoch", epoch_},
                          {"loss", loss_ / steps_},
                          {"gradient_norm", norm_ / steps_},
                          {"learning_rate", optim::learning_rate(*optimizer_)},
                          {"seconds", seconds_}};
    char line[320];
    int used = std::snprintf(line, sizeof line, "epoch %lld/%lld  loss %.4f", static_cast<long long>(epoch_ + 1),
                             static_cast<long long>(o_.epochs), loss_ / steps_);
    if ((epoch_ + 1) % o_.probe_every == 0 || epoch_ + 1 == o_.epochs) probe(record, line, sizeof line, used);
    std::snprintf(line + used, sizeof line - static_cast<std::size_t>(used), "  %s",
                  glia::train::clock_text(seconds_).c_str());
    std::ofstream lines(path("metrics.jsonl"), std::ios::app);
    lines << record.dump() << '\n';
    if (!lines.flush()) glia::raise<glia::Error>("pretrain", "cannot write ", path("metrics.jsonl").string());
    say(line);
    if (record.value("collapsed", false))
      say("WARNING: the projections have collapsed (all images look alike to the network): lower the learning rate or "
          "change the objective");
    ++epoch_;
    position_ = 0;
    loss_ = norm_ = steps_ = 0;
    save();
  }

  // Appends the diagnostics of 256 pairs of views, and the probes, to the record and the line.
  void probe(nlohmann::json& record, char* line, std::size_t size, int& used) {
    const glia::NoGrad plain;
    nn::eval(net_);
    std::vector<Index> positions(static_cast<std::size_t>(std::min<Index>(data_.train.size(), 256)));
    std::iota(positions.begin(), positions.end(), Index{0});
    const data::Augment augment(views_of(data_.normalization, o_.crop_size));
    const auto z1 = net_.encoder.forward(augment(data_.train.images, positions, 1));
    const auto z2 = net_.encoder.forward(augment(data_.train.images, positions, 2));
    const auto report = glia::ssl::feature_report(z1, z2);
    const double spread = report.deviation * std::sqrt(static_cast<double>(z1.size(1)));  // 1: the whole sphere
    record["deviation"] = spread, record["effective_rank"] = report.effective_rank;
    record["alignment"] = report.alignment, record["uniformity"] = report.uniformity;
    record["collapsed"] = spread < 0.05 || report.effective_rank < 2;
    used += std::snprintf(line + used, size - static_cast<std::size_t>(used),
                          "  spread %.3f  effective rank %.1f  alignment %.3f  uniformity %.3f", spread,
                          report.effective_rank, report.alignment, report.uniformity);
    if (data_.bank.size() > 0) {
      const auto bank = features_of(net_, data_.bank, data_.normalization);
      const auto queries = features_of(net_, data_.held_out, data_.normalization);
      const double knn =
          glia::ssl::agreement(glia::ssl::knn_predict(bank, data_.bank.labels, queries,
                                                      {.k = 20, .classes = data_.bank.classes, .temperature = 0.1}),
                               data_.held_out.labels);
      const double linear = glia::ssl::agreement(
          glia::ssl::ridge_probe(bank, data_.bank.labels, data_.bank.classes).predict(queries), data_.held_out.labels);
      record["knn"] = knn, record["linear"] = linear;
      used += std::snprintf(line + used, size - static_cast<std::size_t>(used), "  k-NN %.2f %%  linear %.2f %%",
                            100 * knn, 100 * linear);
    }
    nn::train(net_);
  }

  PretrainOptions o_;
  PretrainData data_;
  PretrainNet<D> net_;
  std::unique_ptr<optim::Optimizer<float, D>> optimizer_;
  data::Loader loader_;
  glia::train::ProgressBar bar_;
  std::int64_t epoch_ = 0, position_ = 0, total_ = 0, rise_ = 1, done_ = 0;
  double loss_ = 0, norm_ = 0, steps_ = 0, seconds_ = 0, last_save_ = 0;
};

}  // namespace

Outcome pretrain(const PretrainOptions& options) {
  if (options.threads > 0) glia::set_num_threads(options.threads);
  return PretrainRun(options).run();
}

}  // namespace cifar100
