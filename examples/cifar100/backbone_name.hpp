#pragma once
// What a backbone's name on the command line says: family, depth, shortcut and width.

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

inline constexpr const char* backbone_help =
    "slim, speed, swift, spiking, resnet18, resnet34, resnet20, resnet32; -a or -b behind it for the shortcuts of a "
    "ResNet, -wN for a width";

enum class BackboneFamily { speed, swift, resnet, spiking };

struct BackboneSpec {
  BackboneFamily family = BackboneFamily::speed;
  std::vector<std::int64_t> widths;  // channels of each stage
  std::vector<std::int64_t> blocks;  // residual blocks of each stage; ResNets only
  bool projection = true;  // shortcuts that change shape: 1x1 convolution (option B), else zero padding (option A)
};

// "speed" (64, 192, 384 channels), "slim" (64, 128, 256), "swift" (64, 256, 768), "spiking" (slim in spikes),
// "resnet18", "resnet34" (four stages, 64 channels at first), "resnet20", "resnet32" (three stages, 16 channels at
// first, option A) or "resnetN" with N = 6n + 2 up to 110; behind it "-b" for option B or "-a" for option A, and "-wN"
// for another width of the first stage (a multiple of 2 up to 1024; the others keep their ratio). std::invalid_argument
// names what is wrong.
BackboneSpec parse_backbone(const std::string& name);

}  // namespace cifar100
