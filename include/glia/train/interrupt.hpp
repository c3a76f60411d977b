#pragma once
// A polite stop: Ctrl-C or SIGTERM sets a flag that training loops read between steps.

#include <glia/core/config.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>

namespace GLIA_NS::train {

namespace detail {
GLIA_LAZY std::atomic<int>& stop_signal() {
  static std::atomic<int> signal{0};
  return signal;
}
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" inline void glia_on_stop_signal(int number) {
  // a second signal ends the program at once
  if (stop_signal().exchange(number) != 0) std::_Exit(128 + number);
}
}  // namespace detail

// Catches SIGINT and SIGTERM for the lifetime of the object and restores the previous handlers afterwards. Construct it
// before the first step: the flag starts cleared.
class InterruptGuard {
 public:
  InterruptGuard() {
    detail::stop_signal() = 0;
    old_interrupt_ = std::signal(SIGINT, detail::glia_on_stop_signal);
    old_terminate_ = std::signal(SIGTERM, detail::glia_on_stop_signal);
  }
  ~InterruptGuard() {
    std::signal(SIGINT, old_interrupt_);
    std::signal(SIGTERM, old_terminate_);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // Whether a stop was asked for.
  static bool requested() { return detail::stop_signal() != 0; }

 private:
  void (*old_interrupt_)(int) = SIG_DFL;
  void (*old_terminate_)(int) = SIG_DFL;
};

}  // namespace GLIA_NS::train
