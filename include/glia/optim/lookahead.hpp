#pragma once
// Lookahead: slow weights that follow the fast ones.

#include <glia/optim/optimizer.hpp>
#include <glia/optim/rules.hpp>

#include <memory>

namespace GLIA_NS::optim {

// Options of Lookahead.
struct LookaheadOptions {
  std::int64_t interval = 5;  // steps of the inner optimizer between two synchronisations
  double alpha = 0.5;         // how far the slow weights move towards the fast ones
};

// Steps the inner optimizer; after every `interval` steps slow += alpha * (fast - slow) and the parameters take the slow value
// (Zhang et al. 2019, arXiv:1907.08610). The slow weights start as the parameters are when this is made.
template <class T = float, class D = Cpu>
class Lookahead final : public Optimizer<T, D> {
 public:
  template <std::derived_from<Optimizer<T, D>> Inner>
  explicit Lookahead(Inner inner, LookaheadOptions options = {})
      : inner_(std::make_unique<Inner>(std::move(inner))), options_(options) {
    if (options.interval < 1) raise<ValueError>("lookahead", "interval must be at least 1, got ", options.interval);
    detail::require_range("lookahead", "alpha", options.alpha, 0.0, 1.0);
    const NoGrad plain;
    parameters_ = inner_->parameters();
    for (const auto& parameter : parameters_) slow_.push_back(parameter.tensor.detach().clone());
  }

  const char* name() const noexcept override { return "lookahead"; }

  void step() override {
    inner_->step();
    if (++steps_ % options_.interval != 0) return;
    for (std::size_t i = 0; i < slow_.size(); ++i) {
      T* const slow = slow_[i].mutable_data();
      T* const fast = parameters_[i].tensor.mutable_data();
      detail::combine(D{}, slow, static_cast<const T*>(fast), slow_[i].numel(), 1.0 - options_.alpha, options_.alpha);
      copy_bytes(D{}, D{}, fast, slow, static_cast<std::size_t>(slow_[i].numel()) * sizeof(T));
    }
  }

  std::vector<Group<T, D>*> groups() override { return inner_->groups(); }

  void list_state(std::vector<StateEntry<T, D>>& list, const std::string& prefix = {}) override {
    inner_->list_state(list, prefix);
    list.push_back({text(prefix, "lookahead_steps"), &steps_});
    for (std::size_t i = 0; i < slow_.size(); ++i) list.push_back({text(prefix, "slow.", parameters_[i].name), &slow_[i]});
  }

 private:
  std::unique_ptr<Optimizer<T, D>> inner_;
  LookaheadOptions options_;
  std::vector<nn::NamedTensor<T, D>> parameters_;
  std::vector<Tensor<T, D>> slow_;
  std::int64_t steps_ = 0;
};

template <class Inner>
Lookahead(Inner) -> Lookahead<typename Inner::scalar_type, typename Inner::device_type>;
template <class Inner>
Lookahead(Inner, LookaheadOptions) -> Lookahead<typename Inner::scalar_type, typename Inner::device_type>;

}  // namespace GLIA_NS::optim
