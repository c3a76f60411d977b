#pragma once
// The program of main.cu and plain.cpp. Without a device it checks that asking for one is a clear error.
#include <glia/glia.hpp>

#include <cstdio>
#include <cstring>

double sum_of_ones(glia::Index rows, glia::Index columns);

int main() {
  const double expected = sum_of_ones(2, 3);
  if (glia::cuda::device_count() > 0) {
    const auto x = glia::ones<float>({2, 3}).to<glia::Cuda>();
    const double got = static_cast<double>(glia::sum(x).to<glia::Cpu>().item());
    std::printf("sum of ones on the device: %g, expected %g\n", got, expected);
    return got == expected ? 0 : 1;
  }
  try {
    glia::ones<float>({2, 3}).to<glia::Cuda>();
  } catch (const glia::DeviceError& error) {
    std::printf("no device: %s\n", error.what());
    return expected == 6 && std::strstr(error.what(), "CUDA") != nullptr ? 0 : 1;
  }
  std::printf("no device, and no error\n");
  return 1;
}
