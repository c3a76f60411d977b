#include "backbone_name.hpp"
#include "pretrain.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <stdexcept>

namespace cifar100 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PretrainOptions, data, set, images, size, crop_size, out, backbone,
                                                objective, optimizer, learning_rate, weight_decay, warmup, temperature,
                                                momentum, hidden, projection, epochs, batch, seed, limit_train,
                                                max_steps, probe_every, threads, resume, synthetic, quiet,
                                                checkpoint_minutes)

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

std::string to_json(const PretrainOptions& options) { return nlohmann::json(options).dump(2); }

void validate(const PretrainOptions& o) {
  parse_backbone(o.backbone);
  one_of("set", o.set, {"cifar100", "cifar10"});
  one_of("objective", o.objective, {"ntxent", "barlow", "vicreg", "byol", "simsiam"});
  one_of("optimizer", o.optimizer, {"adamw", "sgd"});
  require(o.images.empty() || !o.synthetic, "images", "a folder without --synthetic", o.images);
  require(o.size >= 8 && o.size <= 256, "size", "8 to 256", std::to_string(o.size));
  require(o.crop_size == 0 || (o.crop_size >= 8 && o.crop_size <= 256), "crop-size",
          "8 to 256, or 0 for the images' side", std::to_string(o.crop_size));
  require(o.epochs >= 1, "epochs", "at least 1", std::to_string(o.epochs));
  require(o.batch >= 2, "batch", "at least 2", std::to_string(o.batch));
  require(o.hidden >= 1, "hidden", "at least 1", std::to_string(o.hidden));
  require(o.projection >= 0, "projection", "0 or more", std::to_string(o.projection));
  require(o.limit_train >= 0, "limit-train", "0 or more", std::to_string(o.limit_train));
  require(o.max_steps >= 0, "max-steps", "0 or more", std::to_string(o.max_steps));
  require(o.probe_every >= 1, "probe-every", "at least 1", std::to_string(o.probe_every));
  require(o.threads >= 0, "threads", "0 or more", std::to_string(o.threads));
  require(o.learning_rate > 0, "learning-rate", "a positive number", std::to_string(o.learning_rate));
  require(o.weight_decay >= 0 && std::isfinite(o.weight_decay), "weight-decay", "0 or a positive number",
          std::to_string(o.weight_decay));
  require(o.checkpoint_minutes >= 0 && std::isfinite(o.checkpoint_minutes), "checkpoint-minutes",
          "0 or a positive number", std::to_string(o.checkpoint_minutes));
  require(o.warmup >= 0 && o.warmup < 1, "warmup", "a share in [0, 1)", std::to_string(o.warmup));
  require(o.temperature > 0, "temperature", "a positive number", std::to_string(o.temperature));
  require(o.momentum >= 0 && o.momentum <= 1, "momentum", "a number in [0, 1]", std::to_string(o.momentum));
}

}  // namespace cifar100
