// Any bytes give labelled images or a FormatError. The first byte picks the data set.
#include <glia/data/cifar.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto kind = data[0] % 2 == 0 ? glia::data::Cifar::cifar10 : glia::data::Cifar::cifar100;
  try {
    const glia::data::ImageRecords records = glia::data::parse_cifar(kind, {data + 1, size - 1});
    if (static_cast<glia::Index>(records.images.size()) != records.count * 3072) std::abort();
    for (const auto label : records.labels)
      if (label < 0 || label >= records.classes) std::abort();
  } catch (const glia::FormatError&) {
  }
  return 0;
}
