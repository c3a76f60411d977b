#pragma once
// Bounded multi-level activation with a learned threshold (QCFS: quantisation, clip, floor, shift), and the spiking
// neuron that a network trained with it converts to.

#include <glia/kernels/cpu/qcfs.hpp>
#include <glia/nn/module.hpp>
#include <glia/spiking/layers.hpp>

namespace GLIA_NS::spiking {

namespace detail {
template <class T, class D>
struct QcfsNode final : autograd::Node {
  autograd::Saved<T, D> z, theta;
  double levels = 1;
  const char* name() const noexcept override { return "qcfs"; }
  bool differentiable_once() const noexcept override { return true; }
  void release() noexcept override { z.reset(), theta.reset(); }
  void backward(autograd::Gradients& g) override {
    const NoGrad plain;
    const auto x = z.get(this).contiguous(), top = theta.get(this);
    const auto dy = g.template output<T, D>().contiguous();
    Tensor<T, D> dz, dtheta;
    if (g.needs(0)) dz = Tensor<T, D>::empty(x.shape());
    if (g.needs(1)) dtheta = Tensor<T, D>::empty(top.shape());
    qcfs_backward(D{}, x.numel(), x.data(), top.data(), levels, dy.data(), dz.defined() ? dz.mutable_data() : nullptr,
                  dtheta.defined() ? dtheta.mutable_data() : nullptr);
    if (dz.defined()) g.set(0, dz);
    if (dtheta.defined()) g.set(1, dtheta);
  }
};
}  // namespace detail

// theta * clip(floor(z levels / theta + 1/2) / levels, 0, 1): `levels` + 1 values from 0 to theta, a one-element tensor
// with a positive value. Gradient as in Bu et al. 2022 (optimal ANN-SNN conversion), straight through the floor: dz =
// dy where -theta / (2 levels) < z < theta - theta / (2 levels), else 0; dtheta = dy (out - z) / theta there, dy above,
// 0 below. Differentiable once. ShapeError if theta has not one element, ValueError if levels < 1.
template <Floating T, class D>
Tensor<T, D> qcfs(const Tensor<T, D>& z, const Tensor<T, D>& theta, int levels) {
  const profile::Span span("qcfs");
  glia::detail::require_defined("qcfs", "input", z);
  glia::detail::require_defined("qcfs", "theta", theta);
  if (theta.numel() != 1) raise<ShapeError>("qcfs", "theta must have one element, got shape ", theta.shape());
  if (levels < 1) raise<ValueError>("qcfs", "levels must be positive, got ", levels);
  Tensor<T, D> input;
  {
    const NoGrad plain;
    input = z.contiguous();
  }
  auto out = Tensor<T, D>::empty(z.shape());
  qcfs_forward(D{}, out.numel(), input.data(), theta.data(), static_cast<double>(levels), out.mutable_data());
  if (auto* node = autograd::record<detail::QcfsNode<T, D>>(out, z, theta)) {
    node->z.save(z), node->theta.save(theta);
    node->levels = levels;
  }
  return out;
}

struct QcfsOptions {
  int levels = 8;
  double theta = 8;  // at the start; it should cover the activations of the layer
};

// The activation as a layer; theta is learned, one for the layer.
template <class Device = Cpu, class T = float>
class Qcfs {
 public:
  nn::Parameter<ParameterScalar<T>, Device> theta;  // [1]
  GLIA_MEMBERS(theta)

  Qcfs() : Qcfs(QcfsOptions{}) {}
  explicit Qcfs(const QcfsOptions& options) : levels_(options.levels) {
    detail::require_positive("qcfs", "theta", options.theta);
    if (options.levels < 1) raise<ValueError>("qcfs", "levels must be positive, got ", options.levels);
    using P = ParameterScalar<T>;
    theta = nn::Parameter<P, Device>(full<P, Device>({1}, static_cast<P>(options.theta)));
  }

  Tensor<T, Device> forward(const Tensor<T, Device>& z) const {
    auto out = nn::with_path(theta, [&] { return qcfs(z, nn::operand<T>(theta), levels_); });
    return nn::traced(*this, "qcfs", std::move(out));
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& z) const { return forward(z); }
  int levels() const noexcept { return levels_; }

 private:
  int levels_;
};

// The integrate-and-fire neuron that stands for a Qcfs activation in the converted network: threshold theta, start
// theta / 2, soft reset, output theta per spike. Its state has the same names as Qcfs, so that weights are copied by
// name from the trained network to the same network built with this activation. Over T steps of constant input
// the mean output equals the activation with T levels in place of `levels`; uneven input adds error (docs/spiking.md).
template <class Device = Cpu, class T = float>
class ConvertedIf {
 public:
  nn::Parameter<ParameterScalar<T>, Device> theta;  // [1]
  GLIA_MEMBERS(theta)

  ConvertedIf() : ConvertedIf(QcfsOptions{}) {}
  explicit ConvertedIf(const QcfsOptions& options) {
    detail::require_positive("converted_if", "theta", options.theta);
    using P = ParameterScalar<T>;
    theta = nn::Parameter<P, Device>(full<P, Device>({1}, static_cast<P>(options.theta)));
  }
  // The neuron for a trained activation.
  explicit ConvertedIf(const Qcfs<Device, T>& trained) : theta(trained.theta) {}

  // x [T, N, ...] -> theta * spikes of the same shape. Reads theta on the host.
  Tensor<T, Device> forward(const Tensor<T, Device>& x) const {
    const double top = threshold();
    return nn::traced(*this, "converted_if", scale(simulate(neuron(top), x), static_cast<T>(top)), 0, {}, true);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) const { return forward(x); }
  Tensor<T, Device> step(const Tensor<T, Device>& x, State<T, Device>& state) const {
    const double top = threshold();
    return scale(spiking::step(neuron(top), x, state), static_cast<T>(top));
  }

 private:
  double threshold() const {
    const double top = static_cast<double>(static_cast<T>(theta.tensor().item()));  // as Qcfs rounds it
    detail::require_positive("converted_if", "theta", top);
    return top;
  }
  static IfNeuron<> neuron(double top) { return IfNeuron<>::make({.threshold = top, .initial = 0.5 * top}); }
};

}  // namespace GLIA_NS::spiking
