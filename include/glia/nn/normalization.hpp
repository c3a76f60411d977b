#pragma once
// Batch, layer and group normalisation layers; channels are the last axis. Over bfloat16 parameters and running
// statistics are float, and so is the arithmetic between input and output.

#include <glia/autograd/replay.hpp>
#include <glia/nn/init.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/batch_norm_silu.hpp>

namespace GLIA_NS::nn {

namespace detail {
template <class T, class D>
Tensor<T, D> channel_vector(Index channels, double value) {
  return glia::full<T, D>({channels}, static_cast<T>(value));
}
template <class T, class D>
void require_channels(const char* op, const Tensor<T, D>& x, Index channels) {
  if (x.size(-1) != channels)
    raise<ShapeError>(op, "input has ", x.size(-1), " channels (last axis of ", x.shape(), "), expected ", channels);
}
GLIA_LAZY void check_channels(const char* layer, Index channels) {
  if (channels < 1) raise<ValueError>(layer, "the number of channels must be positive, got ", channels);
}
}  // namespace detail

struct BatchNormOptions {
  double momentum = 0.1;  // weight of the newest batch in the running statistics
  double epsilon = 1e-5;  // added to the variance
  bool affine = true;     // learn a scale and an offset per channel
  bool relu = false;      // max(0, ...) in the same pass
  bool silu = false;      // x * sigmoid(x) in the same pass, instead
};

// Normalises every channel (the last axis) over all other axes (Ioffe, Szegedy 2015): with the batch's statistics in
// training, with the running ones in evaluation. Running statistics are moving averages of mean and unbiased variance,
// as in PyTorch, and stay as they are while a checkpointed segment is recomputed. forward(x, residual) adds residual
// before the optional ReLU, or after the optional SiLU. ValueError for both activations, and in training if a channel
// has fewer than two values.
template <class Device = Cpu, class T = float>
struct BatchNorm {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  Buffer<ParameterScalar<T>, Device> running_mean, running_variance;
  BatchNormOptions options;
  bool training = true;
  GLIA_MEMBERS(weight, bias, running_mean, running_variance)

  [[gnu::cold]] explicit BatchNorm(Index channels, const BatchNormOptions& o = {});

  Tensor<T, Device> forward(const Tensor<T, Device>& x, const Tensor<T, Device>& residual = {});
  Tensor<T, Device> operator()(const Tensor<T, Device>& x, const Tensor<T, Device>& residual = {}) {
    return forward(x, residual);
  }

 private:
  Tensor<T, Device> infer(const Tensor<T, Device>& x, const Tensor<T, Device>& residual) const;
  Tensor<T, Device> train_step(const Tensor<T, Device>& x, const Tensor<T, Device>& residual);
};

template <class Device, class T>
[[gnu::cold]] BatchNorm<Device, T>::BatchNorm(Index channels, const BatchNormOptions& o) : options(o) {
  detail::check_channels("BatchNorm", channels);
  if (o.relu && o.silu) raise<ValueError>("BatchNorm", "relu and silu are both set; choose one activation");
  using P = ParameterScalar<T>;
  if (o.affine) {
    weight = Parameter<P, Device>(detail::channel_vector<P, Device>(channels, 1.0));
    bias = Parameter<P, Device>(detail::channel_vector<P, Device>(channels, 0.0));
  }
  running_mean = Buffer<P, Device>(detail::channel_vector<P, Device>(channels, 0.0));
  running_variance = Buffer<P, Device>(detail::channel_vector<P, Device>(channels, 1.0));
}

template <class Device, class T>
Tensor<T, Device> BatchNorm<Device, T>::forward(const Tensor<T, Device>& x, const Tensor<T, Device>& residual) {
  auto y = with_path(running_mean, [&] {
    glia::detail::require_min_rank("batch_norm", "input", x, 1);
    detail::require_channels("batch_norm", x, running_mean.shape()[0]);
    return training ? train_step(x, residual) : infer(x, residual);
  });
  return traced(*this, "BatchNorm", std::move(y));
}

template <class Device, class T>
Tensor<T, Device> BatchNorm<Device, T>::infer(const Tensor<T, Device>& x, const Tensor<T, Device>& residual) const {
  if (options.silu)
    return batch_norm_silu_inference(x, running_mean.tensor(), running_variance.tensor(), weight.tensor(),
                                     bias.tensor(), {options.epsilon}, residual);
  return batch_norm_inference(x, running_mean.tensor(), running_variance.tensor(), weight.tensor(), bias.tensor(),
                              {options.epsilon, options.relu}, residual);
}

template <class Device, class T>
Tensor<T, Device> BatchNorm<Device, T>::train_step(const Tensor<T, Device>& x, const Tensor<T, Device>& residual) {
  if (x.numel() / x.size(-1) < 2)
    raise<ValueError>("batch_norm", "training needs at least two values per channel, got shape ", x.shape());
  const auto result = options.silu
                          ? batch_norm_silu(x, weight.tensor(), bias.tensor(), {options.epsilon}, residual)
                          : batch_norm(x, weight.tensor(), bias.tensor(), {options.epsilon, options.relu}, residual);
  if (!autograd::recomputing()) {
    using P = ParameterScalar<T>;
    const NoGrad plain;
    const double count = static_cast<double>(result.count), rate = options.momentum;
    running_mean.tensor().mul_(static_cast<P>(1.0 - rate)).add_(result.mean, static_cast<P>(rate));
    running_variance.tensor()
        .mul_(static_cast<P>(1.0 - rate))
        .add_(result.variance, static_cast<P>(rate * count / (count - 1.0)));
  }
  return result.output;
}

struct LayerNormOptions {
  double epsilon = 1e-5;
  bool affine = true;
};

// Normalises every row over its last axis (Ba, Kiros, Hinton 2016): [..., features] -> the same.
template <class Device = Cpu, class T = float>
struct LayerNorm {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  LayerNormOptions options;
  Index features = 0;
  GLIA_MEMBERS(weight, bias)

  explicit LayerNorm(Index feature_count, const LayerNormOptions& o = {}) : options(o), features(feature_count) {
    detail::check_channels("LayerNorm", features);
    if (!o.affine) return;
    using P = ParameterScalar<T>;
    weight = Parameter<P, Device>(detail::channel_vector<P, Device>(features, 1.0));
    bias = Parameter<P, Device>(detail::channel_vector<P, Device>(features, 0.0));
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    auto y = with_path(weight, [&] {
      glia::detail::require_min_rank("layer_norm", "input", x, 1);
      detail::require_channels("layer_norm", x, features);
      return layer_norm(x, weight.tensor(), bias.tensor(), {options.epsilon});
    });
    return traced(*this, "LayerNorm", std::move(y));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

struct GroupNormOptions {
  Index groups = 1, channels = 0;
  double epsilon = 1e-5;
  bool affine = true;
};

// Normalises groups of channels over the pixels of each image (Wu, He 2018): [..., H, W, channels] or [N, channels].
template <class Device = Cpu, class T = float>
struct GroupNorm {
  Parameter<ParameterScalar<T>, Device> weight, bias;
  GroupNormOptions options;
  GLIA_MEMBERS(weight, bias)

  GroupNorm(const GroupNormOptions& o) : options(o) {
    detail::check_channels("GroupNorm", o.channels);
    if (o.groups < 1 || o.channels % o.groups != 0)
      raise<ValueError>("GroupNorm", o.groups, " groups do not divide ", o.channels, " channels");
    if (!o.affine) return;
    using P = ParameterScalar<T>;
    weight = Parameter<P, Device>(detail::channel_vector<P, Device>(o.channels, 1.0));
    bias = Parameter<P, Device>(detail::channel_vector<P, Device>(o.channels, 0.0));
  }
  GroupNorm(Index groups, Index channels) : GroupNorm(GroupNormOptions{groups, channels, 1e-5, true}) {}

  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    auto y = with_path(weight, [&] {
      glia::detail::require_min_rank("group_norm", "input", x, 2);
      detail::require_channels("group_norm", x, options.channels);
      return group_norm(x, options.groups, weight.tensor(), bias.tensor(), {options.epsilon});
    });
    return traced(*this, "GroupNorm", std::move(y));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
};

}  // namespace GLIA_NS::nn
