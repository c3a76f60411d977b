#pragma once
// Damaged images for robustness tests: 15 kinds at 5 severities, all made here and set by a seed. This is a set of its
// own ("glia corruptions, version 1"), inspired by common corruptions (Hendrycks and Dietterich 2019) but not the
// images of CIFAR-100-C, whose figures it must not be compared with.

#include <glia/data/corrupt_kernels.hpp>

namespace GLIA_NS::data {

// The kinds, with their setting at severity 1, 2, 3, 4, 5. Pixels are in [0, 1]; lengths in pixels of a 32-pixel image,
// scaled with the image's height.
enum class Corruption {
  gaussian_noise,  // added normal noise; deviation 0.04, 0.06, 0.09, 0.13, 0.18
  photon_noise,    // normal noise of deviation sqrt(x / count); count 200, 100, 50, 25, 12
  speckle_pixels,  // pixels turned black or white; share 0.01, 0.03, 0.06, 0.10, 0.17
  gaussian_blur,   // deviation 0.5, 0.8, 1.1, 1.5, 2.0
  disc_blur,       // radius 0.8, 1.2, 1.6, 2.2, 3.0
  motion_blur,     // length 3, 4, 5, 7, 9 along a random direction
  haze,            // mix with a bright cloud of low frequency; up to 0.25, 0.35, 0.45, 0.58, 0.70
  brighten,        // + 0.10, 0.17, 0.25, 0.33, 0.42
  darken,          // x^g, g = 1.4, 1.8, 2.3, 3.0, 4.0
  low_contrast,    // distance from the mean times 0.7, 0.5, 0.35, 0.25, 0.15
  desaturate,      // colour differences times 0.6, 0.4, 0.2, 0.1, 0
  pixelate,        // down by box filter and up again; side 24, 18, 14, 11, 8
  block_quantise,  // 8x8 cosine transform of each channel rounded to steps of 0.10, 0.16, 0.24, 0.36, 0.55 (JPEG-like)
  warp,            // smooth random displacement; largest 0.8, 1.2, 1.7, 2.3, 3.0
  cover            // one grey square; side 6, 8, 11, 14, 17
};
inline constexpr int corruption_kinds = 15, corruption_severities = 5;

// "gaussian noise", ...
GLIA_LAZY const char* corruption_name(Corruption kind) {
  constexpr const char* names[corruption_kinds] = {"gaussian noise", "photon noise", "speckle pixels", "gaussian blur",
                                                   "disc blur",      "motion blur",  "haze",           "brighten",
                                                   "darken",         "low contrast", "desaturate",     "pixelate",
                                                   "block quantise", "warp",         "cover"};
  return names[static_cast<int>(kind)];
}

namespace detail {
GLIA_LAZY void corrupt_one(DamagedImage& image, Corruption kind, int severity, SampleRandom& random) {
  const auto pick = [&](float a, float b, float c, float d, float e) {
    const float table[] = {a, b, c, d, e};
    return table[severity - 1];
  };
  const float unit = static_cast<float>(image.height) / 32;
  switch (kind) {
    case Corruption::gaussian_noise:
      return image.add_noise(pick(0.04f, 0.06f, 0.09f, 0.13f, 0.18f), random);
    case Corruption::photon_noise:
      return image.add_photon_noise(pick(200, 100, 50, 25, 12), random);
    case Corruption::speckle_pixels:
      return image.speckle(pick(0.01f, 0.03f, 0.06f, 0.10f, 0.17f), random);
    case Corruption::gaussian_blur:
      return image.gaussian_blur(unit * pick(0.5f, 0.8f, 1.1f, 1.5f, 2.0f));
    case Corruption::disc_blur:
      return image.disc_blur(unit * pick(0.8f, 1.2f, 1.6f, 2.2f, 3.0f));
    case Corruption::motion_blur:
      return image.motion_blur(unit * pick(3, 4, 5, 7, 9), random.uniform(0, 3.14159265f));
    case Corruption::haze:
      return image.haze(pick(0.25f, 0.35f, 0.45f, 0.58f, 0.70f), random);
    case Corruption::brighten:
      return image.brighten(pick(0.10f, 0.17f, 0.25f, 0.33f, 0.42f));
    case Corruption::darken:
      return image.darken(pick(1.4f, 1.8f, 2.3f, 3.0f, 4.0f));
    case Corruption::low_contrast:
      return image.shrink_contrast(pick(0.7f, 0.5f, 0.35f, 0.25f, 0.15f));
    case Corruption::desaturate:
      return image.desaturate(pick(0.6f, 0.4f, 0.2f, 0.1f, 0));
    case Corruption::pixelate:
      return image.pixelate(static_cast<Index>(unit * pick(24, 18, 14, 11, 8) + 0.5f));
    case Corruption::block_quantise:
      return image.block_quantise(pick(0.10f, 0.16f, 0.24f, 0.36f, 0.55f));
    case Corruption::warp:
      return image.warp(unit * pick(0.8f, 1.2f, 1.7f, 2.3f, 3.0f), random);
    case Corruption::cover:
      return image.cover(static_cast<Index>(unit * pick(6, 8, 11, 14, 17) + 0.5f), random);
  }
}
}  // namespace detail

// Damaged copies of images [N, H, W, 3], H and W at least 8. Image i depends on (seed, kind, severity, i) and its own
// pixels alone, so the set is the same on every machine up to the rounding of the compiler's elementary functions.
// Errors: ShapeError; ValueError unless 1 <= severity <= 5.
GLIA_LAZY Tensor<std::uint8_t> corrupt(const Tensor<std::uint8_t>& images, Corruption kind, int severity,
                                       std::uint64_t seed) {
  if (!images.defined() || images.rank() != 4 || images.size(3) != 3 || images.size(1) < 8 || images.size(2) < 8 ||
      !images.is_contiguous())
    raise<ShapeError>("corrupt", "images must be contiguous and [N, H, W, 3] with H, W of at least 8, got ",
                      images.defined() ? to_string(images.shape()) : std::string("an undefined tensor"));
  if (severity < 1 || severity > corruption_severities)
    raise<ValueError>("corrupt", "severity must be in 1 to ", corruption_severities, ", got ", severity);
  const Index height = images.size(1), width = images.size(2), values = height * width * 3;
  auto out = Tensor<std::uint8_t>::empty(images.shape());
  std::uint8_t* target = out.mutable_data();
  const std::uint8_t* source = images.data();
  const auto use = static_cast<std::uint64_t>(kind) * 8 + static_cast<std::uint64_t>(severity);
  const std::uint64_t key = Generator(seed).split(0x636f7272u).split(use).key;
  parallel_for(images.size(0), 4, [&](Index first, Index last) {
    detail::DamagedImage image(height, width);
    for (Index i = first; i < last; ++i) {
      SampleRandom random(key, i);
      image.read(source + i * values);
      detail::corrupt_one(image, kind, severity, random);
      image.write(target + i * values);
    }
  });
  return out;
}

}  // namespace GLIA_NS::data
