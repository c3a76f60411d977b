// Any bytes give a header whose elements fill the file, or a FormatError.
#include <glia/io/npy_format.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const glia::io::NpyHeader header = glia::io::parse_npy_header({data, size}, size, "memory");
    const auto bytes = glia::io::file_type_info(header.type).bytes * static_cast<std::uint64_t>(header.shape.numel());
    if (header.data_begin + bytes != size) std::abort();
    std::string image = glia::io::encode_npy_header(header.type, header.shape);
    image.resize(image.size() + bytes);
    const auto again = glia::io::parse_npy_header(glia::io::as_bytes(image), image.size(), "memory");
    if (!(again.shape == header.shape) || again.type != header.type) std::abort();
  } catch (const glia::FormatError&) {
  }
  return 0;
}
