// Warnings: who handles them.
#include <glia/core/warning.hpp>

#include <doctest/doctest.h>

#include <string>

TEST_CASE("a handler gets the text, and may warn itself") {
  std::string seen;
  int depth = 0;
  const auto before = glia::set_warning_handler([&](std::string_view text) {
    seen += text;
    if (++depth < 3) glia::warn("again ", depth, ";");
  });
  glia::warn("rate ", 0.25, ", tiny ", 1e-9, ";");
  glia::set_warning_handler(before);
  CHECK(seen == "rate 0.25, tiny 1e-09;again 1;again 2;");
}
