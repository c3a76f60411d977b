#pragma once
// Tensor<Scalar, Device>: a shared, strided, n-dimensional array. Scalar and device are types, shape is a value.

#include <glia/core/error.hpp>
#include <glia/core/view.hpp>
#include <glia/device/copy.hpp>
#include <glia/tensor/impl.hpp>

#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace GLIA_NS {

template <class T, class D>
class Tensor;

namespace detail {
template <class T, class D>
const TypeTable& type_table();  // ops/type_table.hpp

// Number of elements of a shape that a tensor can have. ShapeError for too many axes or elements and for negative extents.
inline Index checked_numel(const char* op, const Shape& shape, std::size_t item_bytes) {
  const Index most = (Index{1} << 62) / static_cast<Index>(item_bytes);
  Index count = 1;
  if (shape.rank() > max_rank) raise<ShapeError>(op, "at most ", max_rank, " axes are supported, got ", shape.rank());
  for (const Index extent : shape) {
    if (extent < 0) raise<ShapeError>(op, "extents must not be negative, got ", shape);
    if (extent != 0 && count > most / extent) raise<ShapeError>(op, "too many elements in ", shape);
    count *= extent;
  }
  return count;
}

// What does not depend on the scalar is compiled once.
[[gnu::noinline]] inline ImplRef new_tensor(Allocator& allocator, const Shape& shape, const TypeTable& type) {
  const Index count = checked_numel("empty", shape, type.item_bytes);
  auto storage = make_ref<Storage>(allocator, static_cast<std::size_t>(count) * type.item_bytes);
  return make_ref<TensorImpl>(std::move(storage), 0, shape, contiguous_strides(shape), &type);
}
[[gnu::noinline]] inline ImplRef new_alias(const TensorImpl& other, Index offset, const Shape& shape, const Strides& strides) {
  auto out = make_ref<TensorImpl>(other.storage, offset, shape, strides, other.type);
  out->mark_view();
  return out;
}
// The same elements without gradient history.
[[gnu::noinline]] inline ImplRef new_handle(const TensorImpl& other) {
  auto out = make_ref<TensorImpl>(other.storage, other.offset, other.shape, other.strides, other.type);
  if (other.is_view()) out->mark_view();
  return out;
}
[[noreturn, gnu::cold, gnu::noinline]] inline void raise_undefined() {
  raise<Error>("tensor", "this tensor is undefined (default-constructed or moved from)");
}
[[noreturn, gnu::cold, gnu::noinline]] inline void raise_bad_axis(Index axis, int rank) {
  raise<IndexError>("size", "axis ", axis, " is outside a tensor of rank ", rank);
}
}

// Half-open range of positions along an axis with a step, as in NumPy: negative bounds count from the end, missing
// bounds mean the whole axis. The step must be positive.
struct Slice {
  std::optional<Index> start = {};
  std::optional<Index> stop = {};
  Index step = 1;
};

// An n-dimensional array of T in the memory of D. Copying a Tensor copies a handle: both see the same elements;
// clone() copies the elements. A default-constructed Tensor is undefined and every op refuses it. Methods that
// return a Tensor are differentiable unless they say otherwise.
template <class T = float, class D = Cpu>
class Tensor {
 public:
  using scalar_type = T;
  using device_type = D;

  Tensor() = default;
  explicit Tensor(ImplRef impl) : impl_(std::move(impl)) {}

  // Uninitialised memory of the given shape. ShapeError on a negative extent or more than max_rank axes.
  static Tensor empty(const Shape& shape) {
    return Tensor(detail::new_tensor(device_allocator(D{}), shape, detail::type_table<T, D>()));
  }

  // Shares `other`'s storage under another geometry; no check, no gradient history (for ops).
  static Tensor alias(const Tensor& other, Index offset, const Shape& shape, const Strides& strides) {
    return Tensor(detail::new_alias(*other.impl_, offset, shape, strides));
  }

  bool defined() const noexcept { return static_cast<bool>(impl_); }
  explicit operator bool() const noexcept { return defined(); }
  const ImplRef& impl() const noexcept { return impl_; }

  // --- geometry ---------------------------------------------------------------------------------------------
  const Shape& shape() const { return checked().shape; }
  const Strides& strides() const { return checked().strides; }
  Index offset() const { return checked().offset; }
  int rank() const { return checked().shape.rank(); }
  Index numel() const { return checked().shape.numel(); }
  // Extent of an axis; negative axes count from the end. IndexError if there is no such axis.
  Index size(Index axis) const {
    const int a = normalize_axis(axis, rank());
    if (a < 0) detail::raise_bad_axis(axis, rank());
    return shape()[a];
  }
  // Whether both tensors look at one storage.
  bool shares_storage(const Tensor& other) const { return checked().storage == other.checked().storage; }
  bool is_contiguous() const { return glia::is_contiguous(shape(), strides()); }

  // --- elements ---------------------------------------------------------------------------------------------
  // Pointer to the first element (device memory on a GPU); the read-only form.
  const T* data() const { return static_cast<const T*>(checked().storage->data()) + impl_->offset; }
  // Pointer for writing: counts as an in-place change of the storage.
  T* mutable_data() {
    checked().storage->bump_version();
    return static_cast<T*>(impl_->storage->data()) + impl_->offset;
  }
  View<const T> view() const { return {data(), shape(), strides()}; }
  View<T> mutable_view() { return {mutable_data(), shape(), strides()}; }
  // The contiguous host elements as a span. ShapeError if the tensor is not contiguous.
  std::span<const T> span() const
    requires std::is_same_v<D, Cpu>
  {
    require_contiguous("span");
    return {data(), static_cast<std::size_t>(numel())};
  }
  std::span<T> mutable_span()
    requires std::is_same_v<D, Cpu>
  {
    require_contiguous("mutable_span");
    return {mutable_data(), static_cast<std::size_t>(numel())};
  }
  // The value of a tensor with exactly one element. ShapeError otherwise.
  T item() const;
  // All elements in row-major order, copied to the host.
  std::vector<T> to_vector() const;

  // --- views: they share the storage --------------------------------------------------------------------------
  Tensor reshape(const Shape& shape) const;  // copies only if no view exists; one extent may be -1
  Tensor view_as(const Shape& shape) const;  // ShapeError if no view exists
  Tensor permute(const Axes& order) const;
  Tensor transpose(Index axis_a = -2, Index axis_b = -1) const;
  Tensor expand(const Shape& shape) const;
  Tensor slice(Index axis, Slice range) const;
  Tensor select(Index axis, Index position) const;
  Tensor squeeze(Index axis) const;  // ShapeError if its extent is not 1
  Tensor squeeze() const;            // without all axes of extent 1
  Tensor unsqueeze(Index axis) const;
  Tensor flatten(Index first = 0, Index last = -1) const;
  // x[i] is x.select(0, i).
  Tensor operator[](Index position) const { return select(0, position); }
  // NumPy-style basic indexing: x(1, Slice{2, 5}, all). Integers drop their axis.
  template <class... Where>
    requires(sizeof...(Where) > 0)
  Tensor operator()(const Where&... where) const;

  // --- copies and conversions -----------------------------------------------------------------------------------
  Tensor contiguous() const;
  Tensor clone() const;
  // Same elements, no gradient history; shares the storage.
  Tensor detach() const { return Tensor(detail::new_handle(checked())); }
  // Elements converted to scalar U (float to integer truncates; to bool: not zero).
  template <class U>
  Tensor<U, D> cast() const;
  // Elements copied to device E.
  template <class E>
  Tensor<T, E> to() const;

  // --- in-place: NumPy broadcasting into this tensor's shape -----------------------------------------------------
  Tensor& fill_(std::type_identity_t<T> value);
  Tensor& zero_() { return fill_(T(0)); }
  Tensor& copy_(const Tensor& source);
  Tensor& add_(const Tensor& other, std::type_identity_t<T> factor = T(1));
  Tensor& mul_(const Tensor& other);
  Tensor& mul_(std::type_identity_t<T> factor);
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return add_(other, T(-1)); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator*=(std::type_identity_t<T> factor) { return mul_(factor); }

  // --- gradients ------------------------------------------------------------------------------------------------
  bool requires_grad() const { return checked().requires_grad(); }
  bool is_leaf() const { return checked().is_leaf(); }
  // Asks for gradients of a leaf. AutogradError for tensors with history or a scalar that has no gradients.
  Tensor& set_requires_grad(bool on = true) {
    static_assert(Floating<T>, "gradients need a floating-point tensor: write x.cast<float>() first");
    if (!is_leaf())
      raise<AutogradError>("set_requires_grad", "this tensor has gradient history; only leaves can be switched");
    impl_->gradient_state().requires_grad = on;
    return *this;
  }
  // The accumulated gradient of a leaf; undefined before the first backward.
  Tensor grad() const { return impl_ && impl_->gradient ? Tensor(impl_->gradient->grad) : Tensor(); }
  // Replaces the accumulated gradient; an undefined one drops it. ShapeError unless it has this tensor's shape.
  void set_grad(const Tensor& gradient) {
    if (gradient.impl_ && gradient.impl_->shape != checked().shape)
      raise<ShapeError>("set_grad", "the gradient has shape ", gradient.impl_->shape, ", expected ", checked().shape);
    checked().gradient_state().grad = gradient.impl_;
  }
  void zero_grad() {
    if (checked().gradient) impl_->gradient->grad = nullptr;
  }
  // Runs the backward pass from this scalar tensor (or from any tensor with an explicit output gradient) and
  // accumulates into the leaves. See autograd/engine.hpp.
  void backward(bool retain_graph = false) const;
  void backward(const Tensor& output_gradient, bool retain_graph = false) const;
  // Calls hook(gradient) with the sum over all uses of this tensor, once in a backward pass; a defined return value replaces it.
  void register_hook(std::function<Tensor(const Tensor&)> hook) const;

 private:
  TensorImpl& checked() const {
    if (!impl_) detail::raise_undefined();
    return *impl_;
  }
  void require_contiguous(const char* op) const {
    if (!is_contiguous())
      raise<ShapeError>(op, "needs a contiguous tensor, got strides ", strides(), " for shape ", shape(),
                        "; write x.contiguous()");
  }

  ImplRef impl_;
};

template <class X>
inline constexpr bool is_tensor = false;
template <class T, class D>
inline constexpr bool is_tensor<Tensor<T, D>> = true;

}  // namespace GLIA_NS
