// The flagship's options: every bad value gets an error that names the option; texts survive the way to JSON and back.
#include "cli.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <stdexcept>

using cifar100::Options;

namespace {
std::string complaint(const std::function<void(Options&)>& change) {
  Options o;
  change(o);
  try {
    cifar100::validate(o);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

// The options of a command line, as the program reads them.
Options parsed(std::vector<std::string> words) {
  Options o;
  CLI::App app;
  cifar100::add_train_options(app, o);
  std::reverse(words.begin(), words.end());  // CLI11 takes its vector from the back
  app.parse(words);
  return o;
}
}  // namespace

TEST_CASE("defaults and presets are valid") {
  for (const char* preset : {"fast", "strong", "paper"}) {
    Options o;
    cifar100::apply_preset(o, preset);
    CHECK_NOTHROW(cifar100::validate(o));
    CHECK(o.preset == preset);
  }
  Options o;
  CHECK_THROWS_WITH(cifar100::apply_preset(o, "quick"), "--preset: expected fast, strong or paper, got quick");
}

TEST_CASE("a bad value is named with what was expected and what came") {
  CHECK(complaint([](Options& o) { o.objective.similarity = "moco"; }) ==
        "--similarity: expected one of none, supcon, ntxent, barlow, vicreg, byol, simsiam, got moco");
  CHECK(complaint([](Options& o) { o.objective.spatial = "yes"; }) ==
        "--spatial: expected one of none, localized, rotation, jigsaw, got yes");
  CHECK(complaint([](Options& o) { o.objective.spatial_share = 0; }) ==
        "--spatial-share: expected a number above 0 and up to 1, got 0.0");
  CHECK(complaint([](Options& o) { o.objective.classification = "mse"; }) ==
        "--classification: expected one of ce, gce, sce, elr, got mse");
  CHECK(complaint([](Options& o) { o.objective.pooling = "max"; }) ==
        "--pooling: expected one of mean, mean+max, got max");
  CHECK(complaint([](Options& o) { o.noise_kind = "human"; }) ==
        "--noise-kind: expected one of symmetric, asymmetric, got human");
  CHECK(complaint([](Options& o) { o.label_noise = 1.5; }) ==
        "--label-noise: expected a number from 0.0 to 1.0, got 1.5");
  CHECK(complaint([](Options& o) { o.long_tail = 0.5; }) == "--long-tail: expected a ratio of 1 or more, got 0.5");
  CHECK(complaint([](Options& o) { o.bfloat16 = true, o.device = "cuda"; }) == "--bfloat16: expected --device cpu, got cuda");
  CHECK(complaint([](Options& o) { o.labels = -1; }) == "--labels: expected 0 or more, got -1");
  CHECK(complaint([](Options& o) { o.unlabelled_ratio = -1; }) ==
        "--unlabelled-ratio: expected 0 or a positive number, got -1.0");
  CHECK(complaint([](Options& o) { o.labelled_only = true; }) ==
        "--labelled-only: expected --labels N beside it, got none");
  CHECK(complaint([](Options& o) { o.mixup = -0.1; }) == "--mixup: expected 0 or a positive number, got -0.1");
  CHECK(complaint([](Options& o) {
          o.cutmix = std::numeric_limits<double>::infinity();
        }).rfind("--cutmix: expected", 0) == 0);
  CHECK(complaint([](Options& o) { o.mixup = 0.2, o.objective.classification = "elr"; }) ==
        "--classification: expected ce with --mixup or --cutmix, got elr");
  CHECK(complaint([](Options& o) { o.cutout = 40; }) == "--cutout: expected 0 to 32, got 40");
  CHECK(complaint([](Options& o) { o.ema = 2; }) == "--ema: expected a number from 0.0 to 1.0, got 2.0");
  CHECK(complaint([](Options& o) { o.batch = 3, o.objective.similarity = "ntxent"; }) ==
        "--batch: expected 4 or more, got 3");
  CHECK(complaint([](Options& o) { o.epochs = 0; }) == "--epochs: expected 1 or more, got 0");
  CHECK(complaint([](Options& o) { o.threads = -2; }) == "--threads: expected 0 or more, got -2");
  CHECK(complaint([](Options& o) { o.gradient_every = -5; }) == "--gradient-every: expected -1 or more, got -5");
  CHECK(complaint([](Options& o) { o.learning_rate = 0; }) == "--learning-rate: expected a positive number, got 0.0");
  CHECK(complaint([](Options& o) { o.objective.temperature = 0; }) ==
        "--temperature: expected a positive number, got 0.0");
  CHECK(complaint([](Options& o) { o.warmup = 1; }) == "--warmup: expected a share in [0, 1), got 1.0");
  CHECK(complaint([](Options& o) { o.checkpoint_minutes = std::nan(""); }).rfind("--checkpoint-minutes: expected", 0) ==
        0);
  CHECK(complaint([](Options& o) { o.checkpoint_minutes = -1; }) ==
        "--checkpoint-minutes: expected 0 or a positive number, got -1.0");
  CHECK(complaint([](Options& o) { o.fine_tune.freeze = "stem"; }) ==
        "--freeze: expected --init FILE beside it, got none");
  CHECK(complaint([](Options& o) { o.fine_tune.freeze_epochs = 1; }) ==
        "--freeze-epochs: expected --init FILE beside it, got none");
  CHECK(complaint([](Options& o) { o.fine_tune.layer_decay = 0.5; }) ==
        "--layer-decay: expected --init FILE beside it, got none");
  CHECK(complaint([](Options& o) { o.fine_tune.layer_decay = 0.5, o.init = "weights.pt"; }).empty());
  CHECK(complaint([](Options& o) { o.objective.levels = 0; }) == "--levels: expected 1 or more, got 0");
}

TEST_CASE("the command line reaches its settings") {
  const Options o = parsed({"--labels",
                            "2500",
                            "--unlabelled-ratio",
                            "3",
                            "--label-noise",
                            "0.4",
                            "--noise-kind",
                            "asymmetric",
                            "--similarity",
                            "byol",
                            "--spatial",
                            "jigsaw",
                            "--spatial-share",
                            "0.25",
                            "--mixup",
                            "0.2",
                            "--ema",
                            "--cutout",
                            "8",
                            "--long-tail",
                            "50",
                            "--pooling",
                            "mean+max"});
  CHECK(o.labels == 2500);
  CHECK(o.unlabelled_ratio == 3);
  CHECK(o.label_noise == 0.4);
  CHECK(o.noise_kind == "asymmetric");
  CHECK(o.objective.similarity == "byol");
  CHECK(o.objective.spatial == "jigsaw");
  CHECK(o.objective.spatial_share == 0.25);
  CHECK(o.objective.pooling == "mean+max");
  CHECK(o.mixup == 0.2);
  CHECK(o.ema == 0.05);
  CHECK(o.cutout == 8);
  CHECK(o.long_tail == 50);
  CHECK(parsed({"--no-spatial"}).objective.spatial == "none");
  CHECK(parsed({"--ema", "0.2"}).ema == 0.2);
  CHECK(parsed({}).ema == 0);
}

TEST_CASE("options survive JSON, also from a file of an early version; identity leaves out what changes no number") {
  Options o;
  o.labels = 400, o.objective.similarity = "vicreg", o.seed = 7, o.command = "cifar100 train";
  const Options back = cifar100::options_from_json(cifar100::to_json(o));
  CHECK(cifar100::to_json(back) == cifar100::to_json(o));
  CHECK(cifar100::options_from_json(R"({"objective": {"spatial": true}})").objective.spatial == "localized");
  CHECK(cifar100::options_from_json(R"({"objective": {"spatial": false}})").objective.spatial == "none");
  CHECK(cifar100::options_from_json(R"({"objective": {"spatial": "localized"}})").objective.spatial_share == 1);
  CHECK(cifar100::options_from_json(R"({"objective": {"spatial": "localized"}})").objective.pooling == "mean");
  CHECK(cifar100::options_from_json("{}").objective.spatial_share == Options().objective.spatial_share);
  Options other = o;
  other.out = "elsewhere", other.threads = 3, other.resume = true, other.max_steps = 5, other.command = "x";
  CHECK(cifar100::identity(other) == cifar100::identity(o));
  other.seed = 8;
  CHECK(cifar100::identity(other) != cifar100::identity(o));
}

TEST_CASE("seeds and the command line as text") {
  CHECK(cifar100::parse_seeds("3") == std::vector<std::uint64_t>{3});
  CHECK(cifar100::parse_seeds("1,20,3") == std::vector<std::uint64_t>{1, 20, 3});
  for (const char* bad : {"", ",", "1,", "1,,2", "a", "1;2", "-1", "2,2", "1, 2"})
    CHECK_THROWS_AS(cifar100::parse_seeds(bad), std::invalid_argument);
  const char* words[] = {"./cifar100", "train", "--out", "my runs"};
  CHECK(cifar100::command_line(4, const_cast<char**>(words)) == "cifar100 train --out 'my runs'");
  const char* quoted[] = {"cifar100", "train", "--out", "it's", "--data", "a`b"};
  CHECK(cifar100::command_line(6, const_cast<char**>(quoted)) == R"(cifar100 train --out 'it'\''s' --data 'a`b')");
  const char* preset[] = {"cifar100", "train", "--preset=paper"};
  CHECK(cifar100::preset_of(3, const_cast<char**>(preset)) == "paper");
}
