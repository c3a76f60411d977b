// Everything the refused snippets use, used rightly.
#include <glia/glia.hpp>

struct Larger {
  template <class R>
  GLIA_HD R operator()(R x, R y) const {
    return x > y ? x : y;
  }
};

auto sum_of(const glia::Tensor<float>& a, const glia::Tensor<float>& b) { return a + b; }
auto larger_of(const glia::Tensor<float>& a, const glia::Tensor<float>& b) { return glia::map(Larger{}, a, b); }
void ask(glia::Tensor<float>& x) { x.set_requires_grad(); }
auto product_of(const glia::Tensor<float>& a, const glia::Tensor<float>& b) { return glia::matmul(a, b); }
auto convolved(const glia::Tensor<float>& x, const glia::Tensor<float>& w) { return glia::conv2d(x, w); }
