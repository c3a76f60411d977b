#pragma once
// CIFAR-10 and CIFAR-100 in the binary layout of https://www.cs.toronto.edu/~kriz/cifar.html

#include <glia/data/image_records.hpp>
#include <glia/io/file.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace GLIA_NS::data {

// cifar10: 1 label byte, then 3,072 pixel bytes. cifar100: 1 superclass byte, 1 class byte, 3,072 pixel bytes.
enum class Cifar { cifar10, cifar100 };

struct CifarOptions {
  Index expected_records = 0;          // refuse any other count; 0 takes every count
  std::string_view source = "memory";  // named in errors
};

// Images [N, 32, 32, 3], classes in file order. Errors: FormatError with file, byte and reason, if the size is no
// multiple of the record, the count is not the expected one, a label is outside its range, or a class appears under
// two superclasses.
GLIA_LAZY ImageRecords parse_cifar(Cifar kind, io::Bytes bytes, const CifarOptions& options = {}) {
  constexpr std::string_view op = "load_cifar";
  constexpr Index side = 32, channels = 3, pixels = side * side;
  const Index label_bytes = kind == Cifar::cifar10 ? 1 : 2;
  const Index record = label_bytes + pixels * channels;
  const auto size = static_cast<Index>(bytes.size());
  if (options.expected_records > 0 && size != options.expected_records * record)
    raise<FormatError>(op, "\"", options.source, "\" has ", size, " bytes, expected ",
                       options.expected_records * record, " (", options.expected_records, " records of ", record,
                       "): the file is ", size < options.expected_records * record ? "truncated" : "too large");
  if (size == 0 || size % record != 0)
    raise<FormatError>(op, "\"", options.source, "\" has ", size, " bytes, expected a positive multiple of the ",
                       record, "-byte record; byte ", size - size % record, " begins a broken one");

  ImageRecords out;
  out.count = size / record;
  out.height = out.width = side;
  out.channels = channels;
  out.classes = kind == Cifar::cifar10 ? 10 : 100;
  out.coarse_classes = kind == Cifar::cifar10 ? 0 : 20;
  out.labels.resize(static_cast<std::size_t>(out.count));
  out.coarse.resize(kind == Cifar::cifar10 ? 0 : static_cast<std::size_t>(out.count));
  std::array<int, 100> superclass_of;
  superclass_of.fill(-1);
  for (Index i = 0; i < out.count; ++i) {
    const unsigned char* start = bytes.data() + i * record;
    const int fine = start[label_bytes - 1];
    if (fine >= out.classes)
      raise<FormatError>(op, "\"", options.source, "\", byte ", i * record + label_bytes - 1, " (record ", i,
                         "): label ", fine, ", expected at most ", out.classes - 1);
    out.labels[static_cast<std::size_t>(i)] = fine;
    if (kind == Cifar::cifar10) continue;
    const int coarse = start[0];
    if (coarse >= out.coarse_classes)
      raise<FormatError>(op, "\"", options.source, "\", byte ", i * record, " (record ", i, "): superclass label ",
                         coarse, ", expected at most ", out.coarse_classes - 1);
    int& known = superclass_of[static_cast<std::size_t>(fine)];
    if (known >= 0 && known != coarse)
      raise<FormatError>(op, "\"", options.source, "\", byte ", i * record, " (record ", i, "): class ", fine,
                         " under superclass ", coarse, ", before under ", known);
    known = coarse;
    out.coarse[static_cast<std::size_t>(i)] = coarse;
  }
  out.images.resize(static_cast<std::size_t>(out.count * pixels * channels));
  parallel_for(out.count, 64, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      interleave_planes(bytes.data() + i * record + label_bytes, pixels, channels,
                        out.images.data() + i * pixels * channels);
  });
  return out;
}

// The records of one file. Errors: FileError; FormatError as parse_cifar.
GLIA_LAZY ImageRecords load_cifar_file(Cifar kind, const std::filesystem::path& path, Index expected_records = 0) {
  // No published file holds more than 50,000 records; ten times that is a mistake, not a data set.
  const auto bytes = io::read_file(path, std::uint64_t{500'000} * 3074, "load_cifar");
  const std::string name = path.string();
  return parse_cifar(kind, bytes, {.expected_records = expected_records, .source = name});
}

// The folder that holds train.bin and test.bin: `folder` itself, or its cifar100 or cifar-100-binary.
// Errors: FileError that lists the places looked at.
GLIA_LAZY std::filesystem::path find_cifar100(const std::filesystem::path& folder) {
  std::string tried;
  for (const char* name : {"", "cifar100", "cifar-100-binary"}) {
    const std::filesystem::path candidate = *name == '\0' ? folder : folder / name;
    if (std::filesystem::exists(candidate / "train.bin") && std::filesystem::exists(candidate / "test.bin"))
      return candidate;
    tried += (tried.empty() ? "\"" : ", \"") + candidate.string() + "\"";
  }
  raise<io::FileError>("find_cifar100", "no train.bin and test.bin in ", tried);
}

struct CifarSplits {
  ImageRecords train, test;
};

// The official 50,000 training and 10,000 test images; `folder` as in find_cifar100.
GLIA_LAZY CifarSplits load_cifar100_records(const std::filesystem::path& folder) {
  const std::filesystem::path found = find_cifar100(folder);
  return {load_cifar_file(Cifar::cifar100, found / "train.bin", 50'000),
          load_cifar_file(Cifar::cifar100, found / "test.bin", 10'000)};
}

// The official files data_batch_1.bin ... data_batch_5.bin and test_batch.bin, in `folder` or its cifar-10-batches-bin.
GLIA_LAZY CifarSplits load_cifar10_records(const std::filesystem::path& folder) {
  const std::filesystem::path inner = folder / "cifar-10-batches-bin";
  const std::filesystem::path found = std::filesystem::exists(inner / "test_batch.bin") ? inner : folder;
  CifarSplits out;
  for (int batch = 1; batch <= 5; ++batch) {
    ImageRecords part = load_cifar_file(Cifar::cifar10, found / text("data_batch_", batch, ".bin"), 10'000);
    if (batch == 1) {
      out.train = std::move(part);
      continue;
    }
    out.train.images.insert(out.train.images.end(), part.images.begin(), part.images.end());
    out.train.labels.insert(out.train.labels.end(), part.labels.begin(), part.labels.end());
    out.train.count += part.count;
  }
  out.test = load_cifar_file(Cifar::cifar10, found / "test_batch.bin", 10'000);
  return out;
}

}  // namespace GLIA_NS::data
