#pragma once
// 3x3 convolutions with stride 1 in float32 by Winograd's F(4x4, 3x3): 2.25 to 4 times fewer multiplications than the
// definition, at an error of about 1e-5 of the largest output.
//
// Channels are cut into vectors ("blocks"), outputs into panels of two vectors. A group of tiles is transformed into
// 36 planes [block][tile][lane]; each plane is multiplied with the plane [channel][lane] of the weights of a panel; the
// products are transformed back. Planes are padded by a cache line: strides that are powers of two collide in the cache.

#include <glia/core/conv_geometry.hpp>
#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/winograd_transforms.hpp>

#include <algorithm>

namespace GLIA_NS::detail::winograd {

inline constexpr int panel = 2 * lanes;                                   // outputs computed together
inline constexpr int tile_rows = config::vector_bytes == 64 ? 8 : 4;  // tiles (or channels) in registers
inline constexpr Index plane_pad = 16;

constexpr Index blocks(Index channels) { return (channels + lanes - 1) / lanes; }
constexpr Index panels(Index channels) { return (channels + panel - 1) / panel; }
constexpr Index padded(Index channels) { return blocks(channels) * lanes; }
// Elements of the planes of one panel: [plane][channel][panel vectors] for weights and their gradients.
constexpr Index panel_plane(Index depth, int vectors) { return padded(depth) * vectors * lanes + plane_pad; }
constexpr Index panel_size(Index depth) { return planes * panel_plane(depth, 2); }
// Vectors in panel p of `channels` outputs: 2, or 1 in the last one.
constexpr int panel_vectors(Index channels, Index p) { return blocks(channels) - 2 * p >= 2 ? 2 : 1; }

// m[tile][NV vectors] = sum over channels of v[block][tile][lane] * u[channel][NV vectors], for tile_rows tiles.
template <int NV>
[[gnu::noinline]] void multiply(Index channel_blocks, const float* __restrict v, Index block_stride, const float* __restrict u,
                                float* __restrict m) {
  V sum[tile_rows][NV] = {};
  for (Index block = 0; block < channel_blocks; ++block, v += block_stride) {
    const float* p = v;
    for (int lane = 0; lane < lanes; ++lane, ++p, u += NV * lanes) {
      V weight[NV];
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { weight[j] = simd::load(u + j * lanes); });
      simd::unroll<tile_rows>([&](auto r) GLIA_INLINE_LAMBDA {
        const float s = p[r * lanes];
        simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += s * weight[j]; });
      });
    }
  }
  simd::unroll<tile_rows>([&](auto r) GLIA_INLINE_LAMBDA {
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { simd::store(m + (r * NV + j) * lanes, sum[r][j]); });
  });
}

// m[channel][NV vectors] += sum over tiles of v[tile][lane] * y[tile][NV vectors], for tile_rows channels (lanes).
template <int NV>
[[gnu::noinline]] void multiply_gradient(Index tiles, const float* __restrict v, const float* __restrict y, float* __restrict m,
                                         bool first) {
  V sum[tile_rows][NV] = {};
  if (!first)
    simd::unroll<tile_rows>([&](auto r) GLIA_INLINE_LAMBDA {
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] = simd::load(m + (r * NV + j) * lanes); });
    });
  for (Index t = 0; t < tiles; ++t, v += lanes, y += NV * lanes) {
    V gradient[NV];
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { gradient[j] = simd::load(y + j * lanes); });
    simd::unroll<tile_rows>([&](auto r) GLIA_INLINE_LAMBDA {
      const float s = v[r];
      simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { sum[r][j] += s * gradient[j]; });
    });
  }
  simd::unroll<tile_rows>([&](auto r) GLIA_INLINE_LAMBDA {
    simd::unroll<NV>([&](auto j) GLIA_INLINE_LAMBDA { simd::store(m + (r * NV + j) * lanes, sum[r][j]); });
  });
}

inline void copy_row(const float* from, Index count, float* to) {
  for (; count >= lanes; count -= lanes, from += lanes, to += lanes) simd::store(to, simd::load(from));
  std::copy_n(from, count, to);
}

// Weights w [O, 3, 3, C] as [panel][plane][channel][panel vectors]. The panels hold O and the channels are C, or the other way
// round with the filter turned by 180 degrees, as the gradient of the input needs it.
inline void transform_weights(const float* w, Index out_channels, Index in_channels, bool backward, float* u) {
  const Index depth = backward ? out_channels : in_channels, outputs = backward ? in_channels : out_channels;
  const Index depth_blocks = blocks(depth);
  parallel_for(panels(outputs) * depth_blocks, 1, [&](Index begin, Index end) {
    alignas(64) float taps[9][lanes][panel] = {};  // [tap][channel][output]
    alignas(64) float rows[panel][lanes];
    for (Index task = begin; task < end; ++task) {
      const Index p = task / depth_blocks, block = task % depth_blocks;
      const int vectors = panel_vectors(outputs, p);
      const Index width = vectors * lanes, columns = std::min(width, outputs - p * panel);
      const Index channels = std::min<Index>(lanes, depth - block * lanes);
      if (columns < width || channels < lanes) std::fill_n(&taps[0][0][0], 9 * lanes * panel, 0.0f);
      for (int t = 0; t < 9; ++t) {
        if (backward) {
          for (Index c = 0; c < channels; ++c)
            copy_row(w + ((block * lanes + c) * 9 + 8 - t) * in_channels + p * panel, columns, taps[t][c]);
        } else {
          // Whole cache lines first, then the transposition: the rows of w may all fall into one cache set.
          for (Index o = 0; o < columns; ++o) copy_row(w + ((p * panel + o) * 9 + t) * in_channels + block * lanes, channels, rows[o]);
          for (Index c = 0; c < channels; ++c)
            for (Index o = 0; o < columns; ++o) taps[t][c][o] = rows[o][c];
        }
      }
      const Index plane = panel_plane(depth, vectors);
      float* const base = u + p * panel_size(depth) + block * lanes * width;
      for (int c = 0; c < lanes; ++c)
        for (int v = 0; v < vectors; ++v) {
          float* const target = base + (c * vectors + v) * lanes;
          transform_2d<WeightTransform>(
              [&](int i, int j) GLIA_INLINE_LAMBDA { return simd::load(&taps[i * 3 + j][c][v * lanes]); },
              [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
                simd::store(target + (i * patch + j) * plane, value);
              });
        }
    }
  });
}

// Gradients of the products, [panel][plane][channel][panel vectors], back to dw [O, 3, 3, C].
inline void restore_weights(const float* m, Index outputs, Index channels, float* dw) {
  parallel_for(panels(outputs) * blocks(channels), 1, [&](Index begin, Index end) {
    alignas(64) float taps[9][lanes][lanes];  // [tap][channel][output]
    alignas(64) float row[lanes];
    for (Index task = begin; task < end; ++task) {
      const Index p = task / blocks(channels), block = task % blocks(channels);
      const int vectors = panel_vectors(outputs, p);
      const Index plane = panel_plane(channels, vectors), depth = std::min<Index>(lanes, channels - block * lanes);
      for (int k = 0; k < vectors; ++k) {
        const Index first = p * panel + k * lanes, columns = std::min<Index>(lanes, outputs - first);
        for (int c = 0; c < lanes; ++c) {
          const float* const source = m + p * panel_size(channels) + ((block * lanes + c) * vectors + k) * lanes;
          transform_2d<WeightGradientTransform>(
              [&](int i, int j) GLIA_INLINE_LAMBDA { return simd::load(source + (i * patch + j) * plane); },
              [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA { simd::store(taps[i * 3 + j][c], value); });
        }
        for (Index o = 0; o < columns; ++o)
          for (int t = 0; t < 9; ++t) {
            for (int c = 0; c < lanes; ++c) row[c] = taps[t][c][o];
            float* const target = dw + ((first + o) * 9 + t) * channels + block * lanes;
            if (depth == lanes)
              simd::store(target, simd::load(row));
            else
              std::copy_n(row, depth, target);
          }
      }
    }
  });
}

// Products of one panel back to pixels: m is [plane][tile][panel vectors].
inline void transform_output(const TileImage& g, Index first_tile, Index tiles, const float* m, Index plane_stride, Index p,
                             int vectors, const float* bias, float* y) {
  for (Index t = 0; t < tiles; ++t) {
    const TilePosition at(g, first_tile + t);
    const Index rows = std::min<Index>(tile, g.height - at.row), columns = std::min<Index>(tile, g.width - at.column);
    for (int v = 0; v < vectors; ++v) {
      const Index channel = p * panel + v * lanes, count = g.channels - channel;
      const float* const source = m + (t * vectors + v) * lanes;
      float* const target = y + ((at.image * g.height + at.row) * g.width + at.column) * g.channels + channel;
      const auto get = [&](int i, int j) GLIA_INLINE_LAMBDA { return simd::load(source + (i * patch + j) * plane_stride); };
      V shift = {};
      if (bias != nullptr) shift = count >= lanes ? simd::load(bias + channel) : simd::load_partial(bias + channel, count);
      const Index row = g.width * g.channels;
      if (count >= lanes && rows == tile && columns == tile)
        transform_2d<OutputTransform>(get, [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
          simd::store(target + i * row + j * g.channels, V(value + shift));
        });
      else
        transform_2d<OutputTransform>(get, [&](int i, int j, const V& value) {
          if (i >= rows || j >= columns) return;
          float* const pixel = target + i * row + j * g.channels;
          if (count >= lanes)
            simd::store(pixel, V(value + shift));
          else
            simd::store_partial(pixel, V(value + shift), count);
        });
    }
  }
}

// Input tiles [first, first + tiles) as planes [block][tile][lane]; tiles up to `room` become zeros.
inline void transform_input(const TileImage& g, const float* x, Index first, Index begin, Index end, float* v, Index plane_stride,
                            Index room) {
  for (Index t = begin; t < end; ++t)
    transform_tile<InputTransform>(g, x, first + t, v + t * lanes, plane_stride, [room](Index block) { return block * room * lanes; });
}

inline void clear_tiles(Index blocks_count, Index begin, Index end, float* v, Index plane_stride, Index room) {
  for (int f = 0; f < planes; ++f)
    for (Index b = 0; b < blocks_count; ++b)
      std::fill(v + f * plane_stride + (b * room + begin) * lanes, v + f * plane_stride + (b * room + end) * lanes, 0.0f);
}

constexpr Index round_up(Index value, Index multiple) { return (value + multiple - 1) / multiple * multiple; }

// All panels [p0, p1) of tiles [begin, end) of a group of transformed tiles.
inline void multiply_tiles(const TileImage& out, Index depth, const float* v, Index v_stride, Index room, const float* u, float* m,
                           Index first_tile, Index begin, Index end, Index p0, Index p1, const float* bias, float* y) {
  const Index rows = round_up(end - begin, tile_rows);
  for (Index p = p0; p < p1; ++p) {
    const int vectors = panel_vectors(out.channels, p);
    const Index width = vectors * lanes, m_stride = rows * width + plane_pad;
    const Index u_stride = panel_plane(depth, vectors);
    const float* const weights = u + p * panel_size(depth);
    for (int f = 0; f < planes; ++f)
      for (Index t = 0; t < rows; t += tile_rows) {
        const float* const tiles = v + f * v_stride + (begin + t) * lanes;
        const float* const weight = weights + f * u_stride;
        float* const result = m + f * m_stride + t * width;
        if (vectors == 2)
          multiply<2>(blocks(depth), tiles, room * lanes, weight, result);
        else
          multiply<1>(blocks(depth), tiles, room * lanes, weight, result);
      }
    transform_output(out, first_tile + begin, end - begin, m, m_stride, p, vectors, bias, y);
  }
}

// y = convolution of x [images, in] with transformed weights u.
inline void convolve(Index images, const TileImage& in, const TileImage& out, const float* x, const float* u, const float* bias, float* y) {
  const Index depth = in.channels, tiles = images * in.tiles_h * in.tiles_w;
  const Index plane_vectors = blocks(depth) * lanes;  // elements of one tile in one plane
  // Usually every thread takes small groups of tiles of its own through all three steps. With few tiles, or weights that
  // leave the cache every time, all threads share one large group, so that the weights are read from memory few times.
  const Index small = depth <= 128 ? 32 : 16;
  if (panels(out.channels) * panel_size(depth) <= (Index{4} << 20) && chunk_count(tiles, small) >= 2 * num_threads()) {
    const Index group = small;
    parallel_for(chunk_count(tiles, group), 1, [&](Index first, Index last) {
      const Index stride = group * plane_vectors + plane_pad;
      float* const v = scratch<float>(Scratch::conv_input, planes * stride);
      float* const m = scratch<float>(Scratch::conv_output, planes * (group * panel + plane_pad));
      for (Index g = first; g < last; ++g) {
        const Index count = std::min(group, tiles - g * group);
        transform_input(in, x, g * group, 0, count, v, stride, group);
        clear_tiles(blocks(depth), count, round_up(count, tile_rows), v, stride, group);
        multiply_tiles(out, depth, v, stride, group, u, m, g * group, 0, count, 0, panels(out.channels), bias, y);
      }
    });
    return;
  }
  constexpr Index part = 64;
  const Index limit = std::max<Index>(part, (Index{4} << 20) / (planes * plane_vectors) / part * part);
  const Index group = round_up(std::min(limit, tiles), tile_rows);
  const Index stride = group * plane_vectors + plane_pad;
  float* const v = scratch<float>(Scratch::conv_shared_input, planes * stride);
  for (Index first = 0; first < tiles; first += group) {
    const Index count = std::min(group, tiles - first);
    parallel_for(count, 4, [&](Index begin, Index end) { transform_input(in, x, first, begin, end, v, stride, group); });
    clear_tiles(blocks(depth), count, round_up(count, tile_rows), v, stride, group);
    const Index parts = chunk_count(count, part);
    parallel_for(panels(out.channels) * parts, 1, [&](Index begin, Index end) {
      float* const m = scratch<float>(Scratch::conv_output, planes * (part * panel + plane_pad));
      for (Index task = begin; task < end; ++task) {
        const Index p = task / parts, t = task % parts * part;
        multiply_tiles(out, depth, v, stride, group, u, m, first, t, std::min(count, t + part), p, p + 1, bias, y);
      }
    });
  }
}

inline TileImage tile_image(Index height, Index width, Index channels, Index tiles_h, Index tiles_w, Index offset_h, Index offset_w) {
  return {height, width, channels, tiles_h, tiles_w, offset_h, offset_w};
}

inline void forward(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) {
  const Index th = chunk_count(g.out_height, tile), tw = chunk_count(g.out_width, tile), channels = g.in_channels;
  float* const u = scratch<float>(Scratch::conv_weight, panels(g.out_channels) * panel_size(channels));
  transform_weights(w, g.out_channels, channels, false, u);
  convolve(g.batch, tile_image(g.height, g.width, channels, th, tw, -g.padding_h, -g.padding_w),
           tile_image(g.out_height, g.out_width, g.out_channels, th, tw, 0, 0), x, u, bias, y);
}

// The forward convolution of dy with the flipped weights, input and output channels exchanged.
inline void backward_input(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const Index th = chunk_count(g.height, tile), tw = chunk_count(g.width, tile), channels = g.in_channels;
  float* const u = scratch<float>(Scratch::conv_weight, panels(channels) * panel_size(g.out_channels));
  transform_weights(w, g.out_channels, channels, true, u);
  convolve(g.batch, tile_image(g.out_height, g.out_width, g.out_channels, th, tw, g.padding_h - 2, g.padding_w - 2),
           tile_image(g.height, g.width, channels, th, tw, 0, 0), dy, u, nullptr, dx);
}

inline void backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const Index th = chunk_count(g.out_height, tile), tw = chunk_count(g.out_width, tile), tiles = g.batch * th * tw;
  const Index channels = g.in_channels, outputs = g.out_channels, depth = padded(channels), width = padded(outputs);
  const TileImage in = tile_image(g.height, g.width, channels, th, tw, -g.padding_h, -g.padding_w);
  const TileImage out = tile_image(g.out_height, g.out_width, outputs, th, tw, 0, 0);
  // Groups of tiles whose transforms stay in the shared cache; their order is fixed, so is the sum.
  const Index limit = std::max<Index>(32, (Index{1} << 20) / (planes * (depth + width)) / 8 * 8);
  const Index group = std::min(limit, tiles);
  const Index v_stride = group * depth + plane_pad, y_stride = group * width + plane_pad;
  float* const v = scratch<float>(Scratch::conv_shared_input, planes * v_stride);
  float* const e = scratch<float>(Scratch::conv_shared_output, planes * y_stride);
  float* const m = scratch<float>(Scratch::conv_partial, panels(outputs) * panel_size(channels));
  for (Index first = 0; first < tiles; first += group) {
    const Index count = std::min(group, tiles - first);
    parallel_for(count, 4, [&](Index begin, Index end) {
      transform_input(in, x, first, begin, end, v, v_stride, group);
      for (Index t = begin; t < end; ++t)
        transform_tile<GradientTransform>(out, dy, first + t, e, y_stride, [=](Index block) {
          const Index p = block / 2;
          return p * group * panel + t * panel_vectors(outputs, p) * lanes + block % 2 * lanes;
        });
    });
    parallel_for(planes * panels(outputs), 1, [&](Index begin, Index end) {
      for (Index task = begin; task < end; ++task) {
        const Index f = task / panels(outputs), p = task % panels(outputs);
        const int vectors = panel_vectors(outputs, p);
        float* const sum = m + p * panel_size(channels) + f * panel_plane(channels, vectors);
        const float* const gradient = e + f * y_stride + p * group * panel;
        for (Index c = 0; c < depth; c += tile_rows) {
          const float* const input = v + f * v_stride + c / lanes * group * lanes + c % lanes;
          float* const target = sum + c * vectors * lanes;
          if (vectors == 2)
            multiply_gradient<2>(count, input, gradient, target, first == 0);
          else
            multiply_gradient<1>(count, input, gradient, target, first == 0);
        }
      }
    });
  }
  restore_weights(m, outputs, channels, dw);
}

}  // namespace GLIA_NS::detail::winograd
