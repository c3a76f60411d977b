#pragma once
// The opt-in for products of float32 tensors in bfloat16.

#include <glia/core/config.hpp>

namespace GLIA_NS {

namespace detail {
inline int& bfloat16_scopes() {
  thread_local int scopes = 0;
  return scopes;
}

class Bfloat16Scope {
 public:
  explicit Bfloat16Scope(bool on) : on_(on) { bfloat16_scopes() += on_; }
  ~Bfloat16Scope() { bfloat16_scopes() -= on_; }
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  bool on_;
};
}  // namespace detail

// While one lives, matrix products and convolutions of float32 tensors on the CPU, started by this thread, may round
// their operands to bfloat16 (8 significant bits; range as float) where the processor multiplies those faster; sums,
// results and weights stay float32. Keep it alive over the backward pass, too: { AllowBfloat16 scope; loss.backward(); }
// On a processor without such instructions nothing changes.
class [[nodiscard]] AllowBfloat16 : private detail::Bfloat16Scope {
 public:
  AllowBfloat16() : Bfloat16Scope(true) {}
};

// Whether this thread is inside such a scope.
inline bool bfloat16_allowed() { return detail::bfloat16_scopes() > 0; }

}  // namespace GLIA_NS
