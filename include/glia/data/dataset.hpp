#pragma once
// Labelled images in memory, and how to cut them: subsets, stratified splits.

#include <glia/core/parallel.hpp>
#include <glia/data/cifar.hpp>
#include <glia/data/idx.hpp>
#include <glia/data/sample_random.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/view.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>

namespace GLIA_NS::data {

// 8-bit images with class labels. Copying a Dataset copies handles.
struct Dataset {
  Tensor<std::uint8_t> images;  // [N, H, W, C]
  Tensor<std::int64_t> labels;  // [N], in [0, classes)
  Tensor<std::int64_t> coarse;  // [N] superclass labels; undefined where the set has none
  Index classes = 0, coarse_classes = 0;
  std::string name;

  Index size() const { return labels.defined() ? labels.numel() : 0; }
  Index height() const { return images.size(1); }
  Index width() const { return images.size(2); }
  Index channels() const { return images.size(3); }
};

namespace detail {
// A tensor that takes over a vector's memory.
template <class T>
Tensor<T> adopt(std::vector<T>&& values, const Shape& shape) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return from_blob<T>(owner->data(), shape, [owner] {});
}

GLIA_LAZY void require_dataset(std::string_view op, const Dataset& set) {
  if (!set.images.defined() || !set.labels.defined() || set.images.rank() != 4 || set.labels.rank() != 1 ||
      set.images.size(0) != set.labels.size(0))
    raise<ShapeError>(op, "a data set needs images [N, H, W, C] and labels [N], got ",
                      set.images.defined() ? to_string(set.images.shape()) : std::string("none"), " and ",
                      set.labels.defined() ? to_string(set.labels.shape()) : std::string("none"));
  if (!set.images.is_contiguous() || !set.labels.is_contiguous() ||
      (set.coarse.defined() && !set.coarse.is_contiguous()))
    raise<ShapeError>(op, "a data set needs contiguous tensors; write images.contiguous()");
}
}  // namespace detail

// A data set of file records, without copying the images.
GLIA_LAZY Dataset to_dataset(ImageRecords&& records, std::string name) {
  Dataset out;
  out.images =
      detail::adopt(std::move(records.images), {records.count, records.height, records.width, records.channels});
  out.labels = detail::adopt(std::move(records.labels), {records.count});
  if (!records.coarse.empty()) out.coarse = detail::adopt(std::move(records.coarse), {records.count});
  out.classes = records.classes;
  out.coarse_classes = records.coarse_classes;
  out.name = std::move(name);
  return out;
}

struct DatasetSplits {
  Dataset train, test;
};

// The official splits; `folder` as in find_cifar100. Errors: FileError, FormatError.
GLIA_LAZY DatasetSplits load_cifar100(const std::filesystem::path& folder) {
  CifarSplits records = load_cifar100_records(folder);
  return {to_dataset(std::move(records.train), "CIFAR-100 train"),
          to_dataset(std::move(records.test), "CIFAR-100 test")};
}
GLIA_LAZY DatasetSplits load_cifar10(const std::filesystem::path& folder) {
  CifarSplits records = load_cifar10_records(folder);
  return {to_dataset(std::move(records.train), "CIFAR-10 train"), to_dataset(std::move(records.test), "CIFAR-10 test")};
}
GLIA_LAZY DatasetSplits load_mnist(const std::filesystem::path& folder) {
  return {to_dataset(load_mnist_records(folder, true), "MNIST train"),
          to_dataset(load_mnist_records(folder, false), "MNIST test")};
}

// Copies of the samples at `positions`, in that order. Errors: IndexError.
GLIA_LAZY Dataset subset(const Dataset& set, std::span<const Index> positions) {
  detail::require_dataset("subset", set);
  for (const Index p : positions)
    if (p < 0 || p >= set.size()) raise<IndexError>("subset", "position ", p, ", expected 0 to ", set.size() - 1);
  const auto count = static_cast<Index>(positions.size());
  const Index pixels = set.height() * set.width() * set.channels();
  Dataset out = set;
  out.images = Tensor<std::uint8_t>::empty({count, set.height(), set.width(), set.channels()});
  out.labels = Tensor<std::int64_t>::empty({count});
  if (set.coarse.defined()) out.coarse = Tensor<std::int64_t>::empty({count});
  std::uint8_t* images = out.images.mutable_data();
  std::int64_t* labels = out.labels.mutable_data();
  std::int64_t* coarse = set.coarse.defined() ? out.coarse.mutable_data() : nullptr;
  parallel_for(count, 64, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Index p = positions[static_cast<std::size_t>(i)];
      std::copy_n(set.images.data() + p * pixels, pixels, images + i * pixels);
      labels[i] = set.labels.data()[p];
      if (coarse != nullptr) coarse[i] = set.coarse.data()[p];
    }
  });
  return out;
}

// Positions of `count` samples with the classes in the proportions of the set (largest remainders, then lower classes,
// first), drawn by `seed`, ascending. Errors: ValueError.
GLIA_LAZY std::vector<Index> stratified_positions(const Dataset& set, Index count, std::uint64_t seed) {
  constexpr std::string_view op = "stratified_positions";
  detail::require_dataset(op, set);
  if (count < 0 || count > set.size()) raise<ValueError>(op, "count must be in 0 to ", set.size(), ", got ", count);
  std::vector<std::vector<Index>> of_class(static_cast<std::size_t>(set.classes));
  for (Index i = 0; i < set.size(); ++i) {
    const std::int64_t label = set.labels.data()[i];
    if (label < 0 || label >= set.classes)
      raise<IndexError>(op, "label ", label, " of sample ", i, ", expected 0 to ", set.classes - 1);
    of_class[static_cast<std::size_t>(label)].push_back(i);
  }
  std::vector<Index> take(of_class.size()), remainder(of_class.size());
  Index taken = 0;
  for (std::size_t c = 0; c < of_class.size(); ++c) {
    const Index share = static_cast<Index>(of_class[c].size()) * count;
    take[c] = set.size() > 0 ? share / set.size() : 0;
    remainder[c] = set.size() > 0 ? share % set.size() : 0;
    taken += take[c];
  }
  std::vector<std::size_t> by_remainder(of_class.size());
  std::iota(by_remainder.begin(), by_remainder.end(), std::size_t{0});
  std::stable_sort(by_remainder.begin(), by_remainder.end(),
                   [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
  for (std::size_t k = 0; taken < count; ++k, ++taken) ++take[by_remainder[k]];
  std::vector<Index> out;
  for (std::size_t c = 0; c < of_class.size(); ++c) {
    const auto order = random_order(static_cast<Index>(of_class[c].size()), Generator(seed).split(c).key);
    for (Index k = 0; k < take[c]; ++k)
      out.push_back(of_class[c][static_cast<std::size_t>(order[static_cast<std::size_t>(k)])]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// `count` samples with the classes in the proportions of the set.
GLIA_LAZY Dataset stratified_subset(const Dataset& set, Index count, std::uint64_t seed) {
  return subset(set, stratified_positions(set, count, seed));
}

struct ValidationSplit {
  Dataset train, validation;
};

// Cuts off `held_out` samples for validation, with the classes in the proportions of the set; the seed sets which.
GLIA_LAZY ValidationSplit stratified_split(const Dataset& set, Index held_out, std::uint64_t seed) {
  const std::vector<Index> chosen = stratified_positions(set, held_out, seed);
  std::vector<Index> others;
  std::size_t k = 0;
  for (Index i = 0; i < set.size(); ++i) {
    if (k < chosen.size() && chosen[k] == i) {
      ++k;
    } else {
      others.push_back(i);
    }
  }
  return {subset(set, others), subset(set, chosen)};
}

// The superclass of each class, or empty for a set without superclasses; for metrics::balance.
GLIA_LAZY std::vector<std::int64_t> superclass_of_class(const Dataset& set) {
  if (!set.coarse.defined()) return {};
  std::vector<std::int64_t> out(static_cast<std::size_t>(set.classes), -1);
  for (Index i = 0; i < set.size(); ++i) out[static_cast<std::size_t>(set.labels.data()[i])] = set.coarse.data()[i];
  return out;
}

}  // namespace GLIA_NS::data
