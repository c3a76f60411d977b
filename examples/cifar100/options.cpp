#include "options.hpp"

#include "backbone_name.hpp"
#include "resolution.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <stdexcept>

namespace cifar100 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Objective, classification, similarity, similarity_weight, temperature,
                                                spatial, spatial_weight, spatial_share, neuron, levels, steps,
                                                rate_weight, label_smoothing, pooling)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FineTune, prefix, stem, layer_decay, freeze, freeze_epochs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Options, data, out, preset, backbone, init, protocol, optimizer,
                                                learning_rate, vector_learning_rate, weight_decay, warmup, epochs,
                                                batch, seed, ema, limit_train, long_tail, label_noise, noise_kind,
                                                labels, unlabelled_ratio, labelled_only, resolution, shift, cutout,
                                                mixup, cutmix, max_steps, gradient_every, threads, device, bfloat16, profile,
                                                resume, synthetic, quiet, checkpoint_minutes, command, objective,
                                                fine_tune)

void apply_preset(Options& o, const std::string& preset) {
  o.preset = preset;
  if (preset == "fast") {
    o.backbone = "speed-w32", o.epochs = 10, o.resolution = "20:0.15,24:0.5";
  } else if (preset == "strong") {
    o.backbone = "speed", o.epochs = 20;
  } else if (preset == "paper") {
    o.backbone = "resnet18", o.epochs = 30, o.batch = 128, o.protocol = "paper";
    o.objective.label_smoothing = 0.1;
  } else {
    throw std::invalid_argument("--preset: expected fast, strong or paper, got " + preset);
  }
}

namespace {

void require(bool fine, const char* option, const std::string& expected, const std::string& got) {
  if (!fine) throw std::invalid_argument(std::string("--") + option + ": expected " + expected + ", got " + got);
}
template <class N>
void require(bool fine, const char* option, const std::string& expected, N got) {
  require(fine, option, expected, nlohmann::json(got).dump());
}
void one_of(const char* option, const std::string& value, std::initializer_list<const char*> words) {
  std::string list;
  for (const char* word : words) {
    if (value == word) return;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  require(false, option, "one of " + list, value);
}
void at_least(const char* option, std::int64_t value, std::int64_t least) {
  require(value >= least, option, std::to_string(least) + " or more", value);
}
void in_range(const char* option, double value, double low, double high) {
  require(value >= low && value <= high, option,
          "a number from " + nlohmann::json(low).dump() + " to " + nlohmann::json(high).dump(), value);
}
void positive(const char* option, double value) {
  require(value > 0 && std::isfinite(value), option, "a positive number", value);
}
void not_negative(const char* option, double value) {
  require(value >= 0 && std::isfinite(value), option, "0 or a positive number", value);
}

void validate(const Objective& o) {
  one_of("classification", o.classification, {"ce", "gce", "sce", "elr"});
  one_of("similarity", o.similarity, {"none", "supcon", "ntxent", "barlow", "vicreg", "byol", "simsiam"});
  one_of("spatial", o.spatial, {"none", "localized", "rotation", "jigsaw"});
  one_of("neuron", o.neuron, {"none", "multilevel", "lif"});
  not_negative("similarity-weight", o.similarity_weight);
  not_negative("spatial-weight", o.spatial_weight);
  require(o.spatial_share > 0 && o.spatial_share <= 1, "spatial-share", "a number above 0 and up to 1", o.spatial_share);
  not_negative("rate-weight", o.rate_weight);
  positive("temperature", o.temperature);
  one_of("pooling", o.pooling, {"mean", "mean+max"});
  in_range("label-smoothing", o.label_smoothing, 0, 1);
  at_least("levels", o.levels, 1);
  at_least("steps", o.steps, 1);
}

}  // namespace

void validate(const Options& o) {
  validate(o.objective);
  parse_backbone(o.backbone);
  validate(o.fine_tune);
  const FineTune untouched;
  const auto with_init = [&](bool same, const char* option) {
    require(same || !o.init.empty(), option, "--init FILE beside it", std::string("none"));
  };
  with_init(o.fine_tune.freeze == untouched.freeze, "freeze");
  with_init(o.fine_tune.freeze_epochs == untouched.freeze_epochs, "freeze-epochs");
  with_init(o.fine_tune.layer_decay == untouched.layer_decay, "layer-decay");
  one_of("protocol", o.protocol, {"45k", "paper"});
  one_of("device", o.device, {"cpu", "cuda"});
  one_of("optimizer", o.optimizer, {"muon", "adamw"});
  one_of("noise-kind", o.noise_kind, {"symmetric", "asymmetric"});
  at_least("epochs", o.epochs, 1);
  at_least("batch", o.batch, two_views(o.objective) ? 4 : 2);
  at_least("limit-train", o.limit_train, 0);
  at_least("max-steps", o.max_steps, 0);
  at_least("gradient-every", o.gradient_every, -1);
  at_least("threads", o.threads, 0);
  require(!o.bfloat16 || o.device == "cpu", "bfloat16", "--device cpu", o.device);
  at_least("profile", o.profile, 0);
  at_least("labels", o.labels, 0);
  not_negative("checkpoint-minutes", o.checkpoint_minutes);
  require(o.shift >= 0 && o.shift <= 16, "shift", "0 to 16", o.shift);
  side_at(o.resolution, 0, 32);
  require(o.cutout >= 0 && o.cutout <= 32, "cutout", "0 to 32", o.cutout);
  positive("learning-rate", o.learning_rate);
  positive("vector-learning-rate", o.vector_learning_rate);
  not_negative("weight-decay", o.weight_decay);
  require(o.warmup >= 0 && o.warmup < 1, "warmup", "a share in [0, 1)", o.warmup);
  in_range("ema", o.ema, 0, 1);
  not_negative("mixup", o.mixup);
  not_negative("cutmix", o.cutmix);
  in_range("label-noise", o.label_noise, 0, 1);
  require(o.long_tail >= 1 && std::isfinite(o.long_tail), "long-tail", "a ratio of 1 or more", o.long_tail);
  not_negative("unlabelled-ratio", o.unlabelled_ratio);
  const bool mixes = o.mixup > 0 || o.cutmix > 0;
  require(!mixes || o.objective.classification == "ce", "classification", "ce with --mixup or --cutmix",
          o.objective.classification);
  require(!o.labelled_only || o.labels > 0, "labelled-only", "--labels N beside it", std::string("none"));
}

std::string to_json(const Options& options) { return nlohmann::json(options).dump(2); }

Options options_from_json(const std::string& text) {
  auto json = nlohmann::json::parse(text);
  if (json.contains("objective")) {  // early forms
    auto& objective = json["objective"];
    if (objective.contains("spatial") && objective["spatial"].is_boolean())
      objective["spatial"] = objective["spatial"].get<bool>() ? "localized" : "none";
    if (!objective.contains("spatial_share")) objective["spatial_share"] = 1.0;
  }
  return json.get<Options>();
}

std::string identity(const Options& options) {
  Options same = options;
  same.data = same.out = same.command = "";
  same.resume = same.quiet = false;
  same.threads = 0;
  same.max_steps = 0;
  same.profile = 0;
  same.checkpoint_minutes = 0;
  return to_json(same);
}

}  // namespace cifar100
