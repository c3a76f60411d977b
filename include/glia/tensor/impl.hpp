#pragma once
// The type-erased part of a tensor: what the autograd engine handles without knowing scalar or device.

#include <glia/core/scalar.hpp>
#include <glia/core/shape.hpp>
#include <glia/tensor/storage.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace GLIA_NS {

class TensorImpl;
using ImplRef = Ref<TensorImpl>;
using GradientHook = std::function<ImplRef(const ImplRef&)>;

// What the engine needs to do with tensors of one (scalar, device) pair. One instance exists per pair and module
// of the program; compare `id`, not addresses.
struct TypeTable {
  DType dtype;
  const char* device;
  std::size_t item_bytes;
  ImplRef (*add)(const ImplRef&, const ImplRef&);         // differentiable sum
  void (*add_in_place)(const ImplRef&, const ImplRef&);   // first += second, not recorded
  ImplRef (*zeros)(const Shape&);
  ImplRef (*ones)(const Shape&);
  ImplRef (*own)(const ImplRef&, bool must_copy);         // contiguous, copied if asked; not recorded
};

// The autograd side of a tensor; absent on tensors that never took part in a gradient.
struct GradientState {
  bool requires_grad = false;
  bool is_parameter = false;         // belongs to a module
  bool in_optimizer = false;         // some optimizer updates it
  int output_number = 0;             // which output of grad_fn this tensor is
  Ref<RefCounted> grad_fn;           // the Node that made it; empty for leaves
  ImplRef grad;                      // accumulated gradient of a leaf
  std::vector<GradientHook> hooks;   // of a leaf; those of an inner tensor live in its node
  std::string name;                  // path of the parameter in its module tree
};

class TensorImpl final : public RefCounted {
 public:
  TensorImpl(Ref<Storage> memory, Index first, const Shape& extents, const Strides& steps, const TypeTable* table)
      : storage(std::move(memory)), offset(first), shape(extents), strides(steps), type(table) {}
  ~TensorImpl() override {
    if (view_) storage->add_view(-1);
  }

  GradientState& gradient_state() {
    if (!gradient) gradient = std::make_unique<GradientState>();
    return *gradient;
  }
  bool requires_grad() const noexcept { return gradient && (gradient->requires_grad || gradient->grad_fn); }
  bool is_leaf() const noexcept { return !gradient || !gradient->grad_fn; }

  // Whether it shares its storage with the tensor it was taken from; detaching a tensor changes nothing about it.
  bool is_view() const noexcept { return view_; }
  void mark_view() noexcept {
    if (!view_) storage->add_view(1);
    view_ = true;
  }

  Ref<Storage> storage;
  Index offset = 0;  // in elements
  Shape shape;
  Strides strides;
  const TypeTable* type = nullptr;
  std::unique_ptr<GradientState> gradient;

 private:
  bool view_ = false;
};

}  // namespace GLIA_NS
