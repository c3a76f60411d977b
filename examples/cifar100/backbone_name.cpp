#include "backbone_name.hpp"

#include <charconv>
#include <stdexcept>

namespace cifar100 {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw std::invalid_argument(
      "--backbone " + name + ": " + why +
      "; expected slim, speed, swift, spiking, resnet18, resnet34, resnet20, resnet32 (or another 6n + 2), then -a or "
      "-b for the shortcuts of a ResNet and -wN for a width");
}

bool parse(const std::string& digits, std::int64_t& value) {
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return result.ec == std::errc() && result.ptr == digits.data() + digits.size();
}

BackboneSpec parse_family(const std::string& name, const std::string& family) {
  BackboneSpec out;
  if (family == "speed" || family == "slim" || family == "spiking") {
    if (family == "spiking") out.family = BackboneFamily::spiking;
    out.widths = family == "speed" ? std::vector<std::int64_t>{64, 192, 384} : std::vector<std::int64_t>{64, 128, 256};
    return out;
  }
  if (family == "swift") {
    out.family = BackboneFamily::swift;
    out.widths = {64, 256, 768};
    return out;
  }
  std::int64_t depth = 0;
  if (family.compare(0, 6, "resnet") != 0 || !parse(family.substr(6), depth)) refuse(name, "unknown family " + family);
  out.family = BackboneFamily::resnet;
  if (depth == 50) refuse(name, "ResNet-50 is made of bottleneck blocks, which are not here");
  if (depth == 18 || depth == 34) {
    out.widths = {64, 128, 256, 512};
    out.blocks = depth == 18 ? std::vector<std::int64_t>{2, 2, 2, 2} : std::vector<std::int64_t>{3, 4, 6, 3};
  } else if (depth >= 8 && depth <= 110 && depth % 6 == 2) {
    out.widths = {16, 32, 64};
    out.blocks.assign(3, (depth - 2) / 6);
    out.projection = false;
  } else {
    refuse(name, "no ResNet of basic blocks has " + std::to_string(depth) + " layers");
  }
  return out;
}

}  // namespace

BackboneSpec parse_backbone(const std::string& name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    if (c == '-')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  BackboneSpec out = parse_family(name, parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part == "a" || part == "b") {
      if (out.family != BackboneFamily::resnet) refuse(name, "only ResNets have a choice of shortcuts");
      out.projection = part == "b";
    } else if (!part.empty() && part[0] == 'w') {
      std::int64_t width = 0;
      if (!parse(part.substr(1), width) || width < 2 || width > 1024 || width % 2 != 0)
        refuse(name, "a width must be an even number from 2 to 1024");
      const std::int64_t first = out.widths[0];
      for (auto& channels : out.widths) channels = channels * width / first;
    } else {
      refuse(name, "unknown part \"" + part + "\"");
    }
  }
  return out;
}

}  // namespace cifar100
