#pragma once
// What all explanations share: how a model is called in bounded pieces, and which of its outputs is explained.

#include <glia/autograd/engine.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/join.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace GLIA_NS::explain {

// A model is anything that is called with inputs [N, ...] and returns scores [N, classes]; it must treat the samples
// of a batch independently (a network in evaluation mode does). Every function takes one target class per sample and
// sends at most `chunk` inputs through the model at once, so that memory does not grow with the number of samples or
// steps. Parameters receive no gradients.

// What is read off the scores: the target's own, or its share after softmax.
enum class Score { logit, probability };

namespace detail {

GLIA_LAZY void require_positive(const char* op, const char* argument, Index value) {
  if (value < 1) raise<ValueError>(op, argument, " must be positive, got ", value);
}

template <class T, class D>
void require_inputs(const char* op, const Tensor<T, D>& x, const Tensor<std::int64_t, D>& targets, Index chunk) {
  glia::detail::require_min_rank(op, "input", x, 2);
  glia::detail::require_shape(op, "targets", targets, {x.size(0)});
  require_positive(op, "chunk", chunk);
}

// The model's scores of a batch, checked.
template <class Model, class T, class D>
Tensor<T, D> scores_of(const char* op, Model& model, const Tensor<T, D>& x) {
  const Tensor<T, D> scores = model(x);
  glia::detail::require_defined(op, "the model's output", scores);
  if (scores.rank() != 2 || scores.size(0) != x.size(0))
    raise<ShapeError>(op, "the model must return [", x.size(0), ", classes], got shape ", scores.shape());
  return scores;
}

GLIA_LAZY void require_class(const char* op, std::int64_t target, Index classes) {
  if (target < 0 || target >= classes)
    raise<IndexError>(op, "target ", target, " is outside 0 .. ", classes - 1, ", the classes of the model");
}

// Ones at the targets: as output gradient it selects one score per row without touching the others.
template <class T, class D>
Tensor<T, D> target_rows(const char* op, std::span<const std::int64_t> targets, Index classes) {
  std::vector<T> rows(targets.size() * static_cast<std::size_t>(classes), T(0));
  for (std::size_t i = 0; i < targets.size(); ++i) {
    require_class(op, targets[i], classes);
    rows[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(targets[i])] = T(1);
  }
  return from_vector<T, D>(rows, {static_cast<Index>(targets.size()), classes});
}

// Gradient of the target scores with respect to the points [M, ...].
template <class Model, class T, class D>
Tensor<T, D> target_gradient(const char* op, Model& model, const Tensor<T, D>& points,
                             std::span<const std::int64_t> targets) {
  const GradMode recording(true);
  auto x = points.detach();
  x.set_requires_grad();
  const auto scores = scores_of(op, model, x);
  if (!scores.requires_grad())
    raise<AutogradError>(op,
                         "the model's output has no gradient history: it must be computed from its input by ops, "
                         "with recording on");
  return grad(scores, {x}, {}, target_rows<T, D>(op, targets, scores.size(1)))[0].detach();
}

// Target scores (or probabilities) of the points [M, ...], in double on the host.
template <class Model, class T, class D>
std::vector<double> target_values(const char* op, Model& model, const Tensor<T, D>& points,
                                  std::span<const std::int64_t> targets, Score score) {
  const NoGrad plain;
  const auto scores = scores_of(op, model, points);
  const Index classes = scores.size(1);
  const auto host = scores.to_vector();
  std::vector<double> out(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    require_class(op, targets[i], classes);
    const T* row = host.data() + i * static_cast<std::size_t>(classes);
    const double value = static_cast<double>(row[targets[i]]);
    if (score == Score::logit) {
      out[i] = value;
      continue;
    }
    double total = 0;
    for (Index c = 0; c < classes; ++c) total += std::exp(static_cast<double>(row[c]) - value);
    out[i] = 1.0 / total;
  }
  return out;
}

// Splits samples x repeats into blocks of at most `chunk` points: run(first sample, last sample, first repeat, last
// repeat), half-open.
template <class F>
void for_blocks(Index samples, Index repeats, Index chunk, F&& run) {
  const Index wide = std::max<Index>(1, chunk / std::max<Index>(repeats, 1)), deep = std::min(repeats, chunk);
  for (Index i = 0; i < samples; i += wide)
    for (Index k = 0; k < repeats; k += deep) run(i, std::min(i + wide, samples), k, std::min(k + deep, repeats));
}

// The targets of samples [first, last), `repeats` times over: the rows of a block [repeats, samples, ...].
GLIA_LAZY std::vector<std::int64_t> repeat_targets(const std::vector<std::int64_t>& targets, Index first, Index last,
                                                   Index repeats) {
  std::vector<std::int64_t> out;
  for (Index k = 0; k < repeats; ++k) out.insert(out.end(), targets.begin() + first, targets.begin() + last);
  return out;
}

// [K, B, ...] -> [K * B, ...], and back.
template <class T, class D>
Tensor<T, D> as_rows(const Tensor<T, D>& block) {
  return block.flatten(0, 1);
}
template <class T, class D>
Tensor<T, D> as_block(const Tensor<T, D>& rows, Index repeats, Index samples) {
  Shape shape = rows.shape();
  shape[0] = samples;
  shape.insert(0, repeats);
  return rows.reshape(shape);
}

// Numbers along axis 0, for broadcasting against a tensor of rank `rank`.
template <class T, class D>
Tensor<T, D> column(const std::vector<double>& values, int rank) {
  Shape shape = Shape::filled(rank, 1);
  shape[0] = static_cast<Index>(values.size());
  std::vector<T> cast;
  for (const double v : values) cast.push_back(static_cast<T>(v));
  return from_vector<T, D>(cast, shape);
}

// `value` as large as x: itself, one sample for all, or zeros if undefined.
template <class T, class D>
Tensor<T, D> filled_in(const char* op, const char* argument, const Tensor<T, D>& value, const Tensor<T, D>& x) {
  if (!value.defined()) return zeros<T, D>(x.shape());
  Shape sample = x.shape();
  sample.erase(0);
  if (value.shape() != x.shape() && value.shape() != sample)
    raise<ShapeError>(op, argument, " must have shape ", x.shape(), " or ", sample, ", got ", value.shape());
  return value.detach().expand(x.shape());
}

// Sum of the elements of every sample, in double.
template <class T, class D>
std::vector<double> sample_sums(const Tensor<T, D>& x) {
  const auto host = x.to_vector();
  const std::size_t n = static_cast<std::size_t>(x.size(0)), each = n > 0 ? host.size() / n : 0;
  std::vector<double> out(n, 0.0);
  for (std::size_t i = 0; i < host.size(); ++i) out[i / each] += static_cast<double>(host[i]);
  return out;
}

template <class T, class D>
Tensor<T, D> joined(const std::vector<Tensor<T, D>>& parts, const Shape& if_empty) {
  return parts.empty() ? zeros<T, D>(if_empty) : parts.size() == 1 ? parts[0] : concat(parts, 0);
}

}  // namespace detail

// The model's highest-scoring class of every input, [N]: what to explain when no class is asked for.
template <std::floating_point T, class D, class Model>
Tensor<std::int64_t, D> predictions(Model&& model, const Tensor<T, D>& x, Index chunk = 64) {
  glia::detail::require_min_rank("predictions", "input", x, 1);
  detail::require_positive("predictions", "chunk", chunk);
  const NoGrad plain;
  std::vector<std::int64_t> out;
  for (Index i = 0; i < x.size(0); i += chunk) {
    const auto scores = detail::scores_of("predictions", model, x.slice(0, {i, std::min(i + chunk, x.size(0))}));
    const auto host = scores.to_vector();
    const auto classes = static_cast<std::ptrdiff_t>(scores.size(1));
    for (auto row = host.begin(); row != host.end(); row += classes)
      out.push_back(std::max_element(row, row + classes) - row);
  }
  return from_vector<std::int64_t, D>(out);
}

}  // namespace GLIA_NS::explain
