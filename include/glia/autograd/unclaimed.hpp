#pragma once
// Parameters that received a gradient but belong to no optimizer, so that a forgotten one does not fail silently.

#include <glia/tensor/impl.hpp>

#include <algorithm>

namespace GLIA_NS::autograd {

// A parameter as an optimizer's report names it. The key only tells parameters apart; it may outlive them.
struct UnclaimedParameter {
  const TensorImpl* key;
  std::string name;  // empty if no named_parameters call has reached it
  Shape shape;
  bool reported = false;
};

// The unclaimed parameters that backward passes of this thread have met, each once.
inline std::vector<UnclaimedParameter>& unclaimed_parameters() {
  thread_local std::vector<UnclaimedParameter> list;
  return list;
}

// Notes a leaf that receives a gradient. Bounded: a program without optimizers keeps a short list.
inline void note_unclaimed(const TensorImpl& leaf) {
  const GradientState& state = *leaf.gradient;
  if (!state.is_parameter || state.in_optimizer) return;
  constexpr std::size_t most = 256;
  auto& list = unclaimed_parameters();
  const bool known = std::any_of(list.begin(), list.end(), [&](const UnclaimedParameter& entry) {
    return entry.key == &leaf && entry.name == state.name && entry.shape == leaf.shape;
  });
  if (!known && list.size() < most) list.push_back({&leaf, state.name, leaf.shape});
}

// Forgets a parameter that an optimizer takes over.
inline void claim_parameter(TensorImpl& leaf) {
  leaf.gradient_state().in_optimizer = true;
  std::erase_if(unclaimed_parameters(), [&](const UnclaimedParameter& entry) { return entry.key == &leaf; });
}

}  // namespace GLIA_NS::autograd
