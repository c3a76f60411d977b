#include "explanations.hpp"

#include "evaluate.hpp"

#include <glia/data/augment.hpp>
#include <glia/explain/grad_cam.hpp>
#include <glia/explain/gradient.hpp>
#include <glia/explain/integrated_gradients.hpp>
#include <glia/explain/occlusion.hpp>
#include <glia/metrics/calibration.hpp>

#include <fmt/format.h>

namespace cifar100 {

namespace explain = glia::explain;

namespace {

Picture photograph(const glia::data::Dataset& set, Index sample) {
  const Index height = set.height(), width = set.width();
  const std::uint8_t* first = set.images.data() + sample * height * width * 3;
  return {static_cast<int>(width), static_cast<int>(height),
          std::vector<std::uint8_t>(first, first + height * width * 3)};
}

// A map [H, W] over the grey photograph: from blue (nothing) through white-hot yellow to red (its 99th percentile).
Picture heat(const Picture& image, const glia::Tensor<float>& map) {
  std::vector<float> values = map.contiguous().to_vector(), sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const float top = std::max(sorted[sorted.size() * 99 / 100], 1e-12f);
  Picture out = image;
  for (std::size_t p = 0; p < values.size(); ++p) {
    const float t = std::clamp(values[p] / top, 0.0f, 1.0f);
    const float grey = 0.299f * image.rgb[3 * p] + 0.587f * image.rgb[3 * p + 1] + 0.114f * image.rgb[3 * p + 2];
    const float ink[3] = {255 * std::min(1.0f, 2 * t), 255 * std::clamp(1.6f * t - 0.9f * t * t, 0.0f, 1.0f),
                          160 * (1 - t)};
    for (std::size_t c = 0; c < 3; ++c)
      out.rgb[3 * p + c] = static_cast<std::uint8_t>(0.35f * grey + 0.65f * std::clamp(ink[c], 0.0f, 255.0f));
  }
  return out;
}

// The test images to show: of different classes, every fourth one that was answered wrongly.
std::vector<Index> choose(const glia::data::Dataset& test, const std::vector<std::int64_t>& answers, int images) {
  std::vector<Index> chosen;
  std::vector<bool> used(static_cast<std::size_t>(test.classes), false);
  for (int k = 0; k < images; ++k) {
    const bool want_wrong = k % 4 == 3;
    for (Index i = 0; i < test.size(); ++i) {
      const std::int64_t label = test.labels.data()[i];
      if (used[static_cast<std::size_t>(label)] || (answers[static_cast<std::size_t>(i)] != label) != want_wrong)
        continue;
      used[static_cast<std::size_t>(label)] = true;
      chosen.push_back(i);
      break;
    }
  }
  return chosen;
}

}  // namespace

std::vector<Explanation> explain_run(const std::string& run, const std::string& data, int images) {
  auto trained = load_trained<glia::Cpu>(run, data);
  auto& net = trained.net;
  const auto& test = trained.data.test;
  const auto logits = predict(net, test);
  const auto answers = glia::metrics::predictions<float>(logits.span(), logits.size(1));
  const auto chosen = choose(test, answers, images);
  if (chosen.empty()) return {};
  const auto probabilities = glia::metrics::softmax_rows<float>(logits.span(), logits.size(1));

  nn::eval(net);
  const glia::data::Augment plain({.normalization = glia::data::cifar100_normalization});
  const auto x = plain(test.images, chosen, 0);
  std::vector<std::int64_t> targets;
  for (const Index i : chosen) targets.push_back(answers[static_cast<std::size_t>(i)]);
  const auto y = glia::from_vector<std::int64_t>(targets);
  const auto scores = [&](const glia::Tensor<float>& in) { return net.forward(in).logits; };
  const auto parts = [&](const glia::Tensor<float>& in) {
    const auto out = net.forward(in);
    return explain::FeaturesAndScores<float, glia::Cpu>{out.features, out.logits};
  };
  const auto smooth = explain::heat_map(explain::smooth_grad(scores, x, y));
  const auto integrated = explain::heat_map(explain::integrated_gradients(scores, x, y).attributions);
  const auto cam = explain::grad_cam(parts, x, y);
  const auto occlusion = explain::occlusion(scores, x, y);
  const glia::NoGrad guard;
  const auto features = net.forward(x).features;
  const auto activity = explain::resize_maps(glia::mean(features, glia::Axes{3}), x.size(1), x.size(2));

  std::vector<Explanation> out;
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const Index i = chosen[k];
    const Picture image = photograph(test, i);
    const auto at = [&](const glia::Tensor<float>& maps) { return heat(image, maps[static_cast<Index>(k)]); };
    const auto name = [&](std::int64_t c) { return trained.data.class_names[static_cast<std::size_t>(c)]; };
    const std::int64_t truth = test.labels.data()[i], answer = targets[k];
    const double sure = probabilities[static_cast<std::size_t>(i * logits.size(1) + answer)];
    Explanation e;
    e.caption = truth == answer ? fmt::format("{}: right, {:.0f} % sure", name(truth), 100 * sure)
                                : fmt::format("{}: taken for {}, {:.0f} % sure", name(truth), name(answer), 100 * sure);
    e.pictures = {image, at(smooth), at(integrated), at(cam), at(occlusion), at(activity)};
    e.names = {"image", "SmoothGrad", "int. gradients", "Grad-CAM", "occlusion", "activity"};
    out.push_back(std::move(e));
  }
  return out;
}

}  // namespace cifar100
