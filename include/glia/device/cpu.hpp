#pragma once
// The host as a device type.

#include <glia/core/config.hpp>

namespace GLIA_NS {

// Tag of the host. Kernels are overloads on such a tag; tensors carry it as a type.
struct Cpu {
  static constexpr const char* name = "cpu";
};

}  // namespace GLIA_NS
