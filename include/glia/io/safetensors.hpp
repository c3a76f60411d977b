#pragma once
// safetensors files: named tensors of any scalar, shared with Python, written atomically and read without trust.

#include <glia/io/convert.hpp>
#include <glia/io/safetensors_format.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/view.hpp>

#include <memory>
#include <optional>
#include <unordered_map>

namespace GLIA_NS::io {

template <class = void>
class BasicSafetensorsWriter;
using SafetensorsWriter = BasicSafetensorsWriter<>;  // GLIA_LAZY for a class

// Collects named tensors and notes, then writes them. Tensors are kept as handles: save before changing them.
template <class>
class BasicSafetensorsWriter {
 public:
  // Errors: FormatError if the name is taken or reserved.
  template <class T, class D>
  BasicSafetensorsWriter& add(const std::string& name, const Tensor<T, D>& tensor) {
    if (!tensor.defined()) raise<Error>("save_safetensors", "tensor \"", name, "\" is undefined");
    if (name == "__metadata__" || !positions_.emplace(name, items_.size()).second)
      raise<FormatError>("save_safetensors", "tensor name \"", name, "\" is used twice or reserved");
    const NoGrad plain;
    const Tensor<T> host = tensor.detach().template to<Cpu>().contiguous();
    const auto* data = reinterpret_cast<const unsigned char*>(host.data());
    items_.push_back({host.impl(), Bytes(data, static_cast<std::size_t>(host.numel()) * sizeof(T)), name,
                      file_type_of<T>(), host.shape()});
    return *this;
  }

  // A note in the header; a later note of the same name replaces it.
  BasicSafetensorsWriter& note(const std::string& name, std::string text) {
    for (auto& [key, value] : notes_) {
      if (key == name) {
        value = std::move(text);
        return *this;
      }
    }
    notes_.emplace_back(name, std::move(text));
    return *this;
  }

  // Replaces the file at `path`; see write_file_atomically. Errors: FileError, FormatError.
  void save(const std::filesystem::path& path, AtomicWriteOptions options = {.keep_previous = false}) const {
    std::vector<SafetensorsEntry> entries;
    for (const Item& item : items_) entries.push_back({item.name, item.type, item.shape});
    const std::string header = encode_safetensors_header(entries, notes_);
    std::vector<Bytes> parts{as_bytes(header)};
    for (const SafetensorsEntry& entry : entries) parts.push_back(items_[positions_.at(entry.name)].bytes);
    write_file_atomically(path, parts, options, "save_safetensors");
  }

 private:
  struct Item {
    ImplRef keeper;
    Bytes bytes;
    std::string name;
    FileType type;
    Shape shape;
  };
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> positions_;
  std::vector<std::pair<std::string, std::string>> notes_;
};

template <class = void>
class BasicSafetensorsFile;
using SafetensorsFile = BasicSafetensorsFile<>;  // GLIA_LAZY for a class

// An open safetensors file: the header is checked at once, a tensor's bytes are read when it is asked for.
template <class>
class BasicSafetensorsFile {
 public:
  // Errors: FileError; FormatError with file, byte and reason.
  explicit BasicSafetensorsFile(const std::filesystem::path& path)
      : file_(std::make_shared<const InputFile>("load_safetensors", path)) {
    const std::string source = path.string();
    unsigned char prefix[8] = {};
    const auto present = static_cast<std::size_t>(std::min<std::uint64_t>(file_->size(), 8));
    file_->read_at(0, std::span<unsigned char>(prefix, present));
    const std::uint64_t length = safetensors_header_length(Bytes(prefix, present), file_->size(), source);
    std::vector<unsigned char> json(static_cast<std::size_t>(length));
    file_->read_at(8, json);
    header_ = parse_safetensors_header({reinterpret_cast<const char*>(json.data()), json.size()},
                                       file_->size() - 8 - length, source);
    for (std::size_t i = 0; i < header_.entries.size(); ++i) positions_.emplace(header_.entries[i].name, i);
  }

  const std::filesystem::path& path() const { return file_->path(); }
  // All tensors, in the order of their bytes.
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const std::vector<std::pair<std::string, std::string>>& notes() const { return header_.metadata; }

  bool contains(const std::string& name) const { return positions_.count(name) != 0; }
  // The entry of a tensor. Errors: FormatError naming the file if there is none.
  const SafetensorsEntry& entry(const std::string& name) const {
    const auto found = positions_.find(name);
    if (found == positions_.end())
      raise<FormatError>("load_safetensors", "\"", path().string(), "\" has no tensor \"", name, "\"");
    return header_.entries[found->second];
  }
  std::optional<std::string> note(const std::string& name) const {
    for (const auto& [key, value] : header_.metadata)
      if (key == name) return value;
    return std::nullopt;
  }

  // The tensor `name`, which must hold elements of T. Errors: FormatError naming file, tensor and both types.
  template <class T, class D = Cpu>
  Tensor<T, D> get(const std::string& name) const {
    const SafetensorsEntry& found = entry(name);
    if (found.type != file_type_of<T>())
      raise<FormatError>("load_safetensors", where(name), " holds ", file_type_info(found.type).safetensors, ", not ",
                         file_type_info(file_type_of<T>()).safetensors, "; get_as<...>(name) converts");
    auto out = Tensor<T>::empty(found.shape);
    auto* bytes = reinterpret_cast<unsigned char*>(out.mutable_data());
    const std::span<unsigned char> target(bytes, static_cast<std::size_t>(found.end - found.begin));
    file_->read_at(header_.data_begin + found.begin, target);
    if constexpr (std::is_same_v<T, bool>) detail::require_truth_values(target, where(name));
    return out.template to<D>();
  }

  // The tensor `name` converted to T: between floating-point types with rounding, between integers if every value
  // fits, integers to floating point; floating point to integers is refused. Errors: FormatError.
  template <class T, class D = Cpu>
  Tensor<T, D> get_as(const std::string& name) const {
    const SafetensorsEntry& found = entry(name);
    if (found.type == file_type_of<T>()) return get<T, D>(name);
    std::vector<unsigned char> bytes(static_cast<std::size_t>(found.end - found.begin));
    file_->read_at(header_.data_begin + found.begin, bytes);
    auto out = Tensor<T>::empty(found.shape);
    detail::convert_elements(found.type, bytes, out.mutable_data(), where(name));
    return out.template to<D>();
  }

 private:
  std::string where(const std::string& name) const { return text("\"", path().string(), "\", tensor \"", name, "\""); }

  std::shared_ptr<const InputFile> file_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, std::size_t> positions_;
};

// Opens a file; tensors come by get<float>("name").
GLIA_LAZY SafetensorsFile load_safetensors(const std::filesystem::path& path) { return SafetensorsFile(path); }

// Writes a map (or a list of pairs) from names to tensors. Errors: FileError, FormatError.
template <class Named>
void save_safetensors(const std::filesystem::path& path, const Named& tensors,
                      const std::vector<std::pair<std::string, std::string>>& notes = {}) {
  SafetensorsWriter writer;
  for (const auto& named : tensors) writer.add(named.first, named.second);
  for (const auto& note : notes) writer.note(note.first, note.second);
  writer.save(path);
}

}  // namespace GLIA_NS::io
