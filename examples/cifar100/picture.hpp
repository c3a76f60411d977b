#pragma once
// Small pictures as PNG data URIs, for the report.

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]
};

// The picture as "data:image/png;base64,...". Stored, not compressed: meant for pictures of a few hundred pixels a
// side. std::invalid_argument if the sizes do not fit.
std::string data_uri(const Picture& picture);

std::string base64(const std::string& bytes);

}  // namespace cifar100
