#pragma once
// A folder of PNG and JPEG images as a data set.

#include <glia/data/dataset.hpp>

#include <string>
#include <vector>

namespace cifar100 {

// One decoded image: 8-bit RGB, row by row.
struct DecodedImage {
  glia::Index height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3]
};

// Decodes a file by its first bytes; grey and palette images become RGB, transparency is laid on black.
// glia::FormatError with file and reason for a damaged file, another format, more than 2^26 pixels, or a format whose
// library the program was built without.
DecodedImage read_image(const std::filesystem::path& path);

// The middle square, brought to size x size by averaging over each target pixel's area.
DecodedImage fit_image(const DecodedImage& picture, glia::Index size);

// All .png, .jpg and .jpeg files below `folder`, in the order of their paths, fitted to size x size. The folder's
// subfolders are the classes (by name); without subfolders there is one class, and the labels mean nothing.
// glia::FormatError as read_image; glia::Error if there is no image.
glia::data::Dataset load_image_folder(const std::filesystem::path& folder, glia::Index size);

}  // namespace cifar100
