// A user's program: two translation units that both include everything, linked together.
#include <glia/glia.hpp>

#include <cstdio>

double sum_of_ones(glia::Index rows, glia::Index columns);

int main() {
  const double expected = static_cast<double>(glia::ones<float>({2, 3}).numel());
  const double got = sum_of_ones(2, 3);
  std::printf("sum of ones: %g, expected %g\n", got, expected);
  return got == expected ? 0 : 1;
}
