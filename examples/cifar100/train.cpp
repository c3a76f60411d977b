#include "train.hpp"

#include "evaluate.hpp"
#include "framework.hpp"
#include "records.hpp"
#include "run_data.hpp"
#include "whitening.hpp"

#include <glia/data/rotate.hpp>
#include <glia/io/checkpoint.hpp>
#include <glia/metrics/accuracy.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/optim/combined.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/schedule.hpp>
#include <glia/train/interrupt.hpp>
#include <glia/train/progress.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace cifar100 {
namespace {

namespace fs = std::filesystem;
namespace optim = glia::optim;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text << '\n';
  if (!file.flush()) glia::raise<glia::Error>("cifar100", "cannot write ", path.string());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

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
double value_of(const glia::Tensor<float, D>& term) {
  return term.defined() ? static_cast<double>(term.item()) : 0.0;
}

double hits(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels) {
  return static_cast<double>(glia::metrics::topk_hits<float>(logits.span(), logits.size(1), labels.span(), 1));
}

template <class D>
std::unique_ptr<optim::Optimizer<float, D>> make_optimizer(UnifiedNet<D>& net, const Options& o) {
  const auto trainable = optim::split(glia::parameters(net), [](const auto& p) { return p.tensor.requires_grad(); }).first;
  if (o.optimizer == "adamw")
    return std::make_unique<optim::AdamW<float, D>>(
        optim::decay_groups(trainable), optim::AdamWOptions{.learning_rate = o.learning_rate, .weight_decay = o.weight_decay});
  auto [filters, rest] = optim::split(trainable, [](const auto& p) { return p.tensor.rank() == 4; });
  return std::make_unique<optim::Combined<float, D>>(
      optim::Muon<float, D>(filters, {.learning_rate = o.learning_rate, .momentum = 0.6, .iterations = 3,
                                      .scale = optim::MuonScale::none, .renormalize = true}),
      optim::AdamW<float, D>(optim::decay_groups(rest),
                             {.learning_rate = o.vector_learning_rate, .weight_decay = o.weight_decay}));
}

template <class D>
class Run {
 public:
  explicit Run(const Options& options)
      : o_(options),
        data_(load_run_data(options)),
        net_(build(options, data_)),
        optimizer_(make_optimizer(net_, o_)),
        schedule_(optim::ChainedSchedule{}),
        loader_(data_.train,
                {.batch = images_per_step(), .shuffle = true, .drop_last = data_.train.size() >= images_per_step(), .seed = o_.seed,
                 .workers = glia::num_threads() > 4 ? 2 : 0, .views = two_views() ? 2 : 1},
                {.normalization = glia::data::cifar100_normalization, .flip = true, .shift = o_.shift}, hook()),
        probe_(glia::data::stratified_subset(data_.train, std::min<Index>(data_.train.size(), 5000), 7)) {
    total_steps_ = loader_.batches() * o_.epochs;
    if (total_steps_ == 0) glia::raise<glia::ValueError>("cifar100", "the training set has no full batch of ", o_.batch);
    const auto rise = std::max<std::int64_t>(static_cast<std::int64_t>(o_.warmup * static_cast<double>(total_steps_)), 1);
    schedule_ = optim::SequentialSchedule{
        {optim::WarmupSchedule{.steps = rise, .start = 0.05},
         optim::PolynomialSchedule{.steps = std::max<std::int64_t>(total_steps_ - rise, 1), .minimum = 0.005}},
        {rise}};
  }

  Outcome train() {
    const double start = now();
    fs::create_directories(o_.out);
    if (o_.resume)
      restore();
    else
      begin();
    glia::train::InterruptGuard interrupt;
    last_save_ = now();
    resumed_at_ = start - wall_before_;
    while (epoch_ < o_.epochs) {
      if (!train_epoch()) {
        save(false);
        return stopped();
      }
      finish_epoch();
      if (epoch_ < o_.epochs && glia::train::InterruptGuard::requested()) return stopped();
    }
    summarise();
    return Outcome::finished;
  }

 private:
  static UnifiedNet<D> build(const Options& o, const RunData& data) {
    glia::manual_seed(o.seed);
    UnifiedNet<D> net(o.backbone, o.objective, data.train.classes);
    if (auto* speed = std::get_if<SpeedNet<D>>(&net.backbone))
      speed->set_stem(whitening_filters(data.train, 24).template to<D>());
    return net;
  }

  bool two_views() const { return o_.objective.similarity == "ntxent"; }
  // Two views of half as many images, so that the number of augmented images per step stays the same.
  Index images_per_step() const { return two_views() ? o_.batch / 2 : o_.batch; }

  glia::data::BatchHook hook() const {
    if (!o_.objective.spatial) return {};
    return [](glia::data::Batch& batch, std::uint64_t seed) {
      const auto key = glia::data::random_key(batch, seed, glia::data::RandomUse::spatial);
      batch.spatial_labels = glia::data::rotate_quadrants(batch.images, batch.positions, key);
    };
  }

  void say(const std::string& line) {
    if (!o_.quiet) bar_.finish(line);
  }

  fs::path path(const char* file) const { return fs::path(o_.out) / file; }

  void begin() {
    if (fs::exists(path("checkpoint.safetensors")))
      glia::raise<glia::ValueError>("cifar100", "\"", o_.out, "\" already holds a run: give --resume to go on with it, or another --out");
    write_text(path("config.json"), to_json(o_));
    write_text(path("metrics.jsonl"), "");
    fs::resize_file(path("metrics.jsonl"), 0);
    untrained_loss_ = score(predict(net_, data_.validation), data_.validation.labels).loss;
    char line[256];
    std::snprintf(line, sizeof line, "%s: %lld training, %lld validation, %lld test images; %s, %.2f million parameters; %d threads",
                  data_.name.c_str(), static_cast<long long>(data_.train.size()),
                  static_cast<long long>(data_.validation.size()), static_cast<long long>(data_.test.size()), o_.backbone.c_str(),
                  static_cast<double>(nn::parameter_count(net_)) / 1e6, glia::num_threads());
    say(line);
    if (o_.synthetic) say("NOTE: this is a generated set, not CIFAR-100; its accuracies say nothing about CIFAR-100.");
  }

  void restore() {
    const auto file = glia::io::load_checkpoint(path("checkpoint.safetensors"));
    if (file.text("config") != run_identity())
      glia::raise<glia::ValueError>("cifar100", "the checkpoint in \"", o_.out,
                                    "\" was made with other settings; resume with the options in its config.json");
    file.load_module("net", net_);
    file.load_optimizer("optimizer", *optimizer_);
    epoch_ = file.number("epoch");
    position_ = file.number("position");
    wall_before_ = file.template number<double>("wall");
    untrained_loss_ = file.template number<double>("untrained_loss");
    sums_.visit([&](const char* name, double& value) { value = file.template number<double>(std::string("sums.") + name); });
    records_ = read_epochs(path("metrics.jsonl").string(), epoch_);
    std::ofstream lines(path("metrics.jsonl"), std::ios::trunc);
    for (const auto& record : records_) lines << to_json_line(record) << '\n';
    say("resumed at epoch " + std::to_string(epoch_ + 1) + ", batch " + std::to_string(position_));
  }

  // Settings that change the numbers of a run; threads and output places do not.
  std::string run_identity() const {
    Options same = o_;
    same.data = same.out = "";
    same.resume = same.quiet = false;
    same.threads = 0;
    same.max_steps = 0;
    same.checkpoint_minutes = 0;
    return to_json(same);
  }

  void save(bool finished) {
    glia::io::Checkpoint file;
    file.add_module("net", net_).add_optimizer("optimizer", *optimizer_);
    file.set("config", run_identity()).set("epoch", epoch_).set("position", position_).set("wall", now() - resumed_at_);
    file.set("untrained_loss", untrained_loss_).set("finished", finished);
    sums_.visit([&](const char* name, double& value) { file.set(std::string("sums.") + name, value); });
    file.save(path("checkpoint.safetensors"));
    last_save_ = now();
  }

  Outcome stopped() {
    say("interrupted; saved. Go on with --resume --out " + o_.out);
    return Outcome::interrupted;
  }

  // One epoch from position_ on; false if it was interrupted.
  bool train_epoch() {
    const std::string title = "epoch " + std::to_string(epoch_ + 1) + "/" + std::to_string(o_.epochs);
    bar_.begin(title, loader_.batches(), position_);
    loader_.set_state({epoch_, position_});
    nn::train(net_);
    glia::data::Batch batch;
    double start = now();
    while (loader_.next(batch)) {
      step(batch);
      ++position_;
      const double end = now();
      sums_.seconds += end - start;
      if (!o_.quiet) {
        char numbers[128];
        std::snprintf(numbers, sizeof numbers, "loss %.3f  accuracy %5.2f %%  %.0f images/s", sums_.loss / sums_.images,
                      100 * sums_.hits / sums_.images, sums_.images / sums_.seconds);
        bar_.update(position_, numbers);
      }
      ++steps_done_;
      const bool stop = glia::train::InterruptGuard::requested() || (o_.max_steps > 0 && steps_done_ >= o_.max_steps);
      if (stop && position_ < loader_.batches()) return false;
      if (end - last_save_ > 60 * o_.checkpoint_minutes) save(false);
      start = now();
    }
    return true;
  }

  void step(glia::data::Batch& batch) {
    glia::Tensor<float> host = batch.images;
    glia::Tensor<std::int64_t> host_labels = batch.labels, host_spatial = batch.spatial_labels;
    if (two_views()) {
      if (o_.objective.spatial) {
        // both views pass through the spatial task
        const auto key = glia::data::random_key(batch, o_.seed, glia::data::RandomUse::user);
        const auto second = glia::data::rotate_quadrants(batch.second_view, batch.positions, key);
        host_spatial = glia::concat<std::int64_t, glia::Cpu>({host_spatial, second});
      }
      host = glia::concat<float, glia::Cpu>({batch.images, batch.second_view});
      host_labels = glia::concat<std::int64_t, glia::Cpu>({batch.labels, batch.labels});
    }
    const auto images = host.to<D>();
    const auto labels = host_labels.to<D>();
    const auto spatial_labels = host_spatial.defined() ? host_spatial.to<D>() : glia::Tensor<std::int64_t, D>();
    optim::scale_learning_rate(*optimizer_, schedule_(epoch_ * loader_.batches() + position_));
    optimizer_->zero_grad();
    const auto out = net_.forward(images);
    const auto terms = combined_loss(out, labels, spatial_labels, o_.objective);
    terms.total.backward();
    const double norm = optim::grad_norm(optimizer_->parameters());
    if (!std::isfinite(norm))
      glia::raise<glia::Error>("cifar100", "the gradient is not finite at epoch ", epoch_ + 1, ", batch ", position_,
                               "; lower --learning-rate (the last checkpoint is intact)");
    optimizer_->step();
    const auto n = static_cast<double>(images.size(0));
    sums_.images += n;
    sums_.steps += 1;
    sums_.hits += hits(out.logits.detach().template to<glia::Cpu>(), host_labels);
    if (out.spatial.defined()) sums_.spatial_hits += hits(out.spatial.detach().template to<glia::Cpu>(), host_spatial);
    sums_.loss += n * value_of(terms.total);
    sums_.classification += n * value_of(terms.classification);
    sums_.similarity += n * value_of(terms.similarity);
    sums_.spatial += n * value_of(terms.spatial);
    sums_.rate += n * value_of(terms.rate);
    sums_.gradient_norm += norm;
  }

  void finish_epoch() {
    const double start = now();
    EpochRecord r;
    const double n = std::max(sums_.images, 1.0);
    r.epoch = epoch_;
    r.loss = sums_.loss / n, r.classification = sums_.classification / n, r.similarity = sums_.similarity / n;
    r.spatial = sums_.spatial / n, r.rate = sums_.rate / n;
    r.running_accuracy = sums_.hits / n, r.spatial_accuracy = sums_.spatial_hits / n;
    r.gradient_norm = sums_.gradient_norm / std::max(sums_.steps, 1.0);
    r.learning_rate = optim::learning_rate(*optimizer_);
    r.seconds = sums_.seconds;
    const Score probe = score(predict(net_, probe_), probe_.labels);
    const Score validation = score(predict(net_, data_.validation), data_.validation.labels);
    r.train_accuracy = probe.accuracy, r.train_loss = probe.loss;
    r.validation_accuracy = validation.accuracy, r.validation_loss = validation.loss;
    r.evaluation_seconds = now() - start;
    records_.push_back(r);
    images_per_second_ = sums_.images / std::max(sums_.seconds, 1e-9);
    {
      std::ofstream lines(path("metrics.jsonl"), std::ios::app);
      lines << to_json_line(r) << '\n';
      if (!lines.flush()) glia::raise<glia::Error>("cifar100", "cannot write ", path("metrics.jsonl").string());
    }
    char line[256];
    std::snprintf(line, sizeof line,
                  "epoch %lld/%lld  loss %.3f (class %.3f, similarity %.3f, spatial %.3f, rate %.3f)  train %5.2f %%  "
                  "validation %5.2f %% (loss %.3f)  %.0f images/s  %s",
                  static_cast<long long>(epoch_ + 1), static_cast<long long>(o_.epochs), r.loss, r.classification, r.similarity,
                  r.spatial, r.rate, 100 * r.train_accuracy, 100 * r.validation_accuracy, r.validation_loss, images_per_second_,
                  glia::train::clock_text(r.seconds).c_str());
    say(line);
    ++epoch_;
    position_ = 0;
    sums_ = {};
    save(epoch_ == o_.epochs);
  }

  void summarise() {
    Summary s;
    const Score train = score(predict(net_, data_.train), data_.train.labels);
    const Score validation = score(predict(net_, data_.validation), data_.validation.labels);
    fill_test_metrics(s, predict(net_, data_.test), data_.test);
    s.train_accuracy = train.accuracy, s.train_loss = train.loss;
    s.val_accuracy = validation.accuracy, s.val_loss = validation.loss;
    s.overfitting_gap = train.accuracy - validation.accuracy;
    s.untrained_loss = untrained_loss_;
    std::vector<double> seconds;
    for (const auto& r : records_) seconds.push_back(r.seconds);
    s.seconds_per_epoch_median = median(seconds);
    if (!seconds.empty() && s.seconds_per_epoch_median > 0)
      s.seconds_per_epoch_spread = (*std::max_element(seconds.begin(), seconds.end()) - *std::min_element(seconds.begin(), seconds.end())) /
                                   s.seconds_per_epoch_median;
    s.images_per_second = s.seconds_per_epoch_median > 0
                              ? static_cast<double>(loader_.batches() * o_.batch) / s.seconds_per_epoch_median
                              : 0.0;
    s.wall_seconds = now() - resumed_at_;
    s.parameters = nn::parameter_count(net_);
    s.epochs = o_.epochs;
    s.seed = o_.seed;
    s.threads = glia::num_threads();
    s.device = D::name;
    s.git_revision = git_revision();
    s.data = data_.name, s.protocol = o_.protocol, s.backbone = o_.backbone;
    write_text(path("summary.json"), to_json(s));
    char line[256];
    std::snprintf(line, sizeof line,
                  "done: test accuracy %.2f %% (top-5 %.2f %%), macro AUC %.4f, gap %.2f points, %.1f s per epoch, %s in all; see %s",
                  100 * s.test_accuracy, 100 * s.test_top5, s.auc_macro, 100 * s.overfitting_gap, s.seconds_per_epoch_median,
                  glia::train::clock_text(s.wall_seconds).c_str(), path("summary.json").string().c_str());
    say(line);
  }

  Options o_;
  RunData data_;
  UnifiedNet<D> net_;
  std::unique_ptr<optim::Optimizer<float, D>> optimizer_;
  optim::Schedule schedule_;
  glia::data::Loader loader_;
  glia::data::Dataset probe_;
  glia::train::ProgressBar bar_;
  std::vector<EpochRecord> records_;
  EpochSums sums_;
  std::int64_t epoch_ = 0, position_ = 0, total_steps_ = 0, steps_done_ = 0;
  double untrained_loss_ = 0, images_per_second_ = 0, wall_before_ = 0, resumed_at_ = 0, last_save_ = 0;
};

}  // namespace

Outcome train(const Options& options) {
  if (options.threads > 0) glia::set_num_threads(options.threads);
  return Run<glia::Cpu>(options).train();
}

std::string evaluate(const std::string& checkpoint, const std::string& data) {
  fs::path file = checkpoint;
  if (fs::is_directory(file)) file /= "checkpoint.safetensors";
  const auto saved = glia::io::load_checkpoint(file);
  Options options = options_from_json(saved.text("config"));
  options.data = data;
  const RunData sets = load_run_data(options);
  UnifiedNet<glia::Cpu> net(options.backbone, options.objective, sets.test.classes);
  saved.load_module("net", net);
  Summary s;
  fill_test_metrics(s, predict(net, sets.test), sets.test);
  const Score validation = score(predict(net, sets.validation), sets.validation.labels);
  s.val_accuracy = validation.accuracy, s.val_loss = validation.loss;
  s.parameters = nn::parameter_count(net);
  s.epochs = saved.number("epoch");
  s.seed = options.seed;
  s.threads = glia::num_threads();
  s.git_revision = git_revision();
  s.data = sets.name, s.protocol = options.protocol, s.backbone = options.backbone;
  return to_json(s);
}

}  // namespace cifar100
