#pragma once
// The layout of PyTorch's .pt and .pth files, zip and legacy: names, shapes and places of the tensors. No code is
// executed.

#include <glia/io/pickle.hpp>
#include <glia/io/zip.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <unordered_map>

namespace GLIA_NS::io {

// One tensor. Its name is the way through the dicts and lists of the file, joined by dots.
struct TorchEntry {
  std::string name;
  FileType type = FileType::f32;
  Shape shape, strides;  // strides and offset count elements of the storage
  std::uint64_t offset = 0;
  std::size_t storage = 0;
};

// The bytes of a storage in the file.
struct TorchStorage {
  std::uint64_t begin = 0, bytes = 0;
  std::optional<std::uint32_t> crc;  // of zip files
};

struct TorchContents {
  std::vector<TorchEntry> entries;  // in the order of the file
  std::vector<TorchStorage> storages;
  std::vector<std::pair<std::string, std::string>> notes;  // numbers, strings and truth values by name, as text
};

struct TorchReadOptions {
  bool verify = true;  // compare the checksums of zip files
};

namespace detail {

inline constexpr std::string_view torch_op = "load_torch";

template <class = void>
class BasicTorchLister;
using TorchLister = BasicTorchLister<>;  // GLIA_LAZY for a class

// Lists the tensors and the plain values of a tree. Bounded, though values may be shared and may contain themselves.
template <class>
class BasicTorchLister {
 public:
  BasicTorchLister(const ByteSource& source, const PickleTree& tree) : source_(&source), tree_(&tree) {}

  void list(TorchContents& out) {
    walk(tree_->root, {}, 0, out);
    std::set<std::string_view> names;
    for (const TorchEntry& entry : out.entries)
      if (!names.insert(entry.name).second) fail("two tensors are called \"", entry.name, "\"");
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... reason) const {
    raise<FormatError>(torch_op, "\"", source_->name(), "\": ", reason...);
  }

  std::string key_text(const PickleValue& key) const {
    if (key.kind == PickleKind::text) return key.text;
    if (key.kind == PickleKind::integer || key.kind == PickleKind::boolean) return std::to_string(key.integer);
    fail("a dict has a key that is neither text nor a whole number");
  }

  void walk(std::uint32_t at, const std::string& path, int depth, TorchContents& out) {
    const PickleValue& value = tree_->values[at];
    characters_ += path.size() + 64;  // with what an entry or a note costs beside its text
    if (++visits_ > 2 * tree_->values.size() + 1000 || characters_ > (std::size_t{1} << 26))
      fail("its values contain each other too often");
    if (depth > 32) fail("its containers are nested more than 32 deep");
    const auto below = [&](std::uint32_t item, const std::string& part) {
      walk(item, path.empty() ? part : path + "." + part, depth + 1, out);
    };
    switch (value.kind) {
      case PickleKind::tensor: {
        const PickleTensor& tensor = tree_->tensors[static_cast<std::size_t>(value.integer)];
        out.entries.push_back({path.empty() ? "tensor" : path, tree_->storages[tensor.storage].type, tensor.shape,
                               tensor.strides, tensor.offset, tensor.storage});
        break;
      }
      case PickleKind::dict:
        for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
          below(value.items[i + 1], key_text(tree_->values[value.items[i]]));
        break;
      case PickleKind::list:
      case PickleKind::tuple:
        for (std::size_t i = 0; i < value.items.size(); ++i) below(value.items[i], std::to_string(i));
        break;
      case PickleKind::text:
        characters_ += std::min<std::size_t>(value.text.size(), 4096);
        out.notes.emplace_back(path, value.text.substr(0, 4096));
        break;
      case PickleKind::boolean:
        out.notes.emplace_back(path, value.integer != 0 ? "true" : "false");
        break;
      case PickleKind::integer:
        out.notes.emplace_back(path, std::to_string(value.integer));
        break;
      case PickleKind::real: {
        char digits[40];
        out.notes.emplace_back(path,
                               std::string(digits, std::to_chars(digits, digits + sizeof digits, value.real).ptr));
        break;
      }
      default:
        break;  // None, and values that only the file's own bookkeeping has
    }
  }

  const ByteSource* source_;
  const PickleTree* tree_;
  std::size_t visits_ = 0, characters_ = 0;
};

GLIA_LAZY void check_crc(const ByteSource& source, std::uint64_t begin, Bytes bytes, std::uint32_t expected) {
  if (crc32(bytes) != expected)
    raise<FormatError>(torch_op, "\"", source.name(), "\", byte ", begin, ": the checksum of ", bytes.size(),
                       " bytes is wrong; the file is damaged");
}

GLIA_LAZY TorchContents parse_torch_zip(const ByteSource& source, const TorchReadOptions& options) {
  const std::vector<ZipEntry> members = read_zip_directory(source, torch_op);
  constexpr std::string_view pickle = "data.pkl";
  const ZipEntry* main = nullptr;
  for (const ZipEntry& member : members) {
    const auto slash = member.name.rfind('/');
    if (slash != std::string::npos && member.name.find('/') == slash && member.name.substr(slash + 1) == pickle)
      main = &member;
  }
  if (main == nullptr)
    raise<FormatError>(torch_op, "\"", source.name(), "\": a zip archive without data.pkl is no PyTorch file");
  const std::string prefix = main->name.substr(0, main->name.size() - pickle.size());
  std::unordered_map<std::string, const ZipEntry*> by_name;
  for (const ZipEntry& member : members) by_name.emplace(member.name, &member);
  const auto whole = [&](const ZipEntry& member) {
    std::vector<unsigned char> bytes(static_cast<std::size_t>(member.size));
    source.read(member.begin, bytes, torch_op);
    if (options.verify) check_crc(source, member.begin, bytes, member.crc);
    return bytes;
  };
  if (const auto order = by_name.find(prefix + "byteorder"); order != by_name.end()) {
    const auto bytes = whole(*order->second);
    if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) != "little")
      raise<FormatError>(torch_op, "\"", source.name(), "\", byte ", order->second->begin,
                         ": only little-endian files are supported");
  }
  if (main->size > (std::uint64_t{1} << 30))
    raise<FormatError>(torch_op, "\"", source.name(), "\": data.pkl of ", main->size,
                       " bytes, at most 2^30 are allowed");
  if (options.verify) whole(*main);
  const PickleTree tree = read_pickle(source, main->begin, main->begin + main->size, torch_op);
  TorchContents out;
  for (const PickleStorage& storage : tree.storages) {
    const auto found = by_name.find(prefix + "data/" + storage.key);
    if (found == by_name.end())
      raise<FormatError>(torch_op, "\"", source.name(), "\": has no member \"", prefix, "data/", storage.key, "\"");
    const std::uint64_t bytes = storage.elements * file_type_info(storage.type).bytes;
    if (found->second->size != bytes)
      raise<FormatError>(torch_op, "\"", source.name(), "\", byte ", found->second->begin, ": storage \"", storage.key,
                         "\" has ", found->second->size, " bytes, expected ", bytes);
    out.storages.push_back({found->second->begin, bytes, found->second->crc});
  }
  TorchLister(source, tree).list(out);
  return out;
}

// The legacy layout: pickles of a magic number, a version, the writer's system, the object and the keys of its
// storages; then the storages, each behind its count of elements.
GLIA_LAZY TorchContents parse_torch_legacy(const ByteSource& source) {
  const auto fail = [&](std::uint64_t at, const auto&... reason) {
    raise<FormatError>(torch_op, "\"", source.name(), "\", byte ", at, ": ", reason...);
  };
  std::uint64_t at = 0;
  const auto next = [&] {
    PickleTree tree = read_pickle(source, at, source.size(), torch_op);
    at = tree.end;
    return tree;
  };
  const PickleTree magic = next();
  const PickleValue& number = magic.values[magic.root];
  if (number.kind != PickleKind::big_integer ||
      number.text != std::string_view("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10))
    fail(0, "neither a zip archive nor a PyTorch file of the legacy format");
  const PickleTree version = next();
  if (version.values[version.root].integer != 1001) fail(at, "unknown version of the legacy format");
  const PickleTree system = next();
  const PickleValue& traits = system.values[system.root];
  for (std::size_t i = 0; traits.kind == PickleKind::dict && i + 1 < traits.items.size(); i += 2)
    if (system.values[traits.items[i]].text == "little_endian" && system.values[traits.items[i + 1]].integer == 0)
      fail(at, "only little-endian files are supported");
  const PickleTree tree = next();
  const PickleTree keys = next();
  const PickleValue& list = keys.values[keys.root];
  if (list.kind != PickleKind::list) fail(at, "expected the list of storages");
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < tree.storages.size(); ++i) position.emplace(tree.storages[i].key, i);
  TorchContents out;
  out.storages.resize(tree.storages.size());
  std::vector<bool> placed(tree.storages.size(), false);
  for (const std::uint32_t item : list.items) {
    const auto found = position.find(keys.values[item].text);
    if (keys.values[item].kind != PickleKind::text || found == position.end() || placed[found->second])
      fail(at, "the list of storages does not match the tensors");
    std::array<unsigned char, 8> count{};
    source.read(at, count, torch_op);
    const PickleStorage& storage = tree.storages[found->second];
    if (load_little<std::uint64_t>(count.data()) != storage.elements)
      fail(at, "storage \"", storage.key, "\" has ", load_little<std::uint64_t>(count.data()), " elements, expected ",
           storage.elements);
    at += 8;
    const std::uint64_t bytes = storage.elements * file_type_info(storage.type).bytes;
    if (bytes > source.size() - at) fail(at, "storage \"", storage.key, "\" of ", bytes, " bytes leaves the file");
    out.storages[found->second] = {at, bytes, std::nullopt};
    placed[found->second] = true;
    at += bytes;
  }
  if (std::find(placed.begin(), placed.end(), false) != placed.end())
    fail(at, "a storage of the tensors is not in the file");
  TorchLister(source, tree).list(out);
  return out;
}

}  // namespace detail

// The contents of a file made by torch.save. Errors: FormatError with file, byte and reason; classes, functions and
// other objects in it are refused by name.
GLIA_LAZY TorchContents parse_torch(const ByteSource& source, const TorchReadOptions& options = {}) {
  std::array<unsigned char, 4> start{};
  if (source.size() < start.size())
    raise<FormatError>(detail::torch_op, "\"", source.name(), "\" has ", source.size(),
                       " bytes, too few for a PyTorch file");
  source.read(0, start, detail::torch_op);
  if (detail::load_little<std::uint32_t>(start.data()) == 0x04034b50u) return detail::parse_torch_zip(source, options);
  if (start[0] == 0x80) return detail::parse_torch_legacy(source);
  raise<FormatError>(detail::torch_op, "\"", source.name(),
                     "\", byte 0: neither a zip archive nor a pickle, so no PyTorch file");
}

// The elements of a tensor, one after another in row-major order, out of its storage's bytes.
GLIA_LAZY std::vector<unsigned char> gather_torch_tensor(const TorchEntry& entry, Bytes storage) {
  const auto size = static_cast<std::size_t>(file_type_info(entry.type).bytes);
  const auto count = static_cast<std::size_t>(entry.shape.numel());
  std::vector<unsigned char> out(count * size);
  const int rank = entry.shape.rank();
  std::vector<Index> position(static_cast<std::size_t>(rank), 0);
  std::uint64_t at = entry.offset;
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(out.data() + i * size, storage.data() + static_cast<std::size_t>(at) * size, size);
    for (int axis = rank - 1; axis >= 0; --axis) {
      auto& p = position[static_cast<std::size_t>(axis)];
      at += static_cast<std::uint64_t>(entry.strides[axis]);
      if (++p < entry.shape[axis]) break;
      at -= static_cast<std::uint64_t>(entry.strides[axis]) * static_cast<std::uint64_t>(p);
      p = 0;
    }
  }
  return out;
}

}  // namespace GLIA_NS::io
