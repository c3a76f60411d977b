// The flagship's backbones and their weights from other libraries.
#include "weights.hpp"

#include "framework.hpp"

#include <glia/io/checkpoint.hpp>
#include <glia/nn/copy_state.hpp>
#include <glia/nn/summary.hpp>

#include "../support/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace fs = std::filesystem;
using namespace cifar100;
using glia::Shape;

namespace {

using glia_test::contains;
using glia_test::error_of;

fs::path fixture(const std::string& name) {
  return fs::path(GLIA_TESTS_DIR) / "reference" / "backbones" / (name + ".pt");
}

glia::Tensor<float> noise(const glia::Shape& shape) {
  glia::Generator generator(3);
  return glia::randn(shape, generator);
}

// Largest difference, relative to the largest expected value (at least 1).
double difference(const glia::Tensor<float>& got, const glia::Tensor<float>& expected) {
  REQUIRE(got.shape() == expected.shape());
  const auto a = got.to_vector(), b = expected.to_vector();
  double worst = 0, scale = 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return worst / scale;
}

void check_outputs(PlainClassifier& net, const WeightFile& expected) {
  const glia::NoGrad plain;
  nn::eval(net);
  const auto images = expected.get("expected.images");
  CHECK(difference(net.features(images), expected.get("expected.features")) <= 1e-5);
  CHECK(difference(net.forward(images), expected.get("expected.logits")) <= 1e-5);
}

}  // namespace

TEST_CASE("backbone names: families, depths, shortcuts and widths") {
  CHECK(parse_backbone("slim").widths == std::vector<std::int64_t>{64, 128, 256});
  CHECK(parse_backbone("swift").family == BackboneFamily::swift);
  CHECK(parse_backbone("swift-w32").widths == std::vector<std::int64_t>{32, 128, 384});
  CHECK(parse_backbone("resnet34").blocks == std::vector<std::int64_t>{3, 4, 6, 3});
  CHECK(parse_backbone("resnet32").blocks == std::vector<std::int64_t>{5, 5, 5});
  CHECK_FALSE(parse_backbone("resnet20").projection);
  CHECK(parse_backbone("resnet20-b").projection);
  CHECK(parse_backbone("resnet18").projection);
  CHECK_FALSE(parse_backbone("resnet18-a").projection);
  CHECK(parse_backbone("spiking-w8").family == BackboneFamily::spiking);
  CHECK(parse_backbone("spiking-w8").widths == std::vector<std::int64_t>{8, 16, 32});
  CHECK(parse_backbone("resnet20-b-w8").widths == std::vector<std::int64_t>{8, 16, 32});
  for (const char* name : {"", "resnet", "resnet19", "resnet50", "vgg", "slim-b", "swift-a", "spiking-a", "resnet20-c",
                           "resnet20-w", "resnet20-w3", "resnet18-w0", "resnet20-"})
    CHECK(contains(error_of<std::exception>([&] { parse_backbone(name); }), std::string("--backbone ") + name + ":"));
}

TEST_CASE("backbones: parameters and multiply-accumulates, counted by hand") {
  // ResNet-20, option A, 10 classes: stem 432; 13,824 + 50,688 + 202,752 in the stages; batch norm 1,376; head 650.
  PlainClassifier twenty("resnet20", 10);
  auto summary = nn::summary(twenty, glia::zeros({1, 32, 32, 3}));
  CHECK(summary.parameters == 269'722);
  CHECK(summary.macs == 1024 * (432 + 13'824) + 256 * 50'688 + 64 * 202'752 + 640);
  // Option B adds two 1x1 convolutions with batch norm.
  PlainClassifier projected("resnet20-b", 10);
  CHECK(nn::parameter_count(projected) == 269'722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64);
  // ResNet-18 with a 3x3 stem and 100 classes.
  PlainClassifier eighteen("resnet18", 100);
  CHECK(nn::parameter_count(eighteen) == 11'220'132);
  PlainClassifier slim("slim-w8", 100);
  summary = nn::summary(slim, glia::zeros({1, 32, 32, 3}));
  CHECK(summary.rows.front().path == "backbone.stem");
  CHECK(summary.rows.front().output == Shape{1, 32, 32, 48});
  CHECK(summary.trainable == summary.parameters - 48 * 27);
  // Stem 1,296; 3x3 to 8, 32 and 96 channels; pairs of 1x1 over 8, of 3x3 over 24 and 1x1, of 3x3 over 64; batch norms;
  // head.
  PlainClassifier swift("swift-w8", 100);
  summary = nn::summary(swift, glia::zeros({1, 32, 32, 3}));
  CHECK(summary.parameters == 1'296 + 9 * (48 * 8 + 8 * 32 + 32 * 96) + 2 * 64 + 9 * 32 * 24 + 24 * 32 +
                                  2 * 9 * 96 * 64 + 2 * (3 * 8 + 2 * 32 + 24 + 2 * 96 + 64) + 96 * 100 + 100);
  CHECK(summary.macs == 1024 * (1'296 + 9 * 48 * 8) + 256 * (2 * 64 + 9 * 8 * 32) +
                            64 * (9 * 32 * 24 + 24 * 32 + 9 * 32 * 96) + 16 * 2 * 9 * 96 * 64 + 9'600);
}

TEST_CASE("backbones: every stage's feature map, the last one shared by the heads") {
  const glia::NoGrad plain;
  for (const char* name : {"resnet18-w4", "resnet8-w4", "slim-w8", "swift-w8"}) {
    auto backbone = make_backbone<glia::Cpu>(name);
    nn::eval(backbone);
    const auto images = noise({2, 32, 32, 3});
    const auto maps = std::visit([&](auto& b) { return b.feature_maps(images); }, backbone);
    CHECK(static_cast<Index>(maps.size()) == depth_of(backbone));
    CHECK(maps.back().to_vector() == forward(backbone, images).to_vector());
    CHECK(maps.back().size(-1) == channels_of(backbone));
    for (std::size_t s = 1; s < maps.size(); ++s) CHECK(maps[s].size(1) * 2 == maps[s - 1].size(1));
    const auto last = maps.back().to_vector();
    CHECK(*std::min_element(last.begin(), last.end()) < 0);  // not activated yet
  }
  const auto resnet = make_backbone<glia::Cpu>("resnet18-w4");
  CHECK(stage_of(resnet, "bn1.weight") == 0);
  CHECK(stage_of(resnet, "layer3.1.conv2.weight") == 3);
  const auto speed = make_backbone<glia::Cpu>("slim-w8");
  CHECK(stage_of(speed, "stem.weight") == 0);
  CHECK(stage_of(speed, "stages.2.refine.weight") == 3);
  CHECK(stage_of(make_backbone<glia::Cpu>("swift-w8"), "stages.1.inner_norm.bias") == 2);
}

TEST_CASE("spiking backbone: currents over time, the speed net's weights, spikes and gradients") {
  const auto images = noise({3, 16, 16, 3});
  glia::manual_seed(5);
  auto backbone = make_backbone<glia::Cpu>("spiking-w8", 3);
  auto& net = std::get<SpikingNet<glia::Cpu>>(backbone);
  glia::Generator generator(11);
  set_stem(backbone, glia::randn({48, 3, 3, 3}, generator));
  const auto currents = forward(backbone, images);
  CHECK(currents.shape() == Shape{3, 3, 2, 2, 32});
  const auto maps = net.feature_maps(images);
  CHECK(maps.size() == 3);
  CHECK(maps.front().shape() == Shape{3, 3, 8, 8, 8});
  CHECK(maps.back().shape() == currents.shape());
  // Firing rates: multiples of 1 / T.
  const auto rates = activate(backbone, currents);
  CHECK(rates.shape() == Shape{3, 2, 2, 32});
  double fired = 0;
  for (const float rate : rates.to_vector()) {
    CHECK(std::abs(rate * 3 - std::round(rate * 3)) < 1e-5f);
    fired += static_cast<double>(rate);
  }
  CHECK(fired > 0);
  // Every trained weight receives a gradient through the surrogate; the fixed stem none.
  CHECK(has_fixed_stem(backbone));
  glia::sum(glia::mul(rates, rates)).backward();
  nn::visit(net, [&](const std::string& path, auto& object) {
    if constexpr (nn::is_parameter<std::remove_cvref_t<decltype(object)>>) {
      CAPTURE(path);
      CHECK(object.requires_grad() == (path != "stem.weight"));
      if (object.requires_grad()) CHECK(glia::sum(glia::abs(object.tensor().grad())).item() > 0);
    }
  });
  // A longer input is the same membrane for longer: the first steps do not see the later ones.
  nn::eval(backbone);
  const glia::NoGrad plain;
  const auto first = forward(backbone, images);
  net.steps = 5;
  const auto more = forward(backbone, images);
  CHECK(more.slice(0, {0, 3}).to_vector() == first.to_vector());
  CHECK_FALSE(more.select(0, 3).to_vector() == first.select(0, 0).to_vector());
  // The weights of a speed net fit by name, and one step is an ordinary network of binary units.
  auto speed = make_backbone<glia::Cpu>("slim-w8");
  nn::copy_state(std::get<SpeedNet<glia::Cpu>>(speed), net);
  CHECK(net.stages[1].refine.weight.tensor().to_vector() ==
        std::get<SpeedNet<glia::Cpu>>(speed).stages[1].refine.weight.tensor().to_vector());
  net.steps = 1;
  CHECK(forward(backbone, images).shape() == Shape{1, 3, 2, 2, 32});
  CHECK(contains(error_of<std::exception>([] { make_backbone<glia::Cpu>("spiking", 0); }), "--steps: expected at least 1, got 0"));
}

TEST_CASE("weights: PyTorch's outputs, from the names of five libraries") {
  for (const char* name : {"resnet8-a-w4", "resnet8-b-w4", "resnet18-w2", "resnet8-b-w2", "slim-w4"}) {
    CAPTURE(name);
    const WeightFile file(fixture(name));
    CHECK(classes_in(file, name) == 5);
    PlainClassifier net(name, 5);
    const auto report = load_weights(file, net);
    CHECK(report.head);
    CHECK(report.count(WeightStatus::missing) == 0);
    CHECK(report.count(WeightStatus::adapted) == 0);
    for (const auto& row : report.rows)
      if (row.status == WeightStatus::unexpected)
        CHECK((contains(row.theirs, "num_batches_tracked") || contains(row.theirs, "expected.")));
    check_outputs(net, file);
  }
  PlainClassifier net("resnet8-a-w4", 5);
  const auto report = load_weights(WeightFile(fixture("resnet8-a-w4")), net);
  CHECK(report.prefix == "state_dict.module.");
  CHECK(contains(report.text(true), "loaded      layer1.0.conv1.weight  from state_dict.module.layer1.0.conv1.weight"));
  CHECK(contains(report.text(false), "0 missing"));
  CHECK_FALSE(contains(report.text(false), "loaded      "));
}

TEST_CASE("weights: what is exported has PyTorch's names, shapes and values") {
  const fs::path folder = fs::temp_directory_path() / ("glia_backbones_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const fs::path path = folder / "exported.safetensors";
  const WeightFile original(fixture("resnet18-w2"));
  PlainClassifier net("resnet18-w2", 5);
  load_weights(original, net);
  save_pytorch(path, net, {{"backbone", "resnet18-w2"}});
  const WeightFile exported(path);
  CHECK_FALSE(exported.native());
  std::size_t of_model = 0;
  for (const auto& entry : original.entries()) {
    if (entry.name.rfind("model.", 0) != 0) continue;
    ++of_model;
    const std::string name = entry.name.substr(6);
    CAPTURE(name);
    const auto found = std::find_if(exported.entries().begin(), exported.entries().end(),
                                    [&](const auto& e) { return e.name == name; });
    REQUIRE(found != exported.entries().end());
    CHECK(found->shape == entry.shape);
    if (!contains(name, "num_batches")) CHECK(exported.get(name).to_vector() == original.get(entry.name).to_vector());
  }
  CHECK(exported.entries().size() == of_model);
  PlainClassifier again("resnet18-w2", 5);
  load_weights(exported, again);
  check_outputs(again, original);
  fs::remove_all(folder);
}

TEST_CASE("weights: the stem and the head are adapted, and the report says so") {
  PlainClassifier net("resnet18-w2", 5);
  const auto head = net.head->weight.tensor().to_vector();
  const auto report = load_weights(WeightFile(fixture("imagenet")), net);
  CHECK(report.count(WeightStatus::adapted) == 2);
  CHECK_FALSE(report.head);
  CHECK(net.head->weight.tensor().to_vector() == head);
  CHECK(contains(report.text(false), "adapted     conv1.weight  (7x7 stem to 3x3, by area)"));
  CHECK(contains(report.text(false), "10 classes of 16 features in the file, 5 of 16 here: starts afresh"));

  // By area: a constant filter of ones becomes 49 / 9 in every tap, and the sum over the taps (the response to a
  // constant image) stays.
  for (const float value : fit_stem(glia::ones({1, 7, 7, 1}), 3, StemFit::area).to_vector())
    CHECK(std::abs(value - 49.0f / 9) < 1e-5f);
  const auto filters = noise({4, 7, 7, 3});
  const auto small = fit_stem(filters, 3, StemFit::area);
  CHECK(small.shape() == Shape{4, 3, 3, 3});
  CHECK(difference(glia::sum(small, glia::Axes{1, 2}), glia::sum(filters, glia::Axes{1, 2})) < 1e-5);
  // By cropping: the middle taps in their old proportions, the norm of each filter as before.
  const auto middle = fit_stem(filters, 3, StemFit::crop);
  CHECK(difference(glia::sum(middle * middle, glia::Axes{1, 2, 3}), glia::sum(filters * filters, glia::Axes{1, 2, 3})) <
        1e-5);
  const auto cut = filters.slice(1, {2, 5}).slice(2, {2, 5}).contiguous().to_vector(), kept = middle.to_vector();
  CHECK(std::abs(kept[0] / cut[0] - kept[10] / cut[10]) < 1e-4f);
  CHECK(contains(error_of<std::exception>([&] { fit_stem(glia::ones({1, 2, 2, 1}), 3, StemFit::area); }), "do not shrink"));
  CHECK(contains(error_of<std::exception>([&] { fit_stem(glia::ones({1, 6, 6, 1}), 3, StemFit::crop); }), "do not shrink"));
}

TEST_CASE("weights: files that do not fit are refused and change nothing") {
  const WeightFile file(fixture("resnet8-a-w4"));
  PlainClassifier other("resnet8-b-w4", 5);
  const auto before = std::get<ResNet<glia::Cpu>>(other.backbone).conv1.weight.tensor().to_vector();
  CHECK(contains(error_of<std::exception>([&] { load_weights(file, other); }),
                 "missing or of another shape: layer2.0.downsample.0.weight"));
  CHECK(std::get<ResNet<glia::Cpu>>(other.backbone).conv1.weight.tensor().to_vector() == before);
  const auto report = load_weights(file, other, {.partial = true});
  CHECK(report.count(WeightStatus::missing) == 10);  // two shortcuts of a convolution and four tensors of batch norm
  PlainClassifier wide("resnet8-a-w8", 5);
  CHECK(contains(error_of<std::exception>([&] { load_weights(file, wide); }),
                 "conv1.weight (shape [4, 3, 3, 3] in the file, [8, 3, 3, 3] here)"));
  PlainClassifier speed("slim-w4", 5);
  CHECK(contains(error_of<std::exception>([&] { load_weights(file, speed); }), "has no tensor that ends in \"stages.0.widen.weight\""));
  PlainClassifier right("resnet8-a-w4", 5);
  CHECK(contains(error_of<std::exception>([&] { load_weights(file, right, {.prefix = "model"}); }), "under the prefix \"model.\""));
  CHECK(load_weights(file, right, {.prefix = "state_dict.module"}).head);
  CHECK(contains(error_of<std::exception>([] { WeightFile("no such file"); }), "cannot open"));
  CHECK(contains(error_of<std::exception>([] { WeightFile(fs::path(GLIA_TESTS_DIR) / "main.cpp"); }), "no PyTorch file"));
}

TEST_CASE("weights: of a run with averaged weights the averages are taken, as evaluate does; a prefix overrides") {
  const fs::path path = fs::temp_directory_path() / ("glia_averages_" + std::to_string(::getpid()) + ".safetensors");
  Objective objective;
  objective.similarity = objective.spatial = objective.neuron = "none";
  UnifiedNet<glia::Cpu> raw("resnet8-w4", objective, 5), average("resnet8-w4", objective, 5);
  nn::init::constant(raw.head.weight.tensor(), 1);
  nn::init::constant(average.head.weight.tensor(), 2);
  glia::io::Checkpoint().add_module("ema.average", average).add_module("net", raw).save(path);
  const WeightFile file(path);
  const auto stem = [](auto& backbone) {
    return std::get<ResNet<glia::Cpu>>(backbone).conv1.weight.tensor().to_vector();
  };
  PlainClassifier net("resnet8-w4", 5);
  CHECK(load_weights(file, net).prefix == "ema.average.backbone.");
  CHECK(stem(net.backbone) == stem(average.backbone));
  CHECK(net.head->weight.tensor().to_vector()[0] > 1.9f);
  CHECK(load_weights(file, net, {.prefix = "net.backbone"}).head);
  CHECK(stem(net.backbone) == stem(raw.backbone));
  CHECK(net.head->weight.tensor().to_vector()[0] < 1.1f);
  fs::remove(path);
}

TEST_CASE("weights: a normalisation in front of the head that does not fit it is refused and changes nothing") {
  const fs::path path = fs::temp_directory_path() / ("glia_norm_" + std::to_string(::getpid()) + ".safetensors");
  Objective objective;
  objective.similarity = objective.spatial = objective.neuron = "none";
  UnifiedNet<glia::Cpu> saved("resnet8-w4", objective, 5);
  PlainClassifier net("resnet8-w4", 5);
  const auto before = std::get<ResNet<glia::Cpu>>(net.backbone).conv1.weight.tensor().to_vector();
  nn::BatchNorm<> narrow(3);
  glia::io::Checkpoint()
      .add_module("net.backbone", saved.backbone)
      .add_module("net.head", saved.head)
      .add_module("net.feature_norm", narrow)
      .save(path);
  const std::string wrong = error_of<std::exception>([&] { load_weights(WeightFile(path), net); });
  CHECK_MESSAGE(contains(wrong, "net.feature_norm.running_mean has shape [3], expected [16]"), wrong);
  glia::io::Checkpoint()
      .add_module("net.backbone", saved.backbone)
      .add_module("net.head", saved.head)
      .add_tensor("net.feature_norm.running_mean", glia::zeros({16}))
      .save(path);
  const std::string partial = error_of<std::exception>([&] { load_weights(WeightFile(path), net); });
  CHECK_MESSAGE(contains(partial, "net.feature_norm.running_var is missing"), partial);
  CHECK(std::get<ResNet<glia::Cpu>>(net.backbone).conv1.weight.tensor().to_vector() == before);
  fs::remove(path);
  fs::remove(glia::io::previous_path(path));
}
