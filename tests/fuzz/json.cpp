// Any bytes give a value or a FormatError; what is written reads back as the same value.
#include <glia/io/json.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const glia::io::Json value =
        glia::io::parse_json({reinterpret_cast<const char*>(data), size}, {.max_depth = 32, .max_values = 100'000});
    if (glia::io::parse_json(value.dump()) != value) std::abort();
    if (glia::io::parse_json(value.dump(2)) != value) std::abort();
  } catch (const glia::FormatError&) {
  }
  return 0;
}
