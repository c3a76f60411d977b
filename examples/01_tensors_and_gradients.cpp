// Tour 1: tensors, views, gradients of first and second order, and an operation of one's own.

#include <glia/glia.hpp>

#include <iostream>

namespace {
struct Softsign {
  template <class R>
  GLIA_HD R operator()(R x) const {
    return x / (R(1) + glia::math::abs(x));
  }
};
}  // namespace

int main() {
  const auto grid = glia::arange(12).reshape({3, 4});
  std::cout << "a view, every second column:\n" << grid(glia::all_of_axis, glia::Slice{0, {}, 2}) << "\n\n";

  auto x = glia::tensor<double>({-2, 0.5, 3}).set_requires_grad();
  const auto y = glia::sum(glia::map(Softsign{}, x));
  const auto first = glia::grad(y, {x}, {.create_graph = true})[0];
  const auto second = glia::grad(glia::sum(first), {x})[0];
  std::cout << "softsign: first derivative  " << first.detach() << "\n          second derivative " << second << "\n\n";

  // The derivative of x / (1 + |x|) is 1 / (1 + |x|)^2.
  const auto expected = glia::reciprocal(glia::square(glia::abs(x.detach()) + 1.0));
  const double error = glia::sum(glia::abs(first.detach() - expected)).item();
  std::cout << "difference from the formula: " << error << '\n';

  try {
    grid + glia::zeros({5});
  } catch (const glia::ShapeError& problem) {
    std::cout << "an error: " << problem.what() << '\n';
  }
  return error < 1e-12 ? 0 : 1;
}
