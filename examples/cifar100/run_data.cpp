#include "run_data.hpp"

#include <glia/data/harder.hpp>
#include <glia/data/synthetic.hpp>

#include <cstdlib>
#include <fstream>

namespace cifar100 {
namespace {

// The lines of fine_label_names.txt, or "class 7", ... if it is not there.
std::vector<std::string> class_names(const std::filesystem::path& file, glia::Index classes) {
  std::vector<std::string> out;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.push_back(line);
  if (static_cast<glia::Index>(out.size()) == classes) return out;
  out.clear();
  for (glia::Index c = 0; c < classes; ++c) out.push_back("class " + std::to_string(c));
  return out;
}

std::string data_folder(const Options& options) {
  std::string folder = options.data;
  if (folder.empty())
    if (const char* variable = std::getenv("GLIA_DATA")) folder = variable;
  if (folder.empty())
    glia::raise<glia::ValueError>(
        "cifar100", "no data: give --data DIR (with train.bin and test.bin), set GLIA_DATA, or try --synthetic");
  return folder;
}

}  // namespace

RunData load_run_data(const Options& options) {
  namespace data = glia::data;
  RunData out;
  data::Dataset full;
  if (options.synthetic) {
    full = data::synthetic({.count = 10'000, .seed = 1});
    out.test = data::synthetic({.count = 2'000, .seed = 2});
    out.name = "synthetic (generated shapes; not CIFAR-100)";
    out.class_names = class_names({}, full.classes);
  } else {
    const std::string folder = data_folder(options);
    auto splits = data::load_cifar100(folder);
    full = std::move(splits.train);
    out.test = std::move(splits.test);
    out.name = "CIFAR-100";
    out.class_names = class_names(data::find_cifar100(folder) / "fine_label_names.txt", full.classes);
  }
  if (options.protocol == "paper") {
    out.train = full;
    out.validation = out.test;
  } else {
    auto split = data::stratified_split(full, full.size() / 10, 20260302);
    out.train = std::move(split.train);
    out.validation = std::move(split.validation);
  }
  if (options.limit_train > 0 && options.limit_train < out.train.size())
    out.train = data::stratified_subset(out.train, options.limit_train, options.seed);
  if (options.long_tail > 1) out.train = data::long_tailed(out.train, options.long_tail, options.seed);
  if (options.labels > 0) {
    if (options.labels > out.train.size())
      glia::raise<glia::ValueError>("cifar100", "--labels: expected 1 to ", out.train.size(),
                                    ", the images of the training set, got ", options.labels);
    auto parts = data::partly_labelled(out.train, options.labels, options.seed);
    out.train = std::move(parts.labelled);
    if (parts.unlabelled.size() > 0) out.unlabelled = std::move(parts.unlabelled);
  }
  out.true_labels = out.train.labels;
  if (options.label_noise > 0)
    out.train = data::with_label_noise(
        out.train, options.label_noise,
        options.noise_kind == "symmetric" ? data::LabelNoise::symmetric : data::LabelNoise::asymmetric, options.seed);
  return out;
}

}  // namespace cifar100
