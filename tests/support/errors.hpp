#pragma once
// What an error says, for tests of texts.

#include <string>
#include <string_view>

namespace glia_test {

// The text of the E that f throws, or "accepted" if it throws nothing; other exceptions pass.
template <class E, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "accepted";
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace glia_test
