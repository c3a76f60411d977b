#pragma once
// Shared by the layer tests: layers as functions of (input, parameters...), so that the helpers of the op tests serve them.

#include "../ops/support.hpp"

#include <glia/nn/module.hpp>

namespace nn_test {

using namespace ops_test;
namespace nn = glia::nn;
using Cpu = glia::Cpu;

// Handles of a module's parameters, in the order in which the visitor finds them.
template <class M>
std::vector<nn::Parameter<double>*> parameter_list(M& module) {
  std::vector<nn::Parameter<double>*> out;
  nn::visit(module, [&](const std::string&, auto& object) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(object)>, nn::Parameter<double>>) out.push_back(&object);
  });
  return out;
}

// v[0] goes through the layer with v[1], v[2], ... in the place of its parameters.
template <class M>
auto as_function(M& module) {
  return [&module, list = parameter_list(module)](const Doubles& v) {
    REQUIRE(v.size() == list.size() + 1);
    for (std::size_t i = 0; i < list.size(); ++i) list[i]->tensor() = v[i + 1];
    return module.forward(v[0]);
  };
}

// The input and the layer's own parameters.
template <class M>
Doubles points_of(M& module, const D64& x) {
  Doubles points{x};
  for (auto* p : parameter_list(module)) points.push_back(p->tensor().detach().clone());
  return points;
}

// First and second derivatives with respect to input and parameters.
template <class M>
void check_layer_gradients(M& module, const D64& x, bool twice = true) {
  check_gradients(as_function(module), points_of(module, x), twice);
}

// Values, input gradient and parameter gradients against a fixture, with waves 2, 3, ... as parameters.
template <class M>
void check_layer_reference(M& module, const D64& x, const std::vector<double>& values,
                           const std::vector<std::vector<double>>& gradients, double tolerance = 1e-11) {
  Doubles points{x};
  int seed = 2;
  for (auto* p : parameter_list(module)) points.push_back(wave(p->shape(), seed++));
  REQUIRE(gradients.size() == points.size());
  check_reference(as_function(module), points, values, gradients, tolerance);
}

template <class F>
std::string shape_error(F&& f) {
  return error_of<glia::ShapeError>(f);
}

}  // namespace nn_test
