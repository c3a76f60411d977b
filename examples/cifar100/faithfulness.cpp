#include "faithfulness.hpp"

#include "evaluate.hpp"
#include "files.hpp"

#include <glia/data/augment.hpp>
#include <glia/explain/faithfulness.hpp>
#include <glia/explain/grad_cam.hpp>
#include <glia/explain/gradient.hpp>
#include <glia/explain/integrated_gradients.hpp>
#include <glia/explain/occlusion.hpp>
#include <glia/explain/sanity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <numeric>

namespace cifar100 {

std::string faithfulness(const FaithfulnessOptions& options) {
  namespace explain = glia::explain;
  if (options.threads > 0) glia::set_num_threads(options.threads);
  auto trained = load_trained<glia::Cpu>(options.checkpoint, options.data);
  auto& net = trained.net;
  nn::eval(net);
  // What the answer does not go through is no layer of the explained network.
  net.projector1.reset(), net.projector2.reset(), net.spatial_head.reset(), net.projector.reset(), net.predictor.reset();
  const auto test = glia::data::stratified_subset(trained.data.test, std::min<Index>(options.images, trained.data.test.size()), 0);
  std::vector<Index> all(static_cast<std::size_t>(test.size()));
  std::iota(all.begin(), all.end(), Index{0});
  const auto x = glia::data::Augment({.normalization = glia::data::cifar100_normalization})(test.images, all, 0);
  const auto scores = [&](const glia::Tensor<float>& in) { return net.forward(in).logits; };
  const auto y = explain::predictions(scores, x);

  const auto integrated = explain::integrated_gradients(scores, x, y, {.steps = options.steps});
  const auto parts = [&](const glia::Tensor<float>& in) {
    const auto out = net.forward(in);
    return explain::FeaturesAndScores<float, glia::Cpu>{out.features, out.logits};
  };
  glia::Generator random(1);
  const std::vector<std::pair<std::string, glia::Tensor<float>>> maps = {
      {"random order", glia::rand<float>({x.size(0), x.size(1), x.size(2)}, random)},
      {"SmoothGrad", explain::heat_map(explain::smooth_grad(scores, x, y))},
      {"integrated gradients", explain::heat_map(integrated.attributions)},
      {"Grad-CAM", explain::grad_cam(parts, x, y)},
      {"occlusion", explain::occlusion(scores, x, y)}};
  nlohmann::ordered_json out = {{"checkpoint", options.checkpoint},
                                {"images", x.size(0)},
                                {"completeness_error", integrated.error},
                                {"completeness_worst", integrated.worst()},
                                {"steps", options.steps},
                                {"curves", nlohmann::ordered_json::array()},
                                {"randomization", nlohmann::ordered_json::array()}};
  std::string table = fmt::format("{} test images, the network's own answers\nintegrated gradients, {} steps: off completeness by {:.2f} % "
                                  "(worst image {:.1f} %)\n{:<22} deletion  insertion (areas under the curves of the probability)\n",
                                  x.size(0), options.steps, 100 * integrated.error, 100 * integrated.worst(), "");
  for (const auto& [name, map] : maps) {
    const double deletion = explain::deletion_curve(scores, x, y, map).mean_auc();
    const double insertion = explain::insertion_curve(scores, x, y, map).mean_auc();
    out["curves"].push_back({{"map", name}, {"deletion", deletion}, {"insertion", insertion}});
    table += fmt::format("{:<22} {:8.3f}  {:8.3f}\n", name, deletion, insertion);
  }
  table += "rank correlation of the gradient's map with the trained network's, layer after layer randomised:\n";
  const auto gradient = [&](UnifiedNet<glia::Cpu>& copy) {
    return explain::input_gradient([&](const glia::Tensor<float>& in) { return copy.forward(in).logits; }, x, y);
  };
  for (const auto& layer : explain::randomization_check(net, gradient)) {
    out["randomization"].push_back({{"layer", layer.layer}, {"correlation", layer.correlation}});
    table += fmt::format("  {:<28} {:6.3f}\n", layer.layer, layer.correlation);
  }
  write_text(result_path(options.out, options.checkpoint, "faithfulness.json"), out.dump(2));
  return table;
}

}  // namespace cifar100
