#include "evaluate.hpp"

#include <glia/data/augment.hpp>
#include <glia/metrics/accuracy.hpp>
#include <glia/metrics/auc.hpp>
#include <glia/metrics/balance.hpp>
#include <glia/metrics/calibration.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/softmax.hpp>

#include <numeric>

namespace cifar100 {

template <class D>
glia::Tensor<float> predict(UnifiedNet<D>& net, const glia::data::Dataset& set, Index batch) {
  const glia::NoGrad guard;
  const bool training = net.training;
  nn::eval(net);
  const glia::data::Augment plain({.normalization = glia::data::cifar100_normalization});
  auto logits = glia::Tensor<float>::empty({set.size(), net.head.weight.shape()[0]});
  for (Index first = 0; first < set.size(); first += batch) {
    const Index last = std::min(first + batch, set.size());
    std::vector<Index> positions(static_cast<std::size_t>(last - first));
    std::iota(positions.begin(), positions.end(), first);
    const auto images = plain(set.images, positions, 0);
    auto rows = logits.slice(0, {first, last});
    rows.copy_(net.forward(images.template to<D>()).logits.template to<glia::Cpu>());
  }
  nn::set_training(net, training);
  return logits;
}

template glia::Tensor<float> predict(UnifiedNet<glia::Cpu>&, const glia::data::Dataset&, Index);

Score score(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels) {
  const glia::NoGrad guard;
  return {glia::metrics::accuracy<float>(logits.span(), logits.size(1), labels.span()),
          static_cast<double>(glia::cross_entropy(logits, labels).item())};
}

void fill_test_metrics(Summary& summary, const glia::Tensor<float>& logits, const glia::data::Dataset& set) {
  namespace metrics = glia::metrics;
  const glia::NoGrad guard;
  const Index classes = logits.size(1);
  const auto labels = set.labels.span();
  const Score plain = score(logits, set.labels);
  summary.test_accuracy = plain.accuracy;
  summary.test_loss = plain.loss;
  summary.test_top5 = metrics::topk_accuracy<float>(logits.span(), classes, labels, 5);
  const auto probabilities = glia::softmax(logits);
  const auto auc = metrics::one_vs_rest_auc<float>(probabilities.span(), classes, labels);
  summary.auc_macro = auc.macro;
  summary.auc_micro = auc.micro;
  summary.calibration_error = metrics::calibration<float>(probabilities.span(), classes, labels).ece;
  const auto superclasses = glia::data::superclass_of_class(set);
  const auto balance = metrics::balance(metrics::confusion_matrix<float>(logits.span(), classes, labels), superclasses);
  summary.class_accuracy_deviation = balance.accuracy_sd;
  summary.class_accuracy_minimum = balance.accuracy_min;
  summary.superclass_internal_errors = balance.superclass_error_share;
}

}  // namespace cifar100
