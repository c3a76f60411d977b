#include "evaluate.hpp"

#include "files.hpp"
#include "predict.hpp"

#include <glia/io/checkpoint.hpp>
#include <glia/metrics/accuracy.hpp>
#include <glia/metrics/auc.hpp>
#include <glia/metrics/balance.hpp>
#include <glia/metrics/calibration.hpp>
#include <glia/metrics/roc.hpp>
#include <glia/ops/cross_entropy.hpp>


namespace cifar100 {

namespace metrics = glia::metrics;

template glia::Tensor<float> predict(UnifiedNet<glia::Cpu>&, const glia::data::Dataset&, Index);

Score score(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels) {
  const glia::NoGrad guard;
  return {metrics::accuracy<float>(logits.span(), logits.size(1), labels.span()),
          static_cast<double>(glia::cross_entropy(logits, labels).item())};
}

namespace {

CalibrationRecord calibrate(std::span<const double> probabilities, Index classes, metrics::Labels labels,
                            ReliabilityRecord& diagram) {
  const auto c = metrics::calibration<double>(probabilities, classes, labels);
  for (const auto& bin : c.bins) {
    diagram.confidence.push_back(bin.confidence);
    diagram.accuracy.push_back(bin.accuracy);
    diagram.count.push_back(bin.count);
  }
  return {c.ece, c.adaptive_ece, c.nll, c.brier};
}

void fill_curves(Evaluation& e, std::span<const double> probabilities, Index classes, metrics::Labels labels) {
  std::vector<metrics::RocCurve> curves;
  std::vector<Index> count(static_cast<std::size_t>(classes), 0);
  for (const auto label : labels) ++count[static_cast<std::size_t>(label)];
  for (Index c = 0; c < classes; ++c)
    if (count[static_cast<std::size_t>(c)] > 0 &&
        count[static_cast<std::size_t>(c)] < static_cast<Index>(labels.size()))
      curves.push_back(metrics::class_roc<double>(probabilities, classes, labels, c));
  if (curves.empty()) return;
  const auto envelope = metrics::roc_envelope(curves, 201);
  const auto micro = metrics::micro_roc<double>(probabilities, classes, labels);
  e.roc_rate = envelope.false_positive_rate, e.roc_mean = envelope.mean;
  e.roc_lowest = envelope.lowest, e.roc_highest = envelope.highest;
  for (const double rate : e.roc_rate) e.roc_micro.push_back(metrics::true_positive_rate_at(micro, rate));
}

}  // namespace

void fill_test_metrics(Summary& summary, Evaluation& evaluation, const RunData& data,
                       const glia::Tensor<float>& test_logits, const glia::Tensor<float>& validation_logits) {
  const Index classes = test_logits.size(1);
  const auto labels = data.test.labels.span();
  const Score plain = score(test_logits, data.test.labels);
  summary.test_accuracy = plain.accuracy, summary.test_loss = plain.loss;
  summary.test_top5 = metrics::topk_accuracy<float>(test_logits.span(), classes, labels, 5);
  const Score validation = score(validation_logits, data.validation.labels);
  summary.val_accuracy = validation.accuracy, summary.val_loss = validation.loss;

  const auto probabilities = metrics::softmax_rows<float>(test_logits.span(), classes);
  const auto auc = metrics::one_vs_rest_auc<double>(probabilities, classes, labels);
  summary.auc_macro = auc.macro, summary.auc_micro = auc.micro;
  summary.auc_lowest_class = *std::min_element(auc.per_class.begin(), auc.per_class.end());
  summary.calibration = calibrate(probabilities, classes, labels, evaluation.reliability);
  summary.temperature =
      metrics::fit_temperature<float>(validation_logits.span(), classes, data.validation.labels.span());
  summary.calibration_scaled = calibrate(metrics::softmax_rows<float>(test_logits.span(), classes, summary.temperature),
                                         classes, labels, evaluation.reliability_scaled);

  const auto superclasses = glia::data::superclass_of_class(data.test);
  const auto matrix = metrics::confusion_matrix<float>(test_logits.span(), classes, labels);
  const auto b = metrics::balance(matrix, superclasses);
  summary.balance = {
      b.accuracy_sd,   b.accuracy_min,          b.accuracy_percentile10, b.accuracy_gini, b.top1_percent_error_share,
      b.error_entropy, b.superclass_error_share};

  evaluation.class_names = data.class_names;
  evaluation.superclass = superclasses;
  evaluation.auc = auc.per_class;
  evaluation.confusion.assign(matrix.counts().begin(), matrix.counts().end());
  for (Index c = 0; c < classes; ++c) {
    const auto counts = matrix.of_class(c);
    evaluation.true_positive_rate.push_back(matrix.recall(c));
    evaluation.false_positive_rate.push_back(static_cast<double>(counts.false_positive) /
                                             static_cast<double>(counts.false_positive + counts.true_negative));
    evaluation.precision.push_back(matrix.precision(c));
  }
  fill_curves(evaluation, probabilities, classes, labels);
}

void write_evaluation(const std::string& folder, const Evaluation& e) {
  const std::filesystem::path where = folder;
  write_text(where / "evaluation.json", to_json(e));
  const std::size_t classes = e.auc.size();
  std::ostringstream matrix, table;
  for (std::size_t c = 0; c < classes; ++c) matrix << ',' << e.class_names[c];
  table << "class,auc,true_positive_rate,false_positive_rate,precision";
  for (std::size_t c = 0; c < classes; ++c) {
    matrix << '\n' << e.class_names[c];
    for (std::size_t p = 0; p < classes; ++p) matrix << ',' << e.confusion[c * classes + p];
    table << '\n'
          << e.class_names[c] << ',' << e.auc[c] << ',' << e.true_positive_rate[c] << ',' << e.false_positive_rate[c]
          << ',' << e.precision[c];
  }
  write_text(where / "confusion.csv", matrix.str());
  write_text(where / "classes.csv", table.str());
}

template <class D>
Trained<D> load_trained(const std::string& checkpoint, const std::string& data) {
  std::filesystem::path file = checkpoint;
  if (std::filesystem::is_directory(file)) file /= "checkpoint.safetensors";
  const auto saved = glia::io::load_checkpoint(file);
  Options options = options_from_json(saved.text("config"));
  options.data = data;
  RunData sets = load_run_data(options);
  UnifiedNet<D> net(options.backbone, options.objective, sets.test.classes);
  saved.load_module(options.ema > 0 ? "ema.average" : "net", net);
  return {options, std::move(sets), std::move(net), saved.number("epoch")};
}

template Trained<glia::Cpu> load_trained(const std::string&, const std::string&);

std::string evaluate(const std::string& checkpoint, const std::string& data) {
  auto trained = load_trained<glia::Cpu>(checkpoint, data);
  Summary s;
  Evaluation e;
  fill_test_metrics(s, e, trained.data, predict(trained.net, trained.data.test),
                    predict(trained.net, trained.data.validation));
  s.parameters = nn::parameter_count(trained.net);
  s.epochs = trained.epochs;
  s.seed = trained.options.seed;
  s.threads = glia::num_threads();
  s.git_revision = git_revision();
  s.data = trained.data.name, s.protocol = trained.options.protocol, s.backbone = trained.options.backbone;
  return to_json(s);
}

}  // namespace cifar100
