#pragma once
// RMSprop, plain, centered and with momentum.

#include <glia/core/math_basic.hpp>
#include <glia/optim/optimizer.hpp>

namespace GLIA_NS::optim {

// Options of RmsProp; weight decay is added to the gradient.
struct RmsPropOptions {
  double learning_rate = 1e-2;
  double decay = 0.99;  // of the running averages (PyTorch's alpha)
  double epsilon = 1e-8;
  double momentum = 0.0;
  double weight_decay = 0.0;
  bool centered = false;  // divides by the deviation instead of the root mean square
};

namespace detail {
// Buffers: square, then mean if centered, then velocity if there is momentum.
template <class T, bool Centered, bool Momentum>
struct RmsPropRule {
  static constexpr std::size_t buffers = 1 + (Centered ? 1 : 0) + (Momentum ? 1 : 0);
  T learning_rate, weight_decay, decay, intake, epsilon, momentum;

  template <class... More>
  GLIA_HD void operator()(T& p, T gradient, T& square, More&... more) const {
    const T g = gradient + weight_decay * p;
    square = decay * square + intake * g * g;
    if constexpr (Centered)
      centered(p, g, square, more...);
    else
      apply(p, g, math::sqrt(square) + epsilon, more...);
  }

 private:
  template <class... More>
  GLIA_HD void centered(T& p, T g, T square, T& mean, More&... more) const {
    mean = decay * mean + intake * g;
    const T variance = square - mean * mean;  // rounding may take it below zero
    apply(p, g, math::sqrt(variance > T(0) ? variance : T(0)) + epsilon, more...);
  }
  GLIA_HD void apply(T& p, T g, T scale) const { p -= learning_rate * (g / scale); }
  GLIA_HD void apply(T& p, T g, T scale, T& velocity) const {
    velocity = momentum * velocity + g / scale;
    p -= learning_rate * velocity;
  }
};
}  // namespace detail

// s = decay s + (1 - decay) g^2;  p -= learning_rate * g / (sqrt(s) + epsilon), where centered subtracts the squared running
// mean of g from s and momentum accumulates the quotient (Hinton 2012; Graves 2013), in PyTorch's form.
template <class T = float, class D = Cpu>
class RmsProp final : public BufferedOptimizer<T, D> {
  using Base = BufferedOptimizer<T, D>;

 public:
  explicit RmsProp(std::vector<nn::NamedTensor<T, D>> parameters, RmsPropOptions options = {})
      : RmsProp(std::vector{group(std::move(parameters))}, options) {}
  explicit RmsProp(std::vector<ParameterGroup<T, D>> groups, RmsPropOptions options = {})
      : Base("rmsprop", std::move(groups), options.learning_rate, options.weight_decay, buffers(options)),
        options_(options) {
    detail::require_rate("rmsprop", "decay", options.decay);
    detail::require_not_negative("rmsprop", "epsilon", options.epsilon);
    detail::require_not_negative("rmsprop", "momentum", options.momentum);
  }

  const char* name() const noexcept override { return "rmsprop"; }

  void step() override {
    const profile::Span span(name(), profile::Phase::update);
    auto active = this->begin_step();
    if (options_.centered)
      options_.momentum > 0.0 ? run<true, true>(active) : run<true, false>(active);
    else
      options_.momentum > 0.0 ? run<false, true>(active) : run<false, false>(active);
  }

 private:
  static std::vector<std::string> buffers(const RmsPropOptions& options) {
    std::vector<std::string> names{"square"};
    if (options.centered) names.push_back("mean");
    if (options.momentum > 0.0) names.push_back("momentum");
    return names;
  }

  template <bool Centered, bool Momentum>
  void run(std::vector<typename Base::Active>& active) {
    using Rule = detail::RmsPropRule<T, Centered, Momentum>;
    this->template update<Rule>(active, [this](const Group<T, D>& g, std::int64_t) {
      return Rule{static_cast<T>(g.learning_rate), static_cast<T>(g.weight_decay), static_cast<T>(options_.decay),
                  static_cast<T>(1.0 - options_.decay), static_cast<T>(options_.epsilon), static_cast<T>(options_.momentum)};
    });
  }

  RmsPropOptions options_;
};

}  // namespace GLIA_NS::optim
