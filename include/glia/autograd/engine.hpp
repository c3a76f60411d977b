#pragma once
// The backward pass: visits recorded nodes from the newest to the oldest and sums gradients on the way.

#include <glia/autograd/node.hpp>
#include <glia/autograd/unclaimed.hpp>

#include <algorithm>
#include <queue>
#include <unordered_map>

namespace GLIA_NS::autograd {

// What a backward pass does besides computing gradients.
struct BackwardOptions {
  bool retain_graph = false;  // keep saved tensors for another pass
  bool create_graph = false;  // record the pass itself, for higher derivatives (implies retain_graph)
};

namespace detail {

// Stands in for the history of a gradient that came out of a differentiable-once node.
class OnceOnly final : public Node {
 public:
  explicit OnceOnly(const char* op) : op_(op) {}
  const char* name() const noexcept override { return op_; }
  void backward(Gradients&) override {
    raise<AutogradError>(op_,
                         "is differentiable once (its backward is a fused kernel); second derivatives "
                         "through it are not available");
  }

 private:
  const char* op_;
};

inline void check_gradient(const char* op, const ImplRef& gradient, const Shape& shape, const TypeTable* type) {
  if (gradient->shape != shape)
    raise<AutogradError>(op, "its backward gave a gradient of shape ", gradient->shape, " for an input of shape ",
                         shape);
  if (gradient->type->dtype != type->dtype)
    raise<AutogradError>(op, "its backward gave a gradient of another scalar type than the input's");
}

// total += part. In place only when nobody else can see the buffer.
inline void accumulate(ImplRef& total, const ImplRef& part, bool differentiable) {
  if (!total) {
    total = part;
    return;
  }
  const profile::Span span("accumulate", profile::Phase::backward);
  if (!differentiable && total->use_count() == 1 && total->storage->use_count() == 1 &&
      is_contiguous(total->shape, total->strides)) {
    total->type->add_in_place(total, part);
  } else {
    total = total->type->add(total, part);
  }
}

inline ImplRef run_hook(const GradientHook& hook, const ImplRef& gradient) {
  ImplRef replacement = hook(gradient);
  if (!replacement) return gradient;
  check_gradient("gradient hook", replacement, gradient->shape, gradient->type);
  return replacement;
}

struct OlderFirst {
  bool operator()(const Ref<Node>& a, const Ref<Node>& b) const { return a->sequence < b->sequence; }
};

template <class = void>
class BasicBackward;
using Backward = BasicBackward<>;  // GLIA_LAZY for a class

// A run of the engine. `wanted`, if given, are (tensor -> slot) pairs whose gradients are captured instead of being
// accumulated into leaves.
template <class>
class BasicBackward {
 public:
  BasicBackward(BackwardOptions options, std::span<const ImplRef> wanted)
      : options_(options), capture_(!wanted.empty()), captured_(wanted.size()) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const TensorImpl& impl = *wanted[i];
      if (impl.gradient && impl.gradient->grad_fn)
        inner_slots_[{impl.gradient->grad_fn.get(), impl.gradient->output_number}].push_back(i);
      else
        leaf_slots_[wanted[i].get()].push_back(i);
    }
  }
  ~BasicBackward() {
    for (; !queue_.empty(); queue_.pop()) {
      queue_.top()->pending.clear();
      queue_.top()->queued = false;
    }
  }

  void seed(const ImplRef& root, const ImplRef& gradient) {
    if (root->gradient && root->gradient->grad_fn)
      deliver({root->gradient->grad_fn, root->gradient->output_number, false}, gradient, "backward");
    else
      deliver({root, 0, true}, gradient, "backward");
  }

  void run() {
    const profile::Span span("backward", profile::Phase::backward);
    if (capture_) find_needed();
    const GradMode mode(options_.create_graph);
    while (!queue_.empty()) {
      Ref<Node> node = queue_.top();
      queue_.pop();
      node->queued = false;
      std::vector<ImplRef> outputs = std::move(node->pending);
      node->pending.clear();
      for (const auto& [number, hook] : node->hooks) {
        ImplRef& gradient = outputs[static_cast<std::size_t>(number)];
        if (gradient) gradient = run_hook(hook, gradient);
      }
      if (capture_) {
        for (std::size_t k = 0; k < outputs.size(); ++k) {
          const auto found = inner_slots_.find({node.get(), static_cast<int>(k)});
          if (found != inner_slots_.end())
            for (const std::size_t slot : found->second) captured_[slot] = outputs[k];
        }
        if (!needed_[node.get()]) continue;
      }
      step(node, outputs);
    }
    for (auto& [leaf, gradient] : hooked_) {
      for (const auto& hook : leaf->gradient->hooks) gradient = run_hook(hook, gradient);
      finish_leaf(*leaf, std::move(gradient));
    }
    hooked_.clear();
  }

  std::vector<ImplRef> take_captured() { return std::move(captured_); }

 private:
  struct SlotHash {
    std::size_t operator()(const std::pair<const RefCounted*, int>& key) const {
      return std::hash<const void*>()(key.first) * 31 + static_cast<std::size_t>(key.second);
    }
  };

  void step(const Ref<Node>& node, std::vector<ImplRef>& outputs) {
    std::vector<ImplRef> inputs(node->edges.size());
    Gradients gradients(*node, outputs, inputs);
    compute(node, gradients, outputs, inputs);
    outputs.clear();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i]) deliver(node->edges[i], std::move(inputs[i]), node->name());
  }

  void compute(const Ref<Node>& node, Gradients& gradients, const std::vector<ImplRef>& outputs,
               std::vector<ImplRef>& inputs) {
    const profile::Span span(node->name(), node->sequence);
    if (node->differentiable_once() && options_.create_graph) {
      {
        const NoGrad plain;
        node->backward(gradients);
      }
      for (ImplRef& gradient : inputs)
        if (gradient) gradient = fence(gradient, *node);
    } else {
      node->backward(gradients);
    }
    if (!options_.retain_graph && !options_.create_graph) node->release();
    if (profile::collecting())
      for (const std::span<const ImplRef> list : {std::span(outputs), std::span<const ImplRef>(inputs)})
        for (const ImplRef& gradient : list)
          if (gradient && !gradient->is_view()) profile::count_bytes(bytes_of(*gradient));
  }

  // Gives `gradient` a history that throws when somebody differentiates through it to what the node was computed from.
  static ImplRef fence(const ImplRef& gradient, const Node& source) {
    const auto out = glia::detail::new_handle(*gradient);
    auto node = make_ref<OnceOnly>(source.name());
    node->edges = source.edges;
    node->sequence = next_sequence();
    node->outputs.push_back({out->shape, out->type});
    out->gradient_state().grad_fn = node;
    return out;
  }

  void deliver(const Edge& edge, ImplRef gradient, const char* op) {
    if (edge.leaf) {
      const Ref<TensorImpl> leaf(static_cast<TensorImpl*>(edge.target.get()));
      check_gradient(op, gradient, leaf->shape, leaf->type);
      if (capture_ && leaf_slots_.count(leaf.get()) == 0) return;
      if (leaf->gradient->hooks.empty()) return finish_leaf(*leaf, std::move(gradient));
      // A hook gets the sum over all uses of the leaf, as that of an inner tensor does: it waits for the end of the
      // pass.
      const auto known =
          std::find_if(hooked_.begin(), hooked_.end(), [&](const auto& entry) { return entry.first == leaf; });
      if (known == hooked_.end())
        hooked_.emplace_back(leaf, std::move(gradient));
      else
        accumulate(known->second, gradient, options_.create_graph);
      return;
    }
    const Ref<Node> node(static_cast<Node*>(edge.target.get()));
    if (node->pending.empty()) node->pending.resize(node->outputs.size());
    const OutputInfo& info = node->outputs[static_cast<std::size_t>(edge.number)];
    check_gradient(op, gradient, info.shape, info.type);
    ImplRef& slot = node->pending[static_cast<std::size_t>(edge.number)];
    if (!slot)
      slot = std::move(gradient);
    else
      accumulate(slot, gradient, options_.create_graph);
    if (!node->queued) {
      node->queued = true;
      queue_.push(node);
    }
  }

  // Where the gradient of a leaf goes when nothing changes it any more.
  void finish_leaf(TensorImpl& leaf, ImplRef gradient) {
    if (!capture_) return accumulate_leaf(leaf, std::move(gradient));
    for (const std::size_t slot : leaf_slots_.at(&leaf)) accumulate(captured_[slot], gradient, options_.create_graph);
  }

  void accumulate_leaf(TensorImpl& leaf, ImplRef gradient) {
    GradientState& state = *leaf.gradient;
    note_unclaimed(leaf);
    if (!state.grad) {
      const bool shared = gradient->use_count() > 1 || gradient->storage->use_count() > 1;
      if (!options_.create_graph)
        state.grad = gradient->type->own(gradient, shared);
      else if (shared || !is_contiguous(gradient->shape, gradient->strides))
        state.grad =
            leaf.type->add(leaf.type->zeros(leaf.shape), gradient);  // a copy of its own that keeps the history
      else
        state.grad = std::move(gradient);
      return;
    }
    const profile::Span span("accumulate", profile::Phase::backward);
    if (options_.create_graph) {
      state.grad = leaf.type->add(state.grad, gradient);
    } else if (state.grad->requires_grad() || !is_contiguous(state.grad->shape, state.grad->strides)) {
      const NoGrad plain;
      state.grad = leaf.type->add(state.grad, gradient);
    } else {
      leaf.type->add_in_place(state.grad, gradient);
    }
  }

  // Marks the nodes from which a wanted tensor can be reached, without recursion.
  void find_needed() {
    std::vector<std::pair<Node*, std::size_t>> stack;
    auto copy = queue_;
    for (; !copy.empty(); copy.pop()) {
      if (needed_.count(copy.top().get()) != 0) continue;
      needed_.emplace(copy.top().get(), false);
      stack.emplace_back(copy.top().get(), 0);
      while (!stack.empty()) {
        auto& [node, next] = stack.back();
        if (next == node->edges.size()) {
          Node* done = node;
          const bool found = needed_[done];
          stack.pop_back();
          if (found && !stack.empty()) needed_[stack.back().first] = true;
          continue;
        }
        const Edge& edge = node->edges[next++];
        if (!edge) continue;
        if (edge.leaf) {
          if (leaf_slots_.count(static_cast<TensorImpl*>(edge.target.get())) != 0) needed_[node] = true;
          continue;
        }
        Node* child = static_cast<Node*>(edge.target.get());
        if (inner_slots_.count({child, edge.number}) != 0) needed_[node] = true;
        const auto known = needed_.find(child);
        if (known != needed_.end()) {
          if (known->second) needed_[node] = true;
        } else {
          needed_.emplace(child, false);
          stack.emplace_back(child, 0);
        }
      }
    }
  }

  BackwardOptions options_;
  bool capture_;
  std::vector<ImplRef> captured_;
  std::unordered_map<std::pair<const RefCounted*, int>, std::vector<std::size_t>, SlotHash> inner_slots_;
  std::unordered_map<const TensorImpl*, std::vector<std::size_t>> leaf_slots_;
  std::unordered_map<const Node*, bool> needed_;
  std::vector<std::pair<Ref<TensorImpl>, ImplRef>> hooked_;  // leaves with hooks and their gradients so far
  std::priority_queue<Ref<Node>, std::vector<Ref<Node>>, OlderFirst> queue_;
};

template <class T, class D>
ImplRef seed_gradient(const char* op, const Tensor<T, D>& output, const Tensor<T, D>& gradient) {
  if (!gradient.defined()) {
    if (output.numel() != 1)
      raise<AutogradError>(op, "without an output gradient the output must have one element, got shape ",
                           output.shape(), "; reduce it first or pass a gradient");
    return output.impl()->type->ones(output.shape());
  }
  if (gradient.shape() != output.shape())
    raise<ShapeError>(op, "the output gradient has shape ", gradient.shape(), ", expected ", output.shape());
  return gradient.impl();
}

template <class T, class D>
void require_history(const char* op, const Tensor<T, D>& output) {
  if (!output.requires_grad())
    raise<AutogradError>(op,
                         "the output does not depend on any tensor that requires gradients (was it computed "
                         "under NoGrad or detached?)");
}

}  // namespace detail

// Accumulates into the `grad` of every leaf the gradient of the sum over outputs of <output, gradient>. Gradients add
// up over calls: call zero_grad between steps. Two threads must not run backward at once through the same graph, nor
// through graphs that share leaves.
template <class T, class D>
void backward(std::span<const Tensor<T, D>> outputs, std::span<const Tensor<T, D>> gradients,
              BackwardOptions options = {}) {
  detail::Backward pass(options, {});
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    detail::require_history("backward", outputs[i]);
    const Tensor<T, D> gradient = i < gradients.size() ? gradients[i] : Tensor<T, D>();
    pass.seed(outputs[i].impl(), detail::seed_gradient("backward", outputs[i], gradient));
  }
  pass.run();
}

// Options of grad().
struct GradOptions {
  bool create_graph = false;
  bool retain_graph = false;
  bool allow_unused = false;  // an input that the output does not depend on gives an undefined tensor, not an error
};

// Gradients of sum <output, output_gradient> with respect to `inputs`, without touching any leaf's grad.
template <class T, class D>
std::vector<Tensor<T, D>> grad(std::span<const Tensor<T, D>> outputs, std::span<const Tensor<T, D>> inputs,
                               std::span<const Tensor<T, D>> output_gradients, GradOptions options = {}) {
  std::vector<ImplRef> wanted;
  for (const auto& x : inputs) {
    if (!x.requires_grad())
      raise<AutogradError>("grad", "input ", wanted.size(), " of shape ", x.shape(), " does not require gradients");
    wanted.push_back(x.impl());
  }
  if (wanted.empty()) return {};
  detail::Backward pass({options.retain_graph, options.create_graph}, wanted);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    detail::require_history("grad", outputs[i]);
    const Tensor<T, D> gradient = i < output_gradients.size() ? output_gradients[i] : Tensor<T, D>();
    pass.seed(outputs[i].impl(), detail::seed_gradient("grad", outputs[i], gradient));
  }
  pass.run();
  std::vector<Tensor<T, D>> result;
  for (ImplRef& gradient : pass.take_captured()) {
    if (!gradient && !options.allow_unused)
      raise<AutogradError>("grad", "the output does not depend on input ", result.size(),
                           "; pass allow_unused = true to get an undefined tensor instead");
    result.emplace_back(std::move(gradient));
  }
  return result;
}

}  // namespace GLIA_NS::autograd

namespace GLIA_NS {

// glia::grad(loss, {x, y}, {.create_graph = true}): gradients of a scalar output with respect to the inputs.
template <class T, class D>
std::vector<Tensor<T, D>> grad(const Tensor<T, D>& output, const std::vector<Tensor<T, D>>& inputs,
                               autograd::GradOptions options = {}, const Tensor<T, D>& output_gradient = {}) {
  return autograd::grad<T, D>(std::span(&output, 1), inputs, std::span(&output_gradient, 1), options);
}

template <class T, class D>
void Tensor<T, D>::backward(bool retain_graph) const {
  autograd::backward<T, D>(std::span(this, 1), {}, {.retain_graph = retain_graph});
}

template <class T, class D>
void Tensor<T, D>::backward(const Tensor& output_gradient, bool retain_graph) const {
  autograd::backward<T, D>(std::span(this, 1), std::span(&output_gradient, 1), {.retain_graph = retain_graph});
}

template <class T, class D>
void Tensor<T, D>::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!requires_grad()) raise<AutogradError>("register_hook", "this tensor does not require gradients");
  GradientHook erased = [hook = std::move(hook)](const ImplRef& gradient) { return hook(Tensor(gradient)).impl(); };
  GradientState& state = *impl_->gradient;
  if (state.grad_fn)
    static_cast<autograd::Node*>(state.grad_fn.get())->hooks.emplace_back(state.output_number, std::move(erased));
  else
    state.hooks.push_back(std::move(erased));
}

}  // namespace GLIA_NS
