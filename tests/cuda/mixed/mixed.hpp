#pragma once
// A program of two files: host.cpp is compiled by the C++ compiler, device.cu by the CUDA compiler. Both use the same inline
// functions of the library, whose bodies must not depend on the compiler or on the order of the objects.

#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/matmul.hpp>

namespace mixed {

// The loss and the gradient of w for one small step.
template <class D>
std::vector<float> step(const glia::Tensor<float, D>& x, glia::Tensor<float, D> w) {
  w.set_requires_grad();
  const auto loss = glia::mean(glia::tanh(glia::matmul(x, w)));
  loss.backward();
  auto out = w.grad().to_vector();
  out.push_back(loss.item());
  return out;
}

inline glia::Tensor<float> numbers(const glia::Shape& shape, std::uint64_t seed) {
  glia::Generator generator(seed);
  return glia::randn(shape, generator);
}

// In device.cu: the step on the CPU, compiled there; the number of devices; the step on the device.
std::vector<float> host_step_of_cuda_file(const glia::Tensor<float>& x, const glia::Tensor<float>& w);
int devices();
std::vector<float> device_step(const glia::Tensor<float>& x, const glia::Tensor<float>& w);

}  // namespace mixed
