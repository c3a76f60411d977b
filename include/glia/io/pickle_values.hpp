#pragma once
// What a pickle holds once it is read: values, tensors and their storages; and the names of PyTorch that the reader knows.

#include <glia/io/dtype.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace GLIA_NS::io {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,
  real,
  text,
  list,
  tuple,
  dict,
  tensor,
  storage,
  global
};

// Where tensors keep their elements; the bytes are elsewhere in the file, under `key`.
struct PickleStorage {
  std::string key;
  FileType type = FileType::f32;
  std::uint64_t elements = 0;
};

// A view of a storage; offset and strides count elements. All its elements lie inside the storage.
struct PickleTensor {
  std::size_t storage = 0;
  std::uint64_t offset = 0;
  Shape shape, strides;
};

// One value. Containers hold positions of PickleTree::values; a value may be in several containers, even in itself.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::int64_t integer = 0;  // boolean, integer; position in tensors or storages
  double real = 0;
  std::string text = {};                  // text; the little-endian bytes of a big integer; "module.name" of a global
  std::vector<std::uint32_t> items = {};  // list, tuple; a dict's keys and values in turn
};

struct PickleTree {
  std::vector<PickleValue> values;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  std::uint32_t root = 0;
  std::uint64_t end = 0;  // byte of the source behind the pickle
};

inline constexpr std::size_t pickle_max_values = std::size_t{1} << 22;
// A tensor may have more elements than its storage (an expanded one) up to this number.
inline constexpr std::uint64_t pickle_max_expanded = std::uint64_t{1} << 24;

namespace detail {

struct TorchStorageType {
  std::string_view name;
  FileType type;
};
inline constexpr std::array<TorchStorageType, 10> torch_storage_types{{
    {"torch.FloatStorage", FileType::f32},
    {"torch.DoubleStorage", FileType::f64},
    {"torch.HalfStorage", FileType::f16},
    {"torch.BFloat16Storage", FileType::bf16},
    {"torch.LongStorage", FileType::i64},
    {"torch.IntStorage", FileType::i32},
    {"torch.ShortStorage", FileType::i16},
    {"torch.CharStorage", FileType::i8},
    {"torch.ByteStorage", FileType::u8},
    {"torch.BoolStorage", FileType::boolean},
}};

inline constexpr std::array<std::string_view, 5> torch_functions{
    "collections.OrderedDict", "torch.Size", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_parameter"};

}  // namespace detail
}  // namespace GLIA_NS::io
