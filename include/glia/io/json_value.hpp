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
  requires(!std::same_as<T, bool>) Json(T value);
  template <std::floating_point T>
  Json(T value);
  Json(std::string value);
  Json(std::string_view value);
  Json(const char* value);

  static Json array();
  static Json object();
  static Json object(std::vector<JsonMember> members);  // the keys must differ

  bool is_null() const { return kind_ == Kind::null; }
  bool is_bool() const { return kind_ == Kind::boolean; }
  bool is_integer() const { return kind_ == Kind::integer || kind_ == Kind::wide; }
  bool is_number() const { return is_integer() || kind_ == Kind::real; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  std::string_view kind() const {
    constexpr std::string_view names[] = {"null",   "boolean", "integer", "integer",
                                          "number", "string",  "array",   "object"};
    return names[static_cast<std::size_t>(kind_)];
  }

  // The value as the named type; FormatError if it is of another kind or does not fit.
  bool as_bool() const {
    require(Kind::boolean, "boolean");
    return integer_ != 0;
  }
  std::int64_t as_int() const {
    if (kind_ == Kind::wide) raise<FormatError>("json", "integer does not fit 64 bits with sign");
    require(Kind::integer, "integer");
    return integer_;
  }
  std::uint64_t as_uint() const {
    if (kind_ == Kind::wide) return static_cast<std::uint64_t>(integer_);
    require(Kind::integer, "integer");
    if (integer_ < 0) raise<FormatError>("json", "expected an integer of at least 0, got ", integer_);
    return static_cast<std::uint64_t>(integer_);
  }
  double as_double() const {
    if (kind_ == Kind::integer) return static_cast<double>(integer_);
    if (kind_ == Kind::wide) return static_cast<double>(static_cast<std::uint64_t>(integer_));
    require(Kind::real, "number");
    return real_;
  }
  const std::string& as_string() const {
    require(Kind::string, "string");
    return text_;
  }
  const std::vector<Json>& items() const {
    require(Kind::array, "array");
    return items_;
  }
  const std::vector<JsonMember>& members() const {
    require(Kind::object, "object");
    return members_;
  }

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
  enum class Kind : unsigned char { null, boolean, integer, wide, real, string, array, object };

  void require(Kind wanted, std::string_view expected) const {
    if (kind_ != wanted) raise<FormatError>("json", "expected ", expected, ", got ", kind());
  }
  void write(std::string& out, int indent, int level) const;

  // Plain members beside a tag: a recursive variant is slow to compile in every file that includes this.
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;  // boolean, integer; the bits of an unsigned one if wide
  double real_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<JsonMember> members_;
};

struct JsonMember {
  std::string key;
  Json value;
  friend bool operator==(const JsonMember& a, const JsonMember& b) { return a.key == b.key && a.value == b.value; }
};

// Defined here because they need JsonMember complete.
inline Json::Json() = default;
inline Json::Json(const Json&) = default;
inline Json::Json(Json&&) noexcept = default;
inline Json& Json::operator=(const Json&) = default;
inline Json& Json::operator=(Json&&) noexcept = default;
inline Json::~Json() = default;
inline Json::Json(std::nullptr_t) {}
inline Json::Json(bool value) : kind_(Kind::boolean), integer_(value ? 1 : 0) {}
template <std::integral T>
requires(!std::same_as<T, bool>) Json::Json(T value)
    : kind_(std::in_range<std::int64_t>(value) ? Kind::integer : Kind::wide),
      integer_(static_cast<std::int64_t>(value)) {}
template <std::floating_point T>
Json::Json(T value) : kind_(Kind::real), real_(static_cast<double>(value)) {}
inline Json::Json(std::string value) : kind_(Kind::string), text_(std::move(value)) {}
inline Json::Json(std::string_view value) : Json(std::string(value)) {}
inline Json::Json(const char* value) : Json(std::string(value)) {}
inline bool operator==(const Json& a, const Json& b) {
  return a.kind_ == b.kind_ && a.integer_ == b.integer_ && a.real_ == b.real_ && a.text_ == b.text_ &&
         a.items_ == b.items_ && a.members_ == b.members_;
}

inline Json Json::array() {
  Json out;
  out.kind_ = Kind::array;
  return out;
}

inline Json Json::object() { return object(std::vector<JsonMember>()); }

inline Json Json::object(std::vector<JsonMember> members) {
  Json out;
  out.kind_ = Kind::object;
  out.members_ = std::move(members);
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
  require(Kind::array, "array");
  items_.push_back(std::move(value));
  return *this;
}

inline Json& Json::set(std::string_view key, Json value) {
  if (is_null()) *this = object();
  require(Kind::object, "object");
  for (JsonMember& member : members_) {
    if (member.key == key) {
      member.value = std::move(value);
      return *this;
    }
  }
  members_.push_back({std::string(key), std::move(value)});
  return *this;
}

namespace detail {
// Length of the well-formed UTF-8 sequence at a position of the text (RFC 3629: no overlong forms, no surrogates), or
// 0.
GLIA_LAZY std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  unsigned char low = 0x80, high = 0xbf;
  std::size_t length = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  return length;
}
}  // namespace detail

// Whether a text is well-formed UTF-8. What is not can be written by append_json_string, but no reader has to take it.
GLIA_LAZY bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = detail::utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

// Appends `text` to `out` as a JSON string, quotes included.
GLIA_LAZY void append_json_string(std::string& out, std::string_view text) {
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
  } else if (is_bool()) {
    out += integer_ != 0 ? "true" : "false";
  } else if (kind_ == Kind::integer) {
    number(integer_);
  } else if (kind_ == Kind::wide) {
    number(static_cast<std::uint64_t>(integer_));
  } else if (kind_ == Kind::real) {
    if (!std::isfinite(real_)) {
      out += "null";
    } else {
      const std::size_t start = out.size();
      number(real_);
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
