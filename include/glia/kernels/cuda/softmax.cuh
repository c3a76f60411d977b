#pragma once
// Softmax and its relatives on CUDA: lanes share a row, or each thread walks a column.

#include <glia/core/math.hpp>
#include <glia/kernels/cuda/rows.cuh>
#include <glia/kernels/cuda/softmax.hpp>

#include <limits>

namespace GLIA_NS {

namespace cuda {

template <class T>
struct SoftmaxBase {
  const T* x;
  Index n, inner;
  T lowest;  // -infinity

  template <class Lanes>
  GLIA_HD T top(Index first, Index step, const Lanes& lanes) const {
    T value = lowest;
    for (Index k = lanes.lane(); k < n; k += lanes.count()) value = Larger{}(value, x[first + k * step]);
    return lanes.fold(value, Larger{});
  }
  // Sum of exp(x - shift).
  template <class Lanes>
  GLIA_HD double exponentials(Index first, Index step, T shift, const Lanes& lanes) const {
    double sum = 0;
    for (Index k = lanes.lane(); k < n; k += lanes.count())
      sum += static_cast<double>(math::exp(x[first + k * step] - shift));
    return lanes.fold(sum, Add{});
  }
  // log(sum(exp(x))); the maximum is subtracted before exp unless it is infinite.
  template <class Lanes>
  GLIA_HD T log_sum(Index first, Index step, const Lanes& lanes) const {
    const T largest = top(first, step, lanes), shift = largest == lowest || largest == -lowest ? T(0) : largest;
    return static_cast<T>(math::log(exponentials(first, step, shift, lanes))) + shift;
  }
};

template <class T>
struct SoftmaxForward : SoftmaxBase<T> {
  T* y;
  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, this->n, this->inner);
    const T largest = this->top(at.first, at.step, lanes);
    const T scale = static_cast<T>(1.0 / this->exponentials(at.first, at.step, largest, lanes));
    for (Index k = lanes.lane(); k < this->n; k += lanes.count()) {
      const Index i = at.first + k * at.step;
      y[i] = math::exp(this->x[i] - largest) * scale;
    }
  }
};

template <class T>
struct LogSumExpForward : SoftmaxBase<T> {
  T* lse;
  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, this->n, this->inner);
    const T value = this->log_sum(at.first, at.step, lanes);
    if (lanes.lane() == 0) lse[r] = value;
  }
};

template <class T>
struct LogSoftmaxForward : SoftmaxBase<T> {
  T* y;
  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, this->n, this->inner);
    const T shift = this->log_sum(at.first, at.step, lanes);
    for (Index k = lanes.lane(); k < this->n; k += lanes.count()) {
      const Index i = at.first + k * at.step;
      y[i] = this->x[i] - shift;
    }
  }
};

// Log: y holds the logarithms.
template <bool Log, class T>
struct SoftmaxBackward {
  const T *dy, *y;
  Index n, inner;
  T* dx;
  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Column at = column_of(r, n, inner);
    double sum = 0;
    for (Index k = lanes.lane(); k < n; k += lanes.count()) {
      const Index i = at.first + k * at.step;
      sum += Log ? static_cast<double>(dy[i]) : static_cast<double>(dy[i]) * static_cast<double>(y[i]);
    }
    const T total = static_cast<T>(lanes.fold(sum, Add{}));
    for (Index k = lanes.lane(); k < n; k += lanes.count()) {
      const Index i = at.first + k * at.step;
      dx[i] = Log ? dy[i] - math::exp(y[i]) * total : y[i] * (dy[i] - total);
    }
  }
};

template <class T>
SoftmaxBase<T> softmax_base(const T* x, Index n, Index inner) {
  return {x, n, inner, -std::numeric_limits<T>::infinity()};
}

}  // namespace cuda

template <class T>
void softmax_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* y) {
  cuda::launch_columns_of("softmax", outer, n, inner, cuda::SoftmaxForward<T>{cuda::softmax_base(x, n, inner), y});
}
template <class T>
void softmax_backward(Cuda, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx) {
  cuda::launch_columns_of("softmax", outer, n, inner, cuda::SoftmaxBackward<false, T>{dy, y, n, inner, dx});
}
template <class T>
void logsumexp_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* lse) {
  cuda::launch_columns_of("logsumexp", outer, n, inner,
                          cuda::LogSumExpForward<T>{cuda::softmax_base(x, n, inner), lse});
}
template <class T>
void log_softmax_forward(Cuda, const T* x, Index outer, Index n, Index inner, T* y) {
  cuda::launch_columns_of("log_softmax", outer, n, inner,
                          cuda::LogSoftmaxForward<T>{cuda::softmax_base(x, n, inner), y});
}
template <class T>
void log_softmax_backward(Cuda, const T* dy, const T* y, Index outer, Index n, Index inner, T* dx) {
  cuda::launch_columns_of("log_softmax", outer, n, inner, cuda::SoftmaxBackward<true, T>{dy, y, n, inner, dx});
}

}  // namespace GLIA_NS
