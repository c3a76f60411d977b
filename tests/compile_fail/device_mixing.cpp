// expect: both tensors must be on the same device: write x.to<
// Adding tensors of two devices: the message says to copy one.
#include <glia/glia.hpp>

struct OtherDevice {};

auto mixed(const glia::Tensor<float, glia::Cpu>& a, const glia::Tensor<float, OtherDevice>& b) { return a + b; }
