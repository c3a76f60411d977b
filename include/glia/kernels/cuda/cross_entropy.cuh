#pragma once
// Cross entropy on CUDA: lanes share a row of logits, in one pass for loss and log-sum-exp and one for the gradient.

#include <glia/kernels/cuda/cross_entropy.hpp>
#include <glia/kernels/cuda/softmax.cuh>

namespace GLIA_NS {

namespace cuda {

template <class T>
struct CrossEntropyForward {
  SoftmaxBase<T> rows;
  const std::int64_t* labels;
  const T* weight;
  T smoothing;
  std::int64_t ignore;
  T *loss, *lse;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Index classes = rows.n, label = labels[r];
    const T* x = rows.x + r * classes;
    const T top = rows.log_sum(r * classes, 1, lanes);
    double spread = 0;
    if (smoothing > T(0)) {  // the same for all lanes
      for (Index j = lanes.lane(); j < classes; j += lanes.count())
        spread += static_cast<double>((weight != nullptr ? weight[j] : T(1)) * (top - x[j]));
      spread = lanes.fold(spread, Add{});
    }
    if (lanes.lane() != 0) return;
    lse[r] = top;
    if (label == ignore) {
      loss[r] = T(0);
      return;
    }
    T value = (T(1) - smoothing) * (weight != nullptr ? weight[label] : T(1)) * (top - x[label]);
    if (smoothing > T(0)) value += smoothing * static_cast<T>(spread / static_cast<double>(classes));
    loss[r] = value;
  }
};

// One row of all labels.
template <class T>
struct TotalWeight {
  const std::int64_t* labels;
  const T* weight;
  Index rows;
  std::int64_t ignore;
  T* total;

  template <class Lanes>
  GLIA_HD void operator()(Index, const Lanes& lanes) const {
    double sum = 0;
    for (Index r = lanes.lane(); r < rows; r += lanes.count())
      if (labels[r] != ignore) sum += weight != nullptr ? static_cast<double>(weight[labels[r]]) : 1.0;
    sum = lanes.fold(sum, Add{});
    if (lanes.lane() == 0) *total = static_cast<T>(sum);
  }
};

template <class T>
struct CrossEntropyBackward {
  const T *dloss, *logits, *lse;
  const std::int64_t* labels;
  const T* weight;
  Index classes;
  T smoothing;
  std::int64_t ignore;
  T* dlogits;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Index label = labels[r];
    const bool ignored = label == ignore;
    double all_weights = static_cast<double>(classes);
    if (weight != nullptr) {
      double sum = 0;
      for (Index j = lanes.lane(); j < classes; j += lanes.count()) sum += static_cast<double>(weight[j]);
      all_weights = lanes.fold(sum, Add{});
    }
    const T share = smoothing / static_cast<T>(classes > 0 ? classes : 1), top = lse[r], scale = dloss[r];
    const T hit = ignored ? T(0) : (T(1) - smoothing) * (weight != nullptr ? weight[label] : T(1));
    const T mass = scale * (hit + share * static_cast<T>(all_weights)), spread = scale * share;
    const T* x = logits + r * classes;
    for (Index j = lanes.lane(); j < classes; j += lanes.count()) {
      T value = mass * math::exp(x[j] - top) - spread * (weight != nullptr ? weight[j] : T(1));
      if (j == label) value -= scale * hit;
      dlogits[r * classes + j] = ignored ? T(0) : value;
    }
  }
};

template <class T>
struct SoftCrossEntropyForward {
  SoftmaxBase<T> rows;
  const T *target, *weight;
  T keep, share;
  T *loss, *lse;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const Index classes = rows.n;
    const T *x = rows.x + r * classes, *t = target + r * classes;
    const T top = rows.log_sum(r * classes, 1, lanes);
    double sum = 0;
    for (Index j = lanes.lane(); j < classes; j += lanes.count())
      sum += static_cast<double>((weight != nullptr ? weight[j] : T(1)) * (keep * t[j] + share) * (top - x[j]));
    sum = lanes.fold(sum, Add{});
    if (lanes.lane() != 0) return;
    loss[r] = static_cast<T>(sum);
    lse[r] = top;
  }
};

template <class T>
struct SoftCrossEntropyBackward {
  const T *dloss, *logits, *lse, *target, *weight;
  Index classes;
  T keep, share;
  T *dlogits, *dtarget;

  template <class Lanes>
  GLIA_HD void operator()(Index r, const Lanes& lanes) const {
    const T *x = logits + r * classes, *t = target + r * classes;
    const T top = lse[r], scale = dloss[r];
    double sum = 0;
    for (Index j = lanes.lane(); j < classes; j += lanes.count())
      sum += static_cast<double>((weight != nullptr ? weight[j] : T(1)) * (keep * t[j] + share));
    const T mass = static_cast<T>(lanes.fold(sum, Add{}));
    for (Index j = lanes.lane(); j < classes; j += lanes.count()) {
      const T w = weight != nullptr ? weight[j] : T(1);
      if (dlogits != nullptr)
        dlogits[r * classes + j] = scale * (mass * math::exp(x[j] - top) - w * (keep * t[j] + share));
      if (dtarget != nullptr) dtarget[r * classes + j] = scale * keep * w * (top - x[j]);
    }
  }
};

template <class T>
T smoothing_share(T smoothing, Index classes) {
  return smoothing / static_cast<T>(std::max<Index>(classes, 1));
}

}  // namespace cuda

template <class T>
void cross_entropy_forward(Cuda, const T* logits, const std::int64_t* labels, const T* weight, Index rows,
                           Index classes, T smoothing, std::int64_t ignore, T* loss, T* lse) {
  cuda::launch_rows_of("cross_entropy", rows, classes,
                       cuda::CrossEntropyForward<T>{cuda::softmax_base(logits, classes, 1), labels, weight, smoothing,
                                                    ignore, loss, lse});
}

template <class T>
void cross_entropy_total_weight(Cuda, const std::int64_t* labels, const T* weight, Index rows, std::int64_t ignore,
                                T* total) {
  cuda::launch_rows_of("cross_entropy", Index{1}, rows, cuda::TotalWeight<T>{labels, weight, rows, ignore, total});
}

template <class T>
void cross_entropy_backward(Cuda, const T* dloss, const T* logits, const T* lse, const std::int64_t* labels,
                            const T* weight, Index rows, Index classes, T smoothing, std::int64_t ignore, T* dlogits) {
  cuda::launch_rows_of(
      "cross_entropy", rows, classes,
      cuda::CrossEntropyBackward<T>{dloss, logits, lse, labels, weight, classes, smoothing, ignore, dlogits});
}

template <class T>
void cross_entropy_forward_backward(Cuda device, const T* dloss, const T* logits, const std::int64_t* labels,
                                    const T* weight, Index rows, Index classes, T smoothing, std::int64_t ignore,
                                    T* loss, T* lse, T* dlogits) {
  cross_entropy_forward(device, logits, labels, weight, rows, classes, smoothing, ignore, loss, lse);
  cross_entropy_backward(device, dloss, logits, lse, labels, weight, rows, classes, smoothing, ignore, dlogits);
}

template <class T>
void soft_cross_entropy_forward(Cuda, const T* logits, const T* target, const T* weight, Index rows, Index classes,
                                T smoothing, T* loss, T* lse) {
  cuda::launch_rows_of(
      "cross_entropy", rows, classes,
      cuda::SoftCrossEntropyForward<T>{cuda::softmax_base(logits, classes, 1), target, weight, T(1) - smoothing,
                                       cuda::smoothing_share(smoothing, classes), loss, lse});
}

template <class T>
void soft_cross_entropy_backward(Cuda, const T* dloss, const T* logits, const T* lse, const T* target, const T* weight,
                                 Index rows, Index classes, T smoothing, T* dlogits, T* dtarget) {
  cuda::launch_rows_of("cross_entropy", rows, classes,
                       cuda::SoftCrossEntropyBackward<T>{dloss, logits, lse, target, weight, classes, T(1) - smoothing,
                                                         cuda::smoothing_share(smoothing, classes), dlogits, dtarget});
}

}  // namespace GLIA_NS
