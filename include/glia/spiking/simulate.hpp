#pragma once
// simulate: a neuron functor over time as one differentiable op. step: the same for one time step, with a state.

#include <glia/kernels/cpu/spiking.hpp>
#include <glia/ops/arithmetic.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/sum.hpp>
#include <glia/ops/view.hpp>

#include <array>
#include <vector>

namespace GLIA_NS::spiking {

// The state of a population of neurons between two steps; owned by the caller. Empty means at rest. Entry k is state k
// of the functor, with the shape of the input of one step.
template <class T = float, class D = Cpu>
struct State {
  std::vector<Tensor<T, D>> values;

  bool at_rest() const { return values.empty(); }
  // Cuts the gradient history: truncated back-propagation through time.
  State detached() const {
    State out;
    for (const auto& v : values) out.values.push_back(v.detach());
    return out;
  }
};

namespace detail {

// A sequence as kernels read it: rows of contiguous elements, `step` elements apart (0: every row is the same).
template <class T, class D>
struct Sequence {
  Tensor<T, D> tensor;
  Index step = 0;
};

template <class T, class D>
Sequence<T, D> as_sequence(const Tensor<T, D>& x) {
  Shape row = x.shape();
  Strides strides = x.strides();
  row.erase(0), strides.erase(0);
  if (is_contiguous(row, strides) && x.strides()[0] >= 0) return {x, x.strides()[0]};
  const NoGrad plain;
  return {x.contiguous(), row.numel()};
}

template <class N>
constexpr const char* neuron_name() {
  if constexpr (requires { N::name; })
    return N::name;
  else
    return "simulate";
}

// The result of a run: outputs and the states after the last step.
template <class T, class D, int S>
struct Run {
  Tensor<T, D> out;
  std::array<Tensor<T, D>, static_cast<std::size_t>(S)> last;
};

template <class N, class T, class D>
struct NeuronNode final : autograd::Node {
  static constexpr int states = N::states;
  N neuron;
  autograd::Saved<T, D> x, parameters;
  std::array<autograd::Saved<T, D>, static_cast<std::size_t>(states)> start;

  const char* name() const noexcept override { return neuron_name<N>(); }
  bool differentiable_once() const noexcept override { return true; }
  void release() noexcept override {
    x.reset(), parameters.reset();
    for (auto& s : start) s.reset();
  }
  void backward(autograd::Gradients& g) override {
    run(g, std::make_index_sequence<static_cast<std::size_t>(states)>{});
  }

 private:
  template <std::size_t... K>
  void run(autograd::Gradients& g, std::index_sequence<K...>) {
    const auto input = as_sequence(x.get(this));
    const auto p = parameters.get(this);
    const std::array<Tensor<T, D>, sizeof...(K)> begin{start[K].get(this)...};
    const auto dy = as_sequence(g.template output<T, D>(0));
    const NoGrad plain;
    const Tensor<T, D> dlast[] = {(outputs.size() > K + 1 && g.has_output(static_cast<int>(K) + 1))
                                      ? g.template output<T, D>(static_cast<int>(K) + 1).contiguous()
                                      : Tensor<T, D>()...};
    const Shape& shape = input.tensor.shape();
    Shape row = shape;
    row.erase(0);
    Tensor<T, D> dx, dp;
    Tensor<T, D> dstart[] = {g.needs(static_cast<int>(K) + 2) ? Tensor<T, D>::empty(row) : Tensor<T, D>()...};
    if (g.needs(0)) dx = Tensor<T, D>::empty(shape);
    if (g.needs(1)) dp = Tensor<T, D>::empty(p.shape());
    const T* const from[] = {begin[K].defined() ? begin[K].data() : nullptr...};
    const T* const after[] = {dlast[K].defined() ? dlast[K].data() : nullptr...};
    T* const to[] = {dstart[K].defined() ? dstart[K].mutable_data() : nullptr...};
    neuron_backward(D{}, neuron, shape[0], row.numel(), input.tensor.data(), input.step,
                    p.defined() ? p.data() : nullptr, from, dy.tensor.data(), dy.step, after,
                    dx.defined() ? dx.mutable_data() : nullptr, dp.defined() ? dp.mutable_data() : nullptr, to);
    if (dx.defined()) g.set(0, dx);
    if (dp.defined()) g.set(1, dp);
    ((dstart[K].defined() ? g.set(static_cast<int>(K) + 2, dstart[K]) : void()), ...);
  }
};

template <class N, class T, class D, std::size_t... K>
Run<T, D, N::states> run_neuron(const N& neuron, const Tensor<T, D>& x, const Tensor<T, D>& parameters,
                                const State<T, D>& state, bool keep_last, std::index_sequence<K...>) {
  static_assert(N::states >= 1, "a neuron has at least one state");
  static_assert(Floating<T>, "neurons take floating-point input: write x.cast<float>() first");
  const char* op = neuron_name<N>();
  const profile::Span span(op);
  glia::detail::require_min_rank(op, "input", x, 1);
  constexpr int count = glia::detail::neuron_parameters<N>();
  if (count > 0) {
    glia::detail::require_defined(op, "parameters", parameters);
    if (parameters.numel() != count)
      raise<ShapeError>(op, "parameters must have ", count, " elements, got shape ", parameters.shape());
  }
  Shape row = x.shape();
  row.erase(0);
  if (!state.at_rest() && state.values.size() != sizeof...(K))
    raise<ShapeError>(op, "the state must have ", sizeof...(K), " parts, got ", state.values.size());
  for (const auto& part : state.values) glia::detail::require_shape(op, "state", part, row);

  Run<T, D, N::states> out;
  const auto input = as_sequence(x);
  out.out = Tensor<T, D>::empty(x.shape());
  Tensor<T, D> start[] = {state.at_rest() ? Tensor<T, D>() : state.values[K].contiguous()...};
  const auto packed = parameters.defined() ? parameters.contiguous() : parameters;
  if (keep_last) ((out.last[K] = Tensor<T, D>::empty(row)), ...);
  const T* const from[] = {start[K].defined() ? start[K].data() : nullptr...};
  T* const to[] = {keep_last ? out.last[K].mutable_data() : nullptr...};
  neuron_forward(D{}, neuron, x.shape()[0], row.numel(), input.tensor.data(), input.step,
                 packed.defined() ? packed.data() : nullptr, from, out.out.mutable_data(), to);
  if (auto* node = autograd::record<NeuronNode<N, T, D>>(out.out, x, packed, start[K]...)) {
    node->neuron = neuron;
    node->x.save(x), node->parameters.save(packed);
    (node->start[K].save(start[K]), ...);
    if (keep_last) (autograd::record_output(node, out.last[K]), ...);
  }
  return out;
}

}  // namespace detail

// Runs a neuron functor (spiking/neurons.hpp) over axis 0 of x [T, ...], from rest: one fused pass that keeps the
// states in the cache; all elements of the other axes are independent neurons. `parameters` holds the functor's learned
// scalars. The backward pass needs the input alone and computes the states again (back-propagation through time with
// the surrogate derivatives of the functor). Differentiable once. ShapeError if x has no axis.
template <class N, class T, class D>
Tensor<T, D> simulate(const N& neuron, const Tensor<T, D>& x, const Tensor<T, D>& parameters = {}) {
  constexpr auto states = std::make_index_sequence<static_cast<std::size_t>(N::states)>{};
  return detail::run_neuron(neuron, x, parameters, State<T, D>{}, false, states).out;
}

// The same from `state`, which afterwards is the state behind the last step: long sequences in pieces. Gradients flow
// through the state; see State::detached.
template <class N, class T, class D>
Tensor<T, D> simulate(const N& neuron, const Tensor<T, D>& x, State<T, D>& state, const Tensor<T, D>& parameters = {}) {
  constexpr auto states = std::make_index_sequence<static_cast<std::size_t>(N::states)>{};
  auto run = detail::run_neuron(neuron, x, parameters, state, true, states);
  state.values.assign(run.last.begin(), run.last.end());
  return run.out;
}

// One time step: x [...] -> output [...], updating `state`. Bitwise equal to the rows of simulate().
template <class N, class T, class D>
Tensor<T, D> step(const N& neuron, const Tensor<T, D>& x, State<T, D>& state, const Tensor<T, D>& parameters = {}) {
  glia::detail::require_defined(detail::neuron_name<N>(), "input", x);
  return simulate(neuron, x.unsqueeze(0), state, parameters).squeeze(0);
}

// x [...] as the input of `steps` time steps: [steps, ...], a view without a copy; the gradient sums over the steps.
template <class T, class D>
Tensor<T, D> repeat(const Tensor<T, D>& x, Index steps) {
  glia::detail::require_defined("repeat", "input", x);
  if (steps < 1) raise<ValueError>("repeat", "the number of steps must be positive, got ", steps);
  Shape shape = x.shape();
  shape.insert(0, steps);
  if (shape.rank() > max_rank) raise<ShapeError>("repeat", "no room for a time axis before shape ", x.shape());
  return x.unsqueeze(0).expand(shape);
}

}  // namespace GLIA_NS::spiking
