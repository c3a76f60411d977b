#pragma once
// The 2x2 jigsaw: the four quarters of an image in another order, with the order as a label.

#include <glia/core/parallel.hpp>
#include <glia/data/sample_random.hpp>
#include <glia/ops/create.hpp>
#include <glia/ssl/spatial.hpp>

#include <algorithm>
#include <span>

namespace GLIA_NS::data {

// Shows quarter ssl::jigsaw_order(labels[i])[p] of image i at place p, in place; quarters in reading order, odd middle
// lines stay. images: contiguous [N, H, W, C]. Errors: ShapeError, IndexError (a label outside 0 .. 23).
inline void shuffle_quarters(Tensor<float>& images, std::span<const std::int64_t> labels) {
  constexpr const char* op = "shuffle_quarters";
  if (!images.defined() || images.rank() != 4 || !images.is_contiguous())
    raise<ShapeError>(op, "images must be contiguous [N, H, W, C], got ",
                      images.defined() ? to_string(images.shape()) : std::string("an undefined tensor"));
  if (static_cast<Index>(labels.size()) != images.size(0))
    raise<ShapeError>(op, labels.size(), " labels for ", images.size(0), " images");
  for (const std::int64_t label : labels)
    if (label < 0 || label >= ssl::jigsaw_classes) raise<IndexError>(op, "label ", label, ", expected 0 to 23");
  const Index height = images.size(1), width = images.size(2), channels = images.size(3);
  const Index half_height = height / 2, half_width = width / 2, row = width * channels;
  float* const values = images.mutable_data();
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    std::vector<float> copy(static_cast<std::size_t>(height * row));
    for (Index i = first; i < last; ++i) {
      float* const image = values + i * height * row;
      std::copy_n(image, height * row, copy.data());
      const auto order = ssl::jigsaw_order(labels[static_cast<std::size_t>(i)]);
      const auto corner = [&](Index quarter) {
        return (quarter / 2) * (height - half_height) * row + (quarter % 2) * (width - half_width) * channels;
      };
      for (Index place = 0; place < 4; ++place)
        for (Index y = 0; y < half_height; ++y)
          std::copy_n(copy.data() + corner(order[static_cast<std::size_t>(place)]) + y * row, half_width * channels,
                      image + corner(place) + y * row);
    }
  });
}

// Shuffles the quarters of every image at random and returns the orders as labels [N] for a 24-way task. The order of
// an image depends on (key, samples[i]) alone. Errors: ShapeError.
inline Tensor<std::int64_t> jigsaw(Tensor<float>& images, std::span<const Index> samples, std::uint64_t key) {
  auto labels = Tensor<std::int64_t>::empty({static_cast<Index>(samples.size())});
  const std::span<std::int64_t> order = labels.mutable_span();
  for (std::size_t i = 0; i < samples.size(); ++i)
    order[i] = SampleRandom(key, samples[i]).below(ssl::jigsaw_classes);
  shuffle_quarters(images, order);
  return labels;
}

}  // namespace GLIA_NS::data
