#include "cli.hpp"

#include "backbone_name.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace cifar100 {

void add_train_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data,
                 "folder with train.bin and test.bin, or with a folder cifar100 or cifar-100-binary that has them "
                 "(default: GLIA_DATA)");
  app.add_option("--out", o.out, "folder for config, metrics, checkpoint and summary")->capture_default_str();
  app.add_option("--preset", o.preset, "fast, strong or paper")->capture_default_str();
  app.add_option("--backbone", o.backbone, backbone_help)->capture_default_str();
  app.add_option("--init", o.init, "start from these weights: checkpoint, safetensors, .pt or .pth");
  add_fine_tune_options(app, o.fine_tune);
  app.add_option("--protocol", o.protocol, "45k (45,000 / 5,000 train / validation) or paper (50,000 / 10,000)")
      ->capture_default_str();
  app.add_option("--optimizer", o.optimizer, "muon or adamw")->capture_default_str();
  app.add_option("--learning-rate", o.learning_rate, "peak learning rate")->capture_default_str();
  app.add_option("--vector-learning-rate", o.vector_learning_rate, "peak learning rate of AdamW beside Muon")
      ->capture_default_str();
  app.add_option("--weight-decay", o.weight_decay, "of AdamW")->capture_default_str();
  app.add_option("--warmup", o.warmup, "share of the steps with a rising learning rate")->capture_default_str();
  app.add_option("--epochs", o.epochs, "number of epochs")->capture_default_str();
  app.add_option("--batch", o.batch, "augmented images per step")->capture_default_str();
  app.add_option("--seed", o.seed, "seed of weights, order, augmentation, label noise and labelled part")
      ->capture_default_str();
  app.add_option("--ema", o.ema,
                 "evaluate averaged weights; their window as a share of the run (0.05 if no number is given)")
      ->expected(0, 1)
      ->default_str("0.05");
  const char* set = "Training set";
  app.add_option("--limit-train", o.limit_train, "train on a stratified subset of this many images")->group(set);
  app.add_option("--labels", o.labels, "so many labelled images; the rest enters only the unsupervised terms")
      ->group(set);
  app.add_option("--unlabelled-ratio", o.unlabelled_ratio, "with --labels: unlabelled per labelled image in a step")
      ->capture_default_str()
      ->group(set);
  app.add_flag("--labelled-only", o.labelled_only, "with --labels: the same steps without the unlabelled images")
      ->group(set);
  app.add_option("--label-noise", o.label_noise, "share of the training labels that are made wrong")->group(set);
  app.add_option("--noise-kind", o.noise_kind, "symmetric, or asymmetric: the next class of the superclass")
      ->capture_default_str()
      ->group(set);
  app.add_option("--long-tail", o.long_tail, "size of the first class over that of the last, exponential between")
      ->group(set);
  const char* augmentation = "Augmentation";
  app.add_option("--shift", o.shift, "largest random translation, pixels")->capture_default_str()->group(augmentation);
  app.add_option("--resolution", o.resolution,
                 "progressive resizing: SIDE:SHARE,..., such as 20:0.15,24:0.5; full: off")
      ->group(augmentation);
  app.add_option("--cutout", o.cutout, "side of a square that is blanked out")->group(augmentation);
  app.add_option("--mixup", o.mixup, "alpha of mixup")->group(augmentation);
  app.add_option("--cutmix", o.cutmix, "alpha of CutMix; with --mixup each batch draws one of the two")
      ->group(augmentation);
  const char* parts = "The combined loss";
  Objective& l = o.objective;
  app.add_option("--classification", l.classification, "ce, or for noisy labels gce, sce, elr")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--pooling", l.pooling, "of the features before the heads: mean, or mean+max (their sum)")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--label-smoothing", l.label_smoothing, "of ce: share of the target spread over all classes")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--similarity", l.similarity, "supcon, ntxent, barlow, vicreg, byol, simsiam or none")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--similarity-weight", l.similarity_weight, "its weight in the loss")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--temperature", l.temperature, "of supcon and ntxent")->capture_default_str()->group(parts);
  app.add_option("--spatial", l.spatial, "spatial task: localized, rotation, jigsaw or none")
      ->capture_default_str()
      ->group(parts);
  app.add_flag_callback(
         "--no-spatial", [&l] { l.spatial = "none"; }, "the same as --spatial none")
      ->group(parts);
  app.add_option("--spatial-weight", l.spatial_weight, "its weight in the loss")->capture_default_str()->group(parts);
  app.add_option("--spatial-share", l.spatial_share, "share of the images that the spatial task changes and is asked about")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--neuron", l.neuron, "neuromorphic layer: multilevel, lif or none")
      ->capture_default_str()
      ->group(parts);
  app.add_option("--levels", l.levels, "levels of the multi-level activation")->capture_default_str()->group(parts);
  app.add_option("--steps", l.steps, "time steps of the LIF layer")->capture_default_str()->group(parts);
  app.add_option("--rate-weight", l.rate_weight, "weight of the rate regulariser")->capture_default_str()->group(parts);
  const char* conduct = "Conduct";
  app.add_option("--threads", o.threads, "CPU threads (default: all)")->group(conduct);
  app.add_option("--device", o.device, "cpu or cuda")->capture_default_str()->group(conduct);
  app.add_option("--max-steps", o.max_steps, "stop and save after this many steps of this call, as Ctrl-C does")
      ->group(conduct);
  app.add_option(
         "--gradient-every", o.gradient_every,
         "steps between measurements of each term's gradient on the shared features (0: once an epoch, -1: never)")
      ->group(conduct);
  app.add_flag("--bfloat16", o.bfloat16,
               "training steps may round the operands of products and convolutions to bfloat16 where the processor "
               "multiplies those faster")
      ->group(conduct);
  app.add_option("--profile", o.profile,
                 "time every op of so many steps, after the first five: profile.txt and profile.json (a trace for "
                 "ui.perfetto.dev) in --out")
      ->group(conduct);
  app.add_option("--checkpoint-minutes", o.checkpoint_minutes, "time between checkpoints inside an epoch")
      ->capture_default_str()
      ->group(conduct);
  app.add_flag("--resume", o.resume, "go on with the run in --out")->group(conduct);
  app.add_flag("--synthetic", o.synthetic, "use a generated 100-class set: this is not CIFAR-100")->group(conduct);
  app.add_flag("--quiet", o.quiet, "no progress display")->group(conduct);
}

std::string preset_of(int argc, char** argv) {
  std::string preset = Options().preset;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--preset" && i + 1 < argc) preset = argv[i + 1];
    if (word.rfind("--preset=", 0) == 0) preset = word.substr(9);
  }
  return preset;
}

std::string command_line(int argc, char** argv) {
  // what a shell takes as it stands
  static const char* const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./,:=+@%";
  std::string out = "cifar100";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && word.find_first_not_of(letters) == std::string::npos;
    out += ' ';
    if (plain) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += '\'';
  }
  return out;
}

std::vector<std::uint64_t> parse_seeds(const std::string& text) {
  std::vector<std::uint64_t> out;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    std::uint64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    const bool repeated = std::find(out.begin(), out.end(), value) != out.end();
    if (error != std::errc() || repeated || (next != end && *next != ','))
      throw std::invalid_argument("--seeds: expected different whole numbers like 1,2,3, got " + text);
    out.push_back(value);
    if (next == end) return out;
    at = next + 1;
  }
}

}  // namespace cifar100
