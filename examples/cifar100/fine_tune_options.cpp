#include "fine_tune_options.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <limits>
#include <stdexcept>

namespace cifar100 {
namespace {

// A stage's number, or -2 if the word is none.
std::int64_t stage_number(const std::string& word) {
  std::int64_t value = 0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), value);
  return result.ec == std::errc() && result.ptr == word.data() + word.size() && value >= 0 && value <= 9 ? value : -2;
}

}  // namespace

void add_fine_tune_options(CLI::App& app, FineTune& o) {
  app.add_option("--init-prefix", o.prefix, "what stands before the backbone's names in the file of --init");
  app.add_option("--init-stem", o.stem, "how its 7x7 stem becomes 3x3: area or crop");
  app.add_option("--layer-decay", o.layer_decay, "learning rate of a stage, relative to the next later one");
  app.add_option("--freeze", o.freeze, "keep the backbone fixed up to here: none, stem, the number of a stage, or all");
  app.add_option("--freeze-epochs", o.freeze_epochs, "keep the whole backbone fixed for so many epochs at first");
}

void validate(const FineTune& o) {
  if (!(o.layer_decay > 0 && o.layer_decay <= 1))
    throw std::invalid_argument("--layer-decay: expected a number in (0, 1], got " + std::to_string(o.layer_decay));
  if (o.freeze != "none" && o.freeze != "stem" && o.freeze != "all" && stage_number(o.freeze) < 0)
    throw std::invalid_argument("--freeze: expected none, stem, all or the number of a stage, got " + o.freeze);
  if (o.freeze_epochs < 0)
    throw std::invalid_argument("--freeze-epochs: expected 0 or more, got " + std::to_string(o.freeze_epochs));
  if (o.stem != "area" && o.stem != "crop")
    throw std::invalid_argument("--init-stem: expected area or crop, got " + o.stem);
}

std::int64_t last_frozen_stage(const FineTune& o, std::int64_t depth, std::int64_t epoch) {
  if (epoch < o.freeze_epochs || o.freeze == "all") return depth;
  if (o.freeze == "none") return -1;
  if (o.freeze == "stem") return 0;
  const std::int64_t stage = stage_number(o.freeze);
  if (stage > depth)
    throw std::invalid_argument("--freeze: stage " + o.freeze + " of a backbone with " + std::to_string(depth) +
                                " stages");
  return stage;
}

}  // namespace cifar100
