#pragma once
// Harder versions of a training set: wrong labels, few labels, classes of unequal size. All are set by their seed
// alone.

#include <glia/data/dataset.hpp>

namespace GLIA_NS::data {

// Where a wrong label goes: to any other class, or to the next class of the same superclass.
enum class LabelNoise { symmetric, asymmetric };

// Replaces round(share * N) labels, chosen at random. Symmetric: each by one of the other classes, all equally likely
// (the true class is not drawn again, so `share` is the share of wrong labels). Asymmetric: by the class that follows
// in its superclass, cyclically by class number, which needs superclass labels. The images are shared, `coarse` stays.
// Errors: ValueError.
GLIA_LAZY Dataset with_label_noise(const Dataset& set, double share, LabelNoise kind, std::uint64_t seed) {
  constexpr std::string_view op = "with_label_noise";
  detail::require_dataset(op, set);
  if (!(share >= 0 && share <= 1)) raise<ValueError>(op, "share must be in [0, 1], got ", share);
  if (set.classes < 2) raise<ValueError>(op, "needs at least two classes, got ", set.classes);
  std::vector<std::int64_t> next(static_cast<std::size_t>(set.classes), -1);
  if (kind == LabelNoise::asymmetric) {
    const std::vector<std::int64_t> superclass = superclass_of_class(set);
    if (superclass.empty()) raise<ValueError>(op, "asymmetric noise needs superclass labels");
    for (Index c = 0; c < set.classes; ++c)
      for (Index step = 1; step <= set.classes; ++step) {
        const auto other = static_cast<std::size_t>((c + step) % set.classes);
        if (superclass[other] != superclass[static_cast<std::size_t>(c)]) continue;
        next[static_cast<std::size_t>(c)] = static_cast<std::int64_t>(other);
        break;
      }
  }
  Dataset out = set;
  out.labels = Tensor<std::int64_t>::empty({set.size()});
  std::int64_t* labels = out.labels.mutable_data();
  std::copy_n(set.labels.data(), set.size(), labels);
  const std::uint64_t key = Generator(seed).split(0x6e6f697365u).key;
  const std::vector<Index> order = random_order(set.size(), key);
  const auto wrong = static_cast<Index>(std::llround(share * static_cast<double>(set.size())));
  for (Index k = 0; k < wrong; ++k) {
    const Index i = order[static_cast<std::size_t>(k)];
    labels[i] = kind == LabelNoise::asymmetric
                    ? next[static_cast<std::size_t>(labels[i])]
                    : (labels[i] + 1 + SampleRandom(key, i + 1).below(set.classes - 1)) % set.classes;
  }
  return out;
}

// A long tail: class c of C keeps max(1, round(n_c * ratio^(-c / (C - 1)))) of its n_c samples, drawn at random, so
// that the first class is `ratio` times as large as the last (Cui et al. 2019). Errors: ValueError unless ratio >= 1.
GLIA_LAZY Dataset long_tailed(const Dataset& set, double ratio, std::uint64_t seed) {
  constexpr std::string_view op = "long_tailed";
  detail::require_dataset(op, set);
  if (!(ratio >= 1)) raise<ValueError>(op, "ratio must be at least 1, got ", ratio);
  std::vector<Index> size(static_cast<std::size_t>(set.classes), 0);
  for (Index i = 0; i < set.size(); ++i) ++size[static_cast<std::size_t>(set.labels.data()[i])];
  std::vector<Index> keep(size.size());
  for (std::size_t c = 0; c < size.size(); ++c) {
    const double place = size.size() > 1 ? static_cast<double>(c) / static_cast<double>(size.size() - 1) : 0.0;
    const auto share = static_cast<Index>(std::llround(static_cast<double>(size[c]) * std::pow(ratio, -place)));
    keep[c] = std::min(size[c], std::max<Index>(share, 1));
  }
  std::vector<Index> chosen;
  for (const Index i : random_order(set.size(), Generator(seed).split(0x7461696cu).key)) {
    Index& left = keep[static_cast<std::size_t>(set.labels.data()[i])];
    if (left == 0) continue;
    --left;
    chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end());
  return subset(set, chosen);
}

struct PartlyLabelled {
  Dataset labelled, unlabelled;  // the second keeps its labels, for analysis; training must not read them
};

// Splits off `labels` samples, with the classes in the proportions of the set; the rest counts as unlabelled.
// Errors: ValueError unless 1 <= labels <= N.
GLIA_LAZY PartlyLabelled partly_labelled(const Dataset& set, Index labels, std::uint64_t seed) {
  if (labels < 1) raise<ValueError>("partly_labelled", "labels must be at least 1, got ", labels);
  ValidationSplit split = stratified_split(set, labels, Generator(seed).split(0x6c6162656cu).key);
  return {std::move(split.validation), std::move(split.train)};
}

}  // namespace GLIA_NS::data
