#pragma once
// Names, in a .cu file, the kernels that .cpp files of the program call with functors of their own: glia::cuda_compiled holds
// those of the library's. At global scope, with the functor's full name last (it may have commas):
//
//   GLIA_CUDA_MAP_1(float, my::Softsign);         // map(my::Softsign{}, x), backward, and backward of the backward
//   GLIA_CUDA_NEURON(float, my::Neuron);          // simulate, step and Layer of a neuron functor
//
// What is missing does not link: "undefined reference to `glia::...::map_elements<my::Softsign, float, float>(...)'".

#include <glia/kernels/cuda/elementwise.cuh>
#include <glia/kernels/cuda/optim.cuh>
#include <glia/kernels/cuda/spiking.cuh>
#include <glia/ops/map.hpp>

// A functor of one, two or three operands of type A, B, C whose result is an R, without derivatives.
#define GLIA_CUDA_VALUE_1(R, A, ...) \
  template void glia::map_elements(glia::Cuda, const __VA_ARGS__&, glia::Index, R*, const glia::View<const A>&)
#define GLIA_CUDA_VALUE_2(R, A, B, ...)                                                                                 \
  template void glia::map_elements(glia::Cuda, const __VA_ARGS__&, glia::Index, R*, const glia::View<const A>&,         \
                                   const glia::View<const B>&)
#define GLIA_CUDA_VALUE_3(R, A, B, C, ...)                                                                              \
  template void glia::map_elements(glia::Cuda, const __VA_ARGS__&, glia::Index, R*, const glia::View<const A>&,         \
                                   const glia::View<const B>&, const glia::View<const C>&)
#define GLIA_CUDA_VALUE_4(R, A, B, C, D, ...)                                                                           \
  template void glia::map_elements(glia::Cuda, const __VA_ARGS__&, glia::Index, R*, const glia::View<const A>&,         \
                                   const glia::View<const B>&, const glia::View<const C>&, const glia::View<const D>&)

// The derivative by operand I of a functor of 1, 2 or 3 operands: alone, and times the incoming gradient.
#define GLIA_CUDA_PARTIAL_1(T, I, ...)                                     \
  GLIA_CUDA_VALUE_1(T, T, glia::Partial<__VA_ARGS__, I>);                  \
  GLIA_CUDA_VALUE_2(T, T, T, glia::detail::TimesPartial<__VA_ARGS__, I>)
#define GLIA_CUDA_PARTIAL_2(T, I, ...)                                     \
  GLIA_CUDA_VALUE_2(T, T, T, glia::Partial<__VA_ARGS__, I>);               \
  GLIA_CUDA_VALUE_3(T, T, T, T, glia::detail::TimesPartial<__VA_ARGS__, I>)
#define GLIA_CUDA_PARTIAL_3(T, I, ...)                                     \
  GLIA_CUDA_VALUE_3(T, T, T, T, glia::Partial<__VA_ARGS__, I>);            \
  GLIA_CUDA_VALUE_4(T, T, T, T, T, glia::detail::TimesPartial<__VA_ARGS__, I>)
#define GLIA_CUDA_PARTIALS_2(T, ...)       \
  GLIA_CUDA_PARTIAL_2(T, 0, __VA_ARGS__);  \
  GLIA_CUDA_PARTIAL_2(T, 1, __VA_ARGS__)
#define GLIA_CUDA_PARTIALS_3(T, ...)       \
  GLIA_CUDA_PARTIAL_3(T, 0, __VA_ARGS__);  \
  GLIA_CUDA_PARTIAL_3(T, 1, __VA_ARGS__);  \
  GLIA_CUDA_PARTIAL_3(T, 2, __VA_ARGS__)

// A differentiable functor of one, two or three operands of the floating type T, with the derivatives of both orders.
#define GLIA_CUDA_MAP_1(T, ...)                          \
  GLIA_CUDA_VALUE_1(T, T, __VA_ARGS__);                  \
  GLIA_CUDA_PARTIAL_1(T, 0, __VA_ARGS__);                \
  GLIA_CUDA_PARTIAL_1(T, 0, glia::Partial<__VA_ARGS__, 0>)
#define GLIA_CUDA_MAP_2(T, ...)                               \
  GLIA_CUDA_VALUE_2(T, T, T, __VA_ARGS__);                    \
  GLIA_CUDA_PARTIALS_2(T, __VA_ARGS__);                       \
  GLIA_CUDA_PARTIALS_2(T, glia::Partial<__VA_ARGS__, 0>);     \
  GLIA_CUDA_PARTIALS_2(T, glia::Partial<__VA_ARGS__, 1>)
#define GLIA_CUDA_MAP_3(T, ...)                               \
  GLIA_CUDA_VALUE_3(T, T, T, T, __VA_ARGS__);                 \
  GLIA_CUDA_PARTIALS_3(T, __VA_ARGS__);                       \
  GLIA_CUDA_PARTIALS_3(T, glia::Partial<__VA_ARGS__, 0>);     \
  GLIA_CUDA_PARTIALS_3(T, glia::Partial<__VA_ARGS__, 1>);     \
  GLIA_CUDA_PARTIALS_3(T, glia::Partial<__VA_ARGS__, 2>)

// A neuron functor (spiking/neurons.hpp), forward and backward.
#define GLIA_CUDA_NEURON(T, ...)                                                                                      \
  template void glia::neuron_forward(glia::Cuda, const __VA_ARGS__&, glia::Index, glia::Index, const T*, glia::Index, \
                                     const T*, const T* const*, T*, T* const*);                                       \
  template void glia::neuron_backward(glia::Cuda, const __VA_ARGS__&, glia::Index, glia::Index, const T*, glia::Index, \
                                      const T*, const T* const*, const T*, glia::Index, const T* const*, T*, T*,      \
                                      T* const*)

// An update rule (optim/rules.hpp) of an optimizer.
#define GLIA_CUDA_RULE(T, ...)                                                               \
  template void glia::update_elements(glia::Cuda, std::span<const glia::UpdateSlot<T>>, std::span<const __VA_ARGS__>)
