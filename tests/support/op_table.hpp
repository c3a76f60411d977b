#pragma once
// The op table: each row is an op with its double-precision reference, sample shapes and domain. The same row drives values in
// float and double, gradcheck and gradgradcheck, over contiguous, transposed, sliced, broadcast, size-1, empty and 0-d inputs.

#include <glia/autograd/gradcheck.hpp>
#include <glia/glia.hpp>

#include "near.hpp"

namespace glia_test {

using glia::Index;
using glia::Shape;
using Double = glia::Tensor<double>;
using Doubles = std::vector<Double>;

enum class Layout { contiguous, transposed, sliced, broadcast };
inline constexpr Layout all_layouts[] = {Layout::contiguous, Layout::transposed, Layout::sliced, Layout::broadcast};
inline const char* layout_name(Layout layout) {
  switch (layout) {
    case Layout::contiguous: return "contiguous";
    case Layout::transposed: return "transposed";
    case Layout::sliced: return "sliced";
    default: return "broadcast";
  }
}

// A tensor of the given shape and memory layout with values in [low, high], away from multiples of `avoid` (kinks).
inline Double sample(const Shape& shape, Layout layout, double low, double high, glia::Generator& generator,
                     double avoid = 0.0) {
  const auto fill = [&](const Shape& s) {
    auto x = glia::rand<double>(s, generator, low, high);
    if (avoid > 0.0)
      for (double& v : x.mutable_span()) {
        const double nearest = std::round(v / avoid) * avoid;
        if (std::abs(v - nearest) < 0.05 * avoid) v = nearest + 0.1 * avoid;
      }
    return x;
  };
  const int r = shape.rank();
  switch (layout) {
    case Layout::transposed: {
      if (r < 2) break;
      Shape swapped = shape;
      std::swap(swapped[r - 1], swapped[r - 2]);
      return fill(swapped).transpose();
    }
    case Layout::sliced: {
      if (r < 1) break;
      Shape larger = shape;
      for (Index& n : larger) n = 2 * n + 1;
      auto x = fill(larger);
      for (int i = 0; i < r; ++i) x = x.slice(i, {1, 1 + 2 * shape[i], 2});
      return x;
    }
    case Layout::broadcast: {
      if (r < 1) break;
      Shape single = shape;
      single[0] = 1;
      return fill(single).expand(shape);
    }
    default: break;
  }
  return fill(shape);
}

struct GradientCase {
  const char* name;
  std::function<Double(const Doubles&)> f;
  std::vector<std::vector<Shape>> samples;  // one list of input shapes per sample
  double low = -2.0, high = 2.0;            // domain of the inputs
  double avoid = 0.0;                       // keep away from multiples of this (kinks)
  bool twice = true;                        // declared twice differentiable
};

// Gradient checks of one row over all layouts of all samples.
inline void check_gradients(const GradientCase& row) {
  CAPTURE(std::string(row.name));
  glia::Generator generator(11);
  for (const auto& shapes : row.samples)
    for (const Layout layout : all_layouts) {
      Doubles inputs;
      std::string described = layout_name(layout);
      for (const Shape& shape : shapes) {
        inputs.push_back(sample(shape, layout, row.low, row.high, generator, row.avoid));
        described += ' ' + glia::to_string(shape);
      }
      CAPTURE(described);
      CHECK_EQ(glia::gradcheck(row.f, inputs).message, std::string());
      if (row.twice) CHECK_EQ(glia::gradgradcheck(row.f, inputs).message, std::string());
    }
}

}  // namespace glia_test
