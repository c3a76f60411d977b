#pragma once
// Winograd's minimal filtering after Lavin and Gray (2016): Y = A'[(G g G') * (B' d B)]A, a vector of channels at a
// time. Here are the transforms of F(4x4, 3x3), with the points 0, 1, -1, 2, -2 and infinity, and what transforms are
// applied by.

#include <glia/core/config.hpp>
#include <glia/kernels/cpu/vec.hpp>

#include <algorithm>

namespace GLIA_NS::detail::winograd {

using V = simd::Vec<float>;

inline constexpr int lanes = simd::lanes<float>;

// B' d: inputs to products.
struct InputTransform {
  static constexpr int in = 6, out = 6;
  [[gnu::always_inline]] static void apply(const V* d, V* t) {
    const V a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1], c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
    t[0] = 4.0f * (d[0] - d[2]) + c;
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
  }
};

// A' m: products to outputs.
struct OutputTransform {
  static constexpr int in = 6, out = 4;
  [[gnu::always_inline]] static void apply(const V* m, V* y) {
    const V s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    y[0] = m[0] + s1 + s2;
    y[1] = d1 + 2.0f * d2;
    y[2] = s1 + 4.0f * s2;
    y[3] = d1 + 8.0f * d2 + m[5];
  }
  static constexpr int pairs[2][2] = {{0, 2}, {1, 3}};
  template <int P>
  [[gnu::always_inline]] static void pair(const V* m, V& first, V& second) {
    const V a = P == 0 ? m[1] + m[2] : m[1] - m[2], b = P == 0 ? m[3] + m[4] : m[3] - m[4];
    first = P == 0 ? m[0] + a + b : a + 2.0f * b;
    second = P == 0 ? a + 4.0f * b : a + 8.0f * b + m[5];
  }
};

// A e: gradients of outputs to gradients of products.
struct GradientTransform {
  static constexpr int in = 4, out = 6;
  [[gnu::always_inline]] static void apply(const V* e, V* t) {
    const V even = e[0] + e[2], odd = e[1] + e[3], even2 = e[0] + 4.0f * e[2], odd2 = 2.0f * e[1] + 8.0f * e[3];
    t[0] = e[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = even2 + odd2;
    t[4] = even2 - odd2;
    t[5] = e[3];
  }
};

// G g: weights to products.
struct WeightTransform {
  static constexpr int in = 3, out = 6;
  [[gnu::always_inline]] static void apply(const V* g, V* u) {
    const V s = (-1.0f / 6) * (g[0] + g[2]), m = (1.0f / 6) * g[1], t = (1.0f / 24) * g[0] + (1.0f / 6) * g[2],
            h = (1.0f / 12) * g[1];
    u[0] = 0.25f * g[0];
    u[1] = s - m;
    u[2] = s + m;
    u[3] = t + h;
    u[4] = t - h;
    u[5] = g[2];
  }
};

// G' u: gradients of products to gradients of weights.
struct WeightGradientTransform {
  static constexpr int in = 6, out = 3;
  [[gnu::always_inline]] static void apply(const V* u, V* g) {
    const V s1 = u[1] + u[2], d1 = u[2] - u[1], s2 = u[3] + u[4], d2 = u[3] - u[4];
    g[0] = 0.25f * u[0] - (1.0f / 6) * s1 + (1.0f / 24) * s2;
    g[1] = (1.0f / 6) * d1 + (1.0f / 12) * d2;
    g[2] = (1.0f / 6) * (s2 - s1) + u[5];
  }
};

// A scheme: which transforms a pass takes, and along one axis the planes of source and products that plane i of the
// weights joins.
struct UnitScheme {
  using Source = InputTransform;
  using Weights = WeightTransform;
  using Result = OutputTransform;
  using Gradient = GradientTransform;
  using WeightGradient = WeightGradientTransform;
  static constexpr int source_of(int i) { return i; }
  static constexpr int product_of(int i) { return i; }
};

// The schemes of a kind of convolution, forward (and to the weights) and to the input, and where the first window of
// the output's gradient starts.
struct UnitFilter {
  using Forward = UnitScheme;
  using Backward = UnitScheme;
  static constexpr Index stride = 1;
  static constexpr Index backward_offset(Index padding) { return padding - 2; }
};

// Applies a transform along both axes: load(row, column) gives the input, store(row, column, value) takes the output.
// Transforms with pairs are done two rows at a time, reading the input again for each: those rows stay in registers.
template <class Transform, class Load, class Store>
[[gnu::always_inline]] inline void transform_2d(const Load& load, const Store& store) {
  constexpr int N = Transform::in, M = Transform::out;
  if constexpr (requires { Transform::pairs; }) {
    simd::unroll<M / 2>([&](auto p) GLIA_INLINE_LAMBDA {
      V partial[2][N];
      simd::unroll<N>([&](auto j) GLIA_INLINE_LAMBDA {
        V column[N];
        simd::unroll<N>([&](auto i) GLIA_INLINE_LAMBDA { column[i] = load(static_cast<int>(i), static_cast<int>(j)); });
        Transform::template pair<p>(column, partial[0][j], partial[1][j]);
      });
      simd::unroll<2>([&](auto q) GLIA_INLINE_LAMBDA {
        V result[M];
        Transform::apply(partial[q], result);
        simd::unroll<M>([&](auto j)
                            GLIA_INLINE_LAMBDA { store(Transform::pairs[p][q], static_cast<int>(j), result[j]); });
      });
    });
  } else {
    V partial[M][N];
    for (int j = 0; j < N; ++j) {
      V column[N], result[M];
      simd::unroll<N>([&](auto i) GLIA_INLINE_LAMBDA { column[i] = load(static_cast<int>(i), j); });
      Transform::apply(column, result);
      simd::unroll<M>([&](auto i) GLIA_INLINE_LAMBDA { partial[i][j] = result[i]; });
    }
    for (int i = 0; i < M; ++i) {
      V result[M];
      Transform::apply(partial[i], result);
      simd::unroll<M>([&](auto j) GLIA_INLINE_LAMBDA { store(i, static_cast<int>(j), result[j]); });
    }
  }
}

// Channels-last images seen as tiles: along each axis, tile t covers a window that starts at t * step + offset.
struct TileImage {
  Index height, width, channels;
  Index tiles_h, tiles_w;
  Index step;
  Index offset_h, offset_w;
};

// Where tile t starts: image number and first row and column (which may lie outside the image).
struct TilePosition {
  Index image, row, column;
  TilePosition(const TileImage& g, Index t)
      : image(t / (g.tiles_h * g.tiles_w)),
        row((t / g.tiles_w - image * g.tiles_h) * g.step + g.offset_h),
        column(t % g.tiles_w * g.step + g.offset_w) {}
};

// Transforms the window of one tile, all channels, into planes: out + plane * plane_stride + channel, channels padded
// with zeros to whole vectors. What lies outside the image counts as zero.
template <class Transform>
[[gnu::noinline]] inline void transform_tile(const TileImage& g, const float* images, Index t, float* out,
                                             Index plane_stride) {
  constexpr Index N = Transform::in;
  const TilePosition at(g, t);
  const Index top = std::clamp<Index>(-at.row, 0, N), bottom = std::clamp<Index>(g.height - at.row, top, N);
  const Index left = std::clamp<Index>(-at.column, 0, N), right = std::clamp<Index>(g.width - at.column, left, N);
  const bool inside = bottom - top == N && right - left == N;
  const float* const source = images + ((at.image * g.height + at.row) * g.width + at.column) * g.channels;
  alignas(64) float window[N * N * lanes];  // for tiles at the edge; what lies outside stays zero for all channels
  if (!inside || g.channels % lanes != 0) std::fill_n(window, N * N * lanes, 0.0f);
  for (Index c = 0; c < g.channels; c += lanes) {
    const Index count = std::min<Index>(lanes, g.channels - c);
    const float* p = source + c;
    Index row = g.width * g.channels, column = g.channels;
    if (!inside || count < lanes) {
      for (Index i = top; i < bottom; ++i) {
        const float* from = p + i * row + left * column;
        float* to = window + (i * N + left) * lanes;
        for (Index j = left; j < right; ++j, from += column, to += lanes)
          simd::store(to, count < lanes ? simd::load_partial(from, count) : simd::load(from));
      }
      p = window, row = N * lanes, column = lanes;
    }
    float* const target = out + c;
    transform_2d<Transform>([&](int i, int j) GLIA_INLINE_LAMBDA { return simd::load(p + i * row + j * column); },
                            [&](int i, int j, const V& value) GLIA_INLINE_LAMBDA {
                              simd::store(target + (i * Transform::out + j) * plane_stride, value);
                            });
  }
}

}  // namespace GLIA_NS::detail::winograd
