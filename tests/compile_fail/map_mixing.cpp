// expect: both tensors must have the same scalar: write x.cast<
// A user's own operation refuses mixed scalars with the same words.
#include <glia/glia.hpp>

struct Larger {
  template <class R>
  GLIA_HD R operator()(R x, R y) const {
    return x > y ? x : y;
  }
};

auto mixed(const glia::Tensor<float>& a, const glia::Tensor<double>& b) { return glia::map(Larger{}, a, b); }
