#pragma once
// Tensors in NumPy's .npy files.

#include <glia/io/convert.hpp>
#include <glia/io/npy_format.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/view.hpp>

namespace GLIA_NS::io {

// Writes the elements in row-major order, atomically. Errors: FileError; FormatError for bfloat16, which NumPy lacks.
template <class T, class D>
void save_npy(const std::filesystem::path& path, const Tensor<T, D>& tensor) {
  if (!tensor.defined()) raise<Error>("save_npy", "the tensor is undefined");
  const NoGrad plain;
  const Tensor<T> host = tensor.detach().template to<Cpu>().contiguous();
  const std::string header = encode_npy_header(file_type_of<T>(), host.shape());
  const Bytes parts[] = {as_bytes(header), as_bytes(std::span<const T>(host.data(), static_cast<std::size_t>(host.numel())))};
  write_file_atomically(path, parts, {.keep_previous = false}, "save_npy");
}

// The array converted to T, as SafetensorsFile::get_as converts; an array in Fortran order is brought into row-major
// order. Errors: FileError; FormatError with file, byte and reason.
template <class T, class D = Cpu>
Tensor<T, D> load_npy_as(const std::filesystem::path& path) {
  const InputFile file("load_npy", path);
  const std::string source = path.string();
  std::vector<unsigned char> prefix(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), npy_prefix_bytes)));
  file.read_at(0, prefix);
  const NpyHeader header = parse_npy_header(prefix, file.size(), source);
  Shape shape = header.shape;
  Axes order = Axes::filled(shape.rank(), 0);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    order[axis] = shape.rank() - 1 - axis;
    if (header.fortran_order) shape[axis] = header.shape[shape.rank() - 1 - axis];
  }
  auto out = Tensor<T>::empty(shape);
  const auto size = static_cast<std::size_t>(file.size() - header.data_begin);
  const std::string where = text("\"", source, "\"");
  if (header.type == file_type_of<T>()) {
    const std::span<unsigned char> target(reinterpret_cast<unsigned char*>(out.mutable_data()), size);
    file.read_at(header.data_begin, target);
    if constexpr (std::is_same_v<T, bool>) detail::require_truth_values(target, where);
  } else {
    std::vector<unsigned char> bytes(size);
    file.read_at(header.data_begin, bytes);
    detail::convert_elements(header.type, bytes, out.mutable_data(), where);
  }
  if (header.fortran_order) out = out.permute(order).contiguous();
  return out.template to<D>();
}

// The array, which must hold elements of T. Errors: as load_npy_as.
template <class T, class D = Cpu>
Tensor<T, D> load_npy(const std::filesystem::path& path) {
  const InputFile file("load_npy", path);
  std::vector<unsigned char> prefix(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), npy_prefix_bytes)));
  file.read_at(0, prefix);
  const FileType type = parse_npy_header(prefix, file.size(), path.string()).type;
  if (type != file_type_of<T>())
    raise<FormatError>("load_npy", "\"", path.string(), "\" holds ", file_type_info(type).npy, " elements, not ",
                       dtype_name(dtype_of<T>), "; load_npy_as<...> converts");
  return load_npy_as<T, D>(path);
}

}  // namespace GLIA_NS::io
