#pragma once
// Warnings: one replaceable handler for the whole process.

#include <glia/core/error.hpp>

#include <cstdio>
#include <functional>
#include <mutex>

namespace GLIA_NS {

// Receives the text of a warning, without a line break. May be called from any thread, one call at a time.
using WarningHandler = std::function<void(std::string_view)>;

namespace detail {
struct WarningState {
  std::mutex mutex;
  WarningHandler handler;  // empty: standard error
};
inline WarningState& warning_state() {
  static WarningState* state = new WarningState;  // never destroyed: destructors may warn
  return *state;
}
}  // namespace detail

// Replaces the handler and returns the one before; an empty handler restores the default, which writes "glia: text" to
// standard error.
inline WarningHandler set_warning_handler(WarningHandler handler) {
  detail::WarningState& state = detail::warning_state();
  const std::lock_guard lock(state.mutex);
  return std::exchange(state.handler, std::move(handler));
}

// Reports something that is probably a mistake but does not stop the program. The parts (strings, numbers, shapes) are
// joined.
template <class... Parts>
void warn(const Parts&... parts) {
  const std::string message = text(parts...);
  WarningHandler handler;
  {
    detail::WarningState& state = detail::warning_state();
    const std::lock_guard lock(state.mutex);
    handler = state.handler;
  }
  if (handler)  // without the lock: a handler may warn itself
    handler(message);
  else
    std::fprintf(stderr, "glia: %s\n", message.c_str());
}

}  // namespace GLIA_NS
