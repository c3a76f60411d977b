#pragma once
// Mixing of samples within a batch: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), with soft targets.

#include <glia/core/parallel.hpp>
#include <glia/data/sample_random.hpp>
#include <glia/ops/create.hpp>

#include <algorithm>

namespace GLIA_NS::data {

// One mixed batch: sample i holds `share` of itself and 1 - share of sample partners[i].
struct Mix {
  Tensor<float> images;   // [N, H, W, C]
  Tensor<float> targets;  // [N, classes], rows sum to 1
  float share = 1;
  std::vector<Index> partners;
};

namespace detail {
GLIA_LAZY void require_mixable(const char* op, const Tensor<float>& images, const Tensor<std::int64_t>& labels,
                               Index classes, double alpha) {
  if (!images.defined() || images.rank() != 4 || !images.is_contiguous())
    raise<ShapeError>(op, "images must be contiguous and [N, H, W, C]");
  if (!labels.defined() || labels.rank() != 1 || !labels.is_contiguous() || labels.size(0) != images.size(0))
    raise<ShapeError>(op, "labels must be [", images.size(0), "], got ",
                      labels.defined() ? to_string(labels.shape()) : std::string("an undefined tensor"));
  for (Index i = 0; i < labels.numel(); ++i)
    if (labels.data()[i] < 0 || labels.data()[i] >= classes)
      raise<IndexError>(op, "label ", labels.data()[i], " of sample ", i, ", expected 0 to ", classes - 1);
  if (!(alpha > 0)) raise<ValueError>(op, "alpha must be positive, got ", alpha);
}

GLIA_LAZY Tensor<float> mixed_targets(const Tensor<std::int64_t>& labels, const std::vector<Index>& partners,
                                      Index classes, float share) {
  auto out = zeros<float>({labels.numel(), classes});
  float* rows = out.mutable_data();
  for (Index i = 0; i < labels.numel(); ++i) {
    rows[i * classes + labels.data()[i]] += share;
    rows[i * classes + labels.data()[partners[static_cast<std::size_t>(i)]]] += 1 - share;
  }
  return out;
}
}  // namespace detail

// Weighted sums of pairs, the weight drawn from Beta(alpha, alpha) once a batch. `key` and `batch` set all draws.
// images: [N, H, W, C]; labels: [N]. Errors: ShapeError, IndexError, ValueError.
GLIA_LAZY Mix mixup(const Tensor<float>& images, const Tensor<std::int64_t>& labels, Index classes, double alpha,
                    std::uint64_t key, Index batch) {
  detail::require_mixable("mixup", images, labels, classes, alpha);
  SampleRandom random(key, batch);
  Mix out;
  out.share = static_cast<float>(random.beta(alpha, alpha));
  out.partners = random_order(images.size(0), Generator(key).split(static_cast<std::uint64_t>(batch)).key);
  out.images = Tensor<float>::empty(images.shape());
  const Index each = images.size(0) > 0 ? images.numel() / images.size(0) : 0;
  const float* source = images.data();
  float* target = out.images.mutable_data();
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const float* mine = source + i * each;
      const float* other = source + out.partners[static_cast<std::size_t>(i)] * each;
      for (Index k = 0; k < each; ++k) target[i * each + k] = out.share * mine[k] + (1 - out.share) * other[k];
    }
  });
  out.targets = detail::mixed_targets(labels, out.partners, classes, out.share);
  return out;
}

// One box of every image, its area share drawn from Beta(alpha, alpha), is replaced by the partner's; the targets
// follow the area that is really replaced. Arguments and errors as mixup.
GLIA_LAZY Mix cutmix(const Tensor<float>& images, const Tensor<std::int64_t>& labels, Index classes, double alpha,
                     std::uint64_t key, Index batch) {
  detail::require_mixable("cutmix", images, labels, classes, alpha);
  SampleRandom random(key, batch);
  Mix out;
  out.partners = random_order(images.size(0), Generator(key).split(static_cast<std::uint64_t>(batch)).key);
  const Index height = images.size(1), width = images.size(2), channels = images.size(3);
  const double side = std::sqrt(1 - random.beta(alpha, alpha));
  const auto box_height = static_cast<Index>(side * static_cast<double>(height));
  const auto box_width = static_cast<Index>(side * static_cast<double>(width));
  const Index cy = random.below(std::max<Index>(height, 1)), cx = random.below(std::max<Index>(width, 1));
  const Index top = std::max<Index>(cy - box_height / 2, 0),
              bottom = std::min(cy - box_height / 2 + box_height, height);
  const Index left = std::max<Index>(cx - box_width / 2, 0), right = std::min(cx - box_width / 2 + box_width, width);
  const Index area = std::max<Index>(bottom - top, 0) * std::max<Index>(right - left, 0);
  out.share = height * width > 0 ? 1 - static_cast<float>(area) / static_cast<float>(height * width) : 1.0f;
  out.images = Tensor<float>::empty(images.shape());
  const float* source = images.data();
  float* target = out.images.mutable_data();
  const Index each = height * width * channels;
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      std::copy_n(source + i * each, each, target + i * each);
      const float* other = source + out.partners[static_cast<std::size_t>(i)] * each;
      for (Index y = top; y < bottom && left < right; ++y)
        std::copy_n(other + (y * width + left) * channels, (right - left) * channels,
                    target + i * each + (y * width + left) * channels);
    }
  });
  out.targets = detail::mixed_targets(labels, out.partners, classes, out.share);
  return out;
}

}  // namespace GLIA_NS::data
