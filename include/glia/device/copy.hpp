#pragma once
// Byte copies between devices; other devices add their overloads in their own headers.

#include <glia/device/cpu.hpp>

#include <cstring>

namespace GLIA_NS {

// Copies `bytes` bytes from `source` to `target` (destination device tag first). Regions must not overlap.
inline void copy_bytes(Cpu, Cpu, void* target, const void* source, std::size_t bytes) {
  if (bytes != 0) std::memcpy(target, source, bytes);
}

}  // namespace GLIA_NS
