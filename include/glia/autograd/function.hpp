#pragma once
// User-defined differentiable functions.

#include <glia/autograd/engine.hpp>

#include <tuple>
#include <utility>

namespace GLIA_NS::autograd {

// What a user-defined function keeps between forward and backward.
template <class T, class D>
class FunctionContext {
 public:
  // Keeps inputs or intermediate tensors; changes in place until backward are detected.
  void save(std::initializer_list<Tensor<T, D>> tensors) {
    saved_.clear();
    for (const auto& tensor : tensors) {
      saved_.emplace_back();
      saved_.back().save(tensor);
    }
  }
  // The i-th saved tensor.
  Tensor<T, D> saved(std::size_t i) const {
    if (i >= saved_.size()) raise<IndexError>(owner_->name(), "saved tensor ", i, " of ", saved_.size());
    return saved_[i].get(owner_);
  }
  // Whether input i wants a gradient (known in backward).
  bool needs_gradient(std::size_t i) const { return i < owner_->edges.size() && static_cast<bool>(owner_->edges[i]); }

  void bind(Node* owner) { owner_ = owner; }
  void release() noexcept {
    for (auto& s : saved_) s.reset();
  }

 private:
  std::vector<Saved<T, D>> saved_;
  Node* owner_ = nullptr;
};

namespace detail {
template <class F, class T, class D>
struct FunctionNode final : Node {
  FunctionContext<T, D> context;
  const char* name() const noexcept override {
    if constexpr (requires { F::name; })
      return F::name;
    else
      return "function";
  }
  void release() noexcept override { context.release(); }
  void backward(Gradients& g) override {
    const std::vector<Tensor<T, D>> gradients = F::backward(context, g.template output<T, D>());
    if (gradients.size() != edges.size())
      raise<AutogradError>(name(), "backward returned ", gradients.size(), " gradients for ", edges.size(), " inputs");
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i].defined()) g.set(static_cast<int>(i), gradients[i]);
  }
};
}  // namespace detail

// Applies a user-defined function F with
//   static Tensor forward(FunctionContext<T, D>& context, const Tensor&... inputs);
//   static std::vector<Tensor> backward(FunctionContext<T, D>& context, const Tensor& output_gradient);
// forward runs unrecorded; backward returns one gradient per input (undefined for none) and is differentiable again if
// it is written with ops.
template <class F, class T, class D, class... Rest>
Tensor<T, D> apply(const Tensor<T, D>& first, const Rest&... rest) {
  FunctionContext<T, D> context;
  Tensor<T, D> out;
  {
    const NoGrad plain;
    out = F::forward(context, first, rest...);
    if (!out.defined())
      raise<AutogradError>("function", "forward returned an undefined tensor, expected a defined one");
    out = out.detach();  // the caller may hold what forward returned; the history belongs to this handle alone
  }
  if (auto* node = record<detail::FunctionNode<F, T, D>>(out, first, rest...)) {
    node->context = std::move(context);
    node->context.bind(node);
  }
  return out;
}

}  // namespace GLIA_NS::autograd
