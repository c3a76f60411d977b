#pragma once
// The 2x2 jigsaw: the four patches of an image in a random order, with the order as a label.

#include <glia/data/rotate.hpp>

namespace GLIA_NS::data {

namespace detail {
// The k-th of the 24 orders of four patches, lexicographic: patch order[i] goes to place i (reading order).
GLIA_LAZY std::array<Index, 4> patch_order(std::int64_t number) {
  std::array<Index, 4> order{0, 1, 2, 3};
  for (std::int64_t i = 0; i < number; ++i) std::next_permutation(order.begin(), order.end());
  return order;
}
}  // namespace detail

// Reorders the patches of each image in place and returns the numbers of the orders, 0 to 23, as labels [N] (the
// numbering of ssl::jigsaw_order). images: [N, S, S, C] with an even side. The order of an image depends on (key,
// samples[i]) alone. Errors: ShapeError.
GLIA_LAZY Tensor<std::int64_t> shuffle_patches(Tensor<float>& images, std::span<const Index> samples,
                                               std::uint64_t key) {
  detail::require_squares("shuffle_patches", images, samples.size(), "samples");
  const Index side = images.size(1), channels = images.size(3), half = side / 2, row = side * channels;
  if (side % 2 != 0) raise<ShapeError>("shuffle_patches", "images need an even side, got ", images.shape());
  auto labels = Tensor<std::int64_t>::empty({images.size(0)});
  std::int64_t* label = labels.mutable_data();
  float* values = images.mutable_data();
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    std::vector<float> before(static_cast<std::size_t>(side * row));
    for (Index i = first; i < last; ++i) {
      label[i] = SampleRandom(key, samples[static_cast<std::size_t>(i)]).below(24);
      const auto order = detail::patch_order(label[i]);
      float* image = values + i * side * row;
      std::copy_n(image, side * row, before.begin());
      const auto corner = [&](Index patch) { return (patch / 2) * half * row + (patch % 2) * half * channels; };
      for (Index place = 0; place < 4; ++place)
        for (Index y = 0; y < half; ++y)
          std::copy_n(before.data() + corner(order[static_cast<std::size_t>(place)]) + y * row, half * channels,
                      image + corner(place) + y * row);
    }
  });
  return labels;
}

}  // namespace GLIA_NS::data
