#pragma once
// The recorded graph: nodes, the edges to what they were computed from, and the gradients that pass through.

#include <glia/autograd/mode.hpp>
#include <glia/core/profile.hpp>
#include <glia/tensor/tensor.hpp>

#include <array>
#include <span>
#include <vector>

namespace GLIA_NS::autograd {

class Node;

// Where the gradient of one input goes: into output `number` of a node, or, for leaves, into the leaf's `grad`.
// Empty if the input needs no gradient.
struct Edge {
  Ref<RefCounted> target;
  int number = 0;
  bool leaf = false;

  explicit operator bool() const noexcept { return static_cast<bool>(target); }
};

// Shape and type of a node's output, to check gradients and to stand in zeros for missing ones.
struct OutputInfo {
  Shape shape;
  const TypeTable* type = nullptr;
};

// The gradients of one node's outputs on the way in, and of its inputs on the way out.
class Gradients {
 public:
  Gradients(Node& node, std::span<ImplRef> outputs, std::span<ImplRef> inputs)
      : node_(&node), outputs_(outputs), inputs_(inputs) {}

  // Gradient of output k; zeros if none came.
  template <class T, class D>
  Tensor<T, D> output(int k = 0);
  bool has_output(int k) const { return static_cast<bool>(outputs_[static_cast<std::size_t>(k)]); }

  // Whether input i wants a gradient.
  bool needs(int i) const;

  // Hands over the gradient of input i; ignored if it is not needed.
  template <class T, class D>
  void set(int i, const Tensor<T, D>& gradient) {
    if (needs(i)) inputs_[static_cast<std::size_t>(i)] = gradient.impl();
  }

 private:
  Node* node_;
  std::span<ImplRef> outputs_;
  std::span<ImplRef> inputs_;
};

// One recorded operation. Ops derive from it, keep what they need in Saved members, and compute input gradients
// from output gradients in backward(), preferably with ops, so that the result is differentiable again.
class Node : public RefCounted {
 public:
  virtual const char* name() const noexcept = 0;
  virtual void backward(Gradients& gradients) = 0;
  // Drops saved tensors after a backward pass that does not retain the graph.
  virtual void release() noexcept {}
  // True for nodes whose backward is a fused kernel: their gradients cannot be differentiated again.
  virtual bool differentiable_once() const noexcept { return false; }

  std::vector<Edge> edges;                            // one per input
  std::vector<OutputInfo> outputs;                    // one per output
  std::vector<std::pair<int, GradientHook>> hooks;    // (output number, hook)
  std::uint64_t sequence = 0;                         // grows along the graph: consumers have larger numbers

  // Scratch of the running backward pass: one gradient per output.
  std::vector<ImplRef> pending;
  bool queued = false;
};

inline bool Gradients::needs(int i) const { return static_cast<bool>(node_->edges[static_cast<std::size_t>(i)]); }

template <class T, class D>
Tensor<T, D> Gradients::output(int k) {
  ImplRef& gradient = outputs_[static_cast<std::size_t>(k)];
  if (!gradient) {
    const OutputInfo& info = node_->outputs[static_cast<std::size_t>(k)];
    gradient = info.type->zeros(info.shape);
  }
  return Tensor<T, D>(gradient);
}

inline std::uint64_t next_sequence() {
  static std::atomic<std::uint64_t> counter{0};
  return counter.fetch_add(1, std::memory_order_relaxed) + 1;
}

namespace detail {
// The edge that leads to where a tensor (null if undefined or without gradients) came from.
inline Edge edge_to_impl(const TensorImpl* tensor) {
  if (tensor == nullptr || !tensor->requires_grad()) return {};
  const GradientState& state = *tensor->gradient;
  if (state.grad_fn) return {state.grad_fn, state.output_number, false};
  return {Ref<RefCounted>(const_cast<TensorImpl*>(tensor)), 0, true};
}

template <class T, class D>
const TensorImpl* differentiable_impl(const Tensor<T, D>& tensor) {
  if constexpr (Floating<T>) {
    return tensor.impl().get();
  } else {
    return nullptr;
  }
}
}  // namespace detail

template <class T, class D>
Edge edge_to(const Tensor<T, D>& tensor) {
  return detail::edge_to_impl(detail::differentiable_impl(tensor));
}

template <class T, class D>
bool wants_grad(const Tensor<T, D>& tensor) {
  if constexpr (Floating<T>) {
    return tensor.defined() && tensor.requires_grad();
  } else {
    return false;
  }
}

// Makes the next output of `node` out of `tensor`.
[[gnu::noinline]] inline void attach_output(Node* node, TensorImpl& tensor) {
  GradientState& state = tensor.gradient_state();
  state.grad_fn = Ref<RefCounted>(node);
  state.output_number = static_cast<int>(node->outputs.size());
  node->outputs.push_back({tensor.shape, tensor.type});
}
template <class T, class D>
void attach_output(const Ref<Node>& node, Tensor<T, D>& tensor) {
  attach_output(node.get(), *tensor.impl());
}

// Bytes of a tensor that an op reads or writes; broadcast elements count once, views of another tensor's memory as far as they reach.
inline std::int64_t bytes_of(const TensorImpl& tensor) {
  const Index whole = static_cast<Index>(tensor.storage->bytes());
  return std::min(whole, tensor.shape.numel() * static_cast<Index>(tensor.type->item_bytes));
}
// For profiles: what an op with these tensors reads and writes; nothing if it made a view.
[[gnu::noinline]] inline void count_bytes(const TensorImpl& output, const TensorImpl* const* inputs, std::size_t count) {
  if (output.is_view()) return;
  std::int64_t total = bytes_of(output);
  for (std::size_t i = 0; i < count; ++i)
    if (inputs[i] != nullptr) total += bytes_of(*inputs[i]);
  profile::count_bytes(total);
}

namespace detail {
inline bool any_requires_grad(const TensorImpl* const* inputs, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (inputs[i] != nullptr && inputs[i]->requires_grad()) return true;
  return false;
}
[[gnu::noinline]] inline void attach_node(Node* node, TensorImpl& output, const TensorImpl* const* inputs, std::size_t count) {
  node->edges.reserve(count);
  for (std::size_t i = 0; i < count; ++i) node->edges.push_back(edge_to_impl(inputs[i]));
  node->sequence = next_sequence();
  profile::note_node(node->sequence);
  attach_output(node, output);
}
}  // namespace detail

// Records that `output` was computed by an N from `inputs` (undefined tensors and integer tensors are allowed and
// get no gradient). Returns the new node, for the op to fill, or nullptr when nothing needs to be recorded.
template <class N, class T, class D, class... Inputs>
N* record(Tensor<T, D>& output, const Inputs&... inputs) {
  const TensorImpl* const list[] = {detail::differentiable_impl(inputs)...};
  if (profile::collecting()) count_bytes(*output.impl(), list, sizeof...(Inputs));
  if (!grad_enabled() || !detail::any_requires_grad(list, sizeof...(Inputs))) return nullptr;
  auto node = make_ref<N>();
  detail::attach_node(node.get(), *output.impl(), list, sizeof...(Inputs));
  return node.get();
}

// The same for an op over a list of tensors of one type.
template <class N, class T, class D>
N* record_list(Tensor<T, D>& output, std::span<const Tensor<T, D>> inputs) {
  if (profile::collecting()) {
    count_bytes(*output.impl(), nullptr, 0);
    for (const auto& x : inputs) profile::count_bytes(bytes_of(*x.impl()));
  }
  bool wanted = false;
  for (const auto& x : inputs) wanted = wanted || wants_grad(x);
  if (!grad_enabled() || !wanted) return nullptr;
  auto node = make_ref<N>();
  node->edges.reserve(inputs.size());
  for (const auto& x : inputs) node->edges.push_back(edge_to(x));
  node->sequence = next_sequence();
  profile::note_node(node->sequence);
  attach_output(node.get(), *output.impl());
  return node.get();
}

// Adds a second, third, ... output to a node made by record(); call in the order of the output numbers.
template <class T, class D>
void record_output(Node* node, Tensor<T, D>& output) {
  attach_output(node, *output.impl());
}

namespace detail {
// Saved<T, D> without its type.
class SavedImpl {
 public:
  void save(const ImplRef& tensor, int output) {
    tensor_ = tensor;
    version_ = tensor ? tensor->storage->version() : 0;
    defined_ = static_cast<bool>(tensor);
    output_ = output;
  }
  void reset() noexcept { tensor_ = ImplRef(); }

  [[gnu::noinline]] ImplRef get(Node* owner) const {
    if (!defined_) return {};
    if (!tensor_)
      raise<AutogradError>(owner->name(),
                           "the graph was freed by an earlier backward pass; pass retain_graph = true to the "
                           "first backward if a second one is wanted");
    const std::uint32_t now = tensor_->storage->version();
    if (now != version_)
      raise<AutogradError>(owner->name(), "a tensor of shape ", tensor_->shape,
                           " saved for the backward pass was changed in place since (version ", now, ", expected ", version_, ")");
    if (profile::collecting()) profile::count_bytes(bytes_of(*tensor_));
    if (output_ < 0 || !grad_enabled()) return tensor_;
    ImplRef out = glia::detail::new_handle(*tensor_);
    GradientState& state = out->gradient_state();
    state.grad_fn = Ref<RefCounted>(owner);
    state.output_number = output_;
    return out;
  }

 private:
  ImplRef tensor_;
  std::uint32_t version_ = 0;
  int output_ = -1;
  bool defined_ = false;
};
}  // namespace detail

// A tensor kept for the backward pass. get() verifies that its elements were not changed in place since.
template <class T, class D>
class Saved {
 public:
  // Keeps an input of the op.
  void save(const Tensor<T, D>& tensor) { saved_.save(tensor.impl(), -1); }
  // Keeps output `number` of the op itself, without making the node own itself.
  void save_output(const Tensor<T, D>& tensor, int number = 0) { saved_.save(tensor.detach().impl(), number); }
  void reset() noexcept { saved_.reset(); }
  Tensor<T, D> get(Node* owner) const { return Tensor<T, D>(saved_.get(owner)); }

 private:
  detail::SavedImpl saved_;
};

}  // namespace GLIA_NS::autograd
