#pragma once
// Fused log-softmax + cross entropy over the rows of logits [rows, classes], with class numbers or soft targets. The forward
// saves one log-sum-exp per row; the backward recomputes the probabilities from it.

#include <glia/kernels/cpu/softmax.hpp>

namespace GLIA_NS {

namespace detail {

// What class numbers, class weights (1 if null) and smoothing make of one row.
template <class T>
struct CrossEntropyRows {
  const std::int64_t* labels;
  const T* weight;
  Index classes;
  T smoothing;
  std::int64_t ignore;
  T all_weights, share;

  CrossEntropyRows(const std::int64_t* y, const T* w, Index count, T s, std::int64_t ignored)
      : labels(y), weight(w), classes(count), smoothing(s), ignore(ignored), share(s / static_cast<T>(std::max<Index>(count, 1))) {
    all_weights = static_cast<T>(w != nullptr ? blocked_sum<T>(count, [w](Index j) { return w[j]; }) : static_cast<double>(count));
  }

  T hit(Index r) const { return (T(1) - smoothing) * (weight != nullptr ? weight[labels[r]] : T(1)); }

  // The loss of row r: its logits x, their log-sum-exp.
  T loss(Index r, const T* x, T lse) const {
    if (labels[r] == ignore) return T(0);
    T value = hit(r) * (lse - x[labels[r]]);
    if (smoothing > T(0)) {
      const T* const w = weight;
      const double spread = blocked_sum<T>(classes, [=](Index j) { return (w != nullptr ? w[j] : T(1)) * (lse - x[j]); });
      value += smoothing * static_cast<T>(spread / static_cast<double>(classes));
    }
    return value;
  }

  // out[j] = scale * dloss/dx[j], with factor * part(j) for the probabilities.
  template <class Part>
  void gradient(Index r, T scale, T factor, T* out, Part part) const {
    if (labels[r] == ignore) {
      std::fill_n(out, classes, T(0));
      return;
    }
    const T mass = scale * (hit(r) + share * all_weights) * factor, spread = scale * share;
    const T everywhere = weight != nullptr ? T(0) : spread;
    lane_for(classes, [=](Index j) { out[j] = mass * part(j) - everywhere; });
    for (Index j = 0; weight != nullptr && j < classes; ++j) out[j] -= spread * weight[j];
    out[labels[r]] -= scale * hit(r);
  }
};

}  // namespace detail

// Per-row loss with class numbers, w = class weights (1 if null), s = smoothing (Szegedy et al. 2016):
//   loss = (1 - s) w[y] (lse - x[y]) + s / classes * sum_j w[j] (lse - x[j]);   0 where labels[row] == ignore.
template <class T>
void cross_entropy_forward(Cpu, const T* logits, const std::int64_t* labels, const T* weight, Index rows, Index classes,
                           T smoothing, std::int64_t ignore, T* loss, T* lse) {
  const detail::CrossEntropyRows<T> row(labels, weight, classes, smoothing, ignore);
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    detail::logsumexp_rows(logits, first, last, classes, lse);
    for (Index r = first; r < last; ++r) loss[r] = row.loss(r, logits + r * classes, lse[r]);
  });
}

// What a mean over rows divides by: the sum of w[label] over rows that are not ignored, added in row order.
template <class T>
void cross_entropy_total_weight(Cpu, const std::int64_t* labels, const T* weight, Index rows, std::int64_t ignore, T* total) {
  double sum = 0;
  if (weight == nullptr) {
    sum = static_cast<double>(rows - std::count(labels, labels + rows, ignore));
  } else {
    for (Index r = 0; r < rows; ++r)
      if (labels[r] != ignore) sum += static_cast<double>(weight[labels[r]]);
  }
  *total = static_cast<T>(sum);
}

// dlogits[r, j] = dloss[r] * ((1 - s) w[y] (p[j] - [j == y]) + s / classes * (p[j] * sum(w) - w[j])); 0 in ignored rows.
template <class T>
void cross_entropy_backward(Cpu, const T* dloss, const T* logits, const T* lse, const std::int64_t* labels, const T* weight,
                            Index rows, Index classes, T smoothing, std::int64_t ignore, T* dlogits) {
  const detail::CrossEntropyRows<T> row(labels, weight, classes, smoothing, ignore);
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T* x = logits + r * classes;
      row.gradient(r, dloss[r], T(1), dlogits + r * classes, [x, top = lse[r]](Index j) { return math::exp_flushed(x[j] - top); });
    }
  });
}

// Both of the above while the rows are in the nearest cache, with one exponential per logit instead of two: for losses whose
// gradient is known before the backward pass.
template <class T>
void cross_entropy_forward_backward(Cpu, const T* dloss, const T* logits, const std::int64_t* labels, const T* weight, Index rows,
                                    Index classes, T smoothing, std::int64_t ignore, T* loss, T* lse, T* dlogits) {
  const detail::CrossEntropyRows<T> row(labels, weight, classes, smoothing, ignore);
  parallel_chunks(rows, detail::softmax_grain(classes), [&](Index, Index first, Index last) {
    detail::for_row_groups(logits, first, last, classes, [&](Index r0, Index count, const T* shift, double* sum) {
      for (Index k = 0; k < count; ++k)
        sum[k] = detail::blocked_sum<T>(classes, [x = logits + (r0 + k) * classes, e = dlogits + (r0 + k) * classes, top = shift[k]](Index j) {
          return e[j] = math::exp_flushed(x[j] - top);
        });
      detail::log_sums(shift, sum, count, lse + r0);
      for (Index r = r0; r < r0 + count; ++r) {
        loss[r] = row.loss(r, logits + r * classes, lse[r]);
        T* const out = dlogits + r * classes;
        row.gradient(r, dloss[r], static_cast<T>(1.0 / sum[r - r0]), out, [out](Index j) { return out[j]; });
      }
    });
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
