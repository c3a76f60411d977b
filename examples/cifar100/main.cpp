// cifar100: trains and evaluates the unified framework on CIFAR-100.

#include "options.hpp"
#include "train.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace {

// Options that the user named override the preset.
void add_train_options(CLI::App& app, cifar100::Options& o, bool& no_spatial) {
  app.add_option("--data", o.data, "folder with train.bin and test.bin, or with a folder cifar100 or cifar-100-binary that has them (default: GLIA_DATA)");
  app.add_option("--out", o.out, "folder for config, metrics, checkpoint and summary")->capture_default_str();
  app.add_option("--preset", o.preset, "fast, strong or paper")->capture_default_str();
  app.add_option("--backbone", o.backbone, "slim, speed or resnet18");
  app.add_option("--protocol", o.protocol, "45k (45,000 / 5,000 train / validation) or paper (50,000 / 10,000)");
  app.add_option("--optimizer", o.optimizer, "muon or adamw");
  app.add_option("--learning-rate", o.learning_rate, "peak learning rate");
  app.add_option("--vector-learning-rate", o.vector_learning_rate, "peak learning rate of AdamW beside Muon");
  app.add_option("--weight-decay", o.weight_decay, "of AdamW");
  app.add_option("--warmup", o.warmup, "share of the steps with a rising learning rate");
  app.add_option("--epochs", o.epochs, "number of epochs");
  app.add_option("--batch", o.batch, "augmented images per step");
  app.add_option("--seed", o.seed, "seed of weights, order and augmentation")->capture_default_str();
  app.add_option("--limit-train", o.limit_train, "train on a stratified subset of this many images");
  app.add_option("--resolution", o.resolution, "progressive resizing: SIDE:SHARE,..., such as 20:0.15,24:0.5; full: off");
  app.add_option("--shift", o.shift, "largest random translation, pixels");
  app.add_option("--max-steps", o.max_steps, "stop and save after this many steps of this call, as Ctrl-C does");
  app.add_option("--threads", o.threads, "CPU threads (default: all)");
  app.add_option("--similarity", o.objective.similarity, "similarity task: supcon, ntxent or none");
  app.add_option("--similarity-weight", o.objective.similarity_weight, "its weight in the loss");
  app.add_option("--temperature", o.objective.temperature, "of the similarity task");
  app.add_flag("--no-spatial", no_spatial, "leave out the spatial task (localised rotation)");
  app.add_option("--spatial-weight", o.objective.spatial_weight, "its weight in the loss");
  app.add_option("--neuron", o.objective.neuron, "neuromorphic layer: multilevel, lif or none");
  app.add_option("--levels", o.objective.levels, "levels of the multi-level activation");
  app.add_option("--steps", o.objective.steps, "time steps of the LIF layer");
  app.add_option("--rate-weight", o.objective.rate_weight, "weight of the rate regulariser");
  app.add_option("--label-smoothing", o.objective.label_smoothing, "share of the target spread over all classes");
  app.add_option("--checkpoint-minutes", o.checkpoint_minutes, "time between checkpoints inside an epoch");
  app.add_flag("--resume", o.resume, "go on with the run in --out");
  app.add_flag("--synthetic", o.synthetic, "use a generated 100-class set: this is not CIFAR-100");
  app.add_flag("--quiet", o.quiet, "no progress display");
}

int run(int argc, char** argv) {
  CLI::App app("Trains the unified framework (backbone + self-supervision + neuromorphic layers, one loss) on CIFAR-100");
  app.require_subcommand(1);

  cifar100::Options scan;  // first pass: which preset?
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string(argv[i]) == "--preset") scan.preset = argv[i + 1];
  for (int i = 1; i < argc; ++i)
    if (std::string(argv[i]).rfind("--preset=", 0) == 0) scan.preset = std::string(argv[i]).substr(9);

  cifar100::Options options;
  cifar100::apply_preset(options, scan.preset);
  bool no_spatial = false;
  auto* train = app.add_subcommand("train", "train and write a summary");
  add_train_options(*train, options, no_spatial);

  std::string checkpoint, data;
  auto* evaluate = app.add_subcommand("evaluate", "evaluate a checkpoint on the test images");
  evaluate->add_option("--checkpoint", checkpoint, "checkpoint.safetensors, or the folder of a run")->required();
  evaluate->add_option("--data", data, "folder of the data set (default: GLIA_DATA)");

  CLI11_PARSE(app, argc, argv);

  if (evaluate->parsed()) {
    std::printf("%s\n", cifar100::evaluate(checkpoint, data).c_str());
    return 0;
  }
  if (options.resolution == "full") options.resolution.clear();
  if (no_spatial) options.objective.spatial = false;
  cifar100::validate(options);
  return cifar100::train(options) == cifar100::Outcome::finished ? 0 : 130;
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
