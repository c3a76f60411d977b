#pragma once
// Winograd's minimal filtering for 3x3 convolutions with stride 2 and padding 1. Along one axis such a convolution is
//   y[o] = g0 b[o] + g2 b[o + 1] + g1 a[o]    with the odd pixels b[o] = x[2 o - 1] and the even ones a[o] = x[2 o]:
// two taps on one half of the pixels and one on the other. Four outputs of two taps, F(4, 2), take five products, at
// the points 0, 1, -1, 2 and infinity; one tap takes the first four of the same points (a constant vanishes at
// infinity), so that its products add up with the others before they are transformed back. In two dimensions that makes
// 81 multiplications for 4x4 outputs instead of 144.
//
// Planes 0 to 4 of source and weights belong to b, 5 to 8 to a; products have the five planes of the points.

#include <glia/kernels/cpu/winograd_five_points.hpp>

namespace GLIA_NS::detail::winograd {

// Nine pixels from the first odd one on: the products of b, then those of a.
struct StridedInputTransform {
  static constexpr int in = 9, out = 9;
  [[gnu::always_inline]] static void apply(const V* d, V* t) {
    FivePoints::all(d[0], d[2], d[4], d[6], d[8], t);
    FivePoints::finite(d[1], d[3], d[5], d[7], t + 5);
  }
};

struct StridedOutputTransform {
  static constexpr int in = 5, out = 4;
  [[gnu::always_inline]] static void apply(const V* m, V* y) {
    FivePoints::outputs(m, y[0], y[1], y[2], y[3]);
    y[3] += m[4];
  }
};

// Products to eight neighbouring pixels of the input's gradient, a and b by turns.
struct StridedGradientOutput {
  static constexpr int in = 9, out = 8;
  [[gnu::always_inline]] static void apply(const V* m, V* y) {
    FivePoints::outputs(m, y[1], y[3], y[5], y[7]);
    y[7] += m[4];
    FivePoints::outputs(m + 5, y[0], y[2], y[4], y[6]);
  }
};

// Gradients of outputs to gradients of products.
struct StridedGradientTransform {
  static constexpr int in = 4, out = 5;
  [[gnu::always_inline]] static void apply(const V* e, V* t) {
    const V even = e[0] + e[2], odd = e[1] + e[3];
    t[0] = e[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = (e[0] + 4.0f * e[2]) + (2.0f * e[1] + 8.0f * e[3]);
    t[4] = e[3];
  }
};

struct StridedWeightTransform {
  static constexpr int in = 3, out = 9;
  [[gnu::always_inline]] static void apply(const V* g, V* u) {
    u[0] = 0.5f * g[0];
    u[1] = -0.5f * (g[0] + g[2]);
    u[2] = (1.0f / 6) * (g[2] - g[0]);
    u[3] = (1.0f / 6) * g[0] + (1.0f / 3) * g[2];
    u[4] = g[2];
    u[5] = 0.5f * g[1];
    u[6] = -0.5f * g[1];
    u[7] = (-1.0f / 6) * g[1];
    u[8] = (1.0f / 6) * g[1];
  }
};

// Gradients of products to gradients of weights.
struct StridedWeightGradientTransform {
  static constexpr int in = 9, out = 3;
  [[gnu::always_inline]] static void apply(const V* u, V* g) {
    g[0] = 0.5f * (u[0] - u[1]) + (1.0f / 6) * (u[3] - u[2]);
    g[1] = 0.5f * (u[5] - u[6]) + (1.0f / 6) * (u[8] - u[7]);
    g[2] = (1.0f / 6) * u[2] - 0.5f * u[1] + (1.0f / 3) * u[3] + u[4];
  }
};

// Point of plane i of the weights.
constexpr int strided_point(int i) { return i < 5 ? i : i - 5; }

struct StridedScheme {
  using Source = StridedInputTransform;
  using Weights = StridedWeightTransform;
  using Result = StridedOutputTransform;
  using Gradient = StridedGradientTransform;
  using WeightGradient = StridedWeightGradientTransform;
  static constexpr int source_of(int i) { return i; }
  static constexpr int product_of(int i) { return strided_point(i); }
};

// With the filter turned, b[o] of the input's gradient has two taps on the output's gradient from o on, a[o] the first
// tap's place: the source is shared, the products are apart.
struct StridedBackwardScheme {
  using Source = FivePointInput;
  using Weights = StridedWeightTransform;
  using Result = StridedGradientOutput;
  static constexpr int source_of(int i) { return strided_point(i); }
  static constexpr int product_of(int i) { return i; }
};

struct StridedFilter {
  using Forward = StridedScheme;
  using Backward = StridedBackwardScheme;
  static constexpr Index stride = 2;
  static constexpr Index backward_offset(Index) { return 0; }
};

}  // namespace GLIA_NS::detail::winograd
