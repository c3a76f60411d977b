#pragma once
// The metrics on tensors: scores [N, C] and labels [N], on any device.

#include <glia/metrics/accuracy.hpp>
#include <glia/metrics/auc.hpp>
#include <glia/metrics/balance.hpp>
#include <glia/metrics/calibration.hpp>
#include <glia/metrics/confusion_matrix.hpp>
#include <glia/metrics/roc.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/view.hpp>

namespace GLIA_NS::metrics {

namespace detail {
// Host copies of a score table and its labels.
template <class R>
struct HostTable {
  Tensor<R> scores;
  Tensor<std::int64_t> labels;
  Index classes = 0;
  std::span<const R> values() const { return scores.span(); }
  Labels marks() const { return labels.span(); }
};

template <class R, class D>
HostTable<R> host_table(const char* op, const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels) {
  static_assert(std::is_floating_point_v<R>, "metrics take float or double scores: write scores.cast<float>()");
  if (!scores.defined() || !labels.defined() || scores.rank() != 2 || labels.rank() != 1 ||
      scores.size(0) != labels.size(0))
    raise<ShapeError>(op, "expected scores [N, C] and labels [N], got ",
                      scores.defined() ? to_string(scores.shape()) : std::string("an undefined tensor"), " and ",
                      labels.defined() ? to_string(labels.shape()) : std::string("an undefined tensor"));
  const NoGrad plain;
  return {scores.detach().template to<Cpu>().contiguous(), labels.template to<Cpu>().contiguous(), scores.size(1)};
}
}  // namespace detail

// Share of samples whose label has the highest score, or is among the k highest.
template <class R, class D>
double accuracy(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels) {
  const auto table = detail::host_table("accuracy", scores, labels);
  return accuracy(table.values(), table.classes, table.marks());
}
template <class R, class D>
double topk_accuracy(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels, Index k) {
  const auto table = detail::host_table("topk_accuracy", scores, labels);
  return topk_accuracy(table.values(), table.classes, table.marks(), k);
}
// Number of such samples, for sums over batches.
template <class R, class D>
Index topk_hits(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels, Index k) {
  const auto table = detail::host_table("topk_hits", scores, labels);
  return topk_hits(table.values(), table.classes, table.marks(), k);
}

template <class R, class D>
ConfusionMatrix confusion_matrix(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels) {
  const auto table = detail::host_table("confusion_matrix", scores, labels);
  return confusion_matrix(table.values(), table.classes, table.marks());
}

template <class R, class D>
Auc one_vs_rest_auc(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels) {
  const auto table = detail::host_table("one_vs_rest_auc", scores, labels);
  return one_vs_rest_auc(table.values(), table.classes, table.marks());
}

template <class R, class D>
RocCurve class_roc(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels, Index c) {
  const auto table = detail::host_table("class_roc", scores, labels);
  return class_roc(table.values(), table.classes, table.marks(), c);
}
template <class R, class D>
RocCurve micro_roc(const Tensor<R, D>& scores, const Tensor<std::int64_t, D>& labels) {
  const auto table = detail::host_table("micro_roc", scores, labels);
  return micro_roc(table.values(), table.classes, table.marks());
}

// Of probabilities [N, C], not logits.
template <class R, class D>
Calibration calibration(const Tensor<R, D>& probabilities, const Tensor<std::int64_t, D>& labels, Index bins = 15) {
  const auto table = detail::host_table("calibration", probabilities, labels);
  return calibration(table.values(), table.classes, table.marks(), bins);
}
template <class R, class D>
double fit_temperature(const Tensor<R, D>& logits, const Tensor<std::int64_t, D>& labels) {
  const auto table = detail::host_table("fit_temperature", logits, labels);
  return fit_temperature(table.values(), table.classes, table.marks());
}

}  // namespace GLIA_NS::metrics
