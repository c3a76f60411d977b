#pragma once
// The whitening stem: fixed filters that decorrelate image patches (ZCA directions of the training images).

#include <glia/data/dataset.hpp>

namespace cifar100 {

// Filters [2 * count, 3, 3, 3] from the `count` strongest principal directions of normalised 3x3 patches of the first images,
// each scaled to unit response variance and present with both signs. A deterministic function of the images. ValueError unless
// 1 <= count <= 27.
glia::Tensor<float> whitening_filters(const glia::data::Dataset& images, glia::Index count);

}  // namespace cifar100
