#include "backbone_commands.hpp"

#include "framework.hpp"
#include "pretrain.hpp"
#include "weights.hpp"

#include <glia/data/augment.hpp>
#include <glia/io/checkpoint.hpp>
#include <glia/io/npy.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/summary.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>

namespace cifar100 {

// A member of a class with a name of its own, so not in the namespace below.
struct WeightArguments {
  std::string from, out, backbone, prefix = "auto", stem = "area", input;
  bool verbose = false, partial = false;
  Index classes = 0;
};

namespace {

namespace fs = std::filesystem;

int summarise(const std::string& name, Index size, Index classes) {
  if (size < 8 || size > 1024)
    throw std::invalid_argument("--size: expected 8 to 1024 pixels, got " + std::to_string(size));
  if (classes < 1) throw std::invalid_argument("--classes: expected at least 1, got " + std::to_string(classes));
  PlainClassifier net(name, classes);
  std::printf("%s", nn::summary(net, glia::zeros({1, size, size, 3})).text().c_str());
  return 0;
}

// The backbone that a checkpoint of this program says it is of; "" for other files.
std::string backbone_in(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "checkpoint.safetensors" : path;
  try {
    const glia::io::SafetensorsFile opened(file);
    for (const auto& [name, text] : opened.notes()) {
      if (name == "backbone") return text;  // an exported file
      if (name == "config") return nlohmann::json::parse(text).value("backbone", std::string());
    }
  } catch (const glia::FormatError&) {  // another format: it cannot say
  }
  return {};
}

// The network of a file, and the report of what was loaded.
PlainClassifier load(const WeightArguments& a, std::string& backbone) {
  backbone = a.backbone.empty() ? backbone_in(a.from) : a.backbone;
  if (backbone.empty())
    throw std::invalid_argument("--backbone: the file does not say which backbone it is of; name it");
  if (a.stem != "area" && a.stem != "crop") throw std::invalid_argument("--stem: expected area or crop, got " + a.stem);
  if (a.classes < 0) throw std::invalid_argument("--classes: expected 0 or more, got " + std::to_string(a.classes));
  const WeightOptions options{
      .prefix = a.prefix, .stem = a.stem == "crop" ? StemFit::crop : StemFit::area, .partial = a.partial};
  const WeightFile file(a.from);
  PlainClassifier net(backbone, a.classes > 0 ? a.classes : classes_in(file, backbone, options));
  std::fprintf(stderr, "%s", load_weights(file, net, options).text(a.verbose).c_str());
  return net;
}

int export_weights(const WeightArguments& a) {
  std::string backbone;
  PlainClassifier net = load(a, backbone);
  std::vector<std::pair<std::string, std::string>> notes{{"backbone", backbone}};
  std::string neuron, pooling;
  try {
    const glia::io::SafetensorsFile opened(fs::is_directory(a.from) ? fs::path(a.from) / "checkpoint.safetensors"
                                                                    : fs::path(a.from));
    for (const auto& [name, text] : opened.notes())
      if (name == "config") {
        const auto config = nlohmann::json::parse(text);
        neuron = config.value("/objective/neuron"_json_pointer, std::string());
        pooling = config.value("/objective/pooling"_json_pointer, std::string("mean"));
      }
  } catch (const nlohmann::json::exception&) {  // a pre-training has no neuron
  } catch (const glia::FormatError&) {
  }
  if (!neuron.empty() && neuron != "none") {
    notes.emplace_back("activation", neuron);
    std::fprintf(
        stderr,
        "note: the network's last activation is %s; PyTorch's network has its own there, so its outputs differ\n",
        neuron.c_str());
  }
  if (pooling == "mean+max") {
    notes.emplace_back("pooling", pooling);
    std::fprintf(stderr,
                 "note: the head was trained on features pooled by mean+max, where PyTorch's network takes the mean\n");
  }
  save_pytorch(a.out, net, notes);
  std::fprintf(stderr, "%s: %s%s in PyTorch's names and layouts\n", a.out.c_str(), backbone.c_str(),
               net.head ? (" with a head of " + std::to_string(net.head->weight.shape()[0]) + " classes").c_str()
                        : " without a head");
  return 0;
}

int import_weights(const WeightArguments& a) {
  std::string backbone;
  PlainClassifier loaded = load(a, backbone);
  const Index classes = loaded.head ? loaded.head->weight.shape()[0] : 100;
  Options o;
  o.backbone = backbone;
  o.objective.similarity = o.objective.spatial = o.objective.neuron = "none";
  UnifiedNet<glia::Cpu> net(backbone, o.objective, classes);
  nn::copy_state(loaded.backbone, net.backbone);
  if (loaded.head) nn::copy_state(*loaded.head, net.head);
  // The normalisation in front of the head does nothing in evaluation: mean 0 and variance + epsilon = 1.
  nn::init::constant(net.feature_norm.running_variance.tensor(), 1.0 - net.feature_norm.options.epsilon);
  o.data = o.out = "";
  glia::io::Checkpoint file;
  file.add_module("net", net).set("config", to_json(o)).set("epoch", 0);
  if (fs::path(a.out).has_parent_path()) fs::create_directories(fs::path(a.out).parent_path());
  file.save(a.out);
  std::fprintf(stderr, "%s: a checkpoint of %s for evaluate and train --init\n", a.out.c_str(), backbone.c_str());
  return 0;
}

int apply_network(const WeightArguments& a) {
  const auto images = glia::io::load_npy<float>(a.input);
  if (images.rank() != 4 || images.size(3) != 3)
    glia::raise<glia::ShapeError>("apply", "\"", a.input, "\" must hold images [N, H, W, 3], got shape ",
                                  images.shape());
  std::string backbone;
  PlainClassifier net = load(a, backbone);
  const glia::NoGrad plain;
  nn::eval(net);
  const auto features = net.features(images);
  glia::io::SafetensorsWriter writer;
  writer.add("features", features);
  if (net.head) writer.add("logits", (*net.head)(features));
  writer.save(a.out);
  return 0;
}

void add_weight_options(CLI::App& app, WeightArguments& a, const char* out) {
  app.add_option("--out", a.out, out)->required();
  app.add_option("--backbone", a.backbone, std::string(backbone_help) + " (default: as the file says)");
  app.add_option("--prefix", a.prefix, "what stands before the backbone's names in the file")->capture_default_str();
  app.add_option("--stem", a.stem, "how a 7x7 stem becomes 3x3: area or crop")->capture_default_str();
  app.add_option("--classes", a.classes,
                 "outputs of the head; another number than the file's makes a fresh head (default: as the file has)");
  app.add_flag("--partial", a.partial, "allow tensors of the backbone that are not in the file");
  app.add_flag("--verbose", a.verbose, "list every tensor, also those that were simply loaded");
}

void add_pretrain_options(CLI::App& app, PretrainOptions& o) {
  app.add_option("--objective", o.objective, "ntxent, barlow, vicreg, byol or simsiam")->capture_default_str();
  app.add_option("--data", o.data, "folder of CIFAR files (default: GLIA_DATA)");
  app.add_option("--set", o.set, "cifar100 or cifar10")->capture_default_str();
  app.add_option("--images", o.images, "a folder of PNG and JPEG images instead of CIFAR files");
  app.add_option("--size", o.size, "side to which those are brought, pixels")->capture_default_str();
  app.add_option("--crop-size", o.crop_size,
                 "side of the views to train on, pixels (default: that of the images); smaller ones cost less");
  app.add_option("--out", o.out, "folder for config, metrics and checkpoint")->capture_default_str();
  app.add_option("--backbone", o.backbone, backbone_help)->capture_default_str();
  app.add_option("--optimizer", o.optimizer, "adamw or sgd")->capture_default_str();
  app.add_option("--learning-rate", o.learning_rate, "peak learning rate")->capture_default_str();
  app.add_option("--weight-decay", o.weight_decay, "of weights with at least two axes")->capture_default_str();
  app.add_option("--warmup", o.warmup, "share of the steps with a rising learning rate")->capture_default_str();
  app.add_option("--temperature", o.temperature, "of ntxent")->capture_default_str();
  app.add_option("--momentum", o.momentum, "of BYOL's target network at the start")->capture_default_str();
  app.add_option("--hidden", o.hidden, "width of the projector")->capture_default_str();
  app.add_option("--projection", o.projection, "outputs of the projector (default: by objective)");
  app.add_option("--epochs", o.epochs, "number of epochs")->capture_default_str();
  app.add_option("--batch", o.batch, "images per step, each in two views")->capture_default_str();
  app.add_option("--seed", o.seed, "seed of weights, order and augmentation")->capture_default_str();
  app.add_option("--limit-train", o.limit_train, "train on a subset of this many images");
  app.add_option("--max-steps", o.max_steps, "stop and save after this many steps of this call, as Ctrl-C does");
  app.add_option("--probe-every", o.probe_every, "epochs between diagnostics and probes")->capture_default_str();
  app.add_option("--threads", o.threads, "CPU threads (default: all)");
  app.add_option("--checkpoint-minutes", o.checkpoint_minutes, "time between checkpoints inside an epoch");
  app.add_flag("--resume", o.resume, "go on with the run in --out");
  app.add_flag("--synthetic", o.synthetic, "use a generated set: this is not CIFAR-100");
  app.add_flag("--quiet", o.quiet, "no progress display");
}

}  // namespace

struct BackboneCommands::State {
  CLI::App *summary, *exporter, *importer, *applier, *pretrainer;
  std::string backbone = "slim";
  Index size = 32, classes = 100;
  WeightArguments weights;
  PretrainOptions pretrain;
};

BackboneCommands::BackboneCommands(CLI::App& app) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.summary = app.add_subcommand(
      "summary", "layers, output shapes, parameters and multiply-accumulates of a backbone with a linear head");
  s.summary->add_option("--backbone", s.backbone, backbone_help)->capture_default_str();
  s.summary->add_option("--size", s.size, "side of the image, pixels")->capture_default_str();
  s.summary->add_option("--classes", s.classes, "outputs of the head")->capture_default_str();
  s.exporter =
      app.add_subcommand("export", "write a checkpoint's backbone and head as safetensors with PyTorch's names");
  s.exporter
      ->add_option("--checkpoint", s.weights.from, "checkpoint.safetensors, the folder of a run, or any weight file")
      ->required();
  add_weight_options(*s.exporter, s.weights, "the safetensors file to write");
  s.importer = app.add_subcommand("import", "make a checkpoint of weights from elsewhere: safetensors, .pt or .pth");
  s.importer->add_option("--from", s.weights.from, "the file")->required();
  add_weight_options(*s.importer, s.weights, "the checkpoint to write");
  s.applier = app.add_subcommand("apply", "run a backbone and its head on images");
  s.applier->add_option("--weights", s.weights.from, "any weight file")->required();
  s.applier->add_option("--images", s.weights.input, "a .npy file of normalised images [N, H, W, 3], float32")
      ->required();
  add_weight_options(*s.applier, s.weights, "a safetensors file for features [N, C] and logits [N, classes]");
  s.pretrainer = app.add_subcommand("pretrain", "train a backbone without labels");
  add_pretrain_options(*s.pretrainer, s.pretrain);
}

BackboneCommands::~BackboneCommands() = default;

bool BackboneCommands::parsed() const {
  const State& s = *state_;
  return s.summary->parsed() || s.exporter->parsed() || s.importer->parsed() || s.applier->parsed() ||
         s.pretrainer->parsed();
}

int BackboneCommands::run() {
  State& s = *state_;
  if (s.summary->parsed()) return summarise(s.backbone, s.size, s.classes);
  if (s.exporter->parsed()) return export_weights(s.weights);
  if (s.importer->parsed()) return import_weights(s.weights);
  if (s.applier->parsed()) return apply_network(s.weights);
  validate(s.pretrain);
  return pretrain(s.pretrain) == Outcome::finished ? 0 : 130;
}

}  // namespace cifar100
