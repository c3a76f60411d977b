#pragma once
// The idx layout of MNIST and its relatives: big-endian header, then unsigned bytes.

#include <glia/data/image_records.hpp>
#include <glia/io/dtype.hpp>
#include <glia/io/file.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace GLIA_NS::data {

struct IdxHeader {
  Shape shape;
  std::size_t data_begin = 0;
};

// Header of an idx file of unsigned bytes (type code 8). Errors: FormatError with file, byte and reason.
GLIA_LAZY IdxHeader parse_idx(io::Bytes bytes, std::string_view source = "memory") {
  constexpr std::string_view op = "load_idx";
  if (bytes.size() < 4) raise<FormatError>(op, "\"", source, "\" has ", bytes.size(), " bytes, too few for a header");
  if (bytes[0] != 0 || bytes[1] != 0) raise<FormatError>(op, "\"", source, "\", byte 0: not an idx file");
  if (bytes[2] != 8)
    raise<FormatError>(op, "\"", source, "\", byte 2: type code ", int{bytes[2]}, ", expected 8 (unsigned bytes)");
  const int rank = bytes[3];
  if (rank < 1 || rank > max_rank)
    raise<FormatError>(op, "\"", source, "\", byte 3: ", rank, " axes, expected 1 to ", max_rank);
  IdxHeader out;
  out.data_begin = 4 + 4 * static_cast<std::size_t>(rank);
  if (bytes.size() < out.data_begin) raise<FormatError>(op, "\"", source, "\": file ends inside the header");
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
    Index extent = 0;
    for (std::size_t i = 0; i < 4; ++i) extent = extent * 256 + bytes[4 + 4 * axis + i];
    out.shape.push_back(extent);
  }
  const auto expected = io::detail::checked_bytes(out.shape, 1);
  if (!expected || *expected != bytes.size() - out.data_begin)
    raise<FormatError>(op, "\"", source, "\": header announces ", out.shape, " bytes, but ",
                       bytes.size() - out.data_begin, " follow");
  return out;
}

struct IdxOptions {
  Index classes = 10;
  std::string_view images_source = "images", labels_source = "labels";  // named in errors
};

// Grey images [N, H, W, 1] with labels in [0, classes). Errors: FormatError with file, byte and reason.
GLIA_LAZY ImageRecords parse_idx_images(io::Bytes images, io::Bytes labels, const IdxOptions& options = {}) {
  constexpr std::string_view op = "load_idx";
  const IdxHeader pixels = parse_idx(images, options.images_source);
  const IdxHeader classes = parse_idx(labels, options.labels_source);
  if (pixels.shape.rank() != 3)
    raise<FormatError>(op, "\"", options.images_source, "\": shape ", pixels.shape, ", expected 3 axes (images)");
  if (classes.shape.rank() != 1)
    raise<FormatError>(op, "\"", options.labels_source, "\": shape ", classes.shape, ", expected 1 axis (labels)");
  if (pixels.shape[0] != classes.shape[0])
    raise<FormatError>(op, "\"", options.images_source, "\" holds ", pixels.shape[0], " images but \"",
                       options.labels_source, "\" ", classes.shape[0], " labels");
  ImageRecords out;
  out.count = pixels.shape[0];
  out.height = pixels.shape[1];
  out.width = pixels.shape[2];
  out.channels = 1;
  out.classes = options.classes;
  const io::Bytes values = images.subspan(pixels.data_begin), marks = labels.subspan(classes.data_begin);
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i] >= options.classes)
      raise<FormatError>(op, "\"", options.labels_source, "\", byte ", classes.data_begin + i, ": label ",
                         int{marks[i]}, ", expected at most ", options.classes - 1);
  out.images.assign(values.begin(), values.end());
  out.labels.assign(marks.begin(), marks.end());
  return out;
}

// The images and labels of two idx files (uncompressed). Errors: FileError; FormatError as parse_idx_images.
GLIA_LAZY ImageRecords load_idx_files(const std::filesystem::path& images, const std::filesystem::path& labels,
                                      Index classes = 10) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 33;
  const auto image_bytes = io::read_file(images, limit, "load_idx");
  const auto label_bytes = io::read_file(labels, limit, "load_idx");
  const std::string image_name = images.string(), label_name = labels.string();
  return parse_idx_images(image_bytes, label_bytes,
                          {.classes = classes, .images_source = image_name, .labels_source = label_name});
}

// The official MNIST names, "train" or "t10k", in `folder`.
GLIA_LAZY ImageRecords load_mnist_records(const std::filesystem::path& folder, bool train) {
  const std::string stem = train ? "train" : "t10k";
  return load_idx_files(folder / (stem + "-images-idx3-ubyte"), folder / (stem + "-labels-idx1-ubyte"));
}

}  // namespace GLIA_NS::data
