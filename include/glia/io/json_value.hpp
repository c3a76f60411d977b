#pragma once
// A JSON value tree: typed access with clear errors, building, and writing as text.

#include <glia/core/error.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace GLIA_NS::io {

struct JsonMember;

// null, true/false, number, string, array or object. Objects keep the order of their members. Integers are kept
// exactly (int64, or uint64 above its range); every other number is a double.
class Json {
 public:
  Json();
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();
  Json(std::nullptr_t);
  Json(bool value);
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Json(T value);
  template <std::floating_point T>
  Json(T value);
  Json(std::string value);
  Json(std::string_view value);
  Json(const char* value);

  static Json array();
  static Json object();
  static Json object(std::vector<JsonMember> members);  // the keys must differ

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const {
    return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<std::uint64_t>(value_);
  }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<std::vector<Json>>(value_); }
  bool is_object() const { return std::holds_alternative<std::vector<JsonMember>>(value_); }
  std::string_view kind() const {
    constexpr std::string_view names[] = {"null", "boolean", "integer", "integer", "number", "string", "array", "object"};
    return names[value_.index()];
  }

  // The value as the named type; FormatError if it is of another kind or does not fit.
  bool as_bool() const { return get<bool>("boolean"); }
  std::int64_t as_int() const {
    if (std::holds_alternative<std::uint64_t>(value_)) raise<FormatError>("json", "integer does not fit 64 bits with sign");
    return get<std::int64_t>("integer");
  }
  std::uint64_t as_uint() const {
    if (const auto* wide = std::get_if<std::uint64_t>(&value_)) return *wide;
    const std::int64_t value = get<std::int64_t>("integer");
    if (value < 0) raise<FormatError>("json", "expected an integer of at least 0, got ", value);
    return static_cast<std::uint64_t>(value);
  }
  double as_double() const {
    if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
    if (const auto* value = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*value);
    return get<double>("number");
  }
  const std::string& as_string() const { return get<std::string>("string"); }
  const std::vector<Json>& items() const { return get<std::vector<Json>>("array"); }
  const std::vector<JsonMember>& members() const { return get<std::vector<JsonMember>>("object"); }

  // The member called `key`, or null if there is none. at() raises a FormatError instead.
  const Json* find(std::string_view key) const;
  const Json& at(std::string_view key) const;

  // Appends to an array (a null becomes one); sets or replaces a member of an object (a null becomes one).
  Json& push_back(Json value);
  Json& set(std::string_view key, Json value);

  // JSON text: on one line, or indented by `indent` spaces a level. Numbers that JSON cannot hold (NaN, infinities)
  // become null; doubles are written with the fewest digits that read back to the same value.
  std::string dump(int indent = 0) const {
    std::string out;
    write(out, indent, 0);
    return out;
  }

  friend bool operator==(const Json& a, const Json& b);

 private:
  template <class T>
  const T& get(std::string_view expected) const {
    if (const T* value = std::get_if<T>(&value_)) return *value;
    raise<FormatError>("json", "expected ", expected, ", got ", kind());
  }
  template <class T>
  T& get_mutable(std::string_view expected) {
    if (T* value = std::get_if<T>(&value_)) return *value;
    raise<FormatError>("json", "expected ", expected, ", got ", kind());
  }
  void write(std::string& out, int indent, int level) const;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, std::vector<Json>,
               std::vector<JsonMember>>
      value_;
};

struct JsonMember {
  std::string key;
  Json value;
  friend bool operator==(const JsonMember& a, const JsonMember& b) { return a.key == b.key && a.value == b.value; }
};

// Defined here because the variant needs JsonMember complete.
inline Json::Json() = default;
inline Json::Json(const Json&) = default;
inline Json::Json(Json&&) noexcept = default;
inline Json& Json::operator=(const Json&) = default;
inline Json& Json::operator=(Json&&) noexcept = default;
inline Json::~Json() = default;
inline Json::Json(std::nullptr_t) {}
inline Json::Json(bool value) : value_(value) {}
template <std::integral T>
  requires(!std::same_as<T, bool>)
Json::Json(T value) {
  if (std::in_range<std::int64_t>(value)) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = static_cast<std::uint64_t>(value);
  }
}
template <std::floating_point T>
Json::Json(T value) : value_(static_cast<double>(value)) {}
inline Json::Json(std::string value) : value_(std::move(value)) {}
inline Json::Json(std::string_view value) : value_(std::string(value)) {}
inline Json::Json(const char* value) : value_(std::string(value)) {}
inline bool operator==(const Json& a, const Json& b) { return a.value_ == b.value_; }

inline Json Json::array() {
  Json out;
  out.value_ = std::vector<Json>();
  return out;
}

inline Json Json::object() { return object(std::vector<JsonMember>()); }

inline Json Json::object(std::vector<JsonMember> members) {
  Json out;
  out.value_ = std::move(members);
  return out;
}

inline const Json* Json::find(std::string_view key) const {
  for (const JsonMember& member : members())
    if (member.key == key) return &member.value;
  return nullptr;
}

inline const Json& Json::at(std::string_view key) const {
  if (const Json* found = find(key)) return *found;
  raise<FormatError>("json", "object has no member \"", key, "\"");
}

inline Json& Json::push_back(Json value) {
  if (is_null()) *this = array();
  get_mutable<std::vector<Json>>("array").push_back(std::move(value));
  return *this;
}

inline Json& Json::set(std::string_view key, Json value) {
  if (is_null()) *this = object();
  auto& list = get_mutable<std::vector<JsonMember>>("object");
  for (JsonMember& member : list) {
    if (member.key == key) {
      member.value = std::move(value);
      return *this;
    }
  }
  list.push_back({std::string(key), std::move(value)});
  return *this;
}

// Appends `text` to `out` as a JSON string, quotes included.
inline void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (code < 0x20) {
      out += "\\u00";
      out += hex[code >> 4];
      out += hex[code & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

inline void Json::write(std::string& out, int indent, int level) const {
  const auto line = [&](int depth) {
    if (indent <= 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent * depth), ' ');
  };
  const auto number = [&](auto value) {
    char digits[40];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  };
  if (is_null()) {
    out += "null";
  } else if (const auto* flag = std::get_if<bool>(&value_)) {
    out += *flag ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    number(*integer);
  } else if (const auto* wide = std::get_if<std::uint64_t>(&value_)) {
    number(*wide);
  } else if (const auto* real = std::get_if<double>(&value_)) {
    if (!std::isfinite(*real)) {
      out += "null";
    } else {
      const std::size_t start = out.size();
      number(*real);
      // A mark of a fraction keeps the kind: 1.0 stays a number that is not an integer.
      if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
    }
  } else if (is_string()) {
    append_json_string(out, as_string());
  } else if (is_array()) {
    out += '[';
    bool first = true;
    for (const Json& item : items()) {
      if (!first) out += indent > 0 ? "," : ", ";
      first = false;
      line(level + 1);
      item.write(out, indent, level + 1);
    }
    if (!first) line(level);
    out += ']';
  } else {
    out += '{';
    bool first = true;
    for (const JsonMember& member : members()) {
      if (!first) out += indent > 0 ? "," : ", ";
      first = false;
      line(level + 1);
      append_json_string(out, member.key);
      out += ": ";
      member.value.write(out, indent, level + 1);
    }
    if (!first) line(level);
    out += '}';
  }
}

}  // namespace GLIA_NS::io
