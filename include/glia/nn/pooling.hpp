#pragma once
// Pooling layers on channels-last images, and Flatten.

#include <glia/nn/trace.hpp>
#include <glia/ops/conv.hpp>
#include <glia/ops/pool.hpp>

namespace GLIA_NS::nn {

// Largest value of every window: [..., H, W, C] -> [..., OH, OW, C]. MaxPool2d<>{2}, or options: {{.kernel = 3, .stride = 2, .padding = 1}}.
template <class Device = Cpu, class T = float>
struct MaxPool2d : Stateless {
  PoolOptions options;

  MaxPool2d() = default;
  MaxPool2d(const PoolOptions& o) : options(o) {}
  explicit MaxPool2d(Index kernel) { options.kernel = kernel; }
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const { return traced(*this, "MaxPool2d", max_pool2d(x, options)); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

// Mean of every window; otherwise as MaxPool2d.
template <class Device = Cpu, class T = float>
struct AvgPool2d : Stateless {
  PoolOptions options;

  AvgPool2d() = default;
  AvgPool2d(const PoolOptions& o) : options(o) {}
  explicit AvgPool2d(Index kernel) { options.kernel = kernel; }
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const { return traced(*this, "AvgPool2d", avg_pool2d(x, options)); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

// Mean over windows that divide any image into `size` parts: [..., H, W, C] -> [..., size.h, size.w, C].
template <class Device = Cpu, class T = float>
struct AdaptiveAvgPool2d : Stateless {
  Extent2d size;

  explicit AdaptiveAvgPool2d(Extent2d output) : size(output) {}
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    return traced(*this, "AdaptiveAvgPool2d", adaptive_avg_pool2d(x, size.h, size.w));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

// Mean over all pixels: [..., H, W, C] -> [..., C].
template <class Device = Cpu, class T = float>
struct GlobalMeanPool : Stateless {
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    return traced(*this, "GlobalMeanPool", global_mean_pool(x));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

// Joins the axes from `first` to `last` into one: by default all but the first, [N, ...] -> [N, features].
template <class Device = Cpu, class T = float>
struct Flatten : Stateless {
  Index first = 1, last = -1;

  Flatten() = default;
  explicit Flatten(Index first_axis, Index last_axis = -1) : first(first_axis), last(last_axis) {}
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const { return traced(*this, "Flatten", x.flatten(first, last)); }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

}  // namespace GLIA_NS::nn
