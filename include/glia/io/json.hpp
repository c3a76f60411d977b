#pragma once
// A strict JSON reader (RFC 8259) for text that may be hostile: every error is a FormatError with the byte offset.

#include <glia/io/json_value.hpp>

#include <algorithm>
#include <numeric>

namespace GLIA_NS::io {

struct JsonOptions {
  int max_depth = 64;                   // nesting of arrays and objects
  std::size_t max_values = 10'000'000;  // values in all, which bounds the memory a text can claim
  std::string_view source = "text";     // named in errors
  std::size_t base_offset = 0;          // added to the offsets in errors
};

namespace detail {

template <class = void>
class BasicJsonReader;
using JsonReader = BasicJsonReader<>;  // GLIA_LAZY for a class

template <class>
class BasicJsonReader {
 public:
  BasicJsonReader(std::string_view text, const JsonOptions& options) : text_(text), options_(options) {}

  Json document() {
    skip_space();
    Json out = value(0);
    skip_space();
    if (at_ != text_.size()) fail(at_, "text after the end of the value");
    return out;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(std::size_t offset, const Parts&... parts) const {
    raise<FormatError>("json", options_.source, ", byte ", options_.base_offset + offset, ": ", parts...);
  }

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_space() {
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }

  void expect(char wanted) {
    if (done()) fail(at_, "text ends where '", std::string(1, wanted), "' was expected");
    if (text_[at_] != wanted) fail(at_, "expected '", std::string(1, wanted), "', got ", shown(text_[at_]));
    ++at_;
  }

  static std::string shown(char c) {
    const auto code = static_cast<unsigned char>(c);
    return code >= 0x20 && code < 0x7f ? "'" + std::string(1, c) + "'" : "byte value " + std::to_string(int{code});
  }

  Json value(int depth) {
    if (++values_ > options_.max_values) fail(at_, "more than ", options_.max_values, " values");
    if (done()) fail(at_, "text ends where a value was expected");
    switch (text_[at_]) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return Json(string());
      case 't':
        return word("true", Json(true));
      case 'f':
        return word("false", Json(false));
      case 'n':
        return word("null", Json());
      default:
        break;
    }
    if (text_[at_] == '-' || is_digit(text_[at_])) return number();
    fail(at_, "expected a value, got ", shown(text_[at_]));
  }

  Json word(std::string_view literal, Json result) {
    if (text_.substr(at_, literal.size()) != literal) fail(at_, "expected ", literal);
    at_ += literal.size();
    return result;
  }

  void check_depth(int depth) const {
    if (depth >= options_.max_depth) fail(at_, "nested deeper than ", options_.max_depth, " levels");
  }

  Json array(int depth) {
    check_depth(depth);
    ++at_;
    Json out = Json::array();
    skip_space();
    if (peek() == ']') {
      ++at_;
      return out;
    }
    for (;;) {
      skip_space();
      out.push_back(value(depth + 1));
      skip_space();
      if (peek() == ']') break;
      expect(',');
    }
    ++at_;
    return out;
  }

  Json object(int depth) {
    check_depth(depth);
    ++at_;
    std::vector<JsonMember> list;
    std::vector<std::size_t> key_offsets;
    skip_space();
    if (peek() == '}') {
      ++at_;
      return Json::object();
    }
    for (;;) {
      skip_space();
      key_offsets.push_back(at_);
      if (peek() != '"') expect('"');
      std::string key = string();
      skip_space();
      expect(':');
      skip_space();
      list.push_back({std::move(key), value(depth + 1)});
      skip_space();
      if (peek() == '}') break;
      expect(',');
    }
    ++at_;
    refuse_duplicates(list, key_offsets);
    return Json::object(std::move(list));
  }

  void refuse_duplicates(const std::vector<JsonMember>& list, const std::vector<std::size_t>& offsets) const {
    std::vector<std::size_t> order(list.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return list[a].key < list[b].key; });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (list[order[i]].key == list[order[i - 1]].key)
        fail(offsets[order[i]], "duplicate key \"", list[order[i]].key.substr(0, 80), "\"");
  }

  Json number() {
    const std::size_t start = at_;
    const bool negative = peek() == '-';
    if (negative) ++at_;
    if (!is_digit(peek())) fail(at_, "expected a digit");
    const std::size_t whole = at_;
    if (peek() == '0') {
      ++at_;
      if (is_digit(peek())) fail(whole, "number with a leading zero");
    }
    while (is_digit(peek())) ++at_;
    const std::size_t whole_digits = text_[whole] == '0' ? 0 : at_ - whole;
    bool integral = true;
    std::size_t zeros_after_point = 0;
    if (peek() == '.') {
      integral = false;
      ++at_;
      const std::size_t fraction = at_;
      while (is_digit(peek())) ++at_;
      if (at_ == fraction) fail(at_, "expected a digit after '.'");
      zeros_after_point = std::min(text_.find_first_not_of('0', fraction), at_) - fraction;
    }
    long long exponent = 0;
    if (peek() == 'e' || peek() == 'E') {
      integral = false;
      ++at_;
      const bool minus = peek() == '-';
      if (peek() == '-' || peek() == '+') ++at_;
      if (!is_digit(peek())) fail(at_, "expected a digit in the exponent");
      while (is_digit(peek())) exponent = std::min(exponent * 10 + (text_[at_++] - '0'), 1'000'000'000'000LL);
      if (minus) exponent = -exponent;
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (integral) {
      std::int64_t exact = 0;
      if (std::from_chars(first, last, exact).ec == std::errc()) return Json(exact);
      std::uint64_t wide = 0;
      if (!negative && std::from_chars(first, last, wide).ec == std::errc()) return Json(wide);
      fail(start, "integer outside the range of 64 bits");
    }
    double real = 0;
    if (std::from_chars(first, last, real).ec == std::errc()) return Json(real);
    // Out of range: towards zero if the first significant digit stands below the point, else too large.
    const long long magnitude =
        (whole_digits > 0 ? static_cast<long long>(whole_digits) : -static_cast<long long>(zeros_after_point)) +
        exponent;
    if (magnitude > 0) fail(start, "number too large for a double");
    return Json(negative ? -0.0 : 0.0);
  }

  unsigned hex4() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      unsigned digit = 0;
      if (is_digit(c)) {
        digit = static_cast<unsigned>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<unsigned>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<unsigned>(c - 'A') + 10;
      } else {
        fail(at_, "expected four hexadecimal digits after \\u");
      }
      code = code * 16 + digit;
      ++at_;
    }
    return code;
  }

  static void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
      return;
    }
    if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
    } else {
      if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
      } else {
        out += static_cast<char>(0xf0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
      }
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    }
    out += static_cast<char>(0x80 | (code & 0x3f));
  }

  void escape(std::string& out) {
    const std::size_t start = at_++;
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return;
      case 'b':
        out += '\b';
        return;
      case 'f':
        out += '\f';
        return;
      case 'n':
        out += '\n';
        return;
      case 'r':
        out += '\r';
        return;
      case 't':
        out += '\t';
        return;
      case 'u':
        break;
      default:
        fail(start, "unknown escape in a string");
    }
    unsigned code = hex4();
    if (code >= 0xdc00 && code < 0xe000) fail(start, "second half of a surrogate pair without the first");
    if (code >= 0xd800 && code < 0xdc00) {
      if (text_.substr(at_, 2) != "\\u") fail(start, "first half of a surrogate pair without the second");
      at_ += 2;
      const unsigned low = hex4();
      if (low < 0xdc00 || low >= 0xe000) fail(start, "first half of a surrogate pair without the second");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
  }

  std::string string() {
    const std::size_t start = at_++;
    std::string out;
    for (;;) {
      if (done()) fail(start, "string without an end");
      const char c = text_[at_];
      if (c == '"') break;
      if (c == '\\') {
        escape(out);
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) fail(at_, "control character in a string");
      const std::size_t length = detail::utf8_length(text_, at_);
      if (length == 0) fail(at_, "bytes that are not UTF-8");
      out.append(text_, at_, length);
      at_ += length;
    }
    ++at_;
    return out;
  }

  std::string_view text_;
  JsonOptions options_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace detail

// The value that `text` holds. Refused: anything outside RFC 8259, duplicate keys, ill-formed UTF-8, lone surrogates,
// integers beyond 64 bits, numbers beyond a double, and texts past the limits in `options`. Errors: FormatError.
GLIA_LAZY Json parse_json(std::string_view text, const JsonOptions& options = {}) {
  return detail::JsonReader(text, options).document();
}

}  // namespace GLIA_NS::io
