// Any bytes give tensors whose elements lie inside the file, or a FormatError; nothing is executed.
#include <glia/io/torch_format.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const glia::io::ByteSource source(glia::io::Bytes(data, size));
    const glia::io::TorchContents contents = glia::io::parse_torch(source, {.verify = false});
    for (const auto& storage : contents.storages)
      if (storage.begin > size || storage.bytes > size - storage.begin) std::abort();
    for (const auto& entry : contents.entries) {
      if (entry.shape.numel() > 4096) continue;
      const auto& place = contents.storages.at(entry.storage);
      // an exact copy, so that a read past the end is past the allocation
      const std::vector<unsigned char> bytes(data + place.begin, data + place.begin + place.bytes);
      const auto elements = glia::io::gather_torch_tensor(entry, bytes);
      if (elements.size() != static_cast<std::size_t>(entry.shape.numel()) * glia::io::file_type_info(entry.type).bytes)
        std::abort();
    }
  } catch (const glia::FormatError&) {
  }
  return 0;
}
