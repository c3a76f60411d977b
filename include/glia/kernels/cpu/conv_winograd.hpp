#pragma once
// 3x3 convolutions in float32 by Winograd's minimal filtering, at an error of about 1e-5 of the largest output: with
// stride 1 F(4x4, 3x3) or, where it takes fewer multiplications, F(3x3, 3x3), up to 4 times fewer than the definition;
// with stride 2 see winograd_strided.hpp.
//
// Tiles are transformed into planes [tile][channel], 36 for F(4x4, 3x3); each plane is multiplied with the plane
// [channel][output] of the weights, which is packed in panels; the products are transformed back. A scheme says which
// transforms these are and which planes belong together. Planes are padded by a cache line: strides that are powers of
// two collide in the cache.

#include <glia/core/conv_geometry.hpp>
#include <glia/core/parallel.hpp>
#include <glia/kernels/cpu/gemm_kernel.hpp>
#include <glia/kernels/cpu/scratch.hpp>
#include <glia/kernels/cpu/stream.hpp>
#include <glia/kernels/cpu/winograd_strided.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace GLIA_NS::detail::winograd {

using RegisterTile = GemmShape<float>;
inline constexpr int panel = RegisterTile::cols;  // outputs computed together
inline constexpr Index plane_pad = 16;

constexpr int square(int side) { return side * side; }
constexpr Index blocks(Index channels) { return (channels + lanes - 1) / lanes; }
constexpr Index panels(Index channels) { return (channels + panel - 1) / panel; }
constexpr Index padded(Index channels) { return blocks(channels) * lanes; }
// Elements of the planes of one panel: [plane][channel][panel vectors] for weights and their gradients.
constexpr Index panel_plane(Index depth, int vectors) { return padded(depth) * vectors * lanes + plane_pad; }
template <class Scheme>
constexpr Index panel_size(Index depth) {
  return square(Scheme::Weights::out) * panel_plane(depth, 2);
}
// Vectors in panel p of `channels` outputs: 2, or 1 in the last one.
constexpr int vectors_of(Index channels, Index p) { return blocks(channels) - 2 * p >= 2 ? 2 : 1; }

// Planes of the weights that add up in one plane of the products.
struct Addends {
  std::array<int, 4> planes{};
  int count = 0;
};
template <class Scheme>
constexpr auto addends_of_products() {
  constexpr int n = Scheme::Weights::out, side = Scheme::Result::in;
  std::array<Addends, square(side)> out{};
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      Addends& a = out[static_cast<std::size_t>(Scheme::product_of(i) * side + Scheme::product_of(j))];
      a.planes[static_cast<std::size_t>(a.count++)] = i * n + j;
    }
  return out;
}
// Planes of source and of products that plane f of the weights joins.
template <class Scheme>
constexpr int source_plane(int f) {
  constexpr int n = Scheme::Weights::out;
  return Scheme::source_of(f / n) * Scheme::Source::out + Scheme::source_of(f % n);
}
template <class Scheme>
constexpr int product_plane(int f) {
  constexpr int n = Scheme::Weights::out;
  return Scheme::product_of(f / n) * Scheme::Result::in + Scheme::product_of(f % n);
}

inline void copy_row(const float* from, Index count, float* to) {
  for (; count >= lanes; count -= lanes, from += lanes, to += lanes) simd::store(to, simd::load(from));
  std::copy_n(from, count, to);
}

// Weights w [O, 3, 3, C] as [panel][plane][channel][panel vectors]. The panels hold O and the channels are C, or the
// other way round with the filter turned by 180 degrees, as the gradient of the input needs it.
template <class Scheme>
void transform_weights(const float* w, Index out_channels, Index in_channels, bool backward, float* u) {
  const Index depth = backward ? out_channels : in_channels, outputs = backward ? in_channels : out_channels;
  const Index depth_blocks = blocks(depth);
  parallel_for(panels(outputs) * depth_blocks, 1, [&](Index begin, Index end) {
    alignas(64) float taps[9][lanes][panel] = {};  // [tap][channel][output]
    alignas(64) float rows[panel][lanes];
    for (Index task = begin; task < end; ++task) {
      const Index p = task / depth_blocks, block = task % depth_blocks;
      const int vectors = vectors_of(outputs, p);
      const Index width = vectors * lanes, columns = std::min(width, outputs - p * panel);
      const Index channels = std::min<Index>(lanes, depth - block * lanes);
      if (columns < width || channels < lanes) std::fill_n(&taps[0][0][0], 9 * lanes * panel, 0.0f);
      for (int t = 0; t < 9; ++t) {
        if (backward) {
          for (Index c = 0; c < channels; ++c)
            copy_row(w + ((block * lanes + c) * 9 + 8 - t) * in_channels + p * panel, columns, taps[t][c]);
        } else {
          // Whole cache lines first, then the transposition: the rows of w may all fall into one cache set.
          for (Index o = 0; o < columns; ++o)
            copy_row(w + ((p * panel + o) * 9 + t) * in_channels + block * lanes, channels, rows[o]);
          for (Index c = 0; c < channels; ++c)
            for (Index o = 0; o < columns; ++o) taps[t][c][o] = rows[o][c];
        }
      }
      const Index plane = panel_plane(depth, vectors);
      float* const base = u + p * panel_size<Scheme>(depth) + block * lanes * width;
      for (int c = 0; c < lanes; ++c)
        for (int v = 0; v < vectors; ++v) {
          float* const target = base + (c * vectors + v) * lanes;
          transform_2d<typename Scheme::Weights>(
              [&](int i, int j) GLIA_INLINE_LAMBDA { return simd::load(&taps[i * 3 + j][c][v * lanes]); },
              [&](int i, int j, const V& value)
                  GLIA_INLINE_LAMBDA { simd::store(target + (i * Scheme::Weights::out + j) * plane, value); });
        }
    }
  });
}

// Gradients of the products, [panel][plane][channel][panel vectors], back to dw [O, 3, 3, C].
template <class Scheme>
void restore_weights(const float* m, Index outputs, Index channels, float* dw) {
  parallel_for(panels(outputs) * blocks(channels), 1, [&](Index begin, Index end) {
    alignas(64) float taps[9][lanes][lanes];  // [tap][channel][output]
    alignas(64) float row[lanes];
    for (Index task = begin; task < end; ++task) {
      const Index p = task / blocks(channels), block = task % blocks(channels);
      const int vectors = vectors_of(outputs, p);
      const Index plane = panel_plane(channels, vectors), depth = std::min<Index>(lanes, channels - block * lanes);
      for (int k = 0; k < vectors; ++k) {
        const Index first = p * panel + k * lanes, columns = std::min<Index>(lanes, outputs - first);
        for (int c = 0; c < lanes; ++c) {
          const float* const source =
              m + p * panel_size<Scheme>(channels) + ((block * lanes + c) * vectors + k) * lanes;
          transform_2d<typename Scheme::WeightGradient>(
              [&](int i, int j)
                  GLIA_INLINE_LAMBDA { return simd::load(source + (i * Scheme::WeightGradient::in + j) * plane); },
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

// Whether whole tiles of y [images, g] may be written past the caches, in whole aligned vectors, and should be.
inline bool streams_output(Index images, const TileImage& g, const float* y) {
  return g.channels % lanes == 0 && reinterpret_cast<std::uintptr_t>(y) % sizeof(V) == 0 &&
         simd::worth_streaming<float>(images * g.height * g.width * g.channels);
}

// What a tile's outputs still get: residual (may be null) and a lower bound, which is -infinity without ReLU.
struct OutputEnd {
  const float* residual;
  float lowest;

  OutputEnd(const ConvEpilogue<float>& of, Index offset)
      : residual(of.residual == nullptr ? nullptr : of.residual + offset),
        lowest(of.relu ? 0.0f : -std::numeric_limits<float>::infinity()) {}
  // A vector of the output at `at`.
  [[gnu::always_inline]] V operator()(V value, Index at) const {
    if (residual != nullptr) value += simd::load(residual + at);
    const V bound = V{} + lowest;
    return value < bound ? bound : value;
  }
  // The same for the first `count` lanes of `from`.
  void part(const float* from, Index count, Index at, float* to) const {
    for (Index c = 0; c < count; ++c) {
      const float value = residual != nullptr ? from[c] + residual[at + c] : from[c];
      to[c] = value < lowest ? lowest : value;
    }
  }
};

// Products back to pixels, for the channels [channel, channel + vectors * lanes): m is [plane][tile][row of channels].
template <class Transform>
[[gnu::noinline]] void transform_output(const TileImage& g, Index first_tile, Index tiles, const float* m,
                                        Index plane_stride, Index row_stride, Index channel, Index vectors,
                                        const ConvEpilogue<float>& epilogue, float* y, bool past) {
  constexpr Index tile = Transform::out;
  const Index row = g.width * g.channels;
  for (Index t = 0; t < tiles; ++t) {
    const TilePosition at(g, first_tile + t);
    const Index rows = std::min<Index>(tile, g.height - at.row), columns = std::min<Index>(tile, g.width - at.column);
    for (Index c = channel; c < std::min(g.channels, channel + vectors * lanes); c += lanes) {
      const Index count = std::min<Index>(lanes, g.channels - c);
      const float* const source = m + t * row_stride + c - channel;
      float* const target = y + ((at.image * g.height + at.row) * g.width + at.column) * g.channels + c;
      V shift = {};
      if (epilogue.bias != nullptr)
        shift = count == lanes ? simd::load(epilogue.bias + c) : simd::load_partial(epilogue.bias + c, count);
      const OutputEnd end(epilogue, target - y);
      const bool whole = count == lanes && rows == tile && columns == tile;
      alignas(64) float window[tile * tile * lanes];
      const auto product = [&](int i, int j) GLIA_INLINE_LAMBDA {
        return simd::load(source + (i * Transform::in + j) * plane_stride);
      };
      if (past && whole) {
        transform_2d<Transform>(product, [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
          const Index pixel = i * row + j * g.channels;
          GLIA_STREAM_STORE(reinterpret_cast<V*>(target + pixel), end(value + shift, pixel));
        });
        continue;
      }
      if (whole) {
        transform_2d<Transform>(product, [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
          const Index pixel = i * row + j * g.channels;
          simd::store(target + pixel, end(value + shift, pixel));
        });
        continue;
      }
      transform_2d<Transform>(product, [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
        simd::store(window + (i * tile + j) * lanes, V(value + shift));
      });
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns; ++j) {
          const Index pixel = i * row + j * g.channels;
          const float* const from = window + (i * tile + j) * lanes;
          if (count == lanes)
            simd::store(target + pixel, end(simd::load(from), pixel));
          else
            end.part(from, count, pixel, target + pixel);
        }
    }
  }
}

constexpr Index round_up(Index value, Index multiple) { return (value + multiple - 1) / multiple * multiple; }

// Tiles to transform before all threads multiply them: as many as `elements` of planes hold, but not so few that the
// weights' planes, which are read once per group, would be most of the traffic.
template <class Scheme>
constexpr Index balanced_tiles(Index depth, Index width, Index elements) {
  const Index of_tile = square(Scheme::Source::out) * depth + square(Scheme::Result::in) * width;
  return std::max(elements / of_tile, square(Scheme::Weights::out) * depth * width / of_tile) + 1;
}

// m[tile][panel] = v[tile][depth] * weights of one panel and plane, or adds that, for `tiles` tiles; m has room for
// whole register tiles.
[[gnu::noinline]] inline void multiply(Index depth, Index tiles, const float* v, const float* weights, int vectors,
                                       bool add, float* m, Index m_row) {
  const Index zero = 0;
  const TileEnd<float> end{1.0f, add ? 1.0f : 0.0f, nullptr};
  for (Index t = 0; t < tiles; t += RegisterTile::rows) {
    const float* a[RegisterTile::rows];
    float* c[RegisterTile::rows];
    for (Index r = 0; r < RegisterTile::rows; ++r) {
      a[r] = v + std::min(t + r, tiles - 1) * depth;
      c[r] = m + (t + r) * m_row;
    }
    if (vectors == 2)
      tile_by_rows<float, 2>(a, &zero, 1, depth, weights, c, end);
    else
      tile_by_rows<float, 1>(a, &zero, 1, depth, weights, c, end);
  }
}

// Every thread takes small groups of tiles of its own through all three steps: a group's planes stay in the second
// cache.
template <class Scheme>
void convolve_by_groups(const TileImage& in, const TileImage& out, Index tiles, Index group, const float* x,
                        const float* u, const ConvEpilogue<float>& epilogue, float* y, bool past) {
  static constexpr auto sums = addends_of_products<Scheme>();
  const Index depth = padded(in.channels), room = round_up(group, RegisterTile::rows);
  parallel_for(chunk_count(tiles, group), 1, [&](Index begin, Index end) {
    const Index v_stride = group * depth + plane_pad, m_stride = room * panel + plane_pad;
    float* const v = scratch<float>(Scratch::conv_input, square(Scheme::Source::out) * v_stride);
    float* const m = scratch<float>(Scratch::conv_output, square(Scheme::Result::in) * m_stride);
    for (Index g = begin; g < end; ++g) {
      const Index first = g * group, count = std::min(group, tiles - first);
      for (Index t = 0; t < count; ++t)
        transform_tile<typename Scheme::Source>(in, x, first + t, v + t * depth, v_stride);
      for (Index p = 0; p < panels(out.channels); ++p) {
        const int vectors = vectors_of(out.channels, p);
        const Index u_stride = panel_plane(in.channels, vectors);
        for (std::size_t s = 0; s < sums.size(); ++s)
          for (int k = 0; k < sums[s].count; ++k) {
            const int f = sums[s].planes[static_cast<std::size_t>(k)];
            multiply(depth, count, v + source_plane<Scheme>(f) * v_stride,
                     u + p * panel_size<Scheme>(in.channels) + f * u_stride, vectors, k > 0,
                     m + static_cast<Index>(s) * m_stride, vectors * lanes);
          }
        transform_output<typename Scheme::Result>(out, first, count, m, m_stride, vectors * lanes, p * panel, vectors,
                                                  epilogue, y, past);
      }
    }
    simd::stream_end(past);
  });
}

// With few tiles or many channels all threads share large groups, so that a plane of the weights is read once for many
// tiles.
template <class Scheme>
void convolve_by_planes(const TileImage& in, const TileImage& out, Index tiles, const float* x, const float* u,
                        const ConvEpilogue<float>& epilogue, float* y, bool past) {
  static constexpr auto sums = addends_of_products<Scheme>();
  const Index depth = padded(in.channels), width = padded(out.channels);
  constexpr Index part_elements = Index{48} << 10;  // what one multiplication reads
  const Index group = round_up(
      chunk_count(tiles, chunk_count(tiles, balanced_tiles<Scheme>(depth, width, Index{1} << 20))), RegisterTile::rows);
  const Index part = round_up(std::min(group, std::max<Index>(1, part_elements / depth)), RegisterTile::rows),
              parts = chunk_count(group, part);
  const Index v_stride = group * depth + plane_pad, m_stride = group * width + plane_pad;
  float* const v = scratch<float>(Scratch::conv_shared_input, square(Scheme::Source::out) * v_stride);
  float* const m = scratch<float>(Scratch::conv_shared_output, square(Scheme::Result::in) * m_stride);
  for (Index first = 0; first < tiles; first += group) {
    const Index count = std::min(group, tiles - first);
    parallel_for(count, 4, [&](Index begin, Index end) {
      for (Index t = begin; t < end; ++t)
        transform_tile<typename Scheme::Source>(in, x, first + t, v + t * depth, v_stride);
    });
    parallel_for(static_cast<Index>(sums.size()) * parts, 1, [&](Index begin, Index end) {
      for (Index task = begin; task < end; ++task) {
        const Index s = task / parts, t = task % parts * part;
        const Addends& sum = sums[static_cast<std::size_t>(s)];
        if (t >= count) continue;
        for (Index p = 0; p < panels(out.channels); ++p) {
          const int vectors = vectors_of(out.channels, p);
          for (int k = 0; k < sum.count; ++k) {
            const int f = sum.planes[static_cast<std::size_t>(k)];
            multiply(depth, std::min(part, count - t), v + source_plane<Scheme>(f) * v_stride + t * depth,
                     u + p * panel_size<Scheme>(in.channels) + f * panel_plane(in.channels, vectors), vectors, k > 0,
                     m + s * m_stride + t * width + p * panel, width);
          }
        }
      }
    });
    parallel_for(count, 4, [&](Index begin, Index end) {
      transform_output<typename Scheme::Result>(out, first + begin, end - begin, m + begin * width, m_stride, width, 0,
                                                blocks(out.channels), epilogue, y, past);
      simd::stream_end(past);
    });
  }
}

// y = convolution of x [images, in] with transformed weights u.
template <class Scheme>
void convolve(Index images, const TileImage& in, const TileImage& out, const float* x, const float* u,
              const ConvEpilogue<float>& epilogue, float* y) {
  const Index tiles = images * in.tiles_h * in.tiles_w;
  constexpr Index cached = Index{80} << 10;  // elements of a group's planes, in the second cache
  const Index fitting =
      cached / (square(Scheme::Source::out) * padded(in.channels)) / RegisterTile::rows * RegisterTile::rows;
  const Index group = std::min<Index>(fitting, 8 * RegisterTile::rows);
  const bool past = streams_output(images, out, y);
  if (group >= 2 * RegisterTile::rows && chunk_count(tiles, group) >= 2 * num_threads())
    convolve_by_groups<Scheme>(in, out, tiles, group, x, u, epilogue, y, past);
  else
    convolve_by_planes<Scheme>(in, out, tiles, x, u, epilogue, y, past);
}

// y = convolution of x.
template <class Filter>
void forward_by(const ConvGeometry& g, const float* x, const float* w, const ConvEpilogue<float>& epilogue, float* y) {
  using Scheme = typename Filter::Forward;
  constexpr Index tile = Scheme::Result::out;
  const Index th = chunk_count(g.out_height, tile), tw = chunk_count(g.out_width, tile), channels = g.in_channels;
  float* const u = scratch<float>(Scratch::conv_weight, panels(g.out_channels) * panel_size<Scheme>(channels));
  transform_weights<Scheme>(w, g.out_channels, channels, false, u);
  convolve<Scheme>(g.batch, {g.height, g.width, channels, th, tw, tile * Filter::stride, -g.padding_h, -g.padding_w},
                   {g.out_height, g.out_width, g.out_channels, th, tw, tile, 0, 0}, x, u, epilogue, y);
}

// The forward convolution of dy with the flipped weights, input and output channels exchanged.
template <class Filter>
void backward_input_by(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  using Scheme = typename Filter::Backward;
  constexpr Index tile = Scheme::Result::out;
  const Index th = chunk_count(g.height, tile), tw = chunk_count(g.width, tile), channels = g.in_channels;
  float* const u = scratch<float>(Scratch::conv_weight, panels(channels) * panel_size<Scheme>(g.out_channels));
  transform_weights<Scheme>(w, g.out_channels, channels, true, u);
  convolve<Scheme>(g.batch,
                   {g.out_height, g.out_width, g.out_channels, th, tw, tile / Filter::stride,
                    Filter::backward_offset(g.padding_h), Filter::backward_offset(g.padding_w)},
                   {g.height, g.width, channels, th, tw, tile, 0, 0}, dy, u, {}, dx);
}

// m[channel][panel] += sum over tiles of v[tile][channel] * e[tile][output], for one plane and panel; `start` assigns.
[[gnu::noinline]] inline void multiply_gradient(Index depth, Index tiles, const float* v, Index v_row, const float* e,
                                                Index e_row, int vectors, bool start, float* m) {
  constexpr Index block = 128;  // tiles whose columns stay in the first cache while the channels pass by
  alignas(64) float unused[panel] = {};
  for (Index b = 0; b < tiles; b += block) {
    DepthWalk walk;
    walk.length = std::min(block, tiles - b), walk.a_step = v_row, walk.b_step = e_row;
    const TileEnd<float> add{1.0f, start && b == 0 ? 0.0f : 1.0f, nullptr};
    for (Index t = 0; t < depth; t += RegisterTile::rows) {
      // As in the direct kernel: the last register tile starts early and drops the rows that are done.
      const Index first = std::max<Index>(0, std::min<Index>(t, depth - RegisterTile::rows));
      float* c[RegisterTile::rows];
      for (Index r = 0; r < RegisterTile::rows; ++r)
        c[r] = first + r < t || first + r >= depth ? unused : m + (first + r) * vectors * lanes;
      if (vectors == 2)
        tile_by_terms<float, 2>(walk, v + b * v_row + first, e + b * e_row, c, add);
      else
        tile_by_terms<float, 1>(walk, v + b * v_row + first, e + b * e_row, c, add);
    }
  }
}

template <class Filter>
void backward_weight_by(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  using Scheme = typename Filter::Forward;
  constexpr Index tile = Scheme::Result::out;
  const Index th = chunk_count(g.out_height, tile), tw = chunk_count(g.out_width, tile), tiles = g.batch * th * tw;
  const Index channels = g.in_channels, outputs = g.out_channels, depth = padded(channels), width = padded(outputs);
  const TileImage in{g.height, g.width, channels, th, tw, tile * Filter::stride, -g.padding_h, -g.padding_w};
  const TileImage out{g.out_height, g.out_width, outputs, th, tw, tile, 0, 0};
  // The order of the groups is fixed, so is the sum. Columns are read down the tiles, so rows too are padded off the
  // powers of two.
  const Index group = chunk_count(tiles, chunk_count(tiles, balanced_tiles<Scheme>(depth, width, Index{1} << 18)));
  const Index v_row = depth + plane_pad, e_row = width + plane_pad;
  const Index v_stride = group * v_row + plane_pad, e_stride = group * e_row + plane_pad;
  float* const v = scratch<float>(Scratch::conv_shared_input, square(Scheme::Source::out) * v_stride);
  float* const e = scratch<float>(Scratch::conv_shared_output, square(Scheme::Result::in) * e_stride);
  float* const m = scratch<float>(Scratch::conv_partial, panels(outputs) * panel_size<Scheme>(channels));
  for (Index first = 0; first < tiles; first += group) {
    const Index count = std::min(group, tiles - first);
    parallel_for(count, 4, [&](Index begin, Index end) {
      for (Index t = begin; t < end; ++t) {
        transform_tile<typename Scheme::Source>(in, x, first + t, v + t * v_row, v_stride);
        transform_tile<typename Scheme::Gradient>(out, dy, first + t, e + t * e_row, e_stride);
      }
    });
    parallel_for(square(Scheme::Weights::out) * panels(outputs), 1, [&](Index begin, Index end) {
      for (Index task = begin; task < end; ++task) {
        const Index p = task % panels(outputs);
        const int f = static_cast<int>(task / panels(outputs)), vectors = vectors_of(outputs, p);
        multiply_gradient(depth, count, v + source_plane<Scheme>(f) * v_stride, v_row,
                          e + product_plane<Scheme>(f) * e_stride + p * panel, e_row, vectors, first == 0,
                          m + p * panel_size<Scheme>(channels) + f * panel_plane(channels, vectors));
      }
    });
  }
  restore_weights<Scheme>(m, outputs, channels, dw);
}

// Whether these kernels can compute a convolution.
constexpr bool applies(const ConvGeometry& g) {
  const bool strided = g.stride_h == 2 && g.stride_w == 2 && g.padding_h == 1 && g.padding_w == 1;
  return g.kernel_h == 3 && g.kernel_w == 3 && g.dilation_h == 1 && g.dilation_w == 1 && g.groups == 1 &&
         (strided || (g.stride_h == 1 && g.stride_w == 1));
}

// Multiplications per image, channel and output of a pass with stride 1 over a result of height x width.
template <class Filter>
constexpr Index multiplications(Index height, Index width) {
  using Result = typename Filter::Forward::Result;
  return chunk_count(height, Result::out) * chunk_count(width, Result::out) * square(Result::in);
}
// Calls run with the filter that a pass over a result of height x width takes.
template <class Run>
void with_filter(const ConvGeometry& g, Index height, Index width, const Run& run) {
  if (g.stride_h != 1)
    run(StridedFilter{});
  else if (multiplications<SmallFilter>(height, width) < multiplications<UnitFilter>(height, width))
    run(SmallFilter{});
  else
    run(UnitFilter{});
}

inline void forward(const ConvGeometry& g, const float* x, const float* w, const ConvEpilogue<float>& end, float* y) {
  with_filter(g, g.out_height, g.out_width, [&](auto filter) { forward_by<decltype(filter)>(g, x, w, end, y); });
}
inline void backward_input(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  with_filter(g, g.height, g.width, [&](auto filter) { backward_input_by<decltype(filter)>(g, dy, w, dx); });
}
inline void backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  with_filter(g, g.out_height, g.out_width, [&](auto filter) { backward_weight_by<decltype(filter)>(g, x, dy, dw); });
}

}  // namespace GLIA_NS::detail::winograd
