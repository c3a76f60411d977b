// The ablation's cells, its statistics on made-up runs, and the numbers across seeds.
#include "ablate.hpp"
#include "files.hpp"
#include "seeds.hpp"

#include <glia/train/interrupt.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

using cifar100::Cell;
using Json = nlohmann::json;

namespace {
int completed = 0;  // runs begun by the stand-in below
}

// The analysis is tested without running the flagship: this run ends at once, and is asked to stop in its last step.
namespace cifar100 {
Outcome complete(const Options& options) {
  ++completed;
  const glia::train::InterruptGuard guard;
  std::filesystem::create_directories(options.out);
  write_text(std::filesystem::path(options.out) / "summary.json",
             R"({"test_accuracy": 0.5, "overfitting_gap": 0, "auc_macro": 0.5, "calibration": {"ece": 0},
                 "stability": {"train_oscillation": 0}, "seconds_per_epoch_median": 1})");
  std::raise(SIGINT);
  return Outcome::finished;
}
}  // namespace cifar100

namespace {
std::string summary(double accuracy) {
  return Json{{"test_accuracy", accuracy},
              {"overfitting_gap", 0.1},
              {"auc_macro", 0.9},
              {"calibration", {{"ece", 0.05}}},
              {"stability", {{"train_oscillation", nullptr}}},
              {"seconds_per_epoch_median", 2.0}}
      .dump();
}
// Accuracy = 0.5 + 0.03 pre-training + effect(seed) self-supervision + 0 neuromorphic + seed's own level.
std::vector<cifar100::AblationRun> made_up_runs() {
  std::vector<cifar100::AblationRun> runs;
  const double level[] = {0.00, 0.05, -0.02}, effect[] = {0.010, 0.012, 0.017};
  for (int s = 0; s < 3; ++s)
    for (const Cell& cell : cifar100::ablation_cells(true))
      runs.push_back(
          {cell, static_cast<std::uint64_t>(s),
           summary(0.5 + level[s] + (cell.pretraining ? 0.03 : 0) + (cell.self_supervision ? effect[s] : 0))});
  return runs;
}
}  // namespace

TEST_CASE("cells: all combinations, by name; a part that is off is taken out") {
  const auto cells = cifar100::ablation_cells(true);
  CHECK(cells.size() == 8);
  CHECK(cells.front().name() == "plain");
  CHECK(cells.back().name() == "pretraining+selfsupervision+neuromorphic");
  CHECK(cifar100::ablation_cells(false).size() == 4);
  cifar100::Options base;
  base.init = "weights.safetensors";
  base.fine_tune.freeze = "stem", base.fine_tune.layer_decay = 0.7;
  const auto plain = cifar100::cell_options(base, {});
  CHECK(plain.init.empty());
  CHECK_NOTHROW(cifar100::validate(plain));
  CHECK(plain.fine_tune.freeze == "none");
  CHECK(plain.fine_tune.layer_decay == 1);
  CHECK(plain.objective.similarity == "none");
  CHECK(plain.objective.spatial == "none");
  CHECK(plain.objective.neuron == "none");
  CHECK(cifar100::to_json(cifar100::cell_options(base, {true, true, true})) == cifar100::to_json(base));
}

TEST_CASE("paired tests see the effect through the differences of the seeds, and a null stays a null") {
  const Json a = Json::parse(cifar100::analyse_ablation(made_up_runs(), true));
  CHECK(a["cells"].size() == 8);
  CHECK(a["comparisons"].size() == 7);
  const auto row = [&](const std::string& name) -> Json {
    for (const Json& c : a["comparisons"])
      if (c["name"] == name) return c;
    return {};
  };
  const Json ssl = row("mean effect of self-supervision");
  CHECK(std::abs(ssl["difference"].get<double>() - 0.013) < 1e-12);
  // differences 0.010, 0.012, 0.017: deviation sqrt(13e-6), t = 0.013 / (deviation / sqrt 3) = 6.2450 by hand
  CHECK(std::abs(ssl["t"].get<double>() - 0.013 * std::sqrt(3.0 / 13e-6)) < 1e-9);
  CHECK(ssl["p_holm"].get<double>() >= ssl["p"].get<double>());
  const Json none = row("mean effect of neuromorphic layer");
  CHECK(std::abs(none["difference"].get<double>()) < 1e-12);
  CHECK(none["p_holm"].get<double>() == 1.0);
  CHECK(std::abs(row("whole against plain")["difference"].get<double>() - 0.043) < 1e-12);
  const std::string page = cifar100::ablation_markdown(a.dump());
  CHECK(page.find("| pretraining+selfsupervision | ") != std::string::npos);
  CHECK(page.find("| mean effect of self-supervision | +1.30 ± ") != std::string::npos);
}

TEST_CASE("unfinished seeds stay out of the comparisons") {
  auto runs = made_up_runs();
  runs.resize(13);  // seed 1 lacks three cells
  const Json a = Json::parse(cifar100::analyse_ablation(runs, true));
  CHECK(a["finished_runs"] == 13);
  runs.resize(2);  // no run with pre-training yet
  CHECK(Json::parse(cifar100::analyse_ablation(runs, true))["planned_cells"] == 8);
  for (const Json& c : a["comparisons"])
    if (c["name"] == "whole against plain") CHECK(c["pairs"] == 1);
}

TEST_CASE("numbers across runs: nested names, intervals, undefined values left out") {
  const Json out = Json::parse(cifar100::across_runs({summary(0.70), summary(0.72), summary(0.71)}));
  CHECK(std::abs(out["test_accuracy"]["mean"].get<double>() - 0.71) < 1e-12);
  CHECK(std::abs(out["test_accuracy"]["half_width"].get<double>() - 4.30265273 * 0.01 / std::sqrt(3.0)) < 1e-9);
  CHECK(out["calibration.ece"]["deviation"].get<double>() < 1e-12);
  CHECK_FALSE(out.contains("stability.train_oscillation"));
}

TEST_CASE("a stop that was asked for in a run's last step keeps the next run from beginning") {
  const auto folder = std::filesystem::temp_directory_path() / ("glia_stop_" + std::to_string(::getpid()));
  cifar100::Options options;
  options.quiet = true, options.out = folder.string();
  const auto runs = [&](auto&& several) {
    { const glia::train::InterruptGuard clears; }
    completed = 0;
    CHECK(several() == cifar100::Outcome::interrupted);
    return completed;
  };
  CHECK(runs([&] { return cifar100::train_seeds(options, {1, 2, 3}); }) == 1);
  CHECK(runs([&] { return cifar100::ablate(options, {1}); }) == 1);
  CHECK(std::filesystem::exists(folder / "ablation.json"));  // of what is finished
  { const glia::train::InterruptGuard clears; }
  CHECK(cifar100::train_seeds(options, {1}) == cifar100::Outcome::finished);  // nothing was left to stop
  { const glia::train::InterruptGuard clears; }
  std::filesystem::remove_all(folder);
}
