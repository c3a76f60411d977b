#include <glia/io/json.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

namespace io = glia::io;

namespace {
std::string error_of(std::string_view text, const io::JsonOptions& options = {}) {
  try {
    io::parse_json(text, options);
  } catch (const glia::FormatError& error) {
    return error.what();
  }
  return "accepted";
}
}  // namespace

TEST_CASE("json: values of every kind are read") {
  const io::Json json = io::parse_json(" {\"a\" : [1, -2.5e3, true, false, null], \"b\":{\"c\":\"x\"}, \"\":[]} \n");
  REQUIRE(json.is_object());
  const auto& items = json.at("a").items();
  REQUIRE(items.size() == 5);
  CHECK(items[0].as_int() == 1);
  CHECK(items[1].as_double() == -2500.0);
  CHECK(items[2].as_bool());
  CHECK_FALSE(items[3].as_bool());
  CHECK(items[4].is_null());
  CHECK(json.at("b").at("c").as_string() == "x");
  CHECK(json.at("").items().empty());
  CHECK(json.find("d") == nullptr);
  CHECK_THROWS_WITH_AS(json.at("d"), "json: object has no member \"d\"", glia::FormatError);
  CHECK_THROWS_WITH_AS(json.at("b").as_int(), "json: expected integer, got object", glia::FormatError);
}

TEST_CASE("json: integers are exact to 64 bits, other numbers are doubles") {
  CHECK(io::parse_json("9223372036854775807").as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(io::parse_json("-9223372036854775808").as_int() == std::numeric_limits<std::int64_t>::min());
  CHECK(io::parse_json("18446744073709551615").as_uint() == std::numeric_limits<std::uint64_t>::max());
  CHECK_THROWS_AS(io::parse_json("18446744073709551615").as_int(), glia::FormatError);
  CHECK_THROWS_AS(io::parse_json("-1").as_uint(), glia::FormatError);
  CHECK(io::parse_json("0.1").as_double() == 0.1);
  CHECK(io::parse_json("1e-400").as_double() == 0.0);
  CHECK(io::parse_json("0.0000e99999999999999999999").as_double() == 0.0);
  CHECK(io::parse_json("1e-99999999999999999999").as_double() == 0.0);
  CHECK(error_of("18446744073709551616").find("64 bits") != std::string::npos);
  CHECK(error_of("-9223372036854775809").find("64 bits") != std::string::npos);
  CHECK(error_of("[1e400]") == "json: text, byte 1: number too large for a double");
  CHECK(error_of("1" + std::string(400, '0') + ".0e-1").find("too large") != std::string::npos);
  CHECK(io::parse_json("1" + std::string(400, '0') + ".0e-400").as_double() == 1.0);
}

TEST_CASE("json: strings are UTF-8, escapes are decoded") {
  CHECK(io::parse_json(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")").as_string() ==
        "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(io::parse_json("\"\xf0\x9f\x98\x80\"").as_string() == "\xf0\x9f\x98\x80");
  CHECK(io::parse_json("\"\\u0000\"").as_string() == std::string(1, '\0'));
  for (const char* bad : {"\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\""})
    CHECK(error_of(bad).find("surrogate") != std::string::npos);
  // Stray continuation, overlong forms, an encoded surrogate, beyond U+10FFFF, a cut sequence.
  for (const char* bad : {"\"\x80\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                          "\"\xf0\x9f\x98\"", "\"\xff\""})
    CHECK(error_of(bad) == "json: text, byte 1: bytes that are not UTF-8");
  CHECK(error_of("\"a\nb\"") == "json: text, byte 2: control character in a string");
  CHECK(error_of("\"\\x\"") == "json: text, byte 1: unknown escape in a string");
  CHECK(error_of("\"\\u12g4\"").find("hexadecimal") != std::string::npos);
}

TEST_CASE("json: what is not JSON is refused with the byte at which it breaks") {
  CHECK(error_of("") == "json: text, byte 0: text ends where a value was expected");
  CHECK(error_of("[1,]") == "json: text, byte 3: expected a value, got ']'");
  CHECK(error_of("[1 2]") == "json: text, byte 3: expected ',', got '2'");
  CHECK(error_of("{\"a\" 1}") == "json: text, byte 5: expected ':', got '1'");
  CHECK(error_of("{a:1}") == "json: text, byte 1: expected '\"', got 'a'");
  CHECK(error_of("{\"a\":1") == "json: text, byte 6: text ends where ',' was expected");
  CHECK(error_of("{\"a\":1,}") == "json: text, byte 7: expected '\"', got '}'");
  CHECK(error_of("[1] x") == "json: text, byte 4: text after the end of the value");
  CHECK(error_of("nul") == "json: text, byte 0: expected null");
  CHECK(error_of("01") == "json: text, byte 0: number with a leading zero");
  for (const char* bad : {"+1", ".5", "1.", "1e", "1e+", "-", "0x10", "NaN", "Infinity", "'a'", "[", "\"abc", "\xef\xbb\xbf{}",
                          "{\"a\":1,\"b\"}", "// x\n1", "tru", "--1", "1.e3"})
    CHECK(error_of(bad) != "accepted");
  CHECK(error_of("[x]", {.source = "\"config.json\"", .base_offset = 100}) ==
        "json: \"config.json\", byte 101: expected a value, got 'x'");
}

TEST_CASE("json: duplicate keys, depth and number of values are limited") {
  CHECK(error_of("{\"a\":1,\"b\":2,\"a\":3}") == "json: text, byte 13: duplicate key \"a\"");
  CHECK(error_of("{\"a\":{\"a\":1}}") == "accepted");
  CHECK(error_of(std::string(64, '[') + std::string(64, ']')) == "accepted");
  CHECK(error_of(std::string(65, '[') + std::string(65, ']')) == "json: text, byte 64: nested deeper than 64 levels");
  CHECK(error_of(std::string(1'000'000, '[')).find("nested deeper") != std::string::npos);
  CHECK(error_of("[1,2,3]", {.max_values = 4}) == "accepted");
  CHECK(error_of("[1,2,3,4]", {.max_values = 4}) == "json: text, byte 7: more than 4 values");
}

TEST_CASE("json: built values are written and read back unchanged") {
  io::Json json;
  json.set("epoch", 3).set("loss", 1.0 / 3).set("one", 1.0).set("name", "a \"quoted\"\n\x01 name").set("ok", true);
  json.set("seed", std::numeric_limits<std::uint64_t>::max()).set("none", nullptr);
  io::Json list;
  list.push_back(1).push_back("two").push_back(io::Json::object());
  json.set("list", list).set("epoch", 4);
  CHECK(json.dump() ==
        "{\"epoch\": 4, \"loss\": 0.3333333333333333, \"one\": 1.0, \"name\": \"a \\\"quoted\\\"\\n\\u0001 name\", "
        "\"ok\": true, \"seed\": 18446744073709551615, \"none\": null, \"list\": [1, \"two\", {}]}");
  CHECK(io::parse_json(json.dump()) == json);
  CHECK(io::parse_json(json.dump(2)) == json);
  CHECK(io::Json(list).dump(2) == "[\n  1,\n  \"two\",\n  {}\n]");
  CHECK(io::Json(std::nan("")).dump() == "null");
  CHECK(io::Json(std::numeric_limits<double>::infinity()).dump() == "null");
  CHECK(io::Json(1e300).dump() == "1e+300");
  CHECK_THROWS_AS(io::Json(1).push_back(2), glia::FormatError);
}
