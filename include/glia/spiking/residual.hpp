#pragma once
// Residual blocks for spiking networks, as templates over what they contain.

#include <glia/nn/module.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/arithmetic.hpp>

namespace GLIA_NS::spiking {

// The shortcut of a block that keeps its shape.
struct Identity : nn::Stateless {
  template <class T, class D>
  Tensor<T, D> forward(const Tensor<T, D>& x) const {
    return x;
  }
  template <class T, class D>
  Tensor<T, D> operator()(const Tensor<T, D>& x) const {
    return x;
  }
};

// How a spike-element-wise block joins its body's spikes A and its shortcut's spikes S: A + S, A S, (1 - A) S.
enum class Join { add, both, shortcut_alone };

// Spike-element-wise block (Fang et al. 2021): joins spikes behind the last neuron. Body ends with a spiking layer; so
// does Shortcut, if it is not the identity.
template <class Body, class Shortcut = Identity>
struct SewBlock {
  Body body;
  Shortcut shortcut{};
  Join join = Join::add;
  GLIA_MEMBERS(body, shortcut)

  template <class T, class D>
  Tensor<T, D> forward(const Tensor<T, D>& x) {
    const Tensor<T, D> a = body(x), s = shortcut(x);
    if (join == Join::add) return add(a, s);
    const auto product = mul(a, s);
    return join == Join::both ? product : sub(s, product);
  }
  template <class T, class D>
  Tensor<T, D> operator()(const Tensor<T, D>& x) {
    return forward(x);
  }
};

// Membrane-shortcut block (Hu et al. 2021, MS-ResNet): adds before the spike, so that what flows along the shortcut is
// a membrane current. Body starts with a spiking layer and ends with a normalised convolution.
template <class Body, class Shortcut = Identity>
struct MembraneBlock {
  Body body;
  Shortcut shortcut{};
  GLIA_MEMBERS(body, shortcut)

  template <class T, class D>
  Tensor<T, D> forward(const Tensor<T, D>& x) {
    return add(body(x), shortcut(x));
  }
  template <class T, class D>
  Tensor<T, D> operator()(const Tensor<T, D>& x) {
    return forward(x);
  }
};

}  // namespace GLIA_NS::spiking
