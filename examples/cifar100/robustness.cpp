#include "robustness.hpp"

#include "evaluate.hpp"
#include "files.hpp"

#include <glia/data/corrupt.hpp>
#include <glia/metrics/accuracy.hpp>
#include <glia/metrics/calibration.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cifar100 {

namespace {
struct Damage {
  double accuracy = 0, ece = 0;
};
Damage measure(UnifiedNet<glia::Cpu>& net, const glia::data::Dataset& set) {
  const auto logits = predict(net, set);
  const Index classes = logits.size(1);
  const auto p = glia::metrics::softmax_rows<float>(logits.span(), classes);
  return {glia::metrics::accuracy<float>(logits.span(), classes, set.labels.span()),
          glia::metrics::calibration<double>(p, classes, set.labels.span()).ece};
}
}  // namespace

std::string robustness(const RobustnessOptions& options) {
  namespace data = glia::data;
  if (options.threads > 0) glia::set_num_threads(options.threads);
  auto trained = load_trained<glia::Cpu>(options.checkpoint, options.data);
  data::Dataset test = trained.data.test;
  if (options.limit > 0 && options.limit < test.size())
    test = data::stratified_subset(test, options.limit, options.seed);
  const Damage clean = measure(trained.net, test);
  nlohmann::ordered_json out = {{"set", "glia corruptions, version 1 (not CIFAR-100-C)"},
                                {"images", test.size()},
                                {"seed", options.seed},
                                {"checkpoint", options.checkpoint},
                                {"clean", {{"accuracy", clean.accuracy}, {"ece", clean.ece}}},
                                {"kinds", nlohmann::ordered_json::array()}};
  std::string table =
      fmt::format("{:<16} {}\n{:<16} {:7.2f} %, ECE {:.4f}\n", "", "accuracy at severity 1 to 5; mean, mean ECE",
                  "clean", 100 * clean.accuracy, clean.ece);
  Damage total;
  for (int k = 0; k < data::corruption_kinds; ++k) {
    const auto kind = static_cast<data::Corruption>(k);
    std::vector<double> accuracy, ece;
    Damage mean;
    std::string line;
    for (int severity = 1; severity <= data::corruption_severities; ++severity) {
      data::Dataset damaged = test;
      damaged.images = data::corrupt(test.images, kind, severity, options.seed);
      const Damage d = measure(trained.net, damaged);
      accuracy.push_back(d.accuracy), ece.push_back(d.ece);
      mean.accuracy += d.accuracy / data::corruption_severities, mean.ece += d.ece / data::corruption_severities;
      line += fmt::format(" {:6.2f}", 100 * d.accuracy);
    }
    total.accuracy += mean.accuracy / data::corruption_kinds, total.ece += mean.ece / data::corruption_kinds;
    out["kinds"].push_back({{"name", data::corruption_name(kind)},
                            {"accuracy", accuracy},
                            {"ece", ece},
                            {"mean_accuracy", mean.accuracy},
                            {"mean_ece", mean.ece}});
    table += fmt::format("{:<16}{}   {:6.2f} %, ECE {:.4f}\n", data::corruption_name(kind), line, 100 * mean.accuracy,
                         mean.ece);
  }
  out["mean"] = {{"accuracy", total.accuracy}, {"ece", total.ece}};
  table += fmt::format("{:<16} {:7.2f} %, ECE {:.4f}", "mean of all", 100 * total.accuracy, total.ece);
  write_text(result_path(options.out, options.checkpoint, "robustness.json"), out.dump(2));
  return table;
}

}  // namespace cifar100
