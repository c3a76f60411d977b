// expect: both tensors must be on the same device: write x.to<
// So does a convolution.
#include <glia/glia.hpp>

struct OtherDevice {};

auto mixed(const glia::Tensor<float>& x, const glia::Tensor<float, OtherDevice>& w) { return glia::conv2d(x, w); }
