#pragma once
// A procedurally generated 100-class image set: for trying the whole pipeline where no real data are at hand.

#include <glia/data/dataset.hpp>

namespace GLIA_NS::data {

struct SyntheticOptions {
  Index count = 10'000;
  std::uint64_t seed = 0;  // sets with different seeds share no samples: take two for training and test
  Index side = 32;
};

namespace detail {

// Is the point (x, y), in units of the shape's size from its centre, inside shape number 0 ... 9?
GLIA_LAZY bool inside_shape(Index shape, float x, float y) {
  const float ax = std::abs(x), ay = std::abs(y), radius = std::sqrt(x * x + y * y);
  switch (shape) {
    case 0:
      return radius < 1;  // disc
    case 1:
      return ax < 0.85f && ay < 0.85f;  // square
    case 2:
      return y < 0.8f && y > 2 * ax - 1;  // triangle
    case 3:
      return radius < 1 && radius > 0.55f;  // ring
    case 4:
      return (ax < 0.32f && ay < 1) || (ay < 0.32f && ax < 1);  // upright cross
    case 5:
      return ax + ay < 1;  // diamond
    case 6:
      return ay < 0.4f && ax < 1.2f;  // lying bar
    case 7:
      return ax < 0.4f && ay < 1.2f;  // standing bar
    case 8:
      return std::abs(ax - ay) < 0.35f && ax < 0.95f && ay < 0.95f;  // diagonal cross
    default:
      return ax < 0.95f && ay < 0.95f && (ax > 0.5f || ay > 0.5f);  // frame
  }
}

// Brightness in [0, 1] of texture number 0 ... 9 at pixel (x, y) with a random phase.
GLIA_LAZY float texture_value(Index texture, float x, float y, float phase) {
  const auto wave = [](float t) { return 0.5f + 0.5f * std::sin(t); };
  switch (texture) {
    case 0:
      return 0.9f;  // plain
    case 1:
      return wave(y * 1.6f + phase);  // lying stripes
    case 2:
      return wave(x * 1.6f + phase);  // standing stripes
    case 3:
      return wave((x + y) * 1.1f + phase);  // falling stripes
    case 4:
      return wave((x - y) * 1.1f + phase);  // rising stripes
    case 5:
      return (std::sin(x * 1.1f + phase) > 0) != (std::sin(y * 1.1f + phase) > 0) ? 1.0f : 0.1f;  // checkers
    case 6:
      return wave(x * 2.2f + phase) * wave(y * 2.2f + phase);  // dots
    case 7:
      return wave(std::sqrt(x * x + y * y) * 1.6f + phase);  // rings
    case 8:
      return wave(y * 0.35f + phase);  // slow shading down
    default:
      return wave(x * 0.35f + phase);  // slow shading across
  }
}

// Colour of a hue in [0, 1) at full saturation.
GLIA_LAZY std::array<float, 3> hue_colour(float hue) {
  std::array<float, 3> out{};
  for (std::size_t c = 0; c < 3; ++c) {
    const float t = hue + static_cast<float>(c) / 3 - std::floor(hue + static_cast<float>(c) / 3);
    out[c] = std::clamp(std::abs(t * 6 - 3) - 1, 0.0f, 1.0f);
  }
  return out;
}

GLIA_LAZY void draw_synthetic(Index label, Index side, SampleRandom random, std::uint8_t* out) {
  const Index texture = label / 10, shape = label % 10;
  // The hue hints at the texture, so that a small net has an easy half and a hard half to learn.
  const float hue = static_cast<float>(texture) / 10 + random.uniform(-0.06f, 0.06f) + 1;
  const std::array<float, 3> ink = hue_colour(hue - std::floor(hue));
  std::array<float, 3> ground;
  for (float& channel : ground) channel = random.uniform(0.1f, 0.6f);
  const auto extent = static_cast<float>(side);
  const float size = extent * random.uniform(0.27f, 0.4f);
  const float cx = extent * random.uniform(0.4f, 0.6f), cy = extent * random.uniform(0.4f, 0.6f);
  const float phase = random.uniform(0, 6.2831853f), noise = random.uniform(0.02f, 0.08f);
  const float strength = random.uniform(0.75f, 1);
  for (Index y = 0; y < side; ++y) {
    for (Index x = 0; x < side; ++x) {
      const float dx = static_cast<float>(x) + 0.5f - cx, dy = static_cast<float>(y) + 0.5f - cy;
      const bool inside = inside_shape(shape, dx / size, dy / size);
      const float value = texture_value(texture, dx, dy, phase);
      for (std::size_t c = 0; c < 3; ++c) {
        const float colour = inside ? strength * value * (0.25f + 0.75f * ink[c]) : ground[c];
        const float noisy = colour + noise * (random.uniform() + random.uniform() - 1) * 2;
        out[(y * side + x) * 3 + static_cast<Index>(c)] =
            static_cast<std::uint8_t>(std::clamp(noisy, 0.0f, 1.0f) * 255.0f + 0.5f);
      }
    }
  }
}

}  // namespace detail

// Images [count, side, side, 3]: ten shapes times ten textures, at random places, sizes and colours. Labels are
// texture * 10 + shape (sample i has label i mod 100), superclasses the textures. Sample i depends on (seed, i) alone.
GLIA_LAZY Dataset synthetic(const SyntheticOptions& options = {}) {
  if (options.count < 0 || options.side < 8)
    raise<ValueError>("synthetic", "needs count >= 0 and side >= 8, got ", options.count, " and ", options.side);
  Dataset out;
  out.images = Tensor<std::uint8_t>::empty({options.count, options.side, options.side, 3});
  out.labels = Tensor<std::int64_t>::empty({options.count});
  out.coarse = Tensor<std::int64_t>::empty({options.count});
  out.classes = 100;
  out.coarse_classes = 10;
  out.name = "synthetic";
  std::uint8_t* images = out.images.mutable_data();
  std::int64_t* labels = out.labels.mutable_data();
  std::int64_t* coarse = out.coarse.mutable_data();
  const std::uint64_t key = Generator(options.seed).split(0x73796e7468u).key;
  parallel_for(options.count, 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      labels[i] = i % 100;
      coarse[i] = labels[i] / 10;
      detail::draw_synthetic(labels[i], options.side, SampleRandom(key, i),
                             images + i * options.side * options.side * 3);
    }
  });
  return out;
}

}  // namespace GLIA_NS::data
