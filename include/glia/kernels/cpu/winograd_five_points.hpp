#pragma once
// Winograd's minimal filtering at the five points 0, 1, -1, 2 and infinity: what F(3x3, 3x3) for small images and the
// strided convolutions (winograd_strided.hpp) share, and the transforms of F(3x3, 3x3).
//
// F(3x3, 3x3) takes 25 multiplications for 3x3 outputs, F(4x4, 3x3) 36 for 4x4: fewer where a side is a little more
// than a multiple of four, such as 5 or 6 pixels.

#include <glia/kernels/cpu/winograd_transforms.hpp>

namespace GLIA_NS::detail::winograd {

// Products at the points 0, 1, -1, 2 of four neighbouring inputs, and at infinity with a fifth.
struct FivePoints {
  [[gnu::always_inline]] static void finite(const V& d0, const V& d1, const V& d2, const V& d3, V* t) {
    const V e = d3 - d1;
    t[0] = e + 2.0f * (d0 - d2);
    t[1] = e - (d1 + d2);
    t[2] = e - 3.0f * (d2 - d1);
    t[3] = e;
  }
  [[gnu::always_inline]] static void all(const V& d0, const V& d1, const V& d2, const V& d3, const V& d4, V* t) {
    finite(d0, d1, d2, d3, t);
    t[4] = (d4 - d2) - 2.0f * t[3];
  }
  // Four outputs from the products at the four finite points; infinity adds to the last.
  [[gnu::always_inline]] static void outputs(const V* m, V& y0, V& y1, V& y2, V& y3) {
    const V s = m[1] + m[2], d = m[1] - m[2];
    y0 = m[0] + s + m[3];
    y1 = d + 2.0f * m[3];
    y2 = s + 4.0f * m[3];
    y3 = d + 8.0f * m[3];
  }
};

// Five neighbours.
struct FivePointInput {
  static constexpr int in = 5, out = 5;
  [[gnu::always_inline]] static void apply(const V* d, V* t) { FivePoints::all(d[0], d[1], d[2], d[3], d[4], t); }
};

// Products to three outputs.
struct ThreeOutputs {
  static constexpr int in = 5, out = 3;
  [[gnu::always_inline]] static void apply(const V* m, V* y) {
    const V s = m[1] + m[2], d = m[1] - m[2];
    y[0] = m[0] + s + m[3];
    y[1] = d + 2.0f * m[3];
    y[2] = s + 4.0f * m[3] + m[4];
  }
};

// Gradients of three outputs to gradients of products.
struct ThreeGradients {
  static constexpr int in = 3, out = 5;
  [[gnu::always_inline]] static void apply(const V* e, V* t) {
    const V even = e[0] + e[2];
    t[0] = e[0];
    t[1] = even + e[1];
    t[2] = even - e[1];
    t[3] = e[0] + 2.0f * e[1] + 4.0f * e[2];
    t[4] = e[2];
  }
};

// Three taps to products.
struct FivePointWeights {
  static constexpr int in = 3, out = 5;
  [[gnu::always_inline]] static void apply(const V* g, V* u) {
    const V even = g[0] + g[2];
    u[0] = 0.5f * g[0];
    u[1] = -0.5f * (even + g[1]);
    u[2] = (-1.0f / 6) * (even - g[1]);
    u[3] = (1.0f / 6) * g[0] + (1.0f / 3) * g[1] + (2.0f / 3) * g[2];
    u[4] = g[2];
  }
};

// Gradients of products to gradients of three taps.
struct FivePointWeightGradient {
  static constexpr int in = 5, out = 3;
  [[gnu::always_inline]] static void apply(const V* u, V* g) {
    const V a = 0.5f * u[1], b = (1.0f / 6) * u[2], c = (1.0f / 3) * u[3];
    g[0] = 0.5f * u[0] - a - b + 0.5f * c;
    g[1] = b - a + c;
    g[2] = 2.0f * c - a - b + u[4];
  }
};

struct SmallScheme {
  using Source = FivePointInput;
  using Weights = FivePointWeights;
  using Result = ThreeOutputs;
  using Gradient = ThreeGradients;
  using WeightGradient = FivePointWeightGradient;
  static constexpr int source_of(int i) { return i; }
  static constexpr int product_of(int i) { return i; }
};

// 3x3 convolutions with stride 1 of small images.
struct SmallFilter {
  using Forward = SmallScheme;
  using Backward = SmallScheme;
  static constexpr Index stride = 1;
  static constexpr Index backward_offset(Index padding) { return padding - 2; }
};

}  // namespace GLIA_NS::detail::winograd
