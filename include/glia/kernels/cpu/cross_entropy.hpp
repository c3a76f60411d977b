#pragma once
// Fused log-softmax + cross entropy over the rows of logits [rows, classes], with class numbers or soft targets. The forward
// saves one log-sum-exp per row; the backward recomputes the probabilities from it.

#include <glia/kernels/cpu/softmax.hpp>

namespace GLIA_NS {

// Per-row loss with class numbers, w = class weights (1 if null), s = smoothing (Szegedy et al. 2016):
//   loss = (1 - s) w[y] (lse - x[y]) + s / classes * sum_j w[j] (lse - x[j]);   0 where labels[row] == ignore.
template <class T>
void cross_entropy_forward(Cpu, const T* logits, const std::int64_t* labels, const T* weight, Index rows, Index classes,
                           T smoothing, std::int64_t ignore, T* loss, T* lse) {
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    detail::logsumexp_rows(logits, first, last, classes, lse);
    for (Index r = first; r < last; ++r) {
      const T* x = logits + r * classes;
      const T top = lse[r];
      if (labels[r] == ignore) {
        loss[r] = T(0);
        continue;
      }
      T value = (T(1) - smoothing) * (weight != nullptr ? weight[labels[r]] : T(1)) * (top - x[labels[r]]);
      if (smoothing > T(0)) {
        const double spread = detail::blocked_sum<T>(classes, [=](Index j) { return (weight != nullptr ? weight[j] : T(1)) * (top - x[j]); });
        value += smoothing * static_cast<T>(spread / static_cast<double>(classes));
      }
      loss[r] = value;
    }
  });
}

// What a mean over rows divides by: the sum of w[label] over rows that are not ignored, added in row order.
template <class T>
void cross_entropy_total_weight(Cpu, const std::int64_t* labels, const T* weight, Index rows, std::int64_t ignore, T* total) {
  double sum = 0;
  for (Index r = 0; r < rows; ++r)
    if (labels[r] != ignore) sum += weight != nullptr ? static_cast<double>(weight[labels[r]]) : 1.0;
  *total = static_cast<T>(sum);
}

// dlogits[r, j] = dloss[r] * ((1 - s) w[y] (p[j] - [j == y]) + s / classes * (p[j] * sum(w) - w[j])); 0 in ignored rows.
template <class T>
void cross_entropy_backward(Cpu, const T* dloss, const T* logits, const T* lse, const std::int64_t* labels, const T* weight,
                            Index rows, Index classes, T smoothing, std::int64_t ignore, T* dlogits) {
  double all_weights = static_cast<double>(classes);
  if (weight != nullptr) all_weights = detail::blocked_sum<T>(classes, [weight](Index j) { return weight[j]; });
  const T share = smoothing / static_cast<T>(std::max<Index>(classes, 1));
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      T* out = dlogits + r * classes;
      if (labels[r] == ignore) {
        std::fill_n(out, classes, T(0));
        continue;
      }
      const T* x = logits + r * classes;
      const T top = lse[r], scale = dloss[r];
      const T hit = (T(1) - smoothing) * (weight != nullptr ? weight[labels[r]] : T(1));
      const T mass = scale * (hit + share * static_cast<T>(all_weights)), spread = scale * share;
      const T everywhere = weight != nullptr ? T(0) : spread;
      detail::lane_for(classes, [=](Index j) { out[j] = mass * math::exp_flushed(x[j] - top) - everywhere; });
      for (Index j = 0; weight != nullptr && j < classes; ++j) out[j] -= spread * weight[j];
      out[labels[r]] -= scale * hit;
    }
  });
}

// Soft targets t [rows, classes]: loss = -sum_j w[j] t'[j] log p[j] with t' = (1 - s) t + s / classes.
template <class T>
void soft_cross_entropy_forward(Cpu, const T* logits, const T* target, const T* weight, Index rows, Index classes, T smoothing,
                                T* loss, T* lse) {
  const T keep = T(1) - smoothing, share = smoothing / static_cast<T>(std::max<Index>(classes, 1));
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    detail::logsumexp_rows(logits, first, last, classes, lse);
    for (Index r = first; r < last; ++r) {
      const T *x = logits + r * classes, *t = target + r * classes;
      const T top = lse[r];
      const double sum =
          weight != nullptr
              ? detail::blocked_sum<T>(classes, [=](Index j) { return weight[j] * (keep * t[j] + share) * (top - x[j]); })
              : detail::blocked_sum<T>(classes, [=](Index j) { return (keep * t[j] + share) * (top - x[j]); });
      loss[r] = static_cast<T>(sum);
    }
  });
}

// dlogits = dloss * (p * sum(w t') - w t'), dtarget = dloss * (1 - s) w (lse - x). dlogits or dtarget may be null.
template <class T>
void soft_cross_entropy_backward(Cpu, const T* dloss, const T* logits, const T* lse, const T* target, const T* weight,
                                 Index rows, Index classes, T smoothing, T* dlogits, T* dtarget) {
  const T keep = T(1) - smoothing, share = smoothing / static_cast<T>(std::max<Index>(classes, 1));
  const std::vector<T> ones(weight == nullptr ? static_cast<std::size_t>(classes) : 0, T(1));
  const T* w = weight == nullptr ? ones.data() : weight;
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T *x = logits + r * classes, *t = target + r * classes;
      const T top = lse[r], scale = dloss[r];
      if (dlogits != nullptr) {
        T* out = dlogits + r * classes;
        const T mass = static_cast<T>(detail::blocked_sum<T>(classes, [=](Index j) { return w[j] * (keep * t[j] + share); }));
        detail::lane_for(classes, [=](Index j) { out[j] = scale * (mass * math::exp_flushed(x[j] - top) - w[j] * (keep * t[j] + share)); });
      }
      if (dtarget != nullptr) {
        T* out = dtarget + r * classes;
        GLIA_OMP(simd)
        for (Index j = 0; j < classes; ++j) out[j] = scale * keep * w[j] * (top - x[j]);
      }
    }
  });
}

}  // namespace GLIA_NS
