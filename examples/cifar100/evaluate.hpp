#pragma once
// Evaluation: scores of a whole data set, and the numbers made of them.

#include "framework.hpp"
#include "records.hpp"
#include "run_data.hpp"

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

// Writes the test part of a summary (accuracy, top-5, loss, AUC, balance, calibration with the temperature that fits
// the validation logits), and the curves.
void fill_test_metrics(Summary& summary, Evaluation& evaluation, const RunData& data,
                       const glia::Tensor<float>& test_logits, const glia::Tensor<float>& validation_logits);

// Writes evaluation.json, confusion.csv (rows true classes) and classes.csv into a folder.
void write_evaluation(const std::string& folder, const Evaluation& evaluation);

// A trained network with the data of its run.
template <class D>
struct Trained {
  Options options;
  RunData data;
  UnifiedNet<D> net;
  std::int64_t epochs = 0;
};
// From a checkpoint file or the folder of a run; averaged weights if the run has them. `data`: folder of the data set,
// empty for GLIA_DATA. glia::Error if something does not fit.
template <class D>
Trained<D> load_trained(const std::string& checkpoint, const std::string& data);

extern template glia::Tensor<float> predict(UnifiedNet<glia::Cpu>&, const glia::data::Dataset&, Index);
extern template Trained<glia::Cpu> load_trained(const std::string&, const std::string&);

// Evaluates a checkpoint on the test set of its data; returns the summary as text.
std::string evaluate(const std::string& checkpoint, const std::string& data);

}  // namespace cifar100
