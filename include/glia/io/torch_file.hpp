#pragma once
// Tensors out of PyTorch's .pt and .pth files, without PyTorch and without running anything that is in them.

#include <glia/io/convert.hpp>
#include <glia/io/torch_format.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>

#include <memory>
#include <optional>
#include <unordered_map>

namespace GLIA_NS::io {

template <class = void>
class BasicTorchFile;
using TorchFile = BasicTorchFile<>;  // GLIA_LAZY for a class

// An open file: its pickle is read and checked at once, a tensor's bytes are read when it is asked for. Transposed and
// sliced tensors come as they looked to the writer, in row-major order.
template <class>
class BasicTorchFile {
 public:
  // Errors: FileError; FormatError with file, byte and reason.
  explicit BasicTorchFile(const std::filesystem::path& path, const TorchReadOptions& options = {})
      : path_(path),
        source_(std::make_shared<const InputFile>(detail::torch_op, path)),
        options_(options),
        contents_(parse_torch(source_, options)) {
    for (std::size_t i = 0; i < contents_.entries.size(); ++i) positions_.emplace(contents_.entries[i].name, i);
  }

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TorchEntry>& entries() const { return contents_.entries; }
  // Numbers, strings and truth values beside the tensors, as text: {"epoch", "90"}.
  const std::vector<std::pair<std::string, std::string>>& notes() const { return contents_.notes; }

  bool contains(const std::string& name) const { return positions_.count(name) != 0; }
  // Errors: FormatError if there is no such tensor.
  const TorchEntry& entry(const std::string& name) const {
    const auto found = positions_.find(name);
    if (found == positions_.end())
      raise<FormatError>(detail::torch_op, "\"", path_.string(), "\" has no tensor \"", name, "\"");
    return contents_.entries[found->second];
  }

  // The tensor `name`, whose scalar must be T. Errors: FormatError.
  template <class T, class D = Cpu>
  Tensor<T, D> get(const std::string& name) const {
    const TorchEntry& found = entry(name);
    if (found.type != file_type_of<T>())
      raise<FormatError>(detail::torch_op, where(name), ": holds ", file_type_info(found.type).safetensors, ", not ",
                         file_type_info(file_type_of<T>()).safetensors, "; get_as converts");
    return get_as<T, D>(name);
  }

  // The tensor `name` converted to T, as SafetensorsFile::get_as does. Errors: FormatError.
  template <class T, class D = Cpu>
  Tensor<T, D> get_as(const std::string& name) const {
    const TorchEntry& found = entry(name);
    const std::vector<unsigned char> bytes = gather_torch_tensor(found, storage(found.storage));
    auto out = Tensor<T>::empty(found.shape);
    detail::convert_elements(found.type, bytes, out.mutable_data(), where(name));
    return out.template to<D>();
  }

 private:
  std::string where(const std::string& name) const { return text("\"", path_.string(), "\", tensor \"", name, "\""); }

  // The bytes of a storage; the last one is kept, because tensors that share a storage follow each other.
  Bytes storage(std::size_t number) const {
    if (kept_number_ != number) {
      const TorchStorage& place = contents_.storages[number];
      kept_number_ = std::nullopt;
      kept_.resize(static_cast<std::size_t>(place.bytes));
      source_.read(place.begin, kept_, detail::torch_op);
      if (options_.verify && place.crc) detail::check_crc(source_, place.begin, kept_, *place.crc);
      kept_number_ = number;
    }
    return kept_;
  }

  std::filesystem::path path_;
  ByteSource source_;
  TorchReadOptions options_;
  TorchContents contents_;
  std::unordered_map<std::string, std::size_t> positions_;
  mutable std::vector<unsigned char> kept_;
  mutable std::optional<std::size_t> kept_number_;
};

// Opens a file made by torch.save; tensors come by get<float>("name").
GLIA_LAZY TorchFile load_torch(const std::filesystem::path& path) { return TorchFile(path); }

}  // namespace GLIA_NS::io
