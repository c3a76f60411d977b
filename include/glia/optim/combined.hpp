#pragma once
// Several optimizers as one, each with its own parameters.

#include <glia/optim/optimizer.hpp>

#include <concepts>
#include <memory>

namespace GLIA_NS::optim {

// Owns optimizers of one scalar and device and steps them in order. State names carry the optimizer's position and name
// ("0.muon.momentum.stem.weight"). ValueError if two of them hold the same parameter.
template <class T = float, class D = Cpu>
class Combined final : public Optimizer<T, D> {
 public:
  template <std::derived_from<Optimizer<T, D>>... Parts>
    requires(sizeof...(Parts) >= 2)
  explicit Combined(Parts... parts) {
    (parts_.push_back(std::make_unique<Parts>(std::move(parts))), ...);
    require_disjoint();
  }
  explicit Combined(std::vector<std::unique_ptr<Optimizer<T, D>>> parts) : parts_(std::move(parts)) {
    if (parts_.empty()) raise<ValueError>("combined", "there are no optimizers to combine");
    require_disjoint();
  }

  const char* name() const noexcept override { return "combined"; }

  void step() override {
    for (auto& part : parts_)  // all of them first, so that a refused gradient leaves every part as it was
      for (const Group<T, D>* group : part->groups())
        for (const auto& parameter : group->parameters) detail::require_gradient_shape(part->name(), parameter);
    for (auto& part : parts_) part->step();
  }

  std::vector<Group<T, D>*> groups() override {
    std::vector<Group<T, D>*> out;
    for (auto& part : parts_)
      for (Group<T, D>* group : part->groups()) out.push_back(group);
    return out;
  }

  void list_state(std::vector<StateEntry<T, D>>& list, const std::string& prefix = {}) override {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      parts_[i]->list_state(list, text(prefix, i, ".", parts_[i]->name(), "."));
  }

  // The optimizers, in order; part(i) can be given a learning rate of its own.
  std::size_t size() const noexcept { return parts_.size(); }
  Optimizer<T, D>& part(std::size_t i) {
    if (i >= parts_.size()) raise<IndexError>("combined", "there is no optimizer ", i, " among ", parts_.size());
    return *parts_[i];
  }

 private:
  void require_disjoint() {
    std::unordered_set<const TensorImpl*> seen;
    for (auto& parameter : this->parameters())
      if (!seen.insert(parameter.tensor.impl().get()).second)
        raise<ValueError>("combined", "parameter ", parameter.name, " belongs to two of the optimizers");
  }

  std::vector<std::unique_ptr<Optimizer<T, D>>> parts_;
};

template <class First, class Second, class... Rest>
Combined(First, Second, Rest...) -> Combined<typename First::scalar_type, typename First::device_type>;

}  // namespace GLIA_NS::optim
