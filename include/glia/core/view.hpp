#pragma once
// The only thing that kernels see of a tensor.

#include <glia/core/layout.hpp>

#include <type_traits>

namespace GLIA_NS {

// Raw strided view: pointer, extents, strides in elements. Trivially copyable; owns nothing and checks nothing.
template <class T>
struct View {
  T* data = nullptr;
  Shape shape;
  Strides strides;

  GLIA_HD constexpr int rank() const { return shape.rank(); }
  GLIA_HD constexpr Index numel() const { return shape.numel(); }
  GLIA_HD constexpr bool contiguous() const { return is_contiguous(shape, strides); }
};

static_assert(std::is_trivially_copyable_v<View<float>> && std::is_standard_layout_v<View<float>>);

}  // namespace GLIA_NS
