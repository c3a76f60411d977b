#pragma once
// Smaller or larger images: bilinear, antialiased where they shrink.

#include <glia/core/parallel.hpp>
#include <glia/ops/create.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace GLIA_NS::data {

namespace detail {

// For every output position of an axis: the first source position that counts and the weights from there on.
struct AxisWeights {
  Index taps = 0;  // weights per output
  std::vector<Index> first;
  std::vector<float> weights;  // [outputs, taps], each row sums to 1
};

// Triangle filter of half width max(1, extent / count) source pixels, pixel centres at half positions, cut at the
// border.
GLIA_LAZY AxisWeights triangle_weights(Index extent, Index count) {
  const double scale = static_cast<double>(extent) / static_cast<double>(count), support = std::max(scale, 1.0);
  AxisWeights out;
  out.taps = std::min(extent, 2 * static_cast<Index>(std::ceil(support)) + 1);
  for (Index i = 0; i < count; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const Index first = std::clamp<Index>(static_cast<Index>(std::ceil(centre - support)), 0, extent - out.taps);
    std::vector<double> row;
    double sum = 0;
    for (Index t = 0; t < out.taps; ++t) {
      row.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(first + t) - centre) / support));
      sum += row.back();
    }
    out.first.push_back(first);
    for (const double weight : row) out.weights.push_back(static_cast<float>(weight / sum));
  }
  return out;
}

// out[p] = sum over taps of weights[t] * in[t * stride + p], p in [0, width).
GLIA_LAZY void weighted_rows(const float* in, Index stride, const float* weights, Index taps, Index width, float* out) {
  for (Index p = 0; p < width; ++p) out[p] = weights[0] * in[p];
  for (Index t = 1; t < taps; ++t) {
    const float weight = weights[t];
    if (weight == 0) continue;
    const float* const row = in + t * stride;
    for (Index p = 0; p < width; ++p) out[p] += weight * row[p];
  }
}

}  // namespace detail

// Images [N, H, W, C] as [N, height, width, C]. A triangle filter, as wide as the shrinking factor asks for, so that
// small images do not alias (what Pillow calls BILINEAR). Values keep their range; an image of one colour keeps it.
// Errors: ShapeError.
GLIA_LAZY Tensor<float> resize_images(const Tensor<float>& images, Index height, Index width) {
  if (!images.defined() || images.rank() != 4 || images.size(1) < 1 || images.size(2) < 1)
    raise<ShapeError>("resize_images", "images must be [N, H, W, C] with pixels, got ",
                      images.defined() ? to_string(images.shape()) : std::string("an undefined tensor"));
  if (height < 1 || width < 1)
    raise<ShapeError>("resize_images", "the new size must be positive, got ", height, " x ", width);
  const Tensor<float> source = images.contiguous();
  const Index n = source.size(0), from_height = source.size(1), from_width = source.size(2), channels = source.size(3);
  if (height == from_height && width == from_width) return source;
  auto out = Tensor<float>::empty({n, height, width, channels});
  const auto rows = detail::triangle_weights(from_height, height),
             columns = detail::triangle_weights(from_width, width);
  const float* const in = source.data();
  float* const target = out.mutable_data();
  const Index row = from_width * channels;
  parallel_for(n, 16, [&](Index begin, Index end) {
    std::vector<float> line(static_cast<std::size_t>(row));
    for (Index i = begin; i < end; ++i)
      for (Index y = 0; y < height; ++y) {
        const auto at = static_cast<std::size_t>(y);
        detail::weighted_rows(in + (i * from_height + rows.first[at]) * row, row, rows.weights.data() + y * rows.taps,
                              rows.taps, row, line.data());
        float* const to = target + (i * height + y) * width * channels;
        for (Index x = 0; x < width; ++x)
          detail::weighted_rows(line.data() + columns.first[static_cast<std::size_t>(x)] * channels, channels,
                                columns.weights.data() + x * columns.taps, columns.taps, channels, to + x * channels);
      }
  });
  return out;
}

}  // namespace GLIA_NS::data
