#include "resolution.hpp"

#include <cstdlib>
#include <stdexcept>

namespace cifar100 {

std::int64_t side_at(const std::string& resolution, double progress, std::int64_t full) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument("--resolution: expected SIDE:SHARE,... as in 20:0.15,24:0.5, got " + resolution + " (" + why + ")");
  };
  std::int64_t side = full;
  bool found = false;
  double before = 0;
  const char* at = resolution.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const long pixels = std::strtol(at, &end, 10);
    if (end == at || *end != ':') refuse("no SIDE: at position " + std::to_string(at - resolution.c_str()));
    at = end + 1;
    const double share = std::strtod(at, &end);
    if (end == at || (*end != ',' && *end != '\0')) refuse("no share after " + std::to_string(pixels) + ":");
    if (pixels < 8 || pixels > full) refuse("sides go from 8 to " + std::to_string(full));
    if (!(share > before && share < 1)) refuse("shares must rise between 0 and 1");
    if (!found && progress < share) {
      side = pixels;
      found = true;
    }
    before = share;
    at = *end == ',' ? end + 1 : end;
    if (*end == ',' && *at == '\0') refuse("nothing after the last comma");
  }
  return side;
}

}  // namespace cifar100
