#pragma once
// Evaluation: scores of a whole data set, and the numbers made of them.

#include "framework.hpp"
#include "records.hpp"

#include <glia/data/loader.hpp>

namespace cifar100 {

// Logits [N, classes] of every image of a set, unaugmented, network in evaluation mode (restored afterwards).
template <class D>
glia::Tensor<float> predict(UnifiedNet<D>& net, const glia::data::Dataset& set, Index batch = 500);

// Share of right predictions and mean cross-entropy.
struct Score {
  double accuracy = 0, loss = 0;
};
Score score(const glia::Tensor<float>& logits, const glia::Tensor<std::int64_t>& labels);

// Writes the test part of a summary: accuracy, top-5, loss, AUC, calibration, balance.
void fill_test_metrics(Summary& summary, const glia::Tensor<float>& logits, const glia::data::Dataset& set);

extern template glia::Tensor<float> predict(UnifiedNet<glia::Cpu>&, const glia::data::Dataset&, Index);

}  // namespace cifar100
