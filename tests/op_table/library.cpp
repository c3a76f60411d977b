// Gradient rows of the op table for reductions, scans, softmax, normalisation, pooling, indexing, sorting and losses: float64
// gradcheck and, where the op is declared twice differentiable, gradgradcheck over every memory layout, size-1 and empty inputs.

#include "../support/op_table.hpp"

using namespace glia;
using namespace glia_test;

namespace {
const std::vector<std::vector<Shape>> matrices = {{{2, 3}}, {{1, 1}}, {{0, 3}}, {{2, 2, 3}}};
const std::vector<std::vector<Shape>> with_scalar = {{{2, 3}}, {{1}}, {{}}, {{2, 1, 3}}};

Tensor<std::int64_t> integers(std::initializer_list<std::int64_t> values, const Shape& shape) {
  return tensor<std::int64_t>(values, shape);
}
}  // namespace

TEST_CASE("reductions and scans") {
  const GradientCase rows[] = {
      {"var", [](const Doubles& x) { return var(x[0], -1); }, {{{2, 3}}, {{4}}, {{0, 3}}, {{2, 2, 3}}}},
      {"var all", [](const Doubles& x) { return var(x[0], Axes{}, false, 0); }, with_scalar},
      {"stddev", [](const Doubles& x) { return stddev(x[0], -1, true); }, {{{2, 3}}, {{0, 3}}, {{2, 2, 3}}}},
      {"max", [](const Doubles& x) { return square(max(x[0], -1)); }, matrices},
      {"min", [](const Doubles& x) { return square(min(x[0], -1, true)); }, matrices},
      {"prod", [](const Doubles& x) { return prod(x[0], -1); }, matrices},
      {"prod all", [](const Doubles& x) { return prod(x[0]); }, with_scalar},
      {"norm", [](const Doubles& x) { return norm(x[0], -1); }, {{{2, 3}}, {{1, 1}}, {{0, 3}}}, 0.3, 2.0},
      {"norm all", [](const Doubles& x) { return norm(x[0]); }, with_scalar, 0.3, 2.0},
      {"logsumexp", [](const Doubles& x) { return logsumexp(x[0], -1); }, matrices},
      {"logsumexp all", [](const Doubles& x) { return logsumexp(x[0]); }, with_scalar},
      {"cumsum", [](const Doubles& x) { return square(cumsum(x[0], -1)); }, matrices},
      {"cumsum first", [](const Doubles& x) { return square(cumsum(x[0], 0, true)); }, matrices},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("softmax and normalisation") {
  const GradientCase rows[] = {
      {"softmax", [](const Doubles& x) { return square(softmax(x[0])); }, matrices},
      {"softmax first axis", [](const Doubles& x) { return square(softmax(x[0], 0)); }, {{{3, 2}}, {{1, 1}}, {{3, 0}}}},
      {"log_softmax", [](const Doubles& x) { return square(log_softmax(x[0])); }, matrices},
      {"layer_norm", [](const Doubles& x) { return square(layer_norm(x[0], x[1], x[2])); },
       {{{2, 4}, {4}, {4}}, {{0, 4}, {4}, {4}}, {{2, 2, 4}, {4}, {4}}}},
      {"group_norm", [](const Doubles& x) { return square(group_norm(x[0], 2, x[1], x[2])); },
       {{{2, 2, 1, 4}, {4}, {4}}, {{1, 4}, {4}, {4}}, {{0, 2, 2, 4}, {4}, {4}}}},
      {"batch_norm", [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2]).output); },
       {{{5, 3}, {3}, {3}}, {{2, 2, 2, 3}, {3}, {3}}}},
      {"batch_norm residual", [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2], {}, x[3]).output); },
       {{{5, 3}, {3}, {3}, {5, 3}}}},
      {"batch_norm inference",
       [](const Doubles& x) {
         return square(batch_norm_inference(x[0], tensor<double>({0.1, -0.2}), tensor<double>({1.5, 0.7}), x[1], x[2]));
       },
       {{{3, 2}, {2}, {2}}, {{1, 2}, {2}, {2}}, {{0, 2}, {2}, {2}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("pooling") {
  const std::vector<std::vector<Shape>> images = {{{2, 4, 4, 2}}, {{4, 4, 1}}, {{2, 1, 5, 4, 1}}, {{0, 4, 4, 2}}};
  // maxima are taken where a broadcast axis makes no ties
  const std::vector<std::vector<Shape>> distinct = {{{2, 4, 4, 2}}, {{1, 4, 4, 1}}, {{2, 1, 5, 4, 1}}, {{0, 4, 4, 2}}};
  const GradientCase rows[] = {
      {"max_pool2d", [](const Doubles& x) { return square(max_pool2d(x[0])); }, distinct},
      {"max_pool2d overlapping", [](const Doubles& x) { return square(max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1})); },
       distinct},
      {"avg_pool2d", [](const Doubles& x) { return square(avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false})); },
       images},
      {"adaptive_avg_pool2d", [](const Doubles& x) { return square(adaptive_avg_pool2d(x[0], 3, 2)); }, images},
      {"global_mean_pool", [](const Doubles& x) { return square(global_mean_pool(x[0])); }, images},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("indexing and sorting") {
  const auto rows_index = integers({2, 0, 2}, {3});
  const auto places = integers({0, 2, 1, 1, 0, 0}, {2, 3});
  const GradientCase rows[] = {
      {"index_select", [=](const Doubles& x) { return square(index_select(x[0], 0, rows_index)); }, {{{3, 2}}, {{3, 0}}, {{3}}}},
      {"index_add", [=](const Doubles& x) { return square(index_add(x[0], 0, rows_index, x[1])); }, {{{3, 2}, {3, 2}}, {{3, 0}, {3, 0}}}},
      {"gather", [=](const Doubles& x) { return square(gather(x[0], 1, places)); }, {{{2, 3}}, {{2, 4}}}},
      {"scatter_add", [=](const Doubles& x) { return square(scatter_add(x[0], 1, places, x[1])); }, {{{2, 3}, {2, 3}}}},
      {"embedding", [=](const Doubles& x) { return square(embedding(x[0], places)); }, {{{3, 2}}, {{3, 1}}}},
      {"sort", [](const Doubles& x) { return square(sort(x[0], -1).values) * arange<double>(3); }, {{{2, 3}}, {{0, 3}}}},
      {"topk", [](const Doubles& x) { return square(topk(x[0], 2).values); }, {{{2, 3}}, {{0, 3}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("losses") {
  const std::vector<std::vector<Shape>> pairs = {{{2, 3}, {2, 3}}, {{1, 1}, {1, 1}}, {{}, {}}};
  const auto labels = integers({2, 0}, {2});
  const GradientCase rows[] = {
      {"mse_loss", [](const Doubles& x) { return mse_loss(x[0], x[1]); }, pairs},
      {"l1_loss", [](const Doubles& x) { return l1_loss(x[0], x[1] + 5.0); }, pairs},
      {"huber_loss", [](const Doubles& x) { return huber_loss(x[0], x[1] * 2.7, 0.7); }, pairs, 0.5, 2.0},
      {"smooth_l1_loss", [](const Doubles& x) { return smooth_l1_loss(x[0], x[1] * 2.7, 0.7); }, pairs, 0.5, 2.0},
      {"bce_with_logits", [](const Doubles& x) { return bce_with_logits(x[0], sigmoid(x[1]), 1.5); }, pairs},
      {"kl_div", [](const Doubles& x) { return kl_div(log_softmax(x[0]), softmax(x[1])); }, {{{2, 3}, {2, 3}}}},
      {"cosine_similarity", [](const Doubles& x) { return cosine_similarity(x[0], x[1]); }, {{{2, 3}, {2, 3}}}, 0.3, 2.0},
      {"cross_entropy", [=](const Doubles& x) { return cross_entropy(x[0], labels, {.label_smoothing = 0.1}); }, {{{2, 3}}}},
      {"cross_entropy soft", [](const Doubles& x) { return cross_entropy(x[0], softmax(x[1])); }, {{{2, 3}, {2, 3}}}},
      {"nll_loss", [=](const Doubles& x) { return nll_loss(log_softmax(x[0]), labels); }, {{{2, 3}}}},
      {"linear", [](const Doubles& x) { return square(linear(x[0], x[1], x[2])); },
       {{{2, 3}, {4, 3}, {4}}, {{2, 2, 3}, {1, 3}, {1}}, {{0, 3}, {2, 3}, {2}}}},
      {"conv_transpose2d", [](const Doubles& x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1}); },
       {{{1, 3, 2, 2}, {2, 3, 3, 1}, {1}}, {{0, 3, 2, 2}, {2, 3, 3, 1}, {1}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}
