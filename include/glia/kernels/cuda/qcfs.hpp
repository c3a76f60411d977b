#pragma once
// Launchers of the bounded multi-level activation on CUDA, as those of kernels/cpu/qcfs.hpp; defined in qcfs.cuh.

#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// out = theta * clip(floor(z * levels / theta + 1/2) / levels, 0, 1); theta points to one number on the device.
template <class T>
void qcfs_forward(Cuda, Index count, const T* z, const T* theta, double levels, T* out);

// dz (straight through between the first and the last step) and dtheta (one number); both may be null. Sums in fixed
// parts.
template <class T>
void qcfs_backward(Cuda, Index count, const T* z, const T* theta, double levels, const T* dy, T* dz, T* dtheta);

}  // namespace GLIA_NS
