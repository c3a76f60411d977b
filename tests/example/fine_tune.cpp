// Fine-tuning in the flagship: freezing, layer-wise learning rates, the head's features; images from a folder.
#include "fine_tune.hpp"
#include "batches.hpp"
#include "image_folder.hpp"
#include "pretrain_data.hpp"

#include "../support/errors.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>

namespace fs = std::filesystem;
using namespace cifar100;

namespace {

using glia_test::contains;
using glia_test::error_of;

fs::path picture(const char* name) { return fs::path(GLIA_TESTS_DIR) / "reference" / "images" / name; }

glia::Tensor<float> noise(const glia::Shape& shape) {
  glia::Generator generator(3);
  return glia::randn(shape, generator);
}

Objective plain_objective() {
  Objective out;
  out.similarity = out.spatial = out.neuron = "none";
  return out;
}

}  // namespace

TEST_CASE("fine-tuning: what each option freezes") {
  FineTune o;
  CHECK(last_frozen_stage(o, 3, 0) == -1);
  o.freeze = "stem";
  CHECK(last_frozen_stage(o, 3, 5) == 0);
  o.freeze = "2";
  CHECK(last_frozen_stage(o, 3, 5) == 2);
  o.freeze_epochs = 2;
  CHECK(last_frozen_stage(o, 3, 1) == 3);
  CHECK(last_frozen_stage(o, 3, 2) == 2);
  CHECK(contains(error_of<std::exception>([&] { last_frozen_stage(o, 1, 2); }), "stage 2 of a backbone with 1 stages"));
  for (const char* word : {"head", "-1", "12", "2x", ""}) {
    o.freeze = word;
    CHECK(contains(error_of<std::exception>([&] { validate(o); }), "--freeze: expected"));
  }
  CHECK(contains(error_of<std::exception>([] { validate(FineTune{.layer_decay = 0}); }), "--layer-decay"));
  CHECK(contains(error_of<std::exception>([] { validate(FineTune{.layer_decay = 1.5}); }), "--layer-decay"));
  CHECK(contains(error_of<std::exception>([] { validate(FineTune{.freeze_epochs = -1}); }), "--freeze-epochs"));
  CHECK(contains(error_of<std::exception>([] { validate(FineTune{.stem = "mean"}); }), "--init-stem: expected area or crop"));
}

TEST_CASE("fine-tuning: frozen stages neither learn nor move their statistics; the others do") {
  UnifiedNet<glia::Cpu> net("resnet8-w4", plain_objective(), 5);
  FineTune o;
  o.freeze = "1";
  o.freeze_epochs = 1;
  auto& backbone = std::get<ResNet<glia::Cpu>>(net.backbone);
  const auto images = noise({4, 16, 16, 3});
  const auto run = [&](std::int64_t epoch) {
    nn::train(net);
    set_frozen(net, o, epoch);
    for (auto& p : glia::parameters(net)) p.tensor.zero_grad();
    glia::sum(net.forward(images).logits).backward();
  };
  const auto early = backbone.bn1.running_mean.tensor().to_vector(),
             late = backbone.layers[1][0].bn1.running_mean.tensor().to_vector();
  run(0);
  for (const auto& p : glia::parameters(net))
    if (contains(p.name, "backbone.")) CHECK_FALSE(p.tensor.grad().defined());
  CHECK(backbone.layers[1][0].bn1.running_mean.tensor().to_vector() == late);
  run(1);
  CHECK_FALSE(backbone.conv1.weight.tensor().grad().defined());
  CHECK_FALSE(backbone.layers[0][0].conv1.weight.tensor().grad().defined());
  CHECK(backbone.layers[1][0].conv1.weight.tensor().grad().defined());
  CHECK(backbone.bn1.running_mean.tensor().to_vector() == early);
  CHECK(backbone.layers[1][0].bn1.running_mean.tensor().to_vector() != late);
  CHECK(backbone.bn1.training == false);
  CHECK(backbone.layers[1][0].bn1.training);
  // A momentum encoder takes the same modes, and still no gradients.
  nn::set_requires_grad(net, false);
  for (const std::int64_t epoch : {0, 1}) {
    nn::train(net);
    hold_statistics(net, o, epoch);
    CHECK_FALSE(backbone.bn1.training);
    CHECK(backbone.layers[1][0].bn1.training == (epoch == 1));
    CHECK_FALSE(backbone.layers[1][0].conv1.weight.requires_grad());
  }
  // The whitening stem stays fixed when everything else thaws.
  UnifiedNet<glia::Cpu> speed("slim-w4", plain_objective(), 5);
  set_frozen(speed, FineTune{}, 0);
  CHECK_FALSE(std::get<SpeedNet<glia::Cpu>>(speed.backbone).stem.weight.requires_grad());
  CHECK(std::get<SpeedNet<glia::Cpu>>(speed.backbone).stages[0].widen.weight.requires_grad());
}

TEST_CASE("fine-tuning: each stage learns at the next one's rate times the decay") {
  UnifiedNet<glia::Cpu> net("resnet8-w4", plain_objective(), 5);
  const auto parameters = glia::parameters(net);
  const auto groups = layerwise(glia::optim::decay_groups(parameters), net, 0.5);
  std::size_t count = 0;
  for (const auto& group : groups)
    for (const auto& p : group.parameters) {
      ++count;
      CAPTURE(p.name);
      const double expected = contains(p.name, "backbone.layer3")   ? 0.5
                              : contains(p.name, "backbone.layer2") ? 0.25
                              : contains(p.name, "backbone.layer1") ? 0.125
                              : contains(p.name, "backbone.")       ? 0.0625
                                                                    : 1.0;
      CHECK(group.options.learning_rate_factor == expected);
      CHECK(group.options.weight_decay.value_or(1.0) == (p.tensor.rank() >= 2 ? 1.0 : 0.0));
    }
  CHECK(count == parameters.size());
  CHECK(groups.front().options.learning_rate_factor == 1.0);
  CHECK(layerwise(glia::optim::decay_groups(parameters), net, 1).size() == 2);
}

TEST_CASE("fine-tuning: given features pass the normalisation unchanged, in training and evaluation") {
  nn::BatchNorm<> norm(3);
  const auto features = noise({64, 3}) * 3.0f + 5.0f;
  pass_features_through(norm, features);
  const auto expected = features.to_vector();
  for (const bool training : {false, true}) {  // training moves the running statistics
    norm.training = training;
    const auto got = norm(features).to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(got[i] - expected[i])));
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("pooling: the mean of a map, or the mean and the largest value together") {
  Objective o = plain_objective();
  const auto map = glia::from_vector<float>({1, -8, 2, 6, 3, -4, 6, -6}, {1, 2, 2, 2});
  CHECK(UnifiedNet<glia::Cpu>("slim-w4", o, 5).pool(map).to_vector() == std::vector<float>{3, -3});
  o.pooling = "mean+max";
  CHECK(UnifiedNet<glia::Cpu>("slim-w4", o, 5).pool(map).to_vector() == std::vector<float>{9, 3});
}

TEST_CASE("steps: the images they really take") {
  const auto set = [](Index n) { return glia::data::synthetic({.count = n, .seed = 1}); };
  Options o;
  o.objective.similarity = "none", o.batch = 60;
  RunData data;
  data.train = set(100);
  CHECK(images_per_step(o, data) == 60);
  o.batch = 500;  // more than there are
  CHECK(images_per_step(o, data) == 100);
  o.objective.similarity = "ntxent";
  CHECK(images_per_step(o, data) == 200);
  o.batch = 60, o.labels = 100;
  data.unlabelled = set(300);
  CHECK(images_per_step(o, data) == 60);
  o.labelled_only = true;  // 15 of 30, in two views
  CHECK(images_per_step(o, data) == 30);
}

TEST_CASE("images: the middle square, averaged over areas") {
  const DecodedImage wide{2, 4, {9, 9, 9, 0, 0, 0, 40, 40, 40, 9, 9, 9, 9, 9, 9, 80, 80, 80, 120, 120, 120, 9, 9, 9}};
  CHECK(fit_image(wide, 1).pixels == std::vector<std::uint8_t>{60, 60, 60});
  CHECK(fit_image(wide, 2).pixels == std::vector<std::uint8_t>{0, 0, 0, 40, 40, 40, 80, 80, 80, 120, 120, 120});
  // 3 -> 2: each target takes one source and half of the middle one.
  const DecodedImage three{
      3, 3, {0, 0, 0, 60, 60, 60, 90, 90, 90, 0, 0, 0, 60, 60, 60, 90, 90, 90, 0, 0, 0, 60, 60, 60, 90, 90, 90}};
  CHECK(fit_image(three, 2).pixels[0] == 20);
  CHECK(fit_image(three, 2).pixels[3] == 80);
}

#if defined(CIFAR100_HAS_PNG) && defined(CIFAR100_HAS_JPEG)
TEST_CASE("images: PNG and JPEG files of every kind become RGB") {
  const auto colour = read_image(picture("train/cat/colour.png"));
  CHECK(colour.height == 2);
  CHECK(colour.width == 3);
  CHECK(colour.pixels ==
        std::vector<std::uint8_t>{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90});
  CHECK(read_image(picture("train/dog/grey.png")).pixels == std::vector<std::uint8_t>{7, 7, 7, 200, 200, 200});
  CHECK(read_image(picture("train/dog/palette.png")).pixels == std::vector<std::uint8_t>{1, 2, 3, 250, 251, 252});
  const auto photo = read_image(picture("train/cat/flat.jpg"));
  CHECK(photo.height == 20);
  CHECK(photo.width == 16);
  const int expected[3] = {200, 100, 50};
  int worst = 0;
  for (std::size_t i = 0; i < photo.pixels.size(); ++i)
    worst = std::max(worst, std::abs(int{photo.pixels[i]} - expected[i % 3]));
  CHECK(worst <= 2);
  CHECK(contains(error_of<std::exception>([] { read_image(picture("damaged.png")); }), "damaged.png\": "));
  CHECK(contains(error_of<std::exception>([] { read_image(picture("damaged.jpg")); }), "damaged.jpg\": "));
  CHECK(contains(error_of<std::exception>([] { read_image(picture("text.png")); }), "neither a PNG nor a JPEG"));
}

TEST_CASE("images: a folder with classes, and what is wrong with one") {
  const auto set = load_image_folder(picture("train"), 8);
  CHECK(set.size() == 4);
  CHECK(set.classes == 2);
  CHECK(set.labels.to_vector() ==
        std::vector<std::int64_t>{0, 0, 1, 1});  // cat/colour, cat/flat, dog/grey, dog/palette
  CHECK(set.images.shape() == glia::Shape{4, 8, 8, 3});
  CHECK(contains(error_of<std::exception>([] { load_image_folder(picture(""), 8); }), "\": "));  // the damaged files
  CHECK(contains(error_of<std::exception>([] { load_image_folder(picture("nothing"), 8); }), "is not a folder"));
  const fs::path empty = fs::temp_directory_path() / ("glia_images_" + std::to_string(::getpid()));
  fs::create_directories(empty);
  CHECK(contains(error_of<std::exception>([&] { load_image_folder(empty, 8); }), "no .png"));
  fs::remove_all(empty);
}

TEST_CASE("pre-training: the constants of a folder's images are those of the training part") {
  const fs::path folder = fs::temp_directory_path() / ("glia_split_" + std::to_string(::getpid()));
  for (int i = 0; i < 6; ++i) {
    const std::string name = std::to_string(i) + ".png";
    fs::create_directories(folder / "cat"), fs::create_directories(folder / "dog");
    fs::copy_file(picture("train/cat/colour.png"), folder / "cat" / name);
    fs::copy_file(picture("train/dog/grey.png"), folder / "dog" / name);
  }
  PretrainOptions o;
  o.images = folder.string(), o.size = 8;
  const auto loaded = load_pretrain_data(o);
  CHECK(loaded.train.size() == 11);
  CHECK(loaded.held_out.size() == 1);
  CHECK(loaded.normalization.mean == glia::data::measure_normalization(loaded.train).mean);
  CHECK(loaded.normalization.mean != glia::data::measure_normalization(load_image_folder(folder, 8)).mean);
  fs::remove_all(folder);
}
#else
TEST_CASE("images: a program without the libraries says which package to install") {
  const std::string message = error_of<std::exception>([] { load_image_folder(picture("train"), 8); });
  CHECK((contains(message, "install libpng-dev") || contains(message, "install libjpeg-dev")));
}
#endif
