#pragma once
// Launchers of the spiking-neuron kernels on CUDA; defined in spiking.cuh. All pointers but the lists of pointers are device
// memory; N is a neuron functor of spiking/neurons.hpp.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// Runs `count` independent neurons over `steps` time steps. x and out are [steps, count]; row t of x starts at t * x_step
// (0: one input for all steps). `start` and `last` are null or N::states pointers to [count] (each may be null): the states
// before the first and after the last step.
template <class N, class T>
void neuron_forward(Cuda, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                    const T* const* start, T* out, T* const* last);

// Backward of neuron_forward: the states are computed again from x, then the derivatives of the functor are followed back
// through time. dy is [steps, count], row t at t * dy_step. dlast, dstart: null or N::states pointers (each may be null);
// dx ([steps, count]) and dparameters may be null. Parameter gradients are summed in a fixed order.
template <class N, class T>
void neuron_backward(Cuda, const N& neuron, Index steps, Index count, const T* x, Index x_step, const T* parameters,
                     const T* const* start, const T* dy, Index dy_step, const T* const* dlast, T* dx, T* dparameters,
                     T* const* dstart);

}  // namespace GLIA_NS
