#pragma once
// What an optimizer's update kernel sees of one parameter.

#include <glia/core/config.hpp>

namespace GLIA_NS {

// `count` contiguous elements that an update rule changes together: the parameter, its gradient and up to three buffers of
// the optimizer (null where a rule has fewer). Trivially copyable.
template <class T>
struct UpdateSlot {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* buffers[3] = {};
  Index count = 0;
};

}  // namespace GLIA_NS
