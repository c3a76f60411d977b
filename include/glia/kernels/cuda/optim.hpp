#pragma once
// Launchers of the optimizers' kernels on CUDA; defined in optim.cuh. Slots and rules are host memory, what they point to is
// device memory.

#include <glia/core/update_slot.hpp>
#include <glia/device/cuda.hpp>

#include <span>

namespace GLIA_NS {

// Runs rules[s](parameter[i], gradient[i], buffer_0[i], ...) on every element of every slot s, many slots per launch.
template <class T, class Rule>
void update_elements(Cuda, std::span<const UpdateSlot<T>> slots, std::span<const Rule> rules);

// totals[s] = sum of squares of the `count` elements at slots[s].gradient, in double and in a fixed order. `totals` is host
// memory: the call waits for the device.
template <class T>
void sum_of_squares(Cuda, std::span<const UpdateSlot<T>> slots, double* totals);

// Brings the norm of each row of the gradient [rows, n] down to at most clip * max(norm of the parameter's row, epsilon).
template <class T>
void clip_rows(Cuda, const T* parameter, T* gradient, Index rows, Index n, double clip, double epsilon);

}  // namespace GLIA_NS
