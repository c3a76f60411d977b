#pragma once
// Progressive resizing: small images at first, which cost a fraction of the time, and full ones towards the end.

#include <cstdint>
#include <string>

namespace cifar100 {

// The side of the training images at `progress` in [0, 1) of the run, from a text such as "20:0.15,24:0.5": 20 pixels in the first
// 15 % of the steps, 24 up to half of them, then `full`. An empty text means `full` always.
// std::invalid_argument for a text of another form, sides outside [8, full] or shares that do not rise within (0, 1).
std::int64_t side_at(const std::string& resolution, double progress, std::int64_t full);

}  // namespace cifar100
