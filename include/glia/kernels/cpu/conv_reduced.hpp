#pragma once
// Convolutions of bfloat16 and half tensors on the CPU: widened to float, computed there and rounded once. Products of
// bfloat16 operands lose nothing in the units that multiply bfloat16, so those may always be chosen.

#include <glia/kernels/cpu/conv.hpp>
#include <glia/kernels/cpu/element.hpp>
#include <glia/kernels/cpu/scratch.hpp>

#include <vector>

namespace GLIA_NS {

namespace detail {

template <ReducedFloating T>
const float* widened(Scratch use, const T* from, Index count) {
  float* const out = scratch<float>(use, count);
  parallel_for(count, Index{1} << 15, [=](Index begin, Index end) {
    GLIA_OMP(simd)
    for (Index i = begin; i < end; ++i) out[i] = cpu::load_element(from, i);
  });
  return out;
}

// What `compute` writes into `count` floats, rounded into `out`.
template <ReducedFloating T, class F>
void rounded(T* out, Index count, const F& compute) {
  float* const result = scratch<float>(Scratch::widened_result, count);
  {
    const Bfloat16Scope exact(std::is_same_v<T, bfloat16>);
    compute(result);
  }
  parallel_for(count, Index{1} << 15, [=](Index begin, Index end) {
    GLIA_OMP(simd)
    for (Index i = begin; i < end; ++i) cpu::store_element(out, i, result[i]);
  });
}

inline Index conv_weights(const ConvGeometry& g) {
  return g.out_channels * g.kernel_h * g.kernel_w * (g.in_channels / g.groups);
}

}  // namespace detail

// As the maps of kernels/cpu/conv.hpp, with sums in float.
template <ReducedFloating T>
void conv2d_forward(Cpu, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  const float* const in = detail::widened(Scratch::widened_left, x, g.in_pixels() * g.in_channels);
  const float* const weight = detail::widened(Scratch::widened_right, w, detail::conv_weights(g));
  std::vector<float> offset;
  if (bias != nullptr) offset.assign(bias, bias + g.out_channels);
  detail::rounded(y, g.out_pixels() * g.out_channels, [&](float* out) {
    conv2d_forward(Cpu{}, g, in, weight, bias == nullptr ? static_cast<const float*>(nullptr) : offset.data(), out);
  });
}

template <ReducedFloating T>
void conv2d_backward_input(Cpu, const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const float* const gradient = detail::widened(Scratch::widened_left, dy, g.out_pixels() * g.out_channels);
  const float* const weight = detail::widened(Scratch::widened_right, w, detail::conv_weights(g));
  detail::rounded(dx, g.in_pixels() * g.in_channels,
                  [&](float* out) { conv2d_backward_input(Cpu{}, g, gradient, weight, out); });
}

template <ReducedFloating T>
void conv2d_backward_weight(Cpu, const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const float* const in = detail::widened(Scratch::widened_left, x, g.in_pixels() * g.in_channels);
  const float* const gradient = detail::widened(Scratch::widened_right, dy, g.out_pixels() * g.out_channels);
  detail::rounded(dw, detail::conv_weights(g),
                  [&](float* out) { conv2d_backward_weight(Cpu{}, g, in, gradient, out); });
}

}  // namespace GLIA_NS
