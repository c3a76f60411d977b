#pragma once
// Two-dimensional convolutions on the CPU, channels-last: entry points and the choice of algorithm.

#include <glia/core/conv_geometry.hpp>
#include <glia/device/cpu.hpp>
#include <glia/kernels/cpu/conv_bfloat16.hpp>
#include <glia/kernels/cpu/conv_depthwise.hpp>
#include <glia/kernels/cpu/conv_direct.hpp>
#include <glia/kernels/cpu/conv_winograd.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <limits>
#include <type_traits>

namespace GLIA_NS {

// Ways to compute a convolution; direct works for all geometries, bfloat16 rounds its operands (AllowBfloat16).
enum class ConvAlgorithm { automatic, direct, depthwise, winograd, bfloat16 };

// The algorithm that all later convolutions use where it applies; automatic (the default) chooses by shape.
// For tests and benchmarks.
inline std::atomic<ConvAlgorithm>& conv_algorithm_override() {
  static std::atomic<ConvAlgorithm> algorithm{ConvAlgorithm::automatic};
  return algorithm;
}

// True if `algorithm` can compute this geometry for scalars of type T.
template <class T>
constexpr bool conv_algorithm_applies(ConvAlgorithm algorithm, const ConvGeometry& g) {
  switch (algorithm) {
    case ConvAlgorithm::depthwise: return g.groups == g.in_channels && g.groups == g.out_channels;
    case ConvAlgorithm::winograd:
      return std::is_same_v<T, float> && detail::winograd::applies(g);
    case ConvAlgorithm::bfloat16: return std::is_same_v<T, float> && g.groups == 1;
    default: return true;
  }
}

// The algorithm used for a geometry, forward and to the input, or for the gradient of the weights.
template <class T>
ConvAlgorithm conv_algorithm(const ConvGeometry& g, bool to_weights = false) {
  const ConvAlgorithm wanted = conv_algorithm_override();
  if (wanted != ConvAlgorithm::automatic && conv_algorithm_applies<T>(wanted, g)) return wanted;
  if (conv_algorithm_applies<T>(ConvAlgorithm::bfloat16, g) &&
      detail::bf16::worthwhile(g, conv_algorithm_applies<T>(ConvAlgorithm::winograd, g) && g.stride_h == 1, to_weights))
    return ConvAlgorithm::bfloat16;
  if (conv_algorithm_applies<T>(ConvAlgorithm::depthwise, g)) return ConvAlgorithm::depthwise;
  const Index least = g.stride_h == 1 ? 16 : 32;  // channels from which on fewer multiplications pay for the transforms
  if (conv_algorithm_applies<T>(ConvAlgorithm::winograd, g) && g.in_channels >= least && g.out_channels >= least)
    return ConvAlgorithm::winograd;
  return ConvAlgorithm::direct;
}

// Name of that algorithm: "direct", "depthwise", "winograd" or "bfloat16".
template <class T = float>
const char* conv_algorithm_name(const ConvGeometry& g, bool to_weights = false) {
  switch (conv_algorithm<T>(g, to_weights)) {
    case ConvAlgorithm::depthwise: return "depthwise";
    case ConvAlgorithm::winograd: return "winograd";
    case ConvAlgorithm::bfloat16: return "bfloat16";
    default: return "direct";
  }
}

namespace detail {
// y = act(y + residual), for algorithms that leave this to a pass of its own.
template <class T>
void conv_finish(Index count, const ConvEpilogue<T>& end, T* y) {
  if (end.residual == nullptr && !end.relu) return;
  const T lowest = end.relu ? T(0) : -std::numeric_limits<T>::infinity();
  const T* const add = end.residual;
  parallel_for(count, Index{1} << 15, [=](Index begin, Index stop) {
    if (add != nullptr) {
      GLIA_OMP(simd)
      for (Index i = begin; i < stop; ++i) y[i] += add[i];
    }
    GLIA_OMP(simd)
    for (Index i = begin; i < stop; ++i) y[i] = y[i] < lowest ? lowest : y[i];
  });
}
}  // namespace detail

// y [N, OH, OW, O] = convolution of x [N, H, W, C] with w [O, KH, KW, C / groups], plus bias [O] unless it is null.
template <class T>
void conv2d_forward(Cpu, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  if (g.out_pixels() == 0 || g.out_channels == 0) return;
  switch (conv_algorithm<T>(g)) {
    case ConvAlgorithm::depthwise: return detail::conv_forward_depthwise(g, x, w, bias, y);
    case ConvAlgorithm::winograd:
      if constexpr (std::is_same_v<T, float>)
        return detail::winograd::forward(g, x, w, ConvEpilogue<T>{.bias = bias}, y);
      break;
    case ConvAlgorithm::bfloat16:
      if constexpr (std::is_same_v<T, float>) return detail::bf16::conv_forward(g, x, w, bias, y);
      break;
    default: break;
  }
  detail::conv_forward_direct(g, x, w, bias, y);
}

// The same with everything that `end` names. y is not its residual.
template <std::floating_point T>
void conv2d_forward(Cpu device, const ConvGeometry& g, const T* x, const T* w, const ConvEpilogue<T>& end, T* y) {
  if constexpr (std::is_same_v<T, float>)
    if (conv_algorithm<T>(g) == ConvAlgorithm::winograd && g.out_pixels() * g.out_channels > 0)
      return detail::winograd::forward(g, x, w, end, y);
  conv2d_forward(device, g, x, w, end.bias, y);
  detail::conv_finish(g.out_pixels() * g.out_channels, end, y);
}

// dx [N, H, W, C]: gradient of a convolution's input from the gradient dy [N, OH, OW, O] of its output.
template <class T>
void conv2d_backward_input(Cpu, const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  if (g.in_pixels() == 0 || g.in_channels == 0) return;
  if (g.out_pixels() == 0 || g.out_channels == 0) {
    std::fill_n(dx, g.in_pixels() * g.in_channels, T{0});
    return;
  }
  switch (conv_algorithm<T>(g)) {
    case ConvAlgorithm::depthwise: return detail::conv_backward_input_depthwise(g, dy, w, dx);
    case ConvAlgorithm::winograd:
      if constexpr (std::is_same_v<T, float>) return detail::winograd::backward_input(g, dy, w, dx);
      break;
    case ConvAlgorithm::bfloat16:
      if constexpr (std::is_same_v<T, float>)  // strides would multiply with zeros
        if (g.stride_h == 1 && g.stride_w == 1) return detail::bf16::conv_backward_input(g, dy, w, dx);
      break;
    default: break;
  }
  detail::conv_backward_input_direct(g, dy, w, dx);
}

// dw [O, KH, KW, C / groups]: gradient of a convolution's weights. Bitwise the same at any thread count.
template <class T>
void conv2d_backward_weight(Cpu, const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  if (g.out_channels == 0 || g.in_channels == 0) return;
  if (g.out_pixels() == 0) {
    std::fill_n(dw, g.out_channels * g.kernel_h * g.kernel_w * (g.in_channels / g.groups), T{0});
    return;
  }
  switch (conv_algorithm<T>(g, true)) {
    case ConvAlgorithm::depthwise: return detail::conv_backward_weight_depthwise(g, x, dy, dw);
    case ConvAlgorithm::winograd:
      if constexpr (std::is_same_v<T, float>) return detail::winograd::backward_weight(g, x, dy, dw);
      break;
    case ConvAlgorithm::bfloat16:
      if constexpr (std::is_same_v<T, float>) return detail::bf16::conv_backward_weight(g, x, dy, dw);
      break;
    default: break;
  }
  detail::conv_backward_weight_direct(g, x, dy, dw);
}

}  // namespace GLIA_NS
