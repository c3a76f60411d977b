#pragma once
// Threads: a parallel loop over ranges, and reductions whose result does not depend on the thread count.

#include <glia/core/affinity.hpp>
#include <glia/core/config.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <type_traits>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace GLIA_NS {

// Number of threads that parallel loops started here may use: OpenMP's setting, or 1 without OpenMP.
inline int num_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

// Sets the number of threads of later parallel loops started from this thread; values below 1 mean 1.
inline void set_num_threads([[maybe_unused]] int count) {
#if defined(_OPENMP)
  omp_set_num_threads(std::max(count, 1));
#endif
}

// True inside the body of a parallel loop: nested loops then run serially.
inline bool in_parallel() {
#if defined(_OPENMP)
  return omp_in_parallel() != 0;
#else
  return false;
#endif
}

// Position of the calling thread in the running parallel loop, 0 outside.
inline int thread_index() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

namespace detail {
// Carries the first exception of a parallel region to the thread that opened it.
class ExceptionRelay {
 public:
  template <class F>
  void run(F&& f) noexcept {
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!first_) first_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
};

// Ties the helper threads of this thread's team to CPUs, once in the process.
inline void prepare_team() {
  pin_once([]([[maybe_unused]] const auto& in_each) {
    GLIA_OMP(parallel) {
#if defined(_OPENMP)
      in_each(omp_get_thread_num(), omp_get_num_threads());
#endif
    }
  });
}
}  // namespace detail

namespace detail {
// The only parallel region of the library: compiled once, whatever the bodies are.
[[gnu::noinline]] inline void run_parallel(Index count, Index grain, void (*body)(void*, Index, Index), void* context) {
  if (count <= 0) return;
  const Index useful = grain > 0 ? (count + grain - 1) / grain : count;
  const int threads = static_cast<int>(std::min<Index>(num_threads(), useful));
  if (threads <= 1 || in_parallel()) {
    body(context, 0, count);
    return;
  }
  prepare_team();
  ExceptionRelay relay;
  GLIA_OMP(parallel num_threads(threads)) {
    relay.run([&] {
#if defined(_OPENMP)
      const Index team = omp_get_num_threads();
#else
      const Index team = 1;
#endif
      const Index me = thread_index();
      const Index begin = count * me / team, end = count * (me + 1) / team;
      if (begin < end) body(context, begin, end);
    });
  }
  relay.rethrow();
}
}  // namespace detail

// Calls body(begin, end) on disjoint ranges that cover [0, count), one contiguous range per thread; serially if
// count <= grain, inside another parallel loop, or with one thread. Exceptions reach the caller.
template <class Body>
void parallel_for(Index count, Index grain, Body&& body) {
  using B = std::remove_reference_t<Body>;
  const auto call = [](void* context, Index begin, Index end) { (*static_cast<B*>(context))(begin, end); };
  detail::run_parallel(count, grain, call, const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// Number of fixed-size chunks that `count` elements are cut into, whatever the thread count.
constexpr Index chunk_count(Index count, Index chunk) { return (count + chunk - 1) / chunk; }

// Calls body(chunk_number, begin, end) for the fixed chunks of [0, count). A reduction that keeps one partial
// result per chunk and adds them in order is bitwise the same at any thread count.
template <class Body>
void parallel_chunks(Index count, Index chunk, Body&& body) {
  parallel_for(chunk_count(count, chunk), 1, [&](Index first, Index last) {
    for (Index c = first; c < last; ++c) body(c, c * chunk, std::min(count, (c + 1) * chunk));
  });
}

}  // namespace GLIA_NS
