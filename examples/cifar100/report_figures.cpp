// The report's drawings: learning curves, AUC, ROC, confusion matrix, loss terms, calibration, explanations.

#include "chart.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cifar100 {

std::string figure(const std::string& heading, const std::string& body, const std::string& caption) {
  return "<figure><h3>" + escape_html(heading) + "</h3>" + body + "<figcaption>" + caption + "</figcaption></figure>\n";
}

namespace {

// A value of every epoch, against the number of finished epochs.
template <class F>
ChartLine epoch_line(const ReportData& data, const std::string& name, const std::string& ink, F&& value) {
  ChartLine line{.name = name, .colour = ink, .x = {}, .y = {}, .dots = data.epochs.size() <= 30};
  for (const EpochRecord& r : data.epochs)
    line.x.push_back(static_cast<double>(r.epoch + 1)), line.y.push_back(value(r));
  return line;
}

void untrained_point(ChartLine& line, double value) {
  line.x.insert(line.x.begin(), 0);
  line.y.insert(line.y.begin(), value);
}

}  // namespace

std::string curves_section(const ReportData& data) {
  const Summary& s = data.summary;
  Chart accuracy{.title = "Training and validation accuracy against epochs",
                 .x_label = "epoch",
                 .y_label = "accuracy",
                 .percent = true};
  accuracy.lines = {
      epoch_line(data, "train", colour::train, [](const auto& r) { return r.train_accuracy; }),
      epoch_line(data, "validation", colour::validation, [](const auto& r) { return r.validation_accuracy; }),
      epoch_line(data, "while training, augmented", colour::quiet, [](const auto& r) { return r.running_accuracy; })};
  accuracy.levels = {{"paper, proposed: validation 65 %", 0.65}};
  accuracy.fit();
  accuracy.y_low = 0;

  Chart loss{
      .title = "Training and validation loss against epochs", .x_label = "epoch (0: untrained)", .y_label = "loss"};
  loss.lines = {epoch_line(data, "train", colour::train, [](const auto& r) { return r.train_loss; }),
                epoch_line(data, "validation", colour::validation, [](const auto& r) { return r.validation_loss; }),
                epoch_line(data, "combined, while training", colour::quiet, [](const auto& r) { return r.loss; })};
  untrained_point(loss.lines[1], s.untrained_loss);
  loss.levels = {{.name = "chance, ln 100 = 4.605", .y = std::log(100.0), .right = true},
                 {.name = "paper, proposed: validation 1.6", .y = 1.6, .below = true}};
  loss.fit();

  Chart validation{
      .title = "Validation accuracy against epochs", .x_label = "epoch", .y_label = "accuracy", .percent = true};
  validation.lines = {accuracy.lines[1]};
  validation.levels = {{"paper, proposed 65 %", 0.65}, {.name = "paper, existing 56.5 %", .y = 0.565, .below = true}};
  validation.fit();
  validation.y_low = 0;

  Chart time{.title = "Training time of each epoch", .x_label = "epoch", .y_label = "seconds"};
  time.bars = {{"training alone", colour::train, {}, {}, 0.7}};
  for (const EpochRecord& r : data.epochs)
    time.bars[0].x.push_back(static_cast<double>(r.epoch + 1)), time.bars[0].y.push_back(r.seconds);
  time.levels = {{fmt::format("median {:.1f} s", s.seconds_per_epoch_median), s.seconds_per_epoch_median}};
  time.fit();
  time.y_low = 0;

  std::string out = "<h2>Learning curves</h2><div class=\"figures\">";
  out += figure("Figure 3. Accuracy", to_svg(accuracy),
                fmt::format("Evaluation mode, no augmentation, after each epoch. Final: train {:.2f} %, validation "
                            "{:.2f} %. The grey curve averages "
                            "over the epoch while weights change and images are augmented: another quantity.",
                            100 * s.train_accuracy, 100 * s.val_accuracy));
  out += figure("Figure 5. Loss", to_svg(loss),
                fmt::format("Cross-entropy without smoothing; untrained {:.3f}. The combined loss has label smoothing "
                            "and the other terms in "
                            "it, so it is not comparable with the paper's single curve.",
                            s.untrained_loss));
  out += figure("Figure 9. Validation accuracy", to_svg(validation), "Beside the two levels the paper prints.");
  out += figure("Figure 8. Time per epoch", to_svg(time),
                fmt::format("Steps alone: evaluation, saving and gradient measurements are not in it. Largest minus "
                            "smallest: {:.1f} % of the median.",
                            100 * s.seconds_per_epoch_spread));
  return out + "</div>\n";
}

std::string discrimination_section(const ReportData& data) {
  const Evaluation& e = data.evaluation;
  std::vector<std::size_t> order(e.auc.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return e.auc[a] < e.auc[b]; });
  Chart auc{.title = "AUC of every class, in ascending order",
            .x_label = "classes, from lowest to highest AUC",
            .y_label = "AUC"};
  ChartLine line{.name = "AUC of a class against the rest", .colour = colour::test, .x = {}, .y = {}, .dots = true};
  for (std::size_t i = 0; i < order.size(); ++i)
    line.x.push_back(static_cast<double>(i + 1)), line.y.push_back(e.auc[order[i]]);
  auc.lines = {line};
  auc.levels = {{"chance 0.5", 0.5}, {.name = "paper, proposed 0.47: below chance", .y = 0.47, .below = true}};
  auc.fit();
  auc.y_low = 0.4, auc.y_high = 1;

  Chart roc{.title = "ROC curves", .x_label = "false positive rate", .y_label = "true positive rate", .height = 400};
  roc.bands = {{"all classes", colour::test, e.roc_rate, e.roc_lowest, e.roc_highest}};
  roc.lines = {{.name = "macro", .colour = colour::test, .x = e.roc_rate, .y = e.roc_mean},
               {.name = "micro", .colour = colour::violet, .x = e.roc_rate, .y = e.roc_micro, .dashed = true},
               {.name = "chance", .colour = colour::quiet, .x = {0, 1}, .y = {0, 1}, .dashed = true}};
  std::string lowest;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    lowest += fmt::format("{}{} ({:.3f})", i == 0 ? "" : ", ", escape_html(e.class_names[order[i]]), e.auc[order[i]]);
  return "<h2>How well classes are told apart</h2><div class=\"figures\">" +
         figure("Figure 4. AUC by class", to_svg(auc),
                fmt::format("Macro {:.4f}, micro {:.4f}. Lowest: {}.", data.summary.auc_macro, data.summary.auc_micro,
                            lowest)) +
         figure("Figure 7. ROC", to_svg(roc),
                "Macro: mean over the classes; band: between the lowest and the highest class; micro: all pairs of "
                "image and class pooled.") +
         "</div>\n";
}

std::string confusion_section(const ReportData& data) {
  const Evaluation& e = data.evaluation;
  const std::size_t n = e.auc.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (e.superclass.size() == n)
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return e.superclass[a] < e.superclass[b]; });
  std::int64_t most = 1;
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t p = 0; p < n; ++p) most = std::max(most, e.confusion[t * n + p]);
  Picture picture{static_cast<int>(n), static_cast<int>(n), {}};
  for (const std::size_t t : order)
    for (const std::size_t p : order) {
      // white to blue on the diagonal, white to red off it, by the square root so that single errors show
      const double share = std::sqrt(static_cast<double>(e.confusion[t * n + p]) / static_cast<double>(most));
      const double ink[3] = {t == p ? 30.0 : 190.0, t == p ? 64.0 : 18.0, t == p ? 175.0 : 60.0};
      for (const double channel : ink) picture.rgb.push_back(static_cast<std::uint8_t>(255 - share * (255 - channel)));
    }
  std::string grid;
  for (std::size_t i = 1; i < n && e.superclass.size() == n; ++i)
    if (e.superclass[order[i]] != e.superclass[order[i - 1]])
      grid += fmt::format("<path d=\"M{0} 0V{1}M0 {0}H{1}\" stroke=\"#cbd5e1\" stroke-width=\"0.15\"/>", i, n);
  const std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {0} {0}\" role=\"img\" aria-label=\"Confusion matrix\"><image href=\"{1}\" "
      "width=\"{0}\" "
      "height=\"{0}\" style=\"image-rendering:pixelated\"/>{2}</svg>",
      n, data_uri(picture), grid);

  struct Pair {
    std::size_t truth, predicted;
    std::int64_t count;
  };
  std::vector<Pair> pairs;
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t p = 0; p < n; ++p)
      if (t != p && e.confusion[t * n + p] > 0) pairs.push_back({t, p, e.confusion[t * n + p]});
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
  std::string table =
      "<div class=\"scroll\"><table><thead><tr><th>true</th><th>taken for</th><th "
      "class=\"n\">images</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min<std::size_t>(12, pairs.size()); ++i)
    table += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
                         escape_html(e.class_names[pairs[i].truth]), escape_html(e.class_names[pairs[i].predicted]),
                         pairs[i].count);
  table += "</tbody></table></div>";
  return "<h2>Errors</h2><div class=\"two\">" +
         figure("Figure 6. Confusion matrix", svg,
                "Rows true classes, columns predictions, ordered by superclass (lines). Blue: right; red: errors. Ink "
                "grows with the square root of "
                "the count.") +
         "<div><h3>Most frequent confusions</h3>" + table + "</div></div>\n";
}

std::string loss_section(const ReportData& data) {
  Chart terms{.title = "Terms of the loss", .x_label = "epoch", .y_label = "loss"};
  Chart shares{.title = "Shares of the gradient norm on the shared features",
               .x_label = "epoch",
               .y_label = "share",
               .percent = true};
  const auto add = [&](const char* name, const std::string& ink, auto&& loss, auto&& share) {
    ChartLine line = epoch_line(data, name, ink, loss);
    if (std::all_of(line.y.begin(), line.y.end(), [](double v) { return v == 0; })) return;
    terms.lines.push_back(line);
    shares.lines.push_back(epoch_line(data, name, ink, share));
  };
  add(
      "classification", colour::train, [](const auto& r) { return r.classification; },
      [](const auto& r) { return r.share_classification; });
  add(
      "similarity", colour::validation, [](const auto& r) { return r.similarity; },
      [](const auto& r) { return r.share_similarity; });
  add(
      "spatial", colour::test, [](const auto& r) { return r.spatial; }, [](const auto& r) { return r.share_spatial; });
  add(
      "rate", colour::violet, [](const auto& r) { return r.rate; }, [](const auto& r) { return r.share_rate; });
  terms.fit(), shares.fit();
  terms.y_low = std::min(terms.y_low, 0.0);
  shares.y_low = 0;
  const ShareRecord& s = data.summary.gradient_share;
  return "<h2>The combined loss</h2><div class=\"figures\">" +
         figure("Each term, before its weight", to_svg(terms), "Means over the epoch's augmented images.") +
         figure("What each term pulls on the shared features", to_svg(shares),
                fmt::format("Part of the summed gradient norms, weights included, measured once an epoch. Means: "
                            "classification {:.1f} %, "
                            "similarity {:.1f} %, spatial {:.1f} %, rate {:.1f} %. Cosine between classification and "
                            "the rest: {:+.2f}.",
                            100 * s.classification, 100 * s.similarity, 100 * s.spatial, 100 * s.rate, s.cosine)) +
         "</div>\n";
}

std::string calibration_section(const ReportData& data) {
  const auto diagram = [](const ReliabilityRecord& r, const char* title) {
    Chart chart{.title = title, .x_label = "confidence", .y_label = "accuracy", .height = 340};
    const double bins = static_cast<double>(r.count.size());
    constexpr std::int64_t few = 20;  // so few images say nothing about a share
    ChartBars shares{"share right by bin", colour::test, {}, {}, 0.92 / bins},
        unsure{fmt::format("under {} images", few), colour::quiet, {}, {}, 0.92 / bins};
    for (std::size_t i = 0; i < r.count.size(); ++i) {
      if (r.count[i] <= 0) continue;
      ChartBars& bars = r.count[i] < few ? unsure : shares;
      bars.x.push_back((static_cast<double>(i) + 0.5) / bins), bars.y.push_back(r.accuracy[i]);
    }
    for (ChartBars* bars : {&shares, &unsure})
      if (!bars->x.empty()) chart.bars.push_back(std::move(*bars));
    chart.lines = {{.name = "perfect", .colour = colour::red, .x = {0, 1}, .y = {0, 1}, .dashed = true}};
    return to_svg(chart);
  };
  const Summary& s = data.summary;
  const auto caption = [](const CalibrationRecord& c) {
    return fmt::format("ECE {:.4f}, adaptive ECE {:.4f}, NLL {:.3f}, Brier {:.3f}.", c.ece, c.adaptive_ece, c.nll,
                       c.brier);
  };
  return "<h2>Calibration</h2><div class=\"figures\">" +
         figure("As trained", diagram(data.evaluation.reliability, "Reliability diagram"), caption(s.calibration)) +
         figure(fmt::format("At temperature {:.2f}", s.temperature),
                diagram(data.evaluation.reliability_scaled, "Reliability diagram after scaling"),
                std::string(test_is_validation(s) ? "Fitted on these very images, so it flatters. "
                                                  : "Fitted on the validation images. ") +
                    caption(s.calibration_scaled)) +
         "</div>\n";
}

std::string explanation_section(const std::vector<Explanation>& explanations) {
  if (explanations.empty()) return "";
  std::string out = "<h2>What the network looked at</h2><div class=\"gallery\">";
  for (const Explanation& e : explanations) {
    std::string strip = "<div class=\"strip\">";
    for (std::size_t i = 0; i < e.pictures.size(); ++i) {
      const std::string name = i < e.names.size() ? escape_html(e.names[i]) : "";
      strip += fmt::format("<div><img src=\"{}\" alt=\"{}\">{}</div>", data_uri(e.pictures[i]), name, name);
    }
    out += "<figure>" + strip + "</div><figcaption>" + escape_html(e.caption) + "</figcaption></figure>";
  }
  return out + "</div>\n";
}

}  // namespace cifar100
