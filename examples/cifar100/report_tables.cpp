// The report's tables: headline numbers, the paper's Table 1, robustness, ablation, overhead, environment.

#include "chart.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace cifar100 {

using Json = nlohmann::ordered_json;

namespace {
std::string number(const Json& node, double scale, int digits) {
  return node.is_number() ? fmt::format("{:.{}f}", scale * node.get<double>(), digits) : std::string("–");
}
std::string plus_minus(const Json& node, double scale, int digits) {
  return node.is_number() ? fmt::format(" ± {:.{}f}", scale * node.get<double>(), digits) : std::string();
}
std::string shown(double value, double scale, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", scale * value, digits) : std::string("–");
}
}  // namespace

std::string with_interval(const ReportData& data, const std::string& name, double own, double scale, int digits) {
  if (data.seeds.empty()) return shown(own, scale, digits);
  const Json numbers = Json::parse(data.seeds).at("numbers");
  if (!numbers.contains(name)) return shown(own, scale, digits);
  return number(numbers[name]["mean"], scale, digits) + plus_minus(numbers[name]["half_width"], scale, digits);
}

std::string headline_section(const ReportData& data) {
  const Summary& s = data.summary;
  const auto tile = [](const std::string& value, const std::string& name, const std::string& note) {
    return fmt::format("<div class=\"tile\"><span>{}</span><b>{}</b><small>{}</small></div>", name, value, note);
  };
  const auto value = [&](const char* name, double own, double scale, int digits) {
    return with_interval(data, name, own, scale, digits);
  };
  std::string out = "<h1>Unified framework on CIFAR-100</h1><p class=\"lead\">" +
                    escape_html(fmt::format(
                        "{}, backbone {} ({:.2f} million parameters), {} epochs on {} images{}, protocol {}, seed {}.",
                        s.data, s.backbone, static_cast<double>(s.parameters) / 1e6, s.epochs, s.train_images,
                        s.labelled_images < s.train_images ? fmt::format(" ({} labelled)", s.labelled_images) : "",
                        s.protocol, s.seed)) +
                    "</p>";
  if (s.data.rfind("synthetic", 0) == 0)
    out +=
        "<p class=\"warn\">These are generated shapes, not CIFAR-100: the figures below say nothing about CIFAR-100 "
        "and only show how "
        "the report looks.</p>";
  out += "<div class=\"tiles\">";
  out += tile(value("test_accuracy", s.test_accuracy, 100, 2) + " %", "Test accuracy",
              test_is_validation(s) ? "top-1; these are the validation images, scored after every epoch"
                                    : "top-1, read once at the end");
  out += tile(value("test_top5", s.test_top5, 100, 2) + " %", "Top-5", "test images");
  out += tile(value("auc_macro", s.auc_macro, 1, 4), "Macro AUC", "exact, one class against the rest");
  out += tile(value("overfitting_gap", s.overfitting_gap, 100, 2), "Gap, points",
              "train minus validation, both without augmentation");
  out += tile(value("seconds_per_epoch_median", s.seconds_per_epoch_median, 1, 1) + " s", "Per epoch",
              fmt::format("training alone, {:.0f} images/s, {} threads", s.images_per_second, s.threads));
  out += tile(shown(s.untrained_loss, 1, 3), "Untrained loss", "chance is ln 100 = 4.605");
  return out + "</div>\n";
}

std::string table1_section(const ReportData& data) {
  const Summary& s = data.summary;
  const BalanceRecord& b = s.balance;
  const EpochRecord &first = data.epochs.front(), &last = data.epochs.back();
  int falls = 0;
  double deepest = 0;
  for (std::size_t i = 1; i < data.epochs.size(); ++i) {
    const double drop = data.epochs[i - 1].validation_accuracy - data.epochs[i].validation_accuracy;
    if (drop > 0) ++falls, deepest = std::max(deepest, drop);
  }
  const auto value = [&](const char* name, double own, double scale, int digits) {
    return with_interval(data, name, own, scale, digits);
  };
  std::string cost = "not measured here (cifar100 overhead)";
  if (!data.overhead.empty()) {
    cost.clear();
    const Json costs = Json::parse(data.overhead);
    for (const Json& arm : costs.at("arms"))
      if (arm["name"] == "+ all") cost = "all parts together: step time × " + number(arm["ratio"], 1, 3);
  }
  struct Row {
    const char *what, *existing, *proposed;
    std::string ours;
  };
  const std::vector<Row> rows = {
      {"Final training accuracy", "~68 %", "&gt; 70 %",
       value("train_accuracy", s.train_accuracy, 100, 2) + " % (without augmentation; while training " +
           shown(last.running_accuracy, 100, 2) + " %)"},
      {"Final validation accuracy", "~55–58 %", "~65 %",
       value("val_accuracy", s.val_accuracy, 100, 2) + " % (test " + value("test_accuracy", s.test_accuracy, 100, 2) +
           " %)"},
      {"Initial training accuracy", "~30 %", "~25 %",
       shown(first.train_accuracy, 100, 2) +
           " % after epoch 1 (while training it: " + shown(first.running_accuracy, 100, 2) + " %); untrained 1 %"},
      {"Validation trend", "early saturation", "steady",
       fmt::format("{} of {} epochs fell, the deepest by {:.2f} points", falls, data.epochs.size() - 1, 100 * deepest)},
      {"Final training loss", "~1.6–1.8", "~1.2",
       value("train_loss", s.train_loss, 1, 3) + " cross-entropy (combined loss in training " + shown(last.loss, 1, 3) +
           ")"},
      {"Final validation loss", "~2.0–2.3", "~1.6", value("val_loss", s.val_loss, 1, 3) + " cross-entropy"},
      {"AUC", "~0.40–0.43", "~0.47",
       value("auc_macro", s.auc_macro, 1, 4) + " macro, " + value("auc_micro", s.auc_micro, 1, 4) + " micro"},
      {"Class balance", "biased", "balanced",
       fmt::format("class accuracy: deviation {} points, lowest {} %, 10th percentile {} %, Gini {}",
                   shown(b.class_accuracy_deviation, 100, 1), shown(b.class_accuracy_minimum, 100, 0),
                   shown(b.class_accuracy_percentile10, 100, 0), shown(b.class_accuracy_gini, 1, 3))},
      {"Confusion spread", "concentrated", "even",
       fmt::format("fullest 1 % of cells hold {} % of the errors; entropy {} of 1; {} % stay inside the superclass",
                   shown(b.errors_in_top_percent_of_cells, 100, 1), shown(b.error_entropy, 1, 3),
                   shown(b.superclass_internal_errors, 100, 1))},
      {"Over-fitting gap", "~10–12 points", "~5 points",
       value("overfitting_gap", s.overfitting_gap, 100, 2) + " points (with augmented training accuracy " +
           shown(s.augmented_gap, 100, 2) + ")"},
      {"Stability", "fluctuations", "smooth",
       fmt::format(
           "loss rises are {} of its fall (validation {}); largest step {} deviations; gradient norm varies by {}",
           shown(s.stability.train_oscillation, 1, 3), shown(s.stability.validation_oscillation, 1, 3),
           shown(s.stability.largest_spike, 1, 1), shown(s.stability.gradient_norm_variation, 1, 2))},
      {"Seconds per epoch", "22–30, machine unknown", "20–25, machine unknown",
       value("seconds_per_epoch_median", s.seconds_per_epoch_median, 1, 1) +
           fmt::format(" on {} threads, spread {} %", s.threads, shown(s.seconds_per_epoch_spread, 100, 1))},
      {"Scalability with added components", "reduced", "maintained", cost},
      {"Label dependence", "high", "moderate",
       s.labelled_images < s.train_images
           ? fmt::format("this run used {} labels of {} images", s.labelled_images, s.train_images)
           : std::string("all labels used here; see runs with --labels")},
      {"Learning reliability", "moderate", "high",
       fmt::format("ECE {} ({} at temperature {}{}), NLL {}", value("calibration.ece", s.calibration.ece, 1, 4),
                   shown(s.calibration_scaled.ece, 1, 4), shown(s.temperature, 1, 2),
                   test_is_validation(s) ? ", fitted on the same images" : "", shown(s.calibration.nll, 1, 3))},
  };
  std::string out =
      "<h2>Table 1: the paper's two columns and ours</h2><div class=\"scroll\"><table "
      "class=\"stack\"><thead><tr><th></th>"
      "<th>Paper, existing</th><th>Paper, proposed</th><th>This run" +
      std::string(data.seeds.empty() ? "" : ", mean ± 95 % interval over seeds") + "</th></tr></thead><tbody>";
  for (const Row& row : rows)
    out += fmt::format(
        "<tr><td>{}</td><td data-head=\"existing\">{}</td><td data-head=\"proposed\">{}</td><td class=\"ours\" "
        "data-head=\"ours\">{}</td></tr>",
        row.what, row.existing, row.proposed, row.ours);
  out += "</tbody></table></div>";
  if (data.seeds.empty())
    out += "<p class=\"note\">One run: no interval. Several seeds (train --seeds) give intervals here.</p>";
  return out +
         "<p><b>The paper's AUC cannot be right.</b> It prints 0.47, below the 0.5 of guessing, beside 65 % accuracy. "
         "Even if every answer "
         "were a bare class name without any score, 65 % accuracy over 100 balanced classes gives a macro "
         "one-against-the-rest AUC of "
         "(0.65 + 0.9965) / 2 = 0.823, and scores can only be expected to add to that. An AUC near 0.5 is what one "
         "gets when predictions and labels are in different "
         "orders. Ours is the exact rank statistic; shuffled labels give 0.50 in its tests. The paper's first losses, "
         "4.5 and 4.8, "
         "likewise do not go with 25 % and 22 % accuracy: chance is ln 100 = 4.605, and 4.8 is worse than "
         "chance.</p>\n";
}

std::string robustness_section(const ReportData& data) {
  if (data.robustness.empty()) return "";
  const Json r = Json::parse(data.robustness);
  const double clean = r["clean"]["accuracy"].get<double>();
  std::string out = fmt::format(
      "<h2>Damaged images</h2><p>{} test images, damaged in 15 ways at five strengths by our own generator (not "
      "CIFAR-100-C: do not compare across sets). Accuracy in %; clean {:.2f} % with ECE {:.4f}; mean over all damage "
      "<b>{:.2f} %</b> with ECE {:.4f}.</p><div class=\"scroll\"><table><thead><tr><th>kind</th>",
      r["images"].get<int>(), 100 * clean, r["clean"]["ece"].get<double>(), 100 * r["mean"]["accuracy"].get<double>(),
      r["mean"]["ece"].get<double>());
  for (int severity = 1; severity <= 5; ++severity) out += fmt::format("<th class=\"n\">{}</th>", severity);
  out += "<th class=\"n\">mean</th><th class=\"n\">ECE</th></tr></thead><tbody>";
  for (const Json& kind : r["kinds"]) {
    out += "<tr><td>" + escape_html(kind["name"].get<std::string>()) + "</td>";
    for (const Json& cell : kind["accuracy"]) {
      const double kept = clean > 0 ? std::clamp(cell.get<double>() / clean, 0.0, 1.0) : 0;
      out += fmt::format("<td class=\"n\" style=\"background:rgba(15,118,110,{:.2f})\">{:.1f}</td>", 0.45 * kept * kept,
                         100 * cell.get<double>());
    }
    out += fmt::format("<td class=\"n\"><b>{:.1f}</b></td><td class=\"n\">{:.3f}</td></tr>",
                       100 * kind["mean_accuracy"].get<double>(), kind["mean_ece"].get<double>());
  }
  return out + "</tbody></table></div>\n";
}

std::string ablation_section(const ReportData& data) {
  if (data.ablation.empty()) return "";
  const Json a = Json::parse(data.ablation);
  std::string out = fmt::format(
      "<h2>Ablation</h2><p>Every combination of the parts under the same {} seeds; means with 95 % intervals.</p>"
      "<div class=\"scroll\"><table class=\"stack\"><thead><tr><th>parts that are on</th><th class=\"n\">test "
      "accuracy, %</th>"
      "<th class=\"n\">gap, points</th><th class=\"n\">macro AUC</th><th class=\"n\">ECE</th><th class=\"n\">s / "
      "epoch</th></tr></thead><tbody>",
      a["seeds"].size());
  struct Column {
    const char *path, *head;
    double scale;
    int digits;
  };
  constexpr Column columns[] = {{"test_accuracy", "test accuracy, %", 100, 2},
                                {"overfitting_gap", "gap, points", 100, 2},
                                {"auc_macro", "macro AUC", 1, 4},
                                {"calibration/ece", "ECE", 1, 4},
                                {"seconds_per_epoch_median", "s / epoch", 1, 2}};
  for (const Json& cell : a["cells"]) {
    out += "<tr><td>" + escape_html(cell["name"].get<std::string>()) + "</td>";
    for (const Column& c : columns) {
      const Json n =
          cell["numbers"].contains(c.path) ? cell["numbers"][c.path] : Json{{"mean", nullptr}, {"half_width", nullptr}};
      out += fmt::format("<td class=\"n\" data-head=\"{}\">{}{}</td>", c.head, number(n["mean"], c.scale, c.digits),
                         plus_minus(n["half_width"], c.scale, c.digits));
    }
    out += "</tr>";
  }
  out +=
      "</tbody></table></div><p>Paired t-tests on test accuracy over the seeds, p-values corrected by Holm's method "
      "over these rows. A value "
      "above 0.05 means that these runs do not show the effect, not that there is none.</p><div "
      "class=\"scroll\"><table "
      "class=\"stack\"><thead><tr><th>comparison</th><th class=\"n\">difference, points</th><th class=\"n\">t</th><th "
      "class=\"n\">p</th><th class=\"n\">p (Holm)</th></tr></thead><tbody>";
  for (const Json& c : a["comparisons"])
    out += fmt::format(
        "<tr><td>{}</td><td class=\"n\" data-head=\"points\">{:+.2f}{}</td><td class=\"n\" data-head=\"t\">{}</td><td "
        "class=\"n\" "
        "data-head=\"p\">{}</td><td class=\"n\" data-head=\"p (Holm)\">{}</td></tr>",
        escape_html(c["name"].get<std::string>()), 100 * c["difference"].get<double>(),
        plus_minus(c["half_width"], 100, 2), number(c["t"], 1, 2), number(c["p"], 1, 4), number(c["p_holm"], 1, 4));
  return out + "</tbody></table></div>\n";
}

std::string overhead_section(const ReportData& data) {
  if (data.overhead.empty()) return "";
  const Json o = Json::parse(data.overhead);
  std::string out = fmt::format(
      "<h2>What each part costs</h2><p>Time of a training step beside plain supervised training, {} augmented images "
      "per step in every row, {} interleaved rounds, {} threads.</p><div "
      "class=\"scroll\"><table><thead><tr><th></th><th "
      "class=\"n\">ms per step</th><th class=\"n\">ratio</th><th class=\"n\">quartiles</th></tr></thead><tbody>",
      o["images_per_step"].get<int>(), o["rounds"].get<int>(), o["threads"].get<int>());
  for (const Json& arm : o["arms"])
    out += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{:.1f}</td><td class=\"n\"><b>{:.3f}</b></td><td "
        "class=\"n\">{:.3f}–{:.3f}</td></tr>",
        escape_html(arm["name"].get<std::string>()), 1e3 * arm["median_seconds"].get<double>(),
        arm["ratio"].get<double>(), arm["ratio_quartile1"].get<double>(), arm["ratio_quartile3"].get<double>());
  return out + "</tbody></table></div>\n";
}

std::string environment_section(const ReportData& data) {
  const Summary& s = data.summary;
  const EnvironmentRecord& e = s.environment;
  std::string out =
      "<h2>How to repeat this run</h2><pre>" + escape_html(s.command) + "</pre><div class=\"scroll\"><table><tbody>";
  const auto row = [&](const char* name, const std::string& value) {
    out += fmt::format("<tr><td>{}</td><td>{}</td></tr>", name, escape_html(value));
  };
  row("machine", fmt::format("{}, {} logical CPUs, {:.1f} GiB", e.cpu, e.logical_cpus, e.memory_gib));
  row("threads, device", fmt::format("{}, {}", s.threads, s.device));
  row("system, compiler", fmt::format("{}; {}; vectors of {}", e.system, e.compiler, e.vector_instructions));
  row("built from", s.git_revision);
  row("finished", e.date);
  row("wall time",
      fmt::format(
          "{:.0f} s in all; evaluation {:.1f} s per epoch; measuring gradients {:.2f} s in all, neither in the time "
          "per epoch",
          s.wall_seconds, s.evaluation_seconds_per_epoch, s.measuring_seconds));
  out += "</tbody></table></div>";
  if (!data.config.empty())
    out +=
        "<details><summary>Every setting (config.json)</summary><pre>" + escape_html(data.config) + "</pre></details>";
  return out + "\n";
}

}  // namespace cifar100
