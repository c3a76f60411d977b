#pragma once
// Stochastic gradient descent with momentum.

#include <glia/optim/optimizer.hpp>

namespace GLIA_NS::optim {

// Options of Sgd; as in PyTorch, weight decay is added to the gradient.
struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0.0;
  double dampening = 0.0;  // of the gradient's part in the momentum, from the second step on
  bool nesterov = false;   // needs momentum and no dampening
  double weight_decay = 0.0;
};

namespace detail {
template <class T>
struct SgdRule {
  static constexpr std::size_t buffers = 0;
  T learning_rate, weight_decay;
  GLIA_HD void operator()(T& p, T gradient) const { p -= learning_rate * (gradient + weight_decay * p); }
};

template <class T, bool Nesterov>
struct MomentumRule {
  static constexpr std::size_t buffers = 1;
  T learning_rate, weight_decay, momentum, intake;
  GLIA_HD void operator()(T& p, T gradient, T& velocity) const {
    const T d = gradient + weight_decay * p;
    velocity = momentum * velocity + intake * d;
    if constexpr (Nesterov)
      p -= learning_rate * (d + momentum * velocity);
    else
      p -= learning_rate * velocity;
  }
};
}  // namespace detail

// d = gradient + weight_decay * p;  v = momentum * v + (1 - dampening) * d  (v = d in a parameter's first step);
// p -= learning_rate * v, or of d + momentum * v with Nesterov (Sutskever et al. 2013, in PyTorch's form).
template <class T = float, class D = Cpu>
class Sgd final : public BufferedOptimizer<T, D> {
  using Base = BufferedOptimizer<T, D>;

 public:
  explicit Sgd(std::vector<nn::NamedTensor<T, D>> parameters, SgdOptions options = {})
      : Sgd(std::vector{group(std::move(parameters))}, options) {}
  explicit Sgd(std::vector<ParameterGroup<T, D>> groups, SgdOptions options = {})
      : Base("sgd", std::move(groups), options.learning_rate, options.weight_decay,
             options.momentum == 0.0 ? std::vector<std::string>{} : std::vector<std::string>{"momentum"}),
        options_(options) {
    detail::require_not_negative("sgd", "momentum", options.momentum);
    detail::require_range("sgd", "dampening", options.dampening, 0.0, 1.0);
    if (options.nesterov && (options.momentum == 0.0 || options.dampening != 0.0))
      raise<ValueError>("sgd", "nesterov needs momentum above zero and no dampening, got momentum ", options.momentum,
                        " and dampening ", options.dampening);
  }

  const char* name() const noexcept override { return "sgd"; }

  void step() override {
    const profile::Span span(name(), profile::Phase::update);
    auto active = this->begin_step();
    if (options_.momentum == 0.0)
      this->template update<detail::SgdRule<T>>(active, [](const Group<T, D>& g, std::int64_t) {
        return detail::SgdRule<T>{static_cast<T>(g.learning_rate), static_cast<T>(g.weight_decay)};
      });
    else if (options_.nesterov)
      momentum_step<true>(active);
    else
      momentum_step<false>(active);
  }

 private:
  template <bool Nesterov>
  void momentum_step(std::vector<typename Base::Active>& active) {
    using Rule = detail::MomentumRule<T, Nesterov>;
    this->template update<Rule>(active, [this](const Group<T, D>& g, std::int64_t steps) {
      return Rule{static_cast<T>(g.learning_rate), static_cast<T>(g.weight_decay), static_cast<T>(options_.momentum),
                  static_cast<T>(steps == 1 ? 1.0 : 1.0 - options_.dampening)};
    });
  }

  SgdOptions options_;
};

}  // namespace GLIA_NS::optim
