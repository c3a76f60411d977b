// expect: both tensors must have the same scalar: write x.cast<
// Adding tensors of two scalar types: the message says to cast one.
#include <glia/glia.hpp>

auto mixed(const glia::Tensor<float>& a, const glia::Tensor<double>& b) { return a + b; }
