#pragma once
// Adam and AdamW.

#include <glia/core/math_basic.hpp>
#include <glia/optim/optimizer.hpp>

namespace GLIA_NS::optim {

// Options of Adam; weight decay is added to the gradient.
struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool amsgrad = false;
};

// Options of AdamW; weight decay shrinks the parameter directly.
struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
};

namespace detail {
// `shrink` multiplies the parameter first (AdamW), `weight_decay` adds to the gradient (Adam). step_size is the
// learning rate over the first bias correction, root_correction the root of the second.
template <class T, bool Amsgrad>
struct AdamRule {
  static constexpr std::size_t buffers = Amsgrad ? 3 : 2;
  T shrink, weight_decay, beta1, intake1, beta2, intake2, step_size, root_correction, epsilon;

  GLIA_HD void operator()(T& p, T gradient, T& m, T& v) const {
    const T d = moments(p, gradient, m, v);
    p = d - step_size * (m / (math::sqrt(v) / root_correction + epsilon));
  }
  GLIA_HD void operator()(T& p, T gradient, T& m, T& v, T& top) const {
    const T d = moments(p, gradient, m, v);
    top = v > top ? v : top;
    p = d - step_size * (m / (math::sqrt(top) / root_correction + epsilon));
  }

 private:
  // Updates both running averages; returns the decayed parameter.
  GLIA_HD T moments(T p, T gradient, T& m, T& v) const {
    const T kept = p * shrink, g = gradient + weight_decay * p;
    m = beta1 * m + intake1 * g;
    v = beta2 * v + intake2 * g * g;
    return kept;
  }
};
}  // namespace detail

// What Adam and AdamW share; use those.
template <class T, class D, class Options, bool Decoupled>
class AdamBase : public BufferedOptimizer<T, D> {
  using Base = BufferedOptimizer<T, D>;

 public:
  const char* name() const noexcept override { return label; }

  void step() override;

 protected:
  static constexpr const char* label = Decoupled ? "adamw" : "adam";

  AdamBase(std::vector<ParameterGroup<T, D>> groups, Options options);

 private:
  template <bool Amsgrad>
  void run(std::vector<typename Base::Active>& active) {
    using Rule = detail::AdamRule<T, Amsgrad>;
    this->template update<Rule>(active, [this](const Group<T, D>& g, std::int64_t steps) {
      const double n = static_cast<double>(steps), o1 = options_.beta1, o2 = options_.beta2;
      Rule rule;
      rule.shrink = static_cast<T>(Decoupled ? 1.0 - g.learning_rate * g.weight_decay : 1.0);
      rule.weight_decay = static_cast<T>(Decoupled ? 0.0 : g.weight_decay);
      rule.beta1 = static_cast<T>(o1), rule.intake1 = static_cast<T>(1.0 - o1);
      rule.beta2 = static_cast<T>(o2), rule.intake2 = static_cast<T>(1.0 - o2);
      rule.step_size = static_cast<T>(g.learning_rate / (1.0 - std::pow(o1, n)));
      rule.root_correction = static_cast<T>(std::sqrt(1.0 - std::pow(o2, n)));
      rule.epsilon = static_cast<T>(options_.epsilon);
      return rule;
    });
  }

  Options options_;
};

template <class T, class D, class Options, bool Decoupled>
void AdamBase<T, D, Options, Decoupled>::step() {
  const profile::Span span(name(), profile::Phase::update);
  auto active = this->begin_step();
  if (options_.amsgrad)
    run<true>(active);
  else
    run<false>(active);
}

template <class T, class D, class Options, bool Decoupled>
AdamBase<T, D, Options, Decoupled>::AdamBase(std::vector<ParameterGroup<T, D>> groups, Options options)
    : Base(label, std::move(groups), options.learning_rate, options.weight_decay,
           options.amsgrad ? std::vector<std::string>{"mean", "square", "largest_square"}
                           : std::vector<std::string>{"mean", "square"}),
      options_(options) {
  detail::require_rate(label, "beta1", options.beta1);
  detail::require_rate(label, "beta2", options.beta2);
  detail::require_not_negative(label, "epsilon", options.epsilon);
}

// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, both bias-corrected; p -= learning_rate * m / (sqrt(v) +
// epsilon) (Kingma and Ba 2015; amsgrad: Reddi et al. 2018), in PyTorch's form. g includes weight_decay * p.
template <class T = float, class D = Cpu>
class Adam final : public AdamBase<T, D, AdamOptions, false> {
 public:
  explicit Adam(std::vector<nn::NamedTensor<T, D>> parameters, AdamOptions options = {})
      : Adam(std::vector{group(std::move(parameters))}, options) {}
  explicit Adam(std::vector<ParameterGroup<T, D>> groups, AdamOptions options = {})
      : AdamBase<T, D, AdamOptions, false>(std::move(groups), options) {}
};

// Adam with decoupled weight decay: p is first multiplied by 1 - learning_rate * weight_decay (Loshchilov and Hutter
// 2019).
template <class T = float, class D = Cpu>
class AdamW final : public AdamBase<T, D, AdamWOptions, true> {
 public:
  explicit AdamW(std::vector<nn::NamedTensor<T, D>> parameters, AdamWOptions options = {})
      : AdamW(std::vector{group(std::move(parameters))}, options) {}
  explicit AdamW(std::vector<ParameterGroup<T, D>> groups, AdamWOptions options = {})
      : AdamBase<T, D, AdamWOptions, true>(std::move(groups), options) {}
};

}  // namespace GLIA_NS::optim
