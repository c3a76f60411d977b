#pragma once
// Activation checkpointing: forget intermediate tensors in the forward pass, recompute them in the backward pass.

#include <glia/autograd/engine.hpp>
#include <glia/autograd/replay.hpp>

namespace GLIA_NS::autograd {

namespace detail {
template <class F, class T, class D>
struct CheckpointNode final : Node {
  F segment;
  std::vector<Saved<T, D>> inputs;
  DrawTape tape;

  explicit CheckpointNode(F f) : segment(std::move(f)) {}

  const char* name() const noexcept override { return "checkpoint"; }
  bool differentiable_once() const noexcept override { return true; }
  void release() noexcept override {
    for (auto& s : inputs) s.reset();
  }
  void backward(Gradients& g) override {
    std::vector<Tensor<T, D>> fresh;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      fresh.push_back(inputs[i].get(this).detach());
      if (g.needs(static_cast<int>(i))) fresh.back().set_requires_grad();
    }
    Tensor<T, D> out;
    {
      const GradMode recording(true);
      const DrawTape::Scope replay(tape, true);
      out = segment(fresh);
    }
    const auto dy = g.template output<T, D>();
    if (out.requires_grad()) out.backward(dy);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (g.needs(static_cast<int>(i)) && fresh[i].grad().defined()) g.set(static_cast<int>(i), fresh[i].grad());
  }
};
}  // namespace detail

// Computes segment(inputs) without keeping its intermediate tensors; the backward pass computes it again. `segment`
// takes a vector of tensors and returns one tensor; it may use parameters of modules (their gradients accumulate into
// `grad`, also in a pass of grad(), which cannot ask for them), which must outlive the backward pass. It must give the
// same result twice: random modules replay their numbers, buffers are left alone the second time. Differentiable once.
template <class F, class T, class D>
Tensor<T, D> checkpoint(F segment, const std::vector<Tensor<T, D>>& inputs) {
  auto node = make_ref<detail::CheckpointNode<F, T, D>>(std::move(segment));
  Tensor<T, D> out;
  {
    const NoGrad plain;
    const DrawTape::Scope recording(node->tape, false);
    out = node->segment(inputs);
  }
  for (const auto& x : inputs)
    if (out.impl() == x.impl()) out = out.detach();
  if (!grad_enabled()) return out;
  for (const auto& x : inputs) {
    node->edges.push_back(edge_to(x));
    node->inputs.emplace_back();
    node->inputs.back().save(x);
  }
  node->sequence = next_sequence();
  attach_output(Ref<Node>(node), out);
  return out;
}

}  // namespace GLIA_NS::autograd
