#pragma once
// Labelled 8-bit images as plain arrays: what the file readers return.

#include <glia/core/parallel.hpp>

#include <cstdint>
#include <vector>

namespace GLIA_NS::data {

// `count` images in the layout [N, H, W, C], with a label each.
struct ImageRecords {
  std::vector<std::uint8_t> images;
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> coarse;  // superclass labels; empty where the set has none
  Index count = 0, height = 0, width = 0, channels = 0;
  Index classes = 0, coarse_classes = 0;
};

// Copies `channels` planes of `pixels` values each (R..., G..., B...) to interleaved values (R G B R G B ...).
GLIA_LAZY void interleave_planes(const std::uint8_t* planes, Index pixels, Index channels, std::uint8_t* out) {
  for (Index c = 0; c < channels; ++c)
    for (Index p = 0; p < pixels; ++p) out[p * channels + c] = planes[c * pixels + p];
}

}  // namespace GLIA_NS::data
