#pragma once
// Reservoirs: fixed random recurrent networks whose read-out alone is trained. Echo state (tanh units) and liquid
// (LIF).

#include <glia/nn/init.hpp>
#include <glia/nn/ridge.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/join.hpp>
#include <glia/spiking/layers.hpp>

namespace GLIA_NS::spiking {

// Largest absolute eigenvalue of a square matrix, by Gelfand's formula: |A^n|^(1/n) with n = 2^30, by repeated squaring
// in double.
template <std::floating_point T>
double spectral_radius(const Tensor<T>& matrix) {
  glia::detail::require_rank("spectral_radius", "matrix", matrix, 2);
  if (matrix.size(0) != matrix.size(1))
    raise<ShapeError>("spectral_radius", "needs a square matrix, got ", matrix.shape());
  const NoGrad plain;
  auto power = matrix.detach().template cast<double>().clone();
  double logarithm = 0, exponent = 1;  // A^exponent = power * e^logarithm
  for (int i = 0; i <= 30; ++i) {
    const double norm = math::sqrt(sum(mul(power, power)).item());
    if (!(norm > 0.0)) return 0.0;
    logarithm += math::log(norm);
    power.mul_(1.0 / norm);
    if (i == 30) break;
    power = matmul(power, power);
    logarithm *= 2, exponent *= 2;
  }
  return math::exp(logarithm / exponent);
}

struct ReservoirOptions {
  Index in = 0, units = 100;
  double spectral_radius = 0.9;
  double input_scale = 1.0;            // input weights are uniform in +-input_scale
  double density = 0.1;                // share of recurrent connections that exist
  double leak = 1.0;                   // echo state: share of the new value per step
  double beta = 0.9, threshold = 1.0;  // liquid: the LIF units
  std::uint64_t seed = 0;
};

namespace detail {
template <class T, class Device>
struct ReservoirWeights {
  nn::Buffer<T, Device> input, recurrent;  // [in, units], [units, units]

  ReservoirWeights(const char* op, const ReservoirOptions& o) {
    if (o.in < 1 || o.units < 1) raise<ValueError>(op, "in and units must be positive, got ", o.in, " and ", o.units);
    require_positive(op, "spectral_radius", o.spectral_radius);
    if (!(o.density > 0.0 && o.density <= 1.0)) raise<ValueError>(op, "density must be in (0, 1], got ", o.density);
    Generator generator(o.seed);
    const NoGrad plain;
    const auto in = rand<double>({o.in, o.units}, generator, -o.input_scale, o.input_scale);
    auto w = mul(rand<double>({o.units, o.units}, generator, -1.0, 1.0),
                 bernoulli<double>({o.units, o.units}, generator, o.density));
    const double radius = spiking::spectral_radius(w);
    if (radius > 0.0) w.mul_(o.spectral_radius / radius);
    input = nn::Buffer<T, Device>(in.template cast<T>().template to<Device>());
    recurrent = nn::Buffer<T, Device>(w.template cast<T>().template to<Device>());
  }
};
}  // namespace detail

// Echo-state network (Jaeger 2001): h = (1 - leak) h + leak tanh(u W_in + h W). Fixed weights; gradients flow to the
// input.
template <class Device = Cpu, class T = float>
struct EchoState {
  nn::Buffer<T, Device> input, recurrent;
  double leak;
  GLIA_MEMBERS(input, recurrent)

  explicit EchoState(const ReservoirOptions& o) : leak(o.leak) {
    detail::require_decay("echo_state", "leak", o.leak);
    detail::ReservoirWeights<T, Device> weights("echo_state", o);
    input = std::move(weights.input), recurrent = std::move(weights.recurrent);
  }

  // u [T, N, in] -> states [T, N, units], from rest.
  Tensor<T, Device> forward(const Tensor<T, Device>& u) const {
    glia::detail::require_rank("echo_state", "input", u, 3);
    const auto drive = matmul(u, input.tensor());
    Tensor<T, Device> h = zeros<T, Device>({u.size(1), recurrent.shape()[0]});
    std::vector<Tensor<T, Device>> states;
    for (Index t = 0; t < u.size(0); ++t) {
      const auto fresh = tanh(add(drive[t], matmul(h, recurrent.tensor())));
      h = add(scale(h, static_cast<T>(1.0 - leak)), scale(fresh, static_cast<T>(leak)));
      states.push_back(h);
    }
    return states.empty() ? drive : stack(states, 0);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& u) const { return forward(u); }
};

// Liquid state machine (Maass et al. 2002): LIF units driven by u W_in + (their last spikes) W. Fixed weights.
template <class Device = Cpu, class T = float>
struct Liquid {
  nn::Buffer<T, Device> input, recurrent;
  Lif<Device, T> neurons;
  GLIA_MEMBERS(input, recurrent, neurons)

  explicit Liquid(const ReservoirOptions& o) : neurons({.beta = o.beta, .threshold = o.threshold}) {
    detail::ReservoirWeights<T, Device> weights("liquid", o);
    input = std::move(weights.input), recurrent = std::move(weights.recurrent);
  }

  // u [T, N, in] -> spikes [T, N, units], from rest.
  Tensor<T, Device> forward(const Tensor<T, Device>& u) const {
    glia::detail::require_rank("liquid", "input", u, 3);
    const auto drive = matmul(u, input.tensor());
    Tensor<T, Device> spikes = zeros<T, Device>({u.size(1), recurrent.shape()[0]});
    State<T, Device> state;
    std::vector<Tensor<T, Device>> all;
    for (Index t = 0; t < u.size(0); ++t) {
      spikes = neurons.step(add(drive[t], matmul(spikes, recurrent.tensor())), state);
      all.push_back(spikes);
    }
    return all.empty() ? drive : stack(all, 0);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& u) const { return forward(u); }
};

}  // namespace GLIA_NS::spiking
