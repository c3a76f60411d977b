// Any bytes give labelled images or a FormatError. The first two bytes say where images end and labels begin.
#include <glia/data/idx.hpp>

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t cut = std::min<std::size_t>(size - 2, data[0] + 256u * data[1]);
  try {
    const glia::data::ImageRecords records =
        glia::data::parse_idx_images({data + 2, cut}, {data + 2 + cut, size - 2 - cut});
    if (static_cast<glia::Index>(records.images.size()) != records.count * records.height * records.width) std::abort();
    if (static_cast<glia::Index>(records.labels.size()) != records.count) std::abort();
  } catch (const glia::FormatError&) {
  }
  return 0;
}
