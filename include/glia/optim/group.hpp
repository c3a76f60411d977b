#pragma once
// Parameter groups: which parameters share which learning rate and weight decay.

#include <glia/autograd/unclaimed.hpp>
#include <glia/nn/module.hpp>

#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

namespace GLIA_NS::optim {

// What a group has of its own; what is left out comes from the optimizer's options.
struct GroupOptions {
  std::optional<double> learning_rate = {};
  std::optional<double> weight_decay = {};
  double learning_rate_factor = 1.0;  // multiplies the learning rate (layer-wise learning rates)
};

// Parameters that go to an optimizer with settings of their own. Made by group().
template <class T, class D>
struct ParameterGroup {
  std::vector<nn::NamedTensor<T, D>> parameters;
  GroupOptions options;
};

// optim::AdamW optimizer(std::vector{optim::group(glia::parameters(backbone), {.learning_rate_factor = 0.1}),
//                                    optim::group(glia::parameters(head))}, {.learning_rate = 1e-3});
template <class T, class D>
ParameterGroup<T, D> group(std::vector<nn::NamedTensor<T, D>> parameters, GroupOptions options = {}) {
  return {std::move(parameters), options};
}

// The parameters for which predicate(named_tensor) holds, and the others, each in order:
//   auto [matrices, rest] = optim::split(glia::parameters(net), optim::is_matrix);
template <class T, class D, class Predicate>
std::pair<std::vector<nn::NamedTensor<T, D>>, std::vector<nn::NamedTensor<T, D>>> split(
    const std::vector<nn::NamedTensor<T, D>>& parameters, const Predicate& predicate) {
  std::pair<std::vector<nn::NamedTensor<T, D>>, std::vector<nn::NamedTensor<T, D>>> out;
  for (const auto& parameter : parameters) (predicate(parameter) ? out.first : out.second).push_back(parameter);
  return out;
}

// Predicate of split: weights of convolutions, linear layers and embeddings, not biases and normalisation scales.
inline constexpr auto is_matrix = [](const auto& parameter) { return parameter.tensor.rank() >= 2; };

// Two groups: parameters with at least two axes, which decay, and the others (biases, normalisation), which do not.
template <class T, class D>
std::vector<ParameterGroup<T, D>> decay_groups(const std::vector<nn::NamedTensor<T, D>>& parameters) {
  auto [matrices, rest] = split(parameters, is_matrix);
  std::vector<ParameterGroup<T, D>> out;
  if (!matrices.empty()) out.push_back(group(std::move(matrices)));
  if (!rest.empty()) out.push_back(group(std::move(rest), {.weight_decay = 0.0}));
  return out;
}

// A group inside an optimizer, with its numbers resolved. learning_rate is what the next step uses.
template <class T, class D>
struct Group {
  std::vector<nn::NamedTensor<T, D>> parameters;
  double base_learning_rate;
  double learning_rate;
  double weight_decay;
};

namespace detail {

GLIA_LAZY void require_range(const char* op, const char* option, double value, double low, double high) {
  if (!(value >= low && value <= high))
    raise<ValueError>(op, option, " must be in [", low, ", ", high, "], got ", value);
}
GLIA_LAZY void require_not_negative(const char* op, const char* option, double value) {
  if (!(value >= 0.0 && std::isfinite(value)))
    raise<ValueError>(op, option, " must be a finite number not below zero, got ", value);
}
// A decay rate of a running average.
GLIA_LAZY void require_rate(const char* op, const char* option, double value) {
  if (!(value >= 0.0 && value < 1.0)) raise<ValueError>(op, option, " must be in [0, 1), got ", value);
}

// Checks the groups of an optimizer, names and claims their parameters. ValueError on an empty list, a parameter listed
// twice or a bad number; AutogradError on a tensor with history; ShapeError on one that is not contiguous.
template <class T, class D>
[[gnu::cold, gnu::noinline]] std::vector<Group<T, D>> make_groups(const char* op,
                                                                  std::vector<ParameterGroup<T, D>> groups,
                                                                  double learning_rate, double weight_decay) {
  std::vector<Group<T, D>> out;
  std::unordered_set<const TensorImpl*> seen;
  std::unordered_set<std::string> names;
  std::size_t count = 0;
  for (auto& from : groups) {
    const double rate = from.options.learning_rate.value_or(learning_rate), factor = from.options.learning_rate_factor;
    const double decay = from.options.weight_decay.value_or(weight_decay);
    require_not_negative(op, "the learning rate", rate);
    require_not_negative(op, "the learning rate factor", factor);
    require_not_negative(op, "the weight decay", decay);
    for (auto& parameter : from.parameters) {
      if (parameter.name.empty()) parameter.name = text("parameter", count);
      ++count;
      const std::string& name = parameter.name;
      if (!parameter.tensor.defined()) raise<ValueError>(op, "parameter ", name, " is undefined");
      if (!parameter.tensor.is_leaf())
        raise<AutogradError>(op, "parameter ", name, " has gradient history; only leaves can be optimized");
      if (!parameter.tensor.is_contiguous())
        raise<ShapeError>(op, "parameter ", name, " of shape ", parameter.tensor.shape(),
                          " must be contiguous, got strides ", parameter.tensor.strides());
      if (!seen.insert(parameter.tensor.impl().get()).second)
        raise<ValueError>(op, "parameter ", name, " is listed twice");
      if (!names.insert(name).second)
        raise<ValueError>(op, "two parameters are called ", name,
                          "; their state could not be told apart in a checkpoint");
    }
    out.push_back({std::move(from.parameters), rate * factor, rate * factor, decay});
  }
  if (count == 0)
    raise<ValueError>(op, "there are no parameters to optimize; are the module's members named in GLIA_MEMBERS?");
  for (auto& group : out) {
    for (auto& parameter : group.parameters) {
      TensorImpl& impl = *parameter.tensor.impl();
      autograd::claim_parameter(impl);
      if (impl.gradient_state().name.empty()) impl.gradient_state().name = parameter.name;
    }
  }
  return out;
}

}  // namespace detail

}  // namespace GLIA_NS::optim
