#pragma once
// LARS: layer-wise adaptive rate scaling.

#include <glia/optim/optimizer.hpp>

namespace GLIA_NS::optim {

// Options of Lars.
struct LarsOptions {
  double learning_rate = 0.1;
  double momentum = 0.9;
  double weight_decay = 0.0;
  double trust_coefficient = 1e-3;
  double epsilon = 1e-8;
  bool nesterov = false;
  bool clip = false;           // never take a larger step than plain SGD would (LARC)
  bool adapt_vectors = false;  // also adapt parameters with fewer than two axes; otherwise they see plain SGD without decay
};

namespace detail {
template <class T, bool Nesterov>
struct LarsRule {
  static constexpr std::size_t buffers = 1;
  T learning_rate, weight_decay, momentum, trust;
  GLIA_HD void operator()(T& p, T gradient, T& velocity) const {
    const T d = trust * (gradient + weight_decay * p);
    velocity = momentum * velocity + d;
    if constexpr (Nesterov)
      p -= learning_rate * (d + momentum * velocity);
    else
      p -= learning_rate * velocity;
  }
};
}  // namespace detail

// SGD with momentum on gradients that are scaled per parameter: d = trust * (g + weight_decay * p) with trust =
// trust_coefficient * |p| / (|g| + weight_decay * |p| + epsilon), and 1 where either norm is zero (You, Gitman and Ginsburg
// 2017, arXiv:1708.03888). The norms are exact sums in double, the same at any thread count.
template <class T = float, class D = Cpu>
class Lars final : public BufferedOptimizer<T, D> {
  using Base = BufferedOptimizer<T, D>;

 public:
  explicit Lars(std::vector<nn::NamedTensor<T, D>> parameters, LarsOptions options = {})
      : Lars(std::vector{group(std::move(parameters))}, options) {}
  explicit Lars(std::vector<ParameterGroup<T, D>> groups, LarsOptions options = {})
      : Base("lars", std::move(groups), options.learning_rate, options.weight_decay, {"momentum"}), options_(options) {
    detail::require_not_negative("lars", "momentum", options.momentum);
    detail::require_not_negative("lars", "trust_coefficient", options.trust_coefficient);
    detail::require_not_negative("lars", "epsilon", options.epsilon);
  }

  const char* name() const noexcept override { return "lars"; }

  void step() override {
    const profile::Span span(name(), profile::Phase::update);
    auto active = this->begin_step();
    if (options_.nesterov)
      run<true>(active);
    else
      run<false>(active);
  }

 private:
  template <bool Nesterov>
  void run(std::vector<typename Base::Active>& active) {
    using Rule = detail::LarsRule<T, Nesterov>;
    std::vector<UpdateSlot<T>> slots, norms;
    for (auto& a : active) {
      slots.push_back(this->slot(a));
      norms.push_back({nullptr, slots.back().parameter, {}, slots.back().count});
      norms.push_back({nullptr, slots.back().gradient, {}, slots.back().count});
    }
    std::vector<double> squares(norms.size());
    sum_of_squares(D{}, std::span<const UpdateSlot<T>>(norms), squares.data());
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < active.size(); ++i) {
      const Group<T, D>& g = this->groups_[active[i].entry->group];
      const bool adapt = options_.adapt_vectors || active[i].gradient.rank() >= 2;
      const double trust = adapt ? trust_of(g, std::sqrt(squares[2 * i]), std::sqrt(squares[2 * i + 1])) : 1.0;
      rules.push_back({static_cast<T>(g.learning_rate), static_cast<T>(adapt ? g.weight_decay : 0.0),
                       static_cast<T>(options_.momentum), static_cast<T>(trust)});
    }
    update_elements(D{}, std::span<const UpdateSlot<T>>(slots), std::span<const Rule>(rules));
  }

  double trust_of(const Group<T, D>& g, double parameter, double gradient) const {
    if (!(parameter > 0.0 && gradient > 0.0)) return 1.0;
    const double trust =
        options_.trust_coefficient * parameter / (gradient + g.weight_decay * parameter + options_.epsilon);
    return options_.clip && g.learning_rate > 0.0 ? std::min(trust / g.learning_rate, 1.0) : trust;
  }

  LarsOptions options_;
};

}  // namespace GLIA_NS::optim
