// The C++ half: its own result on the CPU must be that of the CUDA file's host code, and near that of the device.

#include <tests/cuda/mixed/mixed.hpp>

#include <cmath>
#include <cstdio>

int main() {
  const auto x = mixed::numbers({7, 5}, 1), w = mixed::numbers({5, 3}, 2);
  const auto expected = mixed::step(x, w.clone());
  const auto other = mixed::host_step_of_cuda_file(x, w);
  if (expected.size() != 16 || other != expected) {
    std::puts("mixed: the two compilers disagree about the same step on the CPU");
    return 1;
  }
  if (mixed::devices() == 0) {
    std::puts("skipped: no CUDA device (1 case)");
    return 0;
  }
  const auto actual = mixed::device_step(x, w);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(actual[i] - expected[i]) <= 1e-5f * std::abs(expected[i]) + 1e-7f)) {
      std::printf("mixed: element %zu is %g on the device, %g on the CPU\n", i, static_cast<double>(actual[i]),
                  static_cast<double>(expected[i]));
      return 1;
    }
  }
  std::puts("mixed: CPU and device agree");
  return 0;
}
