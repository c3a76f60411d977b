#pragma once
// Whether ops record themselves for the backward pass, per thread.

#include <glia/core/config.hpp>

namespace GLIA_NS {

namespace detail {
inline bool& grad_mode() {
  thread_local bool enabled = true;
  return enabled;
}
}  // namespace detail

inline bool grad_enabled() { return detail::grad_mode(); }

// Switches recording for the lifetime of the object, on this thread.
class GradMode {
 public:
  explicit GradMode(bool enabled) : previous_(detail::grad_mode()) { detail::grad_mode() = enabled; }
  ~GradMode() { detail::grad_mode() = previous_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};

// `glia::NoGrad guard;` — ops in this scope record nothing.
class NoGrad : public GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

}  // namespace GLIA_NS
