// expect: both tensors must have the same scalar: write x.cast<
// A product called by name refuses mixed scalars with the words of the operators.
#include <glia/glia.hpp>

auto mixed(const glia::Tensor<float>& a, const glia::Tensor<double>& b) { return glia::matmul(a, b); }
