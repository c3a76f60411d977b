#pragma once
// Exchange of tensors with other libraries through DLPack (version 0.8 structures, https://dmlc.github.io/dlpack), no copies.

#include <glia/ops/create.hpp>

namespace GLIA_NS::dlpack {

// The C structures of the DLPack standard, laid out as it prescribes.
struct Device {
  std::int32_t device_type;  // 1: CPU, 2: CUDA
  std::int32_t device_id;
};
struct DataType {
  std::uint8_t code;  // 0: int, 1: uint, 2: float, 4: bfloat, 6: bool
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct ManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(ManagedTensor*);
};

namespace detail {
template <class T>
constexpr DataType data_type() {
  constexpr auto bits = static_cast<std::uint8_t>(8 * sizeof(T));
  if constexpr (std::is_same_v<T, bool>)
    return {6, bits, 1};
  else if constexpr (std::is_same_v<T, bfloat16>)
    return {4, bits, 1};
  else if constexpr (Floating<T>)
    return {2, bits, 1};
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return {1, bits, 1};
  else
    return {0, bits, 1};
}

template <class T>
struct Export {
  Tensor<T, Cpu> tensor;
  Shape shape, strides;
  ManagedTensor managed;
};
}  // namespace detail

// Hands a host tensor to a DLPack consumer, which must call the deleter once. The consumer sees the tensor's memory.
template <class T>
ManagedTensor* to_dlpack(const Tensor<T, Cpu>& x) {
  if (!x.defined()) raise<Error>("to_dlpack", "the tensor is undefined");
  if (x.requires_grad()) raise<AutogradError>("to_dlpack", "the tensor requires gradients; write x.detach()");
  auto* box = new detail::Export<T>{x, x.shape(), x.strides(), {}};
  box->managed.dl_tensor = {const_cast<T*>(x.data()), {1, 0}, x.rank(), detail::data_type<T>(), box->shape.begin(),
                            box->strides.begin(), 0};
  box->managed.manager_ctx = box;
  box->managed.deleter = [](ManagedTensor* self) { delete static_cast<detail::Export<T>*>(self->manager_ctx); };
  return &box->managed;
}

// Takes over a DLPack tensor: the result shares its memory, and its deleter runs when the last handle goes. DeviceError if it
// is not in host memory, FormatError if its scalar is not T; the caller keeps it on error.
template <class T>
Tensor<T, Cpu> from_dlpack(ManagedTensor* managed) {
  if (managed == nullptr) raise<FormatError>("from_dlpack", "the pointer is null");
  const DLTensor& source = managed->dl_tensor;
  if (source.device.device_type != 1)
    raise<DeviceError>("from_dlpack", "expected host memory (device type 1), got device type ", source.device.device_type);
  constexpr DataType expected = detail::data_type<T>();
  if (source.dtype.code != expected.code || source.dtype.bits != expected.bits || source.dtype.lanes != 1)
    raise<FormatError>("from_dlpack", "expected ", dtype_name(dtype_of<T>), ", got type code ", int{source.dtype.code},
                       " with ", int{source.dtype.bits}, " bits and ", int{source.dtype.lanes}, " lanes");
  if (source.ndim < 0 || source.ndim > max_rank)
    raise<ShapeError>("from_dlpack", "at most ", max_rank, " axes are supported, got ", source.ndim);
  Shape shape;
  for (int i = 0; i < source.ndim; ++i) {
    if (source.shape[i] < 0) raise<ShapeError>("from_dlpack", "extents must not be negative, got ", source.shape[i]);
    shape.push_back(source.shape[i]);
  }
  Strides strides = contiguous_strides(shape);
  for (int i = 0; i < source.ndim && source.strides != nullptr; ++i) strides[i] = source.strides[i];
  Index last = 0;
  for (int i = 0; i < source.ndim; ++i) {
    if (strides[i] < 0) raise<ShapeError>("from_dlpack", "strides must not be negative, got ", strides);
    last += shape[i] > 0 ? (shape[i] - 1) * strides[i] : 0;
  }
  T* data = reinterpret_cast<T*>(static_cast<char*>(source.data) + source.byte_offset);
  auto storage = make_ref<Storage>(data, static_cast<std::size_t>(last + 1) * sizeof(T), [managed] {
    if (managed->deleter != nullptr) managed->deleter(managed);
  });
  return Tensor<T, Cpu>(
      make_ref<TensorImpl>(std::move(storage), 0, shape, strides, &glia::detail::type_table<T, Cpu>()));
}

}  // namespace GLIA_NS::dlpack
