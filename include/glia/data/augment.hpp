#pragma once
// From 8-bit images to a normalised float batch in one pass: flip, shift or crop, colour jitter, grey, cutout.

#include <glia/data/dataset.hpp>

#include <array>

namespace GLIA_NS::data {

// Channel means and standard deviations of pixels in [0, 1].
struct Normalization {
  std::array<float, 4> mean{0, 0, 0, 0}, deviation{1, 1, 1, 1};
};
inline constexpr Normalization cifar100_normalization{{0.50708f, 0.48655f, 0.44092f, 0},
                                                      {0.26733f, 0.25644f, 0.27615f, 1}};
inline constexpr Normalization cifar10_normalization{{0.49140f, 0.48216f, 0.44653f, 0},
                                                     {0.24703f, 0.24349f, 0.26159f, 1}};

// Measures a data set. A channel without variation gets deviation 1.
GLIA_LAZY Normalization measure_normalization(const Dataset& set) {
  detail::require_dataset("measure_normalization", set);
  const Index channels = set.channels();
  if (channels > 4) raise<ShapeError>("measure_normalization", "at most 4 channels, got ", channels);
  std::array<std::uint64_t, 4> sum{}, squares{};  // whole numbers: exact and independent of any order
  const std::uint8_t* pixel = set.images.data();
  for (Index i = 0; i < set.images.numel(); ++i) {
    const std::uint64_t value = pixel[i];
    sum[static_cast<std::size_t>(i % channels)] += value;
    squares[static_cast<std::size_t>(i % channels)] += value * value;
  }
  Normalization out;
  const auto n = static_cast<double>(set.images.numel() / std::max<Index>(channels, 1));
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels) && n > 0; ++c) {
    const double mean = static_cast<double>(sum[c]) / n;
    const double variance = static_cast<double>(squares[c]) / n - mean * mean;
    out.mean[c] = static_cast<float>(mean / 255);
    out.deviation[c] = variance > 1e-6 ? static_cast<float>(std::sqrt(variance) / 255) : 1.0f;
  }
  return out;
}

// What may happen to an image, in this order. All draws of a sample come from its own random sequence.
struct AugmentOptions {
  Normalization normalization = {};
  Index size = 0;               // side of the output; 0: the input's (else bilinear, without antialiasing)
  bool flip = false;            // left-right, with probability 1/2
  Index shift = 0;              // up to so many pixels along each axis, the border reflected: pad and crop
  bool resized_crop = false;    // a random box scaled to the output, bilinear; instead of shift
  float crop_scale_min = 0.2f;  // share of the area
  float crop_scale_max = 1.0f;
  float crop_ratio = 4.0f / 3;   // width : height between 1 / ratio and ratio
  float jitter_probability = 0;  // colour jitter: brightness, contrast, saturation, hue, in this order
  float brightness = 0.4f, contrast = 0.4f, saturation = 0.4f;  // factors from 1 - x to 1 + x
  float hue = 0.1f;                                             // turns from -x to x
  float grey_probability = 0;
  Index cutout = 0;  // side of a square of mean colour around a random pixel (DeVries & Taylor 2017)
};

namespace detail {

// Reflects a position at the borders of [0, n) without repeating the border: -1 -> 1, n -> n - 2.
GLIA_LAZY Index reflect(Index position, Index n) {
  if (n == 1) return 0;
  const Index period = 2 * (n - 1);
  const Index folded = ((position % period) + period) % period;
  return folded < n ? folded : period - folded;
}

// Where the outputs of one axis are read: two source positions and the weight of the second.
struct AxisSamples {
  std::vector<Index> low, high;
  std::vector<float> weight;
  void resize(Index n) {
    low.resize(static_cast<std::size_t>(n));
    high.resize(static_cast<std::size_t>(n));
    weight.resize(static_cast<std::size_t>(n));
  }
};

// Samples `count` outputs from the box [begin, begin + length) of an axis of `extent` positions (pixel centres at half
// positions). The box may stick out: it is clamped at its own ends, then reflected into the axis.
GLIA_LAZY void sample_axis(AxisSamples& out, Index count, Index begin, Index length, Index extent, bool flip) {
  out.resize(count);
  const float scale = static_cast<float>(length) / static_cast<float>(count);
  for (Index i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(flip ? count - 1 - i : i);
    const float position = (static_cast<float>(i) + 0.5f) * scale - 0.5f;
    const float floor = std::floor(position);
    const auto low = static_cast<Index>(floor);
    out.low[at] = reflect(begin + std::clamp<Index>(low, 0, length - 1), extent);
    out.high[at] = reflect(begin + std::clamp<Index>(low + 1, 0, length - 1), extent);
    out.weight[at] = position - floor;
  }
}

GLIA_LAZY float luminance(const float* rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

// Turns the hue of a colour in [0, 1]^3 by `turn` (1 = a full circle), in HSV.
GLIA_LAZY void turn_hue(float* rgb, float turn) {
  const float high = std::max({rgb[0], rgb[1], rgb[2]}), low = std::min({rgb[0], rgb[1], rgb[2]}), range = high - low;
  if (range <= 0) return;
  float hue = high == rgb[0]   ? (rgb[1] - rgb[2]) / range
              : high == rgb[1] ? 2 + (rgb[2] - rgb[0]) / range
                               : 4 + (rgb[0] - rgb[1]) / range;
  hue += 6 * turn;
  for (int c = 0; c < 3; ++c) {
    // Distance of this channel's peak (0, 2, 4 sixths) from the hue on the circle of six.
    float distance = hue - static_cast<float>(2 * c);
    distance = std::abs(distance - 6 * std::round(distance / 6));
    rgb[c] = high - range * std::clamp(distance - 1, 0.0f, 1.0f);
  }
}

// Colour jitter and grey on `pixels` colours in [0, 1]; each step is clamped to [0, 1].
GLIA_LAZY void jitter_colours(float* image, Index pixels, const AugmentOptions& options, SampleRandom& random) {
  const auto factor = [&](float strength) { return random.uniform(std::max(0.0f, 1 - strength), 1 + strength); };
  const float brightness = factor(options.brightness), contrast = factor(options.contrast);
  const float saturation = factor(options.saturation), hue = random.uniform(-options.hue, options.hue);
  double sum = 0;
  for (Index p = 0; p < pixels; ++p) {
    for (int c = 0; c < 3; ++c) image[3 * p + c] = std::min(image[3 * p + c] * brightness, 1.0f);
    sum += static_cast<double>(luminance(image + 3 * p));
  }
  const float middle = static_cast<float>(sum / static_cast<double>(pixels)) * (1 - contrast);
  for (Index p = 0; p < pixels; ++p) {
    float* rgb = image + 3 * p;
    for (int c = 0; c < 3; ++c) rgb[c] = std::clamp(contrast * rgb[c] + middle, 0.0f, 1.0f);
    const float grey = luminance(rgb) * (1 - saturation);
    for (int c = 0; c < 3; ++c) rgb[c] = std::clamp(saturation * rgb[c] + grey, 0.0f, 1.0f);
    turn_hue(rgb, hue);
  }
}

}  // namespace detail

// Turns samples of a data set into float batches. The result for a sample depends on (options, key, sample) alone.
class Augment {
 public:
  // Errors: ValueError on an option outside its range.
  explicit Augment(const AugmentOptions& options = {}) : options_(options) {
    const auto check = [](bool fine, const char* option) {
      if (!fine) raise<ValueError>("augment", "option ", option, " is outside its range");
    };
    check(options.size >= 0, "size");
    check(options.shift >= 0, "shift");
    check(options.cutout >= 0, "cutout");
    check(options.crop_scale_min > 0 && options.crop_scale_min <= options.crop_scale_max && options.crop_scale_max <= 1,
          "crop_scale");
    check(options.crop_ratio >= 1, "crop_ratio");
    check(options.jitter_probability >= 0 && options.jitter_probability <= 1, "jitter_probability");
    check(options.grey_probability >= 0 && options.grey_probability <= 1, "grey_probability");
    check(options.brightness >= 0 && options.contrast >= 0 && options.saturation >= 0,
          "brightness, contrast or saturation");
    check(options.hue >= 0 && options.hue <= 0.5f, "hue");
    for (const float deviation : options.normalization.deviation) check(deviation > 0, "normalization.deviation");
    for (std::size_t c = 0; c < 4; ++c) {
      scale_[c] = 1 / options.normalization.deviation[c];
      offset_[c] = -options.normalization.mean[c] / options.normalization.deviation[c];
      for (std::size_t value = 0; value < 256; ++value)
        table_[c][value] = static_cast<float>(value) / 255 * scale_[c] + offset_[c];
    }
  }

  const AugmentOptions& options() const { return options_; }

  // Images [positions, size, size, C] from images [M, H, W, C] of at most 4 channels; jitter and grey need 3.
  // Errors: ShapeError, IndexError.
  Tensor<float> operator()(const Tensor<std::uint8_t>& images, std::span<const Index> positions,
                           std::uint64_t key) const {
    const profile::Span span("augment", profile::Phase::data);
    if (!images.defined() || images.rank() != 4 || !images.is_contiguous())
      raise<ShapeError>("augment", "images must be contiguous and [N, H, W, C]");
    const Source source{images.data(), images.size(1), images.size(2), images.size(3)};
    if (source.channels < 1 || source.channels > 4 || source.height < 1 || source.width < 1)
      raise<ShapeError>("augment", "images need 1 to 4 channels and pixels, got ", images.shape());
    if (source.channels != 3 && (options_.jitter_probability > 0 || options_.grey_probability > 0))
      raise<ShapeError>("augment", "colour jitter and grey need 3 channels, got ", source.channels);
    for (const Index p : positions)
      if (p < 0 || p >= images.size(0))
        raise<IndexError>("augment", "position ", p, ", expected 0 to ", images.size(0) - 1);
    const Index height = options_.size > 0 ? options_.size : source.height;
    const Index width = options_.size > 0 ? options_.size : source.width;
    auto out = Tensor<float>::empty({static_cast<Index>(positions.size()), height, width, source.channels});
    float* values = out.mutable_data();
    parallel_for(static_cast<Index>(positions.size()), 16, [&](Index first, Index last) {
      Workspace work;
      for (Index i = first; i < last; ++i) {
        const Index p = positions[static_cast<std::size_t>(i)];
        one(source, p, SampleRandom(key, p), height, width, values + i * height * width * source.channels, work);
      }
    });
    return out;
  }

 private:
  struct Source {
    const std::uint8_t* data;
    Index height, width, channels;
  };
  struct Workspace {
    detail::AxisSamples rows, columns;
  };
  struct Box {
    Index top, left, height, width;
  };

  // A box of random area and ratio; the whole image if ten draws do not fit (as torchvision does).
  Box random_box(const Source& source, SampleRandom& random) const {
    const auto area = static_cast<float>(source.height * source.width);
    const float log_ratio = std::log(options_.crop_ratio);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const float target = area * random.uniform(options_.crop_scale_min, options_.crop_scale_max);
      const float ratio = std::exp(random.uniform(-log_ratio, log_ratio));
      const auto width = static_cast<Index>(std::lround(std::sqrt(target * ratio)));
      const auto height = static_cast<Index>(std::lround(std::sqrt(target / ratio)));
      if (width < 1 || height < 1 || width > source.width || height > source.height) continue;
      const Index top = random.below(source.height - height + 1), left = random.below(source.width - width + 1);
      return {top, left, height, width};
    }
    return {0, 0, source.height, source.width};
  }

  void one(const Source& source, Index sample, SampleRandom random, Index height, Index width, float* out,
           Workspace& work) const {
    const bool flip = options_.flip && random.coin(0.5f);
    Box box{0, 0, source.height, source.width};
    if (options_.resized_crop) {
      box = random_box(source, random);
    } else if (options_.shift > 0) {
      box.top = random.below(2 * options_.shift + 1) - options_.shift;
      box.left = random.below(2 * options_.shift + 1) - options_.shift;
    }
    const bool jitter = options_.jitter_probability > 0 && random.coin(options_.jitter_probability);
    const bool grey = options_.grey_probability > 0 && random.coin(options_.grey_probability);
    detail::sample_axis(work.rows, height, box.top, box.height, source.height, false);
    detail::sample_axis(work.columns, width, box.left, box.width, source.width, flip);
    const std::uint8_t* image = source.data + sample * source.height * source.width * source.channels;
    const Index channels = source.channels, pixels = height * width;
    const bool whole_pixels = box.height == height && box.width == width;
    if (whole_pixels && !jitter && !grey) {
      gather(image, source, height, width, work, out);
    } else {
      resample(image, source, height, width, work, out);
      if (jitter) detail::jitter_colours(out, pixels, options_, random);
      for (Index p = 0; grey && p < pixels; ++p) {
        const float value = detail::luminance(out + 3 * p);
        for (int c = 0; c < 3; ++c) out[3 * p + c] = value;
      }
      for (Index p = 0; p < pixels; ++p)
        for (Index c = 0; c < channels; ++c)
          out[p * channels + c] =
              out[p * channels + c] * scale_[static_cast<std::size_t>(c)] + offset_[static_cast<std::size_t>(c)];
    }
    if (options_.cutout > 0) {
      const Index cy = random.below(height), cx = random.below(width);
      const Index top = std::max<Index>(cy - options_.cutout / 2, 0),
                  left = std::max<Index>(cx - options_.cutout / 2, 0);
      const Index bottom = std::min(cy - options_.cutout / 2 + options_.cutout, height);
      const Index right = std::min(cx - options_.cutout / 2 + options_.cutout, width);
      for (Index y = top; y < bottom; ++y)
        std::fill(out + (y * width + left) * channels, out + (y * width + right) * channels, 0.0f);
    }
  }

  // Every output is one source pixel: a table look-up per value.
  void gather(const std::uint8_t* image, const Source& source, Index height, Index width, const Workspace& work,
              float* out) const {
    for (Index y = 0; y < height; ++y) {
      const std::uint8_t* row = image + work.rows.low[static_cast<std::size_t>(y)] * source.width * source.channels;
      for (Index x = 0; x < width; ++x) {
        const std::uint8_t* pixel = row + work.columns.low[static_cast<std::size_t>(x)] * source.channels;
        for (Index c = 0; c < source.channels; ++c) *out++ = table_[static_cast<std::size_t>(c)][pixel[c]];
      }
    }
  }

  // Bilinear samples in [0, 1].
  void resample(const std::uint8_t* image, const Source& source, Index height, Index width, const Workspace& work,
                float* out) const {
    const Index stride = source.width * source.channels;
    for (Index y = 0; y < height; ++y) {
      const auto row = static_cast<std::size_t>(y);
      const std::uint8_t* upper = image + work.rows.low[row] * stride;
      const std::uint8_t* lower = image + work.rows.high[row] * stride;
      const float wy = work.rows.weight[row];
      for (Index x = 0; x < width; ++x) {
        const auto column = static_cast<std::size_t>(x);
        const Index a = work.columns.low[column] * source.channels, b = work.columns.high[column] * source.channels;
        const float wx = work.columns.weight[column];
        for (Index c = 0; c < source.channels; ++c) {
          const auto value = [c](const std::uint8_t* line, Index at) { return static_cast<float>(line[at + c]); };
          const float top = value(upper, a) + wx * (value(upper, b) - value(upper, a));
          const float bottom = value(lower, a) + wx * (value(lower, b) - value(lower, a));
          *out++ = (top + wy * (bottom - top)) / 255;
        }
      }
    }
  }

  AugmentOptions options_;
  std::array<float, 4> scale_{}, offset_{};
  std::array<std::array<float, 256>, 4> table_{};
};

}  // namespace GLIA_NS::data
