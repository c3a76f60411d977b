// cifar100: trains and evaluates the unified framework on CIFAR-100.

#include "ablate.hpp"
#include "backbone_commands.hpp"
#include "cli.hpp"
#include "compare.hpp"
#include "evaluate.hpp"
#include "explanations.hpp"
#include "faithfulness.hpp"
#include "overhead.hpp"
#include "report.hpp"
#include "robustness.hpp"
#include "seeds.hpp"
#include "spike_activity.hpp"
#include "train.hpp"

#include <cstdio>
#include <exception>

namespace {

int exit_code(cifar100::Outcome outcome) { return outcome == cifar100::Outcome::finished ? 0 : 130; }

int run(int argc, char** argv) {
  CLI::App app(
      "Trains the unified framework (backbone + self-supervision + neuromorphic layers, one loss) on CIFAR-100");
  app.require_subcommand(1);

  cifar100::Options options;
  cifar100::apply_preset(options, cifar100::preset_of(argc, argv));
  options.command = cifar100::command_line(argc, argv);
  std::string seeds;
  auto* train = app.add_subcommand("train", "train and write a summary");
  cifar100::add_train_options(*train, options);
  train->add_option("--seeds", seeds, "several runs, like 1,2,3, in folders of their own, with means and intervals");

  auto* ablate = app.add_subcommand(
      "ablate", "every combination of pre-training (--init), self-supervision and neuromorphic layer");
  cifar100::add_train_options(*ablate, options);
  ablate->add_option("--seeds", seeds, "the seeds of every combination, like 1,2,3")->required();

  int rounds = 30;
  auto* overhead = app.add_subcommand("overhead", "step time of each added part beside plain supervised training");
  cifar100::add_train_options(*overhead, options);
  overhead->add_option("--rounds", rounds, "timed steps of each")->capture_default_str();

  std::string checkpoint, data;
  auto* evaluate = app.add_subcommand("evaluate", "evaluate a checkpoint on the test images");
  evaluate->add_option("--checkpoint", checkpoint, "checkpoint.safetensors, or the folder of a run")->required();
  evaluate->add_option("--data", data, "folder of the data set (default: GLIA_DATA)");

  cifar100::RobustnessOptions damage;
  auto* robustness = app.add_subcommand("robustness", "accuracy and calibration on damaged test images");
  robustness->add_option("--checkpoint", damage.checkpoint, "checkpoint.safetensors, or the folder of a run")
      ->required();
  robustness->add_option("--data", damage.data, "folder of the data set (default: GLIA_DATA)");
  robustness->add_option("--out", damage.out, "JSON file (default: robustness.json beside the checkpoint)");
  robustness->add_option("--limit", damage.limit, "use a stratified part of so many test images")
      ->check(CLI::NonNegativeNumber);
  robustness->add_option("--threads", damage.threads, "CPU threads (default: all)")->check(CLI::NonNegativeNumber);

  cifar100::FaithfulnessOptions maps;
  auto* faithfulness = app.add_subcommand("faithfulness", "whether the explanations of a checkpoint say what it looks at");
  faithfulness->add_option("--checkpoint", maps.checkpoint, "checkpoint.safetensors, or the folder of a run")->required();
  faithfulness->add_option("--data", maps.data, "folder of the data set (default: GLIA_DATA)");
  faithfulness->add_option("--out", maps.out, "JSON file (default: faithfulness.json beside the checkpoint)");
  faithfulness->add_option("--images", maps.images, "so many test images")->capture_default_str()->check(CLI::PositiveNumber);
  faithfulness->add_option("--steps", maps.steps, "points on the path of integrated gradients")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  faithfulness->add_option("--threads", maps.threads, "CPU threads (default: all)")->check(CLI::NonNegativeNumber);

  std::int64_t images = 32;
  auto* activity = app.add_subcommand("activity", "firing rates, operations and energy of a checkpoint's layers");
  activity->add_option("--checkpoint", checkpoint, "checkpoint.safetensors, or the folder of a run")->required();
  activity->add_option("--data", data, "folder of the data set (default: GLIA_DATA)");
  activity->add_option("--images", images, "so many test images")->capture_default_str();

  cifar100::ReportOptions page;
  auto* report = app.add_subcommand("report", "one HTML page about a run");
  report->add_option("--run", page.run, "folder of a run, or of several seeds")->required();
  report->add_option("--ablation", page.ablation, "folder of an ablation");
  report->add_option("--robustness", page.robustness, "JSON file (default: robustness.json of the run, if there)");
  report->add_option("--overhead", page.overhead, "JSON file (default: overhead.json of the run, if there)");
  report->add_option("--out", page.out, "HTML file")->capture_default_str();

  int explained = 0;
  report->add_option("--explain", explained, "so many test images with explanation maps")
      ->check(CLI::NonNegativeNumber);
  report->add_option("--data", data, "folder of the data set, for --explain (default: GLIA_DATA)");

  std::string first, second, comparison;
  auto* compare =
      app.add_subcommand("compare", "two arms that were run with the same seeds: settings, paired differences, curves");
  compare->add_option("--run", first, "folder of a run, or of several seeds")->required();
  compare->add_option("--against", second, "the same of the other arm")->required();
  compare->add_option("--out", comparison, "folder for comparison.json and comparison.md");

  cifar100::BackboneCommands backbones(app);
  CLI11_PARSE(app, argc, argv);

  if (backbones.parsed()) return backbones.run();
  if (evaluate->parsed()) {
    std::printf("%s\n", cifar100::evaluate(checkpoint, data).c_str());
    return 0;
  }
  if (activity->parsed()) {
    std::printf("%s", cifar100::spike_activity(checkpoint, data, images).c_str());
    return 0;
  }
  if (faithfulness->parsed()) {
    std::printf("%s", cifar100::faithfulness(maps).c_str());
    return 0;
  }
  if (robustness->parsed()) {
    std::printf("%s\n", cifar100::robustness(damage).c_str());
    return 0;
  }
  if (compare->parsed()) {
    std::printf("%s", cifar100::compare(first, second, comparison).c_str());
    return 0;
  }
  if (report->parsed()) {
    cifar100::write_report(
        page, explained > 0 ? cifar100::explain_run(page.run, data, explained) : std::vector<cifar100::Explanation>());
    std::printf("%s\n", page.out.c_str());
    return 0;
  }
  if (options.resolution == "full") options.resolution.clear();
  cifar100::validate(options);
  if (overhead->parsed()) {
    std::printf("%s", cifar100::overhead(options, rounds).c_str());
    return 0;
  }
  if (ablate->parsed()) return exit_code(cifar100::ablate(options, cifar100::parse_seeds(seeds)));
  if (!seeds.empty()) return exit_code(cifar100::train_seeds(options, cifar100::parse_seeds(seeds)));
  return exit_code(cifar100::train(options));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cifar100: %s\n", error.what());
    return 1;
  }
}
