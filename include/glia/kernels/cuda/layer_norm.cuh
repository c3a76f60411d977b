#pragma once
// Layer and group normalisation on CUDA. Layer norm is group norm of images of one pixel with one group: lanes share
// what is normalised together, and both have the same kernels. 16-bit data are computed in float and rounded once.

#include <glia/core/math.hpp>
#include <glia/kernels/cuda/layer_norm.hpp>
#include <glia/kernels/cuda/rows.cuh>

namespace GLIA_NS {

namespace cuda {

// Row r is group r % groups of image r / groups, its elements e in [0, pixels * depth).
struct GroupGeometry {
  Index pixels, groups, depth;

  GLIA_HD Index channels() const { return groups * depth; }
  GLIA_HD Index count() const { return pixels * depth; }
  struct Row {
    Index first;    // position of its first element
    Index channel;  // its first channel
  };
  GLIA_HD Row row(Index r) const {
    const Division at = divide(r, groups);
    return {at.quotient * pixels * channels() + at.remainder * depth, at.remainder * depth};
  }
  struct Element {
    Index offset, channel;  // from those of the row
  };
  GLIA_HD Element element(Index e) const {
    if (pixels == 1) return {e, e};
    const Division at = divide(e, depth);
    return {at.quotient * channels() + at.remainder, at.remainder};
  }
};

template <class T>
struct GroupNormForward {
  using P = ParameterScalar<T>;
  GroupGeometry shape;
  const T* x;
  const P *gamma, *beta;
  double epsilon;
  T* y;
  P *mean, *inv_std;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const auto row = shape.row(r);
    const Index n = shape.count();
    const double share = 1.0 / static_cast<double>(n);
    double sum = 0, squares = 0;
    for (Index e = lanes.lane(); e < n; e += lanes.count())
      sum += static_cast<double>(x[row.first + shape.element(e).offset]);
    const double centre = lanes.fold(sum, Add{}) * share;
    for (Index e = lanes.lane(); e < n; e += lanes.count()) {
      const double d = static_cast<double>(x[row.first + shape.element(e).offset]) - centre;
      squares += d * d;
    }
    const P m = static_cast<P>(centre);
    const P s = static_cast<P>(1.0 / math::sqrt(lanes.fold(squares, Add{}) * share + epsilon));
    for (Index e = lanes.lane(); e < n; e += lanes.count()) {
      const auto at = shape.element(e);
      const Index i = row.first + at.offset, c = row.channel + at.channel;
      y[i] = static_cast<T>((static_cast<P>(x[i]) - m) * s * (gamma != nullptr ? gamma[c] : P(1)) +
                            (beta != nullptr ? beta[c] : P(0)));
    }
    if (lanes.lane() != 0) return;
    mean[r] = m;
    inv_std[r] = s;
  }
};

template <class T>
struct GroupNormBackwardInput {
  using P = ParameterScalar<T>;
  GroupGeometry shape;
  const T *dy, *x;
  const P *mean, *inv_std, *gamma;
  T* dx;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const auto row = shape.row(r);
    const Index n = shape.count();
    const P m = mean[r], s = inv_std[r];
    double first = 0, second = 0;
    for (Index e = lanes.lane(); e < n; e += lanes.count()) {
      const auto at = shape.element(e);
      const Index i = row.first + at.offset;
      const double g =
          static_cast<double>(dy[i]) * (gamma != nullptr ? static_cast<double>(gamma[row.channel + at.channel]) : 1.0);
      first += g;
      second += g * static_cast<double>(static_cast<P>(x[i]) - m);
    }
    const double share = 1.0 / static_cast<double>(n);
    const P mean_g = static_cast<P>(lanes.fold(first, Add{}) * share);
    const P slope = static_cast<P>(lanes.fold(second, Add{}) * share) * s * s;
    for (Index e = lanes.lane(); e < n; e += lanes.count()) {
      const auto at = shape.element(e);
      const Index i = row.first + at.offset;
      const P g = gamma != nullptr ? static_cast<P>(dy[i]) * gamma[row.channel + at.channel] : static_cast<P>(dy[i]);
      dx[i] = static_cast<T>(s * (g - mean_g - (static_cast<P>(x[i]) - m) * slope));
    }
  }
};

// Rows are the pixels of all images, columns the channels.
template <class T>
struct GroupNormAffineTerm {
  using P = ParameterScalar<T>;
  GroupGeometry shape;
  const T *dy, *x;
  const P *mean, *inv_std;
  GLIA_HD void operator()(Index r, Index c, Sums<2>& sums) const {
    const Index group = (shape.pixels == 1 ? r : divide(r, shape.pixels).quotient) * shape.groups +
                        (shape.groups == 1 ? 0 : divide(c, shape.depth).quotient);
    const Index i = r * shape.channels() + c;
    sums.at[0] += static_cast<double>(dy[i]);
    sums.at[1] +=
        static_cast<double>(dy[i]) * static_cast<double>((static_cast<P>(x[i]) - mean[group]) * inv_std[group]);
  }
};
template <class T>
struct GroupNormAffineFinish {
  using P = ParameterScalar<T>;
  P *dgamma, *dbeta;
  GLIA_HD void operator()(Index c, const Sums<2>& sums) const {
    if (dbeta != nullptr) dbeta[c] = static_cast<P>(sums.at[0]);
    if (dgamma != nullptr) dgamma[c] = static_cast<P>(sums.at[1]);
  }
};

}  // namespace cuda

template <class T, class P>
void group_norm_forward(Cuda, const T* x, Index images, Index pixels, Index groups, Index depth, const P* gamma,
                        const P* beta, double epsilon, T* y, P* mean, P* inv_std) {
  cuda::launch_rows_of("normalization", images * groups, pixels * depth,
                       cuda::GroupNormForward<T>{{pixels, groups, depth}, x, gamma, beta, epsilon, y, mean, inv_std});
}

template <class T, class P>
void group_norm_backward(Cuda, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma, Index images,
                         Index pixels, Index groups, Index depth, T* dx, P* dgamma, P* dbeta) {
  const cuda::GroupGeometry shape{pixels, groups, depth};
  cuda::launch_rows_of("normalization", images * groups, pixels * depth,
                       cuda::GroupNormBackwardInput<T>{shape, dy, x, mean, inv_std, gamma, dx});
  if (dgamma != nullptr || dbeta != nullptr)
    cuda::launch_column_sums<2>("normalization", images * pixels, groups * depth,
                                cuda::GroupNormAffineTerm<T>{shape, dy, x, mean, inv_std},
                                cuda::GroupNormAffineFinish<T>{dgamma, dbeta});
}

template <class T, class P>
void layer_norm_forward(Cuda device, const T* x, Index rows, Index n, const P* gamma, const P* beta, double epsilon,
                        T* y, P* mean, P* inv_std) {
  group_norm_forward(device, x, rows, Index{1}, Index{1}, n, gamma, beta, epsilon, y, mean, inv_std);
}
template <class T, class P>
void layer_norm_backward_input(Cuda device, const T* dy, const T* x, const P* mean, const P* inv_std, const P* gamma,
                               Index rows, Index n, T* dx) {
  group_norm_backward(device, dy, x, mean, inv_std, gamma, rows, Index{1}, Index{1}, n, dx, static_cast<P*>(nullptr),
                      static_cast<P*>(nullptr));
}
template <class T, class P>
void layer_norm_backward_affine(Cuda, const T* dy, const T* x, const P* mean, const P* inv_std, Index rows, Index n,
                                P* dgamma, P* dbeta) {
  cuda::launch_column_sums<2>("normalization", rows, n, cuda::GroupNormAffineTerm<T>{{1, 1, n}, dy, x, mean, inv_std},
                              cuda::GroupNormAffineFinish<T>{dgamma, dbeta});
}

}  // namespace GLIA_NS
