#pragma once
// Quarter turns of whole images and of single quadrants, with the turn as a label.

#include <glia/core/parallel.hpp>
#include <glia/data/sample_random.hpp>
#include <glia/ops/create.hpp>

#include <array>
#include <span>

namespace GLIA_NS::data {

namespace detail {
// Turns a square of `side` pixels inside an image counter-clockwise by `turns` quarter turns, in place, by cycles of
// four pixels. `pixel` is its first value, `row` the distance between rows, both in values.
GLIA_LAZY void turn_square(float* pixel, Index side, Index row, Index channels, Index turns) {
  turns &= 3;
  if (turns == 0) return;
  for (Index y = 0; y < side / 2; ++y) {
    for (Index x = 0; x < (side + 1) / 2; ++x) {
      const Index last = side - 1;
      // Positions on one orbit, counter-clockwise.
      float* const orbit[4] = {pixel + y * row + x * channels, pixel + (last - x) * row + y * channels,
                               pixel + (last - y) * row + (last - x) * channels,
                               pixel + x * row + (last - y) * channels};
      for (Index c = 0; c < channels; ++c) {
        const float old[4] = {orbit[0][c], orbit[1][c], orbit[2][c], orbit[3][c]};
        for (Index k = 0; k < 4; ++k) orbit[(k + turns) & 3][c] = old[k];
      }
    }
  }
}

GLIA_LAZY void require_squares(const char* op, const Tensor<float>& images, std::size_t count, const char* what) {
  if (!images.defined() || images.rank() != 4 || !images.is_contiguous() || images.size(1) != images.size(2))
    raise<ShapeError>(op, "images must be contiguous squares [N, S, S, C], got ",
                      images.defined() ? to_string(images.shape()) : std::string("an undefined tensor"));
  if (static_cast<Index>(count) != images.size(0))
    raise<ShapeError>(op, count, " ", what, " for ", images.size(0), " images");
}
}  // namespace detail

// Turns image i by turns[i] quarter turns counter-clockwise, in place. images: [N, S, S, C]. Errors: ShapeError.
GLIA_LAZY void rotate_quarter_turns(Tensor<float>& images, std::span<const std::int64_t> turns) {
  detail::require_squares("rotate_quarter_turns", images, turns.size(), "turns");
  const Index side = images.size(1), channels = images.size(3);
  float* values = images.mutable_data();
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      detail::turn_square(values + i * side * side * channels, side, side * channels, channels,
                          turns[static_cast<std::size_t>(i)]);
  });
}

// Turns each image at random and returns the turns, 0 to 3, as labels [N] for a 4-way rotation task. The turn of an
// image depends on (key, samples[i]) alone. Errors: ShapeError.
GLIA_LAZY Tensor<std::int64_t> rotate_at_random(Tensor<float>& images, std::span<const Index> samples,
                                                std::uint64_t key) {
  detail::require_squares("rotate_at_random", images, samples.size(), "samples");
  auto labels = Tensor<std::int64_t>::empty({images.size(0)});
  const std::span<std::int64_t> turns = labels.mutable_span();
  for (std::size_t i = 0; i < samples.size(); ++i) turns[i] = SampleRandom(key, samples[i]).below(4);
  rotate_quarter_turns(images, turns);
  return labels;
}

// Localised rotation (LoRot-E, Moon et al., ECCV 2022): turns one random quadrant of each image in place and returns
// the labels quadrant * 4 + turns [N] for a 16-way task; quadrants in reading order, odd middle lines stay. The labels
// depend on (key, samples[i]) alone. Errors: ShapeError.
GLIA_LAZY Tensor<std::int64_t> rotate_quadrants(Tensor<float>& images, std::span<const Index> samples,
                                                std::uint64_t key) {
  detail::require_squares("rotate_quadrants", images, samples.size(), "samples");
  const Index side = images.size(1), channels = images.size(3), half = side / 2, row = side * channels;
  auto labels = Tensor<std::int64_t>::empty({images.size(0)});
  std::int64_t* label = labels.mutable_data();
  float* values = images.mutable_data();
  parallel_for(images.size(0), 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      label[i] = SampleRandom(key, samples[static_cast<std::size_t>(i)]).below(16);
      const Index quadrant = label[i] / 4;
      float* corner =
          values + i * side * row + (quadrant / 2) * (side - half) * row + (quadrant % 2) * (side - half) * channels;
      detail::turn_square(corner, half, row, channels, label[i] % 4);
    }
  });
  return labels;
}

}  // namespace GLIA_NS::data
