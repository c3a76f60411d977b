// Gradient rows of the op table for reductions, scans, softmax, normalisation, pooling, indexing, sorting and losses: float64
// gradcheck and, where the op is declared twice differentiable, gradgradcheck over every memory layout, size-1 and empty inputs.

#include "../support/op_table.hpp"

using namespace glia;
using namespace glia_test;

namespace {
const std::vector<std::vector<Shape>> matrices = {{{2, 3}}, {{1, 1}}, {{0, 3}}, {{2, 2, 3}}};
const std::vector<std::vector<Shape>> with_scalar = {{{2, 3}}, {{1}}, {{}}, {{2, 1, 3}}};
const std::vector<std::vector<Shape>> with_nothing = {{{2, 3}}, {{1}}, {{}}, {{2, 1, 3}}, {{0, 2}}};

// Positions or labels below n, some of them twice and not in order.
Tensor<std::int64_t> places(const Shape& shape, Index n) {
  constexpr std::int64_t pattern[] = {2, 0, 2, 1, 1, 0, 3};
  std::vector<std::int64_t> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = pattern[i % std::size(pattern)] % n;
  return from_vector<std::int64_t>(values, shape);
}

// A label for every row of logits.
Tensor<std::int64_t> labels_of(const Double& logits) {
  Shape rows = logits.shape();
  rows.erase(rows.rank() - 1);
  return places(rows, logits.size(-1));
}

// Losses are averaged, but where there is nothing to average.
Reduction mean_or_sum(const Double& x) { return x.numel() == 0 ? Reduction::sum : Reduction::mean; }
}  // namespace

TEST_CASE("reductions and scans") {
  const GradientCase rows[] = {
      {"var", [](const Doubles& x) { return var(x[0], -1); }, {{{2, 3}}, {{4}}, {{0, 3}}, {{2, 2, 3}}}},
      {"var of one", [](const Doubles& x) { return var(x[0], -1, true, 0); }, {{{2, 1}}, {{1}}, {{0, 1}}}},
      {"var all", [](const Doubles& x) { return var(x[0], Axes{}, false, 0); }, with_scalar},
      {"stddev", [](const Doubles& x) { return stddev(x[0], -1, true); }, {{{2, 3}}, {{0, 3}}, {{2, 2, 3}}}},
      {"max", [](const Doubles& x) { return square(max(x[0], -1)); }, matrices},
      {"min", [](const Doubles& x) { return square(min(x[0], -1, true)); }, matrices},
      {"max all", [](const Doubles& x) { return square(max(x[0])); }, {{{1, 3}}, {{1}}, {{}}}},
      {"min all", [](const Doubles& x) { return square(min(x[0], {}, true)); }, {{{1, 3}}, {{1}}, {{}}}},
      {"prod", [](const Doubles& x) { return prod(x[0], -1); }, matrices},
      {"prod all", [](const Doubles& x) { return prod(x[0]); }, with_nothing},
      {"norm", [](const Doubles& x) { return norm(x[0], -1); }, {{{2, 3}}, {{1, 1}}, {{0, 3}}}, 0.3, 2.0},
      {"norm all", [](const Doubles& x) { return norm(x[0]); }, with_nothing, 0.3, 2.0},
      {"logsumexp", [](const Doubles& x) { return logsumexp(x[0], -1); }, matrices},
      {"logsumexp all", [](const Doubles& x) { return logsumexp(x[0]); }, with_nothing},
      {"cumsum", [](const Doubles& x) { return square(cumsum(x[0], -1)); },
       {{{2, 3}}, {{3}}, {{1}}, {{0, 3}}, {{2, 0}}, {{2, 2, 3}}}},
      {"cumsum first", [](const Doubles& x) { return square(cumsum(x[0], 0, true)); }, matrices},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("softmax and normalisation") {
  // One row, one value and no channels: the statistics of a single value are itself and 0.
  const std::vector<std::vector<Shape>> norms = {{{5, 3}, {3}, {3}}, {{2, 2, 2, 3}, {3}, {3}}, {{3}, {3}, {3}},
                                                 {{1, 1}, {1}, {1}}, {{3, 0}, {0}, {0}}};
  const std::vector<std::vector<Shape>> with_residual = {
      {{5, 3}, {3}, {3}, {5, 3}}, {{1, 1}, {1}, {1}, {1, 1}}, {{3, 0}, {0}, {0}, {3, 0}}};
  const std::vector<std::vector<Shape>> given = {
      {{3, 2}, {2}, {2}}, {{1, 2}, {2}, {2}}, {{2}, {2}, {2}}, {{0, 2}, {2}, {2}}};
  const auto centre = tensor<double>({0.1, -0.2}), spread = tensor<double>({1.5, 0.7});
  const GradientCase rows[] = {
      {"softmax", [](const Doubles& x) { return square(softmax(x[0])); }, matrices},
      {"softmax first axis", [](const Doubles& x) { return square(softmax(x[0], 0)); }, {{{3, 2}}, {{1, 1}}, {{3, 0}}}},
      {"log_softmax", [](const Doubles& x) { return square(log_softmax(x[0])); }, matrices},
      {"layer_norm", [](const Doubles& x) { return square(layer_norm(x[0], x[1], x[2])); },
       {{{2, 4}, {4}, {4}}, {{0, 4}, {4}, {4}}, {{2, 2, 4}, {4}, {4}}, {{4}, {4}, {4}}, {{1}, {1}, {1}},
        {{2, 0}, {0}, {0}}}},
      {"layer_norm alone", [](const Doubles& x) { return square(layer_norm(x[0])); }, {{{2, 4}}, {{1, 1}}, {{0, 4}}}},
      {"group_norm", [](const Doubles& x) { return square(group_norm(x[0], 2, x[1], x[2])); },
       {{{2, 2, 1, 4}, {4}, {4}}, {{1, 4}, {4}, {4}}, {{0, 2, 2, 4}, {4}, {4}}, {{1, 1, 1, 2}, {2}, {2}}}},
      {"batch_norm", [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2]).output); }, norms},
      {"batch_norm alone", [](const Doubles& x) { return square(batch_norm(x[0], {}, {}, {.epsilon = 0.1}).output); },
       {{{5, 3}}, {{1, 1}}, {{3, 0}}}},
      {"batch_norm residual", [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2], {}, x[3]).output); },
       with_residual},
      // shifted: the square alone has no gradient where the ReLU gives 0
      {"batch_norm relu",
       [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2], {.relu = true}).output + 0.7); }, norms},
      {"batch_norm relu residual",
       [](const Doubles& x) { return square(batch_norm(x[0], x[1], x[2], {.relu = true}, x[3]).output + 0.7); },
       with_residual},
      {"batch_norm_silu", [](const Doubles& x) { return square(batch_norm_silu(x[0], x[1], x[2]).output); }, norms},
      {"batch_norm_silu alone",
       [](const Doubles& x) { return square(batch_norm_silu(x[0], {}, {}, {.epsilon = 0.1}).output); },
       {{{5, 3}}, {{1, 1}}, {{3, 0}}}},
      {"batch_norm_silu residual",
       [](const Doubles& x) { return square(batch_norm_silu(x[0], x[1], x[2], {}, x[3]).output); }, with_residual},
      {"batch_norm inference",
       [=](const Doubles& x) { return square(batch_norm_inference(x[0], centre, spread, x[1], x[2])); }, given},
      {"batch_norm inference relu",
       [=](const Doubles& x) {
         return square(batch_norm_inference(x[0], centre, spread, x[1], x[2], {.relu = true}) + 0.7);
       },
       given},
      {"batch_norm inference residual",
       [=](const Doubles& x) {
         return square(batch_norm_inference(x[0], centre, spread, x[1], x[2], {.relu = true}, 0.3 * x[0]) + 0.7);
       },
       given},
      {"batch_norm_silu inference",
       [=](const Doubles& x) {
         return square(batch_norm_silu_inference(x[0], centre, spread, x[1], x[2], {}, square(x[0])));
       },
       given},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("pooling") {
  const std::vector<std::vector<Shape>> images = {{{2, 4, 4, 2}}, {{4, 4, 1}},    {{2, 1, 5, 4, 1}},
                                                  {{1, 1, 1, 1}}, {{0, 4, 4, 2}}, {{1, 4, 4, 0}}};
  // maxima are taken where a broadcast axis makes no ties
  const std::vector<std::vector<Shape>> distinct = {
      {{2, 4, 4, 2}}, {{1, 4, 4, 1}}, {{2, 1, 5, 4, 1}}, {{0, 4, 4, 2}}, {{1, 4, 4, 0}}};
  const std::vector<std::vector<Shape>> distinct_and_one = {
      {{2, 4, 4, 2}}, {{1, 4, 4, 1}}, {{2, 1, 5, 4, 1}}, {{1, 1, 1, 1}}, {{0, 4, 4, 2}}};
  const GradientCase rows[] = {
      {"max_pool2d", [](const Doubles& x) { return square(max_pool2d(x[0])); }, distinct},
      {"max_pool2d overlapping",
       [](const Doubles& x) { return square(max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1})); },
       distinct_and_one},
      {"avg_pool2d",
       [](const Doubles& x) {
         return square(avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false}));
       },
       images},
      {"avg_pool2d padded", [](const Doubles& x) { return square(avg_pool2d(x[0], {.kernel = 2, .padding = 1})); },
       images},
      {"adaptive_avg_pool2d", [](const Doubles& x) { return square(adaptive_avg_pool2d(x[0], 3, 2)); }, images},
      {"global_mean_pool", [](const Doubles& x) { return square(global_mean_pool(x[0])); }, images},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("indexing and sorting") {
  const std::vector<std::vector<Shape>> tables = {{{3, 2}}, {{3, 1}}, {{1, 1}}, {{3, 0}}};
  const auto ranks = [](Index n) { return arange<double>(1.0, 1.0 + static_cast<double>(n)); };
  const GradientCase rows[] = {
      {"index_select", [](const Doubles& x) { return square(index_select(x[0], 0, places({4}, x[0].size(0)))); },
       {{{3, 2}}, {{3, 0}}, {{3}}, {{1, 2}}, {{1}}}},
      {"index_select none", [](const Doubles& x) { return square(index_select(x[0], -1, places({0}, 1))); },
       {{{3, 2}}, {{2, 0}}, {{1}}}},
      {"index_add",
       [](const Doubles& x) { return square(index_add(x[0], 0, places({x[1].size(0)}, x[0].size(0)), x[1])); },
       {{{3, 2}, {4, 2}}, {{3, 0}, {3, 0}}, {{3}, {4}}, {{1}, {1}}, {{3, 2}, {0, 2}}, {{0, 2}, {0, 2}}}},
      {"gather", [](const Doubles& x) { return square(gather(x[0], -1, places(x[0].shape(), x[0].size(-1)))); },
       {{{2, 3}}, {{2, 4}}, {{3}}, {{1, 1}}, {{1}}, {{0, 3}}, {{2, 0}}}},
      {"gather part", [](const Doubles& x) { return square(gather(x[0], 1, places({1, 4}, x[0].size(1)))); },
       {{{2, 3}}, {{1, 1}}}},
      {"scatter_add",
       [](const Doubles& x) { return square(scatter_add(x[0], -1, places(x[1].shape(), x[0].size(-1)), x[1])); },
       {{{2, 3}, {2, 3}}, {{2, 3}, {2, 5}}, {{3}, {2}}, {{1, 1}, {1, 1}}, {{1}, {1}}, {{0, 3}, {0, 3}},
        {{2, 3}, {2, 0}}, {{2, 0}, {2, 0}}}},
      {"embedding", [](const Doubles& x) { return square(embedding(x[0], places({2, 3}, x[0].size(0)))); }, tables},
      {"embedding of one", [](const Doubles& x) { return square(embedding(x[0], places({}, x[0].size(0)))); }, tables},
      {"embedding of none", [](const Doubles& x) { return square(embedding(x[0], places({0, 2}, 1))); },
       {{{3, 2}}, {{1, 1}}, {{0, 2}}}},
      {"sort",
       [=](const Doubles& x) { return square(sort(x[0], -1).values) * ranks(x[0].size(-1)); },
       {{{2, 3}}, {{2, 2, 3}}, {{1, 1}}, {{1}}, {{0, 3}}, {{2, 0}}}},
      {"sort first axis down",
       [=](const Doubles& x) {
         return square(sort(x[0].transpose(), 0, true).values.transpose()) * ranks(x[0].size(-1));
       },
       {{{2, 3}}, {{1, 1}}, {{0, 3}}}},
      {"topk", [](const Doubles& x) { return square(topk(x[0], std::min<Index>(2, x[0].size(-1))).values); },
       {{{2, 3}}, {{2, 2, 3}}, {{1, 1}}, {{1}}, {{0, 3}}, {{2, 0}}}},
      {"topk of none", [](const Doubles& x) { return square(topk(x[0], 0, -1, false).values); }, {{{2, 3}}, {{1}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}

TEST_CASE("losses") {
  const std::vector<std::vector<Shape>> pairs = {{{2, 3}, {2, 3}}, {{1, 1}, {1, 1}}, {{}, {}}, {{0, 3}, {0, 3}}};
  const std::vector<std::vector<Shape>> two = {{{2, 3}, {2, 3}}, {{1, 1}, {1, 1}}, {{3}, {3}}, {{0, 3}, {0, 3}}};
  const std::vector<std::vector<Shape>> logits = {{{2, 3}}, {{2, 2, 3}}, {{3}}, {{1, 1}}, {{0, 3}}};
  const auto weights = [](const Double& x) { return arange<double>(1.0, 1.0 + static_cast<double>(x.size(-1))) * 0.5; };
  const GradientCase rows[] = {
      {"mse_loss", [](const Doubles& x) { return mse_loss(x[0], x[1], mean_or_sum(x[0])); }, pairs},
      {"l1_loss", [](const Doubles& x) { return l1_loss(x[0], x[1] + 5.0, mean_or_sum(x[0])); }, pairs},
      {"huber_loss", [](const Doubles& x) { return huber_loss(x[0], x[1] * 2.7, 0.7, mean_or_sum(x[0])); },
       pairs, 0.5, 2.0},
      {"smooth_l1_loss", [](const Doubles& x) { return smooth_l1_loss(x[0], x[1] * 2.7, 0.7, mean_or_sum(x[0])); },
       pairs, 0.5, 2.0},
      {"bce_with_logits", [](const Doubles& x) { return bce_with_logits(x[0], sigmoid(x[1]), 1.5, mean_or_sum(x[0])); },
       pairs},
      {"mse_loss none", [](const Doubles& x) { return mse_loss(x[0], x[1], Reduction::none); }, pairs},
      {"mse_loss batch_mean", [](const Doubles& x) { return mse_loss(x[0], x[1], Reduction::batch_mean); },
       {{{2, 3}, {2, 3}}, {{1}, {1}}, {{2, 0}, {2, 0}}}},
      {"kl_div", [](const Doubles& x) { return kl_div(log_softmax(x[0]), softmax(x[1])); },
       {{{2, 3}, {2, 3}}, {{1, 1}, {1, 1}}, {{3}, {3}}, {{2, 0}, {2, 0}}}},
      {"kl_div sum", [](const Doubles& x) { return kl_div(x[0], x[1], false, Reduction::sum); }, pairs, 0.2, 2.0},
      {"kl_div of logarithms", [](const Doubles& x) { return kl_div(x[0], x[1], true, mean_or_sum(x[0])); }, pairs},
      {"cosine_similarity", [](const Doubles& x) { return cosine_similarity(x[0], x[1]); },
       {{{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{3}, {3}}, {{1, 1}, {1, 1}}, {{1}, {1}}, {{0, 3}, {0, 3}}}, 0.3, 2.0},
      {"cross_entropy",
       [](const Doubles& x) {
         return cross_entropy(x[0], labels_of(x[0]), {.label_smoothing = 0.1, .reduction = mean_or_sum(x[0])});
       },
       logits},
      {"cross_entropy weighted",
       [=](const Doubles& x) {
         return cross_entropy(x[0], labels_of(x[0]),
                              {.label_smoothing = 0.2, .ignore_index = 0, .reduction = Reduction::sum}, weights(x[0]));
       },
       logits},
      {"cross_entropy soft",
       [](const Doubles& x) { return cross_entropy(x[0], softmax(x[1]), {.reduction = mean_or_sum(x[0])}); }, two},
      {"cross_entropy soft weighted",
       [=](const Doubles& x) {
         return cross_entropy(x[0], softmax(x[1]), {.label_smoothing = 0.2, .reduction = Reduction::none},
                              weights(x[0]));
       },
       two},
      {"nll_loss",
       [](const Doubles& x) { return nll_loss(log_softmax(x[0]), labels_of(x[0]), {.reduction = mean_or_sum(x[0])}); },
       logits},
      {"nll_loss weighted",
       [=](const Doubles& x) {
         return nll_loss(x[0], labels_of(x[0]), {.ignore_index = 0, .reduction = Reduction::sum}, weights(x[0]));
       },
       logits},
      {"linear", [](const Doubles& x) { return square(linear(x[0], x[1], x[2])); },
       {{{2, 3}, {4, 3}, {4}}, {{2, 2, 3}, {1, 3}, {1}}, {{0, 3}, {2, 3}, {2}}, {{3}, {2, 3}, {2}}, {{1}, {1, 1}, {1}},
        {{2, 0}, {4, 0}, {4}}}},
      {"linear without bias", [](const Doubles& x) { return square(linear(x[0], x[1])); },
       {{{2, 3}, {4, 3}}, {{1}, {1, 1}}, {{0, 3}, {2, 3}}}},
      {"conv_transpose2d", [](const Doubles& x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1}); },
       {{{1, 3, 2, 2}, {2, 3, 3, 1}, {1}}, {{0, 3, 2, 2}, {2, 3, 3, 1}, {1}}, {{1, 1, 1, 1}, {1, 3, 3, 1}, {1}}}},
      {"conv_transpose2d groups",
       [](const Doubles& x) {
         return conv_transpose2d(x[0], x[1], {},
                                 {.stride = {2, 1}, .output_padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
       },
       {{{1, 2, 2, 4}, {4, 2, 2, 1}}, {{2, 2, 2}, {2, 1, 1, 3}}}},
  };
  for (const GradientCase& row : rows) check_gradients(row);
}
