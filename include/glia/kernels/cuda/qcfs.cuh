#pragma once
// The bounded multi-level activation on CUDA.

#include <glia/core/math.hpp>
#include <glia/kernels/cuda/qcfs.hpp>
#include <glia/kernels/cuda/rows.cuh>

namespace GLIA_NS {

namespace cuda {

template <class T>
struct QcfsForward {
  using C = compute_t<T>;
  const T *z, *theta;
  C steps;
  T* out;
  GLIA_HD void operator()(Index i) const {
    const C top = static_cast<C>(*theta);
    const C u = math::floor(static_cast<C>(z[i]) * steps / top + C(0.5));
    out[i] = static_cast<T>(top * (math::clamp(u, C(0), steps) / steps));
  }
};

// Row r is a part of `part` elements; its share of dtheta goes to partial[r].
template <class T>
struct QcfsBackward {
  using C = compute_t<T>;
  const T *z, *theta, *dy;
  C steps;
  Index count, part;
  T* dz;  // may be null
  double* partial;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const C top = static_cast<C>(*theta), margin = top / (C(2) * steps), upper = top - margin;
    const Index begin = r * part, end = begin + part < count ? begin + part : count;
    double sum = 0;
    for (Index i = begin + lanes.lane(); i < end; i += lanes.count()) {
      const C x = static_cast<C>(z[i]), g = static_cast<C>(dy[i]);
      const C u = math::clamp(math::floor(x * steps / top + C(0.5)), C(0), steps) / steps;
      const C above = x >= upper ? g : C(0), straight = x > -margin && x < upper ? g : C(0);
      sum += static_cast<double>(straight * (u - x / top) + above);
      if (dz != nullptr) dz[i] = static_cast<T>(straight);
    }
    sum = lanes.fold(sum, Add{});
    if (lanes.lane() == 0) partial[r] = sum;
  }
};

template <class T>
struct AddParts {
  const double* partial;
  Index parts;
  T* total;
  template <class Lanes>
  GLIA_HD void operator()(Index, const Lanes& lanes) const {
    double sum = 0;
    for (Index k = lanes.lane(); k < parts; k += lanes.count()) sum += partial[k];
    sum = lanes.fold(sum, Add{});
    if (lanes.lane() == 0) *total = static_cast<T>(sum);
  }
};

}  // namespace cuda

template <class T>
void qcfs_forward(Cuda, Index count, const T* z, const T* theta, double levels, T* out) {
  using C = cuda::compute_t<T>;
  cuda::launch_each("qcfs", count, cuda::QcfsForward<T>{z, theta, static_cast<C>(levels), out});
}

template <class T>
void qcfs_backward(Cuda, Index count, const T* z, const T* theta, double levels, const T* dy, T* dz, T* dtheta) {
  using C = cuda::compute_t<T>;
  constexpr Index part = 8192;
  const Index parts = (count + part - 1) / part;
  const cuda::Scratch<double> partial(parts);
  cuda::launch_rows_of("qcfs", parts, part,
                       cuda::QcfsBackward<T>{z, theta, dy, static_cast<C>(levels), count, part, dz, partial.data()});
  if (dtheta != nullptr)
    cuda::launch_rows_of("qcfs", Index{1}, parts, cuda::AddParts<T>{partial.data(), parts, dtheta});
}

}  // namespace GLIA_NS
