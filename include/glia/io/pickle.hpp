#pragma once
// A restricted reader of Python pickles: numbers, strings, truth values, None, lists, tuples, dicts, OrderedDict and
// PyTorch's tensors. Nothing is ever executed: everything else is refused by its name. A machine with an explicit
// stack, so that no input makes it recurse. Opcodes: Python's pickletools; tensors: torch/serialization.py.

#include <glia/io/byte_source.hpp>
#include <glia/io/pickle_values.hpp>

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace GLIA_NS::io {

namespace detail {

template <class = void>
class BasicUnpickler;
using Unpickler = BasicUnpickler<>;  // GLIA_LAZY for a class

template <class>
class BasicUnpickler {
 public:
  BasicUnpickler(const ByteSource& source, std::uint64_t begin, std::uint64_t end, std::string_view op)
      : source_(&source), op_(op), in_(source, begin, end, op) {}

  PickleTree run() {
    while (step()) {
    }
    tree_.end = in_.position();
    return std::move(tree_);
  }

 private:
  static constexpr std::uint32_t mark = 0xffffffffu;

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... reason) const {
    raise<FormatError>(op_, "\"", source_->name(), "\", byte ", at_, ": ", reason...);
  }
  [[noreturn]] void refuse(std::string_view what) const {
    fail("refuses ", what,
         ": only tensors, numbers, strings, truth values, None, lists, tuples, dicts and OrderedDict are read; "
         "save the state_dict alone");
  }

  std::uint32_t add(PickleValue value) {
    if (tree_.values.size() >= pickle_max_values) fail("more than ", pickle_max_values, " values");
    tree_.values.push_back(std::move(value));
    return static_cast<std::uint32_t>(tree_.values.size() - 1);
  }
  void push(PickleValue value) { stack_.push_back(add(std::move(value))); }
  void push_integer(std::int64_t value) { push({.kind = PickleKind::integer, .integer = value}); }
  void push_text(std::uint64_t length) {
    const Bytes bytes = in_.take(length);
    PickleValue value{.kind = PickleKind::text};
    value.text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    push(std::move(value));
  }
  void push_long(std::uint64_t length) {
    const Bytes bytes = in_.take(length);
    if (length > 64) fail("an integer of ", length, " bytes");
    if (length > 8) {
      PickleValue value{.kind = PickleKind::big_integer};
      value.text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return push(std::move(value));
    }
    std::uint64_t bits = length > 0 && (bytes[bytes.size() - 1] & 0x80u) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) bits = (bits << 8) | bytes[i];
    push_integer(static_cast<std::int64_t>(bits));
  }

  std::uint32_t pop() {
    if (stack_.empty() || stack_.back() == mark) fail("the pickle takes a value from an empty stack");
    const std::uint32_t out = stack_.back();
    stack_.pop_back();
    return out;
  }
  // The values above the last mark, and drops the mark.
  std::vector<std::uint32_t> pop_to_mark() {
    std::size_t at = stack_.size();
    while (at > 0 && stack_[at - 1] != mark) --at;
    if (at == 0) fail("the pickle looks for a mark that is not there");
    std::vector<std::uint32_t> out(stack_.begin() + static_cast<std::ptrdiff_t>(at), stack_.end());
    stack_.resize(at - 1);
    return out;
  }
  PickleValue& top(PickleKind kind, const char* what) {
    if (stack_.empty() || stack_.back() == mark || tree_.values[stack_.back()].kind != kind)
      fail("the pickle expects ", what);
    return tree_.values[stack_.back()];
  }
  const PickleValue& value(std::uint32_t at) const { return tree_.values[at]; }

  void put(std::uint32_t key) {
    if (stack_.empty() || stack_.back() == mark) fail("the pickle remembers a value that is not there");
    memo_[key] = stack_.back();
  }
  void get(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("the pickle recalls value ", key, ", which it never remembered");
    stack_.push_back(found->second);
  }

  // Containers may repeat values, so that a small file could describe large ones; together they hold at most as many
  // items as a pickle may have values.
  void count_items(std::size_t more) {
    items_ += more;
    if (items_ > pickle_max_values) fail("more than ", pickle_max_values, " items in its containers");
  }

  void extend_dict(const std::vector<std::uint32_t>& pairs) {
    if (pairs.size() % 2 != 0) fail("a dict with a key that has no value");
    count_items(pairs.size());
    auto& items = top(PickleKind::dict, "a dict").items;
    items.insert(items.end(), pairs.begin(), pairs.end());
  }
  void extend_list(const std::vector<std::uint32_t>& more) {
    count_items(more.size());
    auto& items = top(PickleKind::list, "a list").items;
    items.insert(items.end(), more.begin(), more.end());
  }
  void push_items(PickleKind kind, std::vector<std::uint32_t> items) {
    count_items(items.size());
    push({.kind = kind, .items = std::move(items)});
  }
  void push_tuple(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_items(PickleKind::tuple, std::move(items));
  }

  std::string line() {
    std::string out;
    for (;;) {
      const char c = static_cast<char>(in_.take(1)[0]);
      if (c == '\n') return out;
      out += c;
      if (out.size() > 256) fail("a name of more than 256 characters");
    }
  }
  static std::string printable(std::string text) {
    for (char& c : text)
      if (c < ' ' || c > '~') c = '?';
    return text;
  }
  void push_global(const std::string& module, const std::string& name) {
    const std::string full = module + "." + name;
    for (const auto& known : torch_storage_types)
      if (known.name == full) return push({.kind = PickleKind::global, .text = full});
    for (const auto known : torch_functions)
      if (known == full) return push({.kind = PickleKind::global, .text = full});
    refuse(printable(full.substr(0, 200)));
  }

  std::int64_t count_of(std::uint32_t at, const char* what) const {
    const PickleValue& v = value(at);
    if (v.kind != PickleKind::integer || v.integer < 0) fail(what, " is not a count");
    return v.integer;
  }
  Shape extents_of(std::uint32_t at, const char* what) const {
    const PickleValue& v = value(at);
    if (v.kind != PickleKind::tuple) fail(what, " of a tensor is not a tuple");
    if (v.items.size() > static_cast<std::size_t>(max_rank))
      fail("a tensor of ", v.items.size(), " axes, at most ", max_rank, " are supported");
    Shape out;
    for (const std::uint32_t item : v.items) out.push_back(count_of(item, what));
    return out;
  }

  // ('storage', type, key, location, elements), in files before 1.6 with a sixth part.
  void push_storage() {
    const std::vector<std::uint32_t>& parts = value(top_tuple()).items;
    stack_.pop_back();
    if (parts.size() < 5 || parts.size() > 6 || value(parts[0]).text != "storage" ||
        value(parts[1]).kind != PickleKind::global || value(parts[2]).kind != PickleKind::text)
      fail("an external value that is no tensor storage");
    if (parts.size() == 6 && value(parts[5]).kind != PickleKind::none) fail("views of storages are not supported");
    PickleStorage storage{value(parts[2]).text, FileType::f32,
                          static_cast<std::uint64_t>(count_of(parts[4], "the size of a storage"))};
    const std::string& name = value(parts[1]).text;
    const auto* known = std::find_if(torch_storage_types.begin(), torch_storage_types.end(),
                                     [&](const auto& t) { return t.name == name; });
    if (known == torch_storage_types.end()) fail(name, " is no type of storage");
    storage.type = known->type;
    if (!checked_bytes({static_cast<Index>(storage.elements)}, file_type_info(storage.type).bytes))
      fail("storage \"", printable(storage.key), "\" is too large");
    const auto [found, fresh] = storage_of_key_.emplace(storage.key, tree_.storages.size());
    if (fresh) {
      tree_.storages.push_back(std::move(storage));
    } else if (tree_.storages[found->second].type != storage.type ||
               tree_.storages[found->second].elements != storage.elements) {
      fail("storage \"", printable(storage.key), "\" appears with two types or sizes");
    }
    push({.kind = PickleKind::storage, .integer = static_cast<std::int64_t>(found->second)});
  }
  std::uint32_t top_tuple() {
    static_cast<void>(top(PickleKind::tuple, "a tuple"));
    return stack_.back();
  }

  // (storage, offset, shape, strides, ...)
  void push_tensor(const std::vector<std::uint32_t>& parts) {
    if (parts.size() < 4 || value(parts[0]).kind != PickleKind::storage) fail("a tensor without a storage");
    PickleTensor out;
    out.storage = static_cast<std::size_t>(value(parts[0]).integer);
    out.offset = static_cast<std::uint64_t>(count_of(parts[1], "the offset of a tensor"));
    out.shape = extents_of(parts[2], "the shape");
    out.strides = extents_of(parts[3], "the strides");
    if (out.shape.rank() != out.strides.rank()) fail("a tensor of shape ", out.shape, " with strides ", out.strides);
    const PickleStorage& storage = tree_.storages[out.storage];
    if (!checked_bytes(out.shape, file_type_info(storage.type).bytes))
      fail("a tensor of shape ", out.shape, " has too many elements");
    const auto elements = static_cast<std::uint64_t>(out.shape.numel());
    if (elements > std::max(storage.elements, pickle_max_expanded))
      fail("a tensor of shape ", out.shape, " in a storage of ", storage.elements, " elements");
    std::uint64_t last = out.offset;  // position of the last element
    bool inside = elements == 0 || last < storage.elements;
    for (int i = 0; elements > 0 && inside && i < out.shape.rank(); ++i) {
      const auto steps = static_cast<std::uint64_t>(out.shape[i] - 1),
                 stride = static_cast<std::uint64_t>(out.strides[i]);
      inside = stride == 0 || steps <= (storage.elements - 1 - last) / stride;
      if (inside) last += steps * stride;
    }
    if (!inside)
      fail("a tensor of shape ", out.shape, ", strides ", out.strides, " and offset ", out.offset,
           " leaves its storage of ", storage.elements, " elements");
    tree_.tensors.push_back(std::move(out));
    push({.kind = PickleKind::tensor, .integer = static_cast<std::int64_t>(tree_.tensors.size() - 1)});
  }

  void reduce() {
    const std::uint32_t arguments = pop(), function = pop();
    if (value(arguments).kind != PickleKind::tuple || value(function).kind != PickleKind::global)
      fail("a call of something that is no function");
    const std::vector<std::uint32_t>& parts = value(arguments).items;
    const std::string& name = value(function).text;
    if (name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_tensor") return push_tensor(parts);
    if (name == "torch._utils._rebuild_parameter") {
      if (parts.empty() || value(parts[0]).kind != PickleKind::tensor) fail("a parameter without a tensor");
      return stack_.push_back(parts[0]);
    }
    if (name == "torch.Size") {
      if (parts.size() != 1 || value(parts[0]).kind != PickleKind::tuple) fail("a torch.Size without a tuple");
      return stack_.push_back(parts[0]);
    }
    if (name != "collections.OrderedDict") fail("a call of ", name);
    PickleValue dict{.kind = PickleKind::dict};
    if (parts.size() > 1 || (parts.size() == 1 && value(parts[0]).kind != PickleKind::list))
      fail("an OrderedDict of something that is no list");
    if (parts.size() == 1) {
      for (const std::uint32_t pair : value(parts[0]).items) {
        const PickleValue& p = value(pair);
        if ((p.kind != PickleKind::tuple && p.kind != PickleKind::list) || p.items.size() != 2)
          fail("an OrderedDict with an item that is no pair");
        count_items(2);
        dict.items.insert(dict.items.end(), p.items.begin(), p.items.end());
      }
    }
    push(std::move(dict));
  }

  // clang-format off
  // One opcode; false at the end.
  bool step() {
    at_ = in_.position();
    const auto code = in_.take(1)[0];
    switch (code) {
      case 0x80:  // PROTO
        if (const auto protocol = in_.number<std::uint8_t>(); protocol > 5) fail("pickle protocol ", int{protocol}, ", at most 5 is known");
        return true;
      case 0x95: in_.take(8); return true;  // FRAME
      case '.':
        tree_.root = pop();
        return false;
      case '(': stack_.push_back(mark); return true;
      case '0': static_cast<void>(pop()); return true;
      case '1': pop_to_mark(); return true;
      case '2': {
        const std::uint32_t again = pop();
        stack_.push_back(again), stack_.push_back(again);
        return true;
      }
      case 'N': push({}); return true;
      case 0x88: case 0x89: push({.kind = PickleKind::boolean, .integer = code == 0x88 ? 1 : 0}); return true;
      case 'J': push_integer(static_cast<std::int32_t>(in_.number<std::uint32_t>())); return true;
      case 'K': push_integer(in_.number<std::uint8_t>()); return true;
      case 'M': push_integer(in_.number<std::uint16_t>()); return true;
      case 0x8a: push_long(in_.number<std::uint8_t>()); return true;
      case 0x8b: push_long(in_.number<std::uint32_t>()); return true;
      case 'G': {  // big-endian
        const Bytes bytes = in_.take(8);
        std::uint64_t bits = 0;
        for (const unsigned char byte : bytes) bits = (bits << 8) | byte;
        push({.kind = PickleKind::real, .real = std::bit_cast<double>(bits)});
        return true;
      }
      case 'X': case 'T': push_text(in_.number<std::uint32_t>()); return true;
      case 0x8c: case 'U': push_text(in_.number<std::uint8_t>()); return true;
      case 0x8d: push_text(in_.number<std::uint64_t>()); return true;
      case ']': push_items(PickleKind::list, {}); return true;
      case 'l': push_items(PickleKind::list, pop_to_mark()); return true;
      case 'a': {
        const std::uint32_t item = pop();
        extend_list({item});
        return true;
      }
      case 'e': extend_list(pop_to_mark()); return true;
      case ')': push_items(PickleKind::tuple, {}); return true;
      case 't': push_items(PickleKind::tuple, pop_to_mark()); return true;
      case 0x85: case 0x86: case 0x87: push_tuple(static_cast<std::size_t>(code - 0x84)); return true;
      case '}': push_items(PickleKind::dict, {}); return true;
      case 'd': {
        auto items = pop_to_mark();
        push_items(PickleKind::dict, {});
        extend_dict(items);
        return true;
      }
      case 's': {
        const std::uint32_t item = pop(), key = pop();
        extend_dict({key, item});
        return true;
      }
      case 'u': extend_dict(pop_to_mark()); return true;
      case 'q': put(in_.number<std::uint8_t>()); return true;
      case 'r': put(in_.number<std::uint32_t>()); return true;
      case 0x94: put(static_cast<std::uint32_t>(memo_.size())); return true;
      case 'h': get(in_.number<std::uint8_t>()); return true;
      case 'j': get(in_.number<std::uint32_t>()); return true;
      case 'c': {
        const std::string module = line();
        push_global(module, line());
        return true;
      }
      case 0x93: {
        const std::uint32_t name = pop(), module = pop();
        if (value(name).kind != PickleKind::text || value(module).kind != PickleKind::text) fail("a global without a name");
        push_global(std::string(value(module).text), std::string(value(name).text));
        return true;
      }
      case 'Q': push_storage(); return true;
      case 'R': reduce(); return true;
      case 'b': {  // the attributes of a dict (a state_dict's _metadata) are of no use here
        const std::uint32_t state = pop();
        if (value(state).kind != PickleKind::dict) refuse("an object with state");
        static_cast<void>(top(PickleKind::dict, "an OrderedDict to attach attributes to"));
        return true;
      }
      case 'i': {
        const std::string module = line();
        refuse(printable(module + "." + line()));
      }
      case 'o': case 0x81: case 0x92: refuse("an object of a class");
      case 'B': case 'C': case 0x8e: case 0x96: case 0x97: case 0x98: refuse("bytes");
      case 0x8f: case 0x90: case 0x91: refuse("a set");
      case 0x82: case 0x83: case 0x84: refuse("an extension code");
      case 'P': refuse("an external value named by a text");
      default: fail("unknown or outdated pickle opcode ", int{code});
    }
  }
  // clang-format on

  const ByteSource* source_;
  std::string_view op_;
  ForwardReader in_;
  std::uint64_t at_ = 0;  // of the current opcode
  std::size_t items_ = 0;
  PickleTree tree_;
  std::vector<std::uint32_t> stack_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
  std::unordered_map<std::string, std::size_t> storage_of_key_;
};

}  // namespace detail

// Reads the pickle that begins at byte `begin` and lies in front of `end`. Errors: FormatError with file, byte and
// reason.
GLIA_LAZY PickleTree read_pickle(const ByteSource& source, std::uint64_t begin, std::uint64_t end,
                                 std::string_view op = "load_pickle") {
  return detail::Unpickler(source, begin, end, op).run();
}
GLIA_LAZY PickleTree read_pickle(const ByteSource& source) { return read_pickle(source, 0, source.size()); }

}  // namespace GLIA_NS::io
