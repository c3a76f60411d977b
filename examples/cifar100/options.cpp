#include "options.hpp"

#include "resolution.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace cifar100 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Objective, similarity, similarity_weight, temperature, spatial,
                                                spatial_weight, neuron, levels, steps, rate_weight, label_smoothing)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Options, data, out, preset, backbone, protocol, optimizer, learning_rate,
                                                vector_learning_rate, weight_decay, warmup, epochs, batch, seed,
                                                limit_train, resolution, shift, max_steps, threads, resume, synthetic, quiet,
                                                checkpoint_minutes, objective)

void apply_preset(Options& o, const std::string& preset) {
  o.preset = preset;
  if (preset == "fast") {
    o.backbone = "slim", o.epochs = 10;
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
void one_of(const char* option, const std::string& value, std::initializer_list<const char*> words) {
  std::string list;
  for (const char* word : words) {
    if (value == word) return;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  require(false, option, "one of " + list, value);
}
}  // namespace

void validate(const Options& o) {
  one_of("backbone", o.backbone, {"slim", "speed", "resnet18"});
  one_of("protocol", o.protocol, {"45k", "paper"});
  one_of("optimizer", o.optimizer, {"muon", "adamw"});
  one_of("similarity", o.objective.similarity, {"none", "supcon", "ntxent"});
  one_of("neuron", o.objective.neuron, {"none", "multilevel", "lif"});
  require(o.epochs >= 1, "epochs", "at least 1", std::to_string(o.epochs));
  require(o.batch >= 2, "batch", "at least 2", std::to_string(o.batch));
  require(o.limit_train >= 0, "limit-train", "0 or more", std::to_string(o.limit_train));
  require(o.max_steps >= 0, "max-steps", "0 or more", std::to_string(o.max_steps));
  require(o.threads >= 0, "threads", "0 or more", std::to_string(o.threads));
  require(o.shift >= 0 && o.shift <= 16, "shift", "0 to 16", std::to_string(o.shift));
  side_at(o.resolution, 0, 32);
  require(o.learning_rate > 0, "learning-rate", "a positive number", std::to_string(o.learning_rate));
  require(o.warmup >= 0 && o.warmup < 1, "warmup", "a share in [0, 1)", std::to_string(o.warmup));
  require(o.objective.levels >= 1, "levels", "at least 1", std::to_string(o.objective.levels));
  require(o.objective.steps >= 1, "steps", "at least 1", std::to_string(o.objective.steps));
  require(o.objective.temperature > 0, "temperature", "a positive number", std::to_string(o.objective.temperature));
}

std::string to_json(const Options& options) { return nlohmann::json(options).dump(2); }

Options options_from_json(const std::string& text) { return nlohmann::json::parse(text).get<Options>(); }

}  // namespace cifar100
