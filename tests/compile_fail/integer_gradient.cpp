// expect: gradients need a floating-point tensor: write x.cast<
// Integers have no gradient.
#include <glia/glia.hpp>

void ask(glia::Tensor<std::int64_t>& x) { x.set_requires_grad(); }
