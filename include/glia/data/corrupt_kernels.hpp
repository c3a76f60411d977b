#pragma once
// The single damages of data/corrupt.hpp, on one image in [0, 1].

#include <glia/data/augment.hpp>

namespace GLIA_NS::data::detail {

// An RGB image of floats with a spare copy. Values may leave [0, 1]; write() clamps.
class DamagedImage {
 public:
  Index height, width;

  DamagedImage(Index h, Index w)
      : height(h),
        width(w),
        pixels_(static_cast<std::size_t>(h * w * 3)),
        spare_(static_cast<std::size_t>(h * w * 3)) {}

  void read(const std::uint8_t* source) {
    for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] = static_cast<float>(source[i]) / 255;
  }
  void write(std::uint8_t* target) const {
    for (std::size_t i = 0; i < pixels_.size(); ++i)
      target[i] = static_cast<std::uint8_t>(std::clamp(pixels_[i], 0.0f, 1.0f) * 255 + 0.5f);
  }

  void add_noise(float deviation, SampleRandom& random) {
    for_normals(random, [&](float& value, float noise) { value += deviation * noise; });
  }
  void add_photon_noise(float count, SampleRandom& random) {
    for_normals(random, [&](float& value, float noise) { value += std::sqrt(value / count) * noise; });
  }
  void speckle(float share, SampleRandom& random) {
    for (Index p = 0; p < height * width; ++p) {
      const bool hit = random.coin(share), white = random.coin(0.5f);
      if (hit) std::fill_n(&at(p), 3, white ? 1.0f : 0.0f);
    }
  }

  void gaussian_blur(float deviation) {
    const auto reach = static_cast<Index>(std::ceil(3 * deviation));
    std::vector<Tap> taps;
    for (Index d = -reach; d <= reach; ++d) {
      const float t = static_cast<float>(d) / deviation;
      taps.push_back({0, d, std::exp(-0.5f * t * t)});
    }
    filter(taps);
    for (Tap& tap : taps) std::swap(tap.dy, tap.dx);
    filter(taps);
  }
  void disc_blur(float radius) {
    std::vector<Tap> taps;
    const auto reach = static_cast<Index>(std::ceil(radius));
    for (Index dy = -reach; dy <= reach; ++dy)
      for (Index dx = -reach; dx <= reach; ++dx) {
        const float distance = std::sqrt(static_cast<float>(dy * dy + dx * dx));
        const float weight = std::clamp(radius + 0.5f - distance, 0.0f, 1.0f);  // a soft edge
        if (weight > 0) taps.push_back({dy, dx, weight});
      }
    filter(taps);
  }
  // The mean along a line through the pixel, read bilinearly.
  void motion_blur(float length, float angle) {
    const float uy = std::sin(angle), ux = std::cos(angle);
    const Index samples = 2 * static_cast<Index>(std::ceil(length)) + 1;
    spare_ = pixels_;
    for_each_pixel([&](Index y, Index x, float* out) {
      float sum[3] = {0, 0, 0};
      for (Index k = 0; k < samples; ++k) {
        const float t = (static_cast<float>(k) / static_cast<float>(samples - 1) - 0.5f) * (length - 1);
        add_bilinear(static_cast<float>(y) + t * uy, static_cast<float>(x) + t * ux, sum);
      }
      for (int c = 0; c < 3; ++c) out[c] = sum[c] / static_cast<float>(samples);
    });
  }

  void haze(float strength, SampleRandom& random) {
    const Waves cloud(random, 4);
    for_each_pixel([&](Index y, Index x, float* out) {
      const float share = strength * (0.6f + 0.4f * cloud(relative(y, height), relative(x, width)));
      for (int c = 0; c < 3; ++c) out[c] += share * (0.95f - out[c]);
    });
  }
  void brighten(float amount) {
    for (float& value : pixels_) value += amount;
  }
  void darken(float power) {
    for (float& value : pixels_) value = std::pow(value, power);
  }
  void shrink_contrast(float factor) {
    double sum[3] = {0, 0, 0};
    for (std::size_t i = 0; i < pixels_.size(); ++i) sum[i % 3] += static_cast<double>(pixels_[i]);
    float mean[3];
    for (int c = 0; c < 3; ++c) mean[c] = static_cast<float>(sum[c] / static_cast<double>(height * width));
    for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] = mean[i % 3] + factor * (pixels_[i] - mean[i % 3]);
  }
  void desaturate(float factor) {
    for (Index p = 0; p < height * width; ++p) {
      float* rgb = &at(p);
      const float grey = luminance(rgb);
      for (int c = 0; c < 3; ++c) rgb[c] = grey + factor * (rgb[c] - grey);
    }
  }

  // Means over a coarse grid of side x side cells, each shown as one flat block.
  void pixelate(Index side) {
    const Index rows = std::clamp<Index>(side, 1, height), columns = std::clamp<Index>(side * width / height, 1, width);
    std::vector<float> sum(static_cast<std::size_t>(rows * columns * 3), 0), count(sum.size(), 0);
    const auto cell = [&](Index y, Index x, Index c) {
      return static_cast<std::size_t>((y * rows / height * columns + x * columns / width) * 3 + c);
    };
    for_each_pixel([&](Index y, Index x, const float* in) {
      for (Index c = 0; c < 3; ++c) sum[cell(y, x, c)] += in[c], count[cell(y, x, c)] += 1;
    });
    for_each_pixel([&](Index y, Index x, float* out) {
      for (Index c = 0; c < 3; ++c) out[c] = sum[cell(y, x, c)] / count[cell(y, x, c)];
    });
  }

  // The orthonormal 8x8 cosine transform of each channel, rounded to multiples of a step that grows with the frequency.
  void block_quantise(float step) {
    static const std::array<std::array<float, 8>, 8> cosine = [] {
      std::array<std::array<float, 8>, 8> table{};
      for (std::size_t k = 0; k < 8; ++k)
        for (std::size_t n = 0; n < 8; ++n)
          table[k][n] = static_cast<float>(
              (k == 0 ? std::sqrt(0.125) : 0.5) *
              std::cos(3.14159265358979 / 8 * (static_cast<double>(n) + 0.5) * static_cast<double>(k)));
      return table;
    }();
    for (Index y0 = 0; y0 + 8 <= height; y0 += 8)
      for (Index x0 = 0; x0 + 8 <= width; x0 += 8)
        for (Index c = 0; c < 3; ++c) {
          float block[8][8], rows[8][8];
          const auto value = [&](std::size_t y, std::size_t x) -> float& {
            return (&at((y0 + static_cast<Index>(y)) * width + x0 + static_cast<Index>(x)))[c];
          };
          for (std::size_t y = 0; y < 8; ++y)
            for (std::size_t k = 0; k < 8; ++k) {
              rows[y][k] = 0;
              for (std::size_t x = 0; x < 8; ++x) rows[y][k] += cosine[k][x] * value(y, x);
            }
          for (std::size_t j = 0; j < 8; ++j)
            for (std::size_t k = 0; k < 8; ++k) {
              float sum = 0;
              for (std::size_t y = 0; y < 8; ++y) sum += cosine[j][y] * rows[y][k];
              const float size = step * (1 + 0.25f * static_cast<float>(j + k));
              block[j][k] = std::round(sum / size) * size;
            }
          for (std::size_t y = 0; y < 8; ++y)
            for (std::size_t k = 0; k < 8; ++k) {
              rows[y][k] = 0;
              for (std::size_t j = 0; j < 8; ++j) rows[y][k] += cosine[j][y] * block[j][k];
            }
          for (std::size_t y = 0; y < 8; ++y)
            for (std::size_t x = 0; x < 8; ++x) {
              float sum = 0;
              for (std::size_t k = 0; k < 8; ++k) sum += cosine[k][x] * rows[y][k];
              value(y, x) = sum;
            }
        }
  }

  void warp(float largest, SampleRandom& random) {
    const Waves down(random, 4), across(random, 4);
    spare_ = pixels_;
    for_each_pixel([&](Index y, Index x, float* out) {
      const float v = relative(y, height), u = relative(x, width);
      float sum[3] = {0, 0, 0};
      add_bilinear(static_cast<float>(y) + largest * down(v, u), static_cast<float>(x) + largest * across(v, u), sum);
      std::copy_n(sum, 3, out);
    });
  }
  void cover(Index side, SampleRandom& random) {
    const Index top = random.below(std::max<Index>(height - side, 0) + 1),
                left = random.below(std::max<Index>(width - side, 0) + 1);
    for (Index y = top; y < std::min(top + side, height); ++y)
      for (Index x = left; x < std::min(left + side, width); ++x) std::fill_n(&at(y * width + x), 3, 0.5f);
  }

 private:
  struct Tap {
    Index dy, dx;
    float weight;
  };

  // A smooth function of the unit square with values in [-1, 1]: a mean of waves of one to three periods.
  class Waves {
   public:
    Waves(SampleRandom& random, int count) {
      for (int i = 0; i < count; ++i) {
        const float periods = random.uniform(0.7f, 2.5f), angle = random.uniform(0, 6.2831853f);
        waves_.push_back({6.2831853f * periods * std::sin(angle), 6.2831853f * periods * std::cos(angle),
                          random.uniform(0, 6.2831853f)});
      }
    }
    float operator()(float v, float u) const {
      float sum = 0;
      for (const Wave& wave : waves_) sum += std::sin(wave.down * v + wave.across * u + wave.phase);
      return sum / static_cast<float>(waves_.size());
    }

   private:
    struct Wave {
      float down, across, phase;
    };
    std::vector<Wave> waves_;
  };

  float& at(Index pixel) { return pixels_[static_cast<std::size_t>(pixel * 3)]; }
  static float relative(Index i, Index n) { return (static_cast<float>(i) + 0.5f) / static_cast<float>(n); }

  template <class F>
  void for_each_pixel(F&& f) {
    for (Index y = 0; y < height; ++y)
      for (Index x = 0; x < width; ++x) f(y, x, &at(y * width + x));
  }
  template <class F>
  void for_normals(SampleRandom& random, F&& f) {
    for (std::size_t i = 0; i < pixels_.size(); i += 2) {
      const std::uint32_t a = random.bits(), b = random.bits();
      const auto pair = normal_pair(a, b);
      f(pixels_[i], pair.first);
      if (i + 1 < pixels_.size()) f(pixels_[i + 1], pair.second);
    }
  }

  // The weighted mean of neighbours, the border reflected.
  void filter(const std::vector<Tap>& taps) {
    float total = 0;
    for (const Tap& tap : taps) total += tap.weight;
    spare_ = pixels_;
    for_each_pixel([&](Index y, Index x, float* out) {
      float sum[3] = {0, 0, 0};
      for (const Tap& tap : taps) {
        const float* in =
            &spare_[static_cast<std::size_t>((reflect(y + tap.dy, height) * width + reflect(x + tap.dx, width)) * 3)];
        for (int c = 0; c < 3; ++c) sum[c] += tap.weight * in[c];
      }
      for (int c = 0; c < 3; ++c) out[c] = sum[c] / total;
    });
  }

  void add_bilinear(float y, float x, float* sum) const {
    const float y0 = std::floor(y), x0 = std::floor(x), wy = y - y0, wx = x - x0;
    for (Index dy = 0; dy < 2; ++dy)
      for (Index dx = 0; dx < 2; ++dx) {
        const float weight = (dy == 1 ? wy : 1 - wy) * (dx == 1 ? wx : 1 - wx);
        const Index row = reflect(static_cast<Index>(y0) + dy, height),
                    column = reflect(static_cast<Index>(x0) + dx, width);
        for (std::size_t c = 0; c < 3; ++c)
          sum[c] += weight * spare_[static_cast<std::size_t>((row * width + column) * 3) + c];
      }
  }

  std::vector<float> pixels_, spare_;
};

}  // namespace GLIA_NS::data::detail
