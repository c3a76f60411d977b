// Any bytes give a header whose tensors lie inside the file, or a FormatError.
#include <glia/io/safetensors_format.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    glia::io::SafetensorsHeader header = glia::io::parse_safetensors({data, size});
    std::uint64_t at = header.data_begin;
    for (const auto& entry : header.entries) {
      const auto bytes = glia::io::file_type_info(entry.type).bytes * static_cast<std::uint64_t>(entry.shape.numel());
      if (header.data_begin + entry.begin != at || entry.end - entry.begin != bytes) std::abort();
      at = header.data_begin + entry.end;
    }
    if (at != size) std::abort();
    // Encoding the same tensors gives a file that reads back with the same names.
    std::string image = glia::io::encode_safetensors_header(header.entries, header.metadata);
    image.resize(image.size() + (size - header.data_begin));
    if (glia::io::parse_safetensors(glia::io::as_bytes(image)).entries.size() != header.entries.size()) std::abort();
  } catch (const glia::FormatError&) {
  }
  return 0;
}
