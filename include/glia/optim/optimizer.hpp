#pragma once
// The common part of all optimizers: parameter groups, learning rates, gradients, and the state that checkpoints save.

#include <glia/core/update_slot.hpp>
#include <glia/core/warning.hpp>
#include <glia/kernels/cpu/optim.hpp>
#include <glia/nn/module.hpp>
#include <glia/optim/group.hpp>

#include <array>
#include <span>
#include <variant>

namespace GLIA_NS::optim {

// A named part of an optimizer's state: a tensor or a number that it owns.
template <class T, class D>
struct StateEntry {
  std::string name;
  std::variant<Tensor<T, D>*, std::int64_t*, double*> value;
};

// What every optimizer can do. `step` applies the gradients that backward() left in the parameters; parameters without
// gradient are skipped. Optimizers move but do not copy.
template <class T, class D>
class Optimizer {
 public:
  using scalar_type = T;
  using device_type = D;
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "optimizers update float or double parameters: a layer of 16-bit scalars keeps float parameters");

  Optimizer() = default;
  Optimizer(Optimizer&&) noexcept = default;
  Optimizer& operator=(Optimizer&&) noexcept = default;
  virtual ~Optimizer();

  virtual const char* name() const noexcept = 0;
  // Updates every parameter that has a gradient. ShapeError if a gradient has another shape than its parameter; nothing
  // is changed then. Warns once about parameters that received a gradient but belong to no optimizer.
  virtual void step() = 0;
  // The groups with their current learning rates, in a fixed order.
  virtual std::vector<Group<T, D>*> groups() = 0;
  // Appends all state, names prefixed; see visit_state.
  virtual void list_state(std::vector<StateEntry<T, D>>& list, const std::string& prefix = {}) = 0;

  // Drops the gradients of all parameters.
  void zero_grad();

  // Handles of all parameters, in the order of the groups.
  std::vector<nn::NamedTensor<T, D>> parameters();

  // Calls visitor(name, tensor) and visitor(name, number) for all state (buffers, step counts, learning rates), by
  // reference and always the same entries in the same order: a visitor that writes restores a run bit for bit. The
  // names are those of the parameters behind the kind ("momentum.stem.weight"). ShapeError if the visitor puts a tensor
  // of another shape.
  template <class V>
  void visit_state(V&& visitor) {
    std::vector<StateEntry<T, D>> list;
    list_state(list);
    for (StateEntry<T, D>& entry : list) {
      if (auto* const* tensor = std::get_if<Tensor<T, D>*>(&entry.value)) {
        const Tensor<T, D> before = **tensor;
        visitor(static_cast<const std::string&>(entry.name), **tensor);
        const Tensor<T, D> after = **tensor;
        if (!after.defined() || after.shape() != before.shape() || !after.is_contiguous()) {
          **tensor = before;  // so that the optimizer stays usable
          raise<ShapeError>(name(), "state ", entry.name, " must be a contiguous tensor of shape ", before.shape(),
                            ", got ", after.defined() ? to_string(after.shape()) : std::string("an undefined tensor"));
        }
      } else if (auto* const* integer = std::get_if<std::int64_t*>(&entry.value)) {
        visitor(static_cast<const std::string&>(entry.name), **integer);
      } else {
        visitor(static_cast<const std::string&>(entry.name), *std::get<double*>(entry.value));
      }
    }
  }
};

template <class T, class D>
void Optimizer<T, D>::zero_grad() {
  for (Group<T, D>* group : groups())
    for (auto& parameter : group->parameters) parameter.tensor.zero_grad();
}

template <class T, class D>
std::vector<nn::NamedTensor<T, D>> Optimizer<T, D>::parameters() {
  std::vector<nn::NamedTensor<T, D>> out;
  for (Group<T, D>* group : groups()) out.insert(out.end(), group->parameters.begin(), group->parameters.end());
  return out;
}

template <class T, class D>
Optimizer<T, D>::~Optimizer() = default;

namespace detail {

// Warns about parameters whose gradients no optimizer will use; each is named once.
GLIA_LAZY [[gnu::noinline]] void report_unclaimed() {
  for (auto& entry : autograd::unclaimed_parameters()) {
    if (entry.reported) continue;
    entry.reported = true;
    if (entry.name.empty())
      warn("a parameter of shape ", entry.shape,
           " received a gradient but belongs to no optimizer; it has no name either: is "
           "its module missing from GLIA_MEMBERS?");
    else
      warn("parameter ", entry.name, " of shape ", entry.shape,
           " received a gradient but belongs to no optimizer; pass it to one or freeze it");
  }
}

// ShapeError if the parameter has a gradient of another shape.
template <class T, class D>
void require_gradient_shape(const char* op, const nn::NamedTensor<T, D>& parameter) {
  const Tensor<T, D> gradient = parameter.tensor.grad();
  if (gradient.defined() && gradient.shape() != parameter.tensor.shape())
    raise<ShapeError>(op, "the gradient of parameter ", parameter.name, " has shape ", gradient.shape(), ", expected ",
                      parameter.tensor.shape());
}

// The gradient of a parameter as kernels read it: contiguous and without history.
template <class T, class D>
Tensor<T, D> plain_gradient(const char* op, const nn::NamedTensor<T, D>& parameter) {
  require_gradient_shape(op, parameter);
  const NoGrad plain;
  return parameter.tensor.grad().contiguous();
}

}  // namespace detail

// Base of the optimizers that keep some buffers of the parameter's shape and a step count per parameter.
template <class T, class D>
class BufferedOptimizer : public Optimizer<T, D> {
 public:
  std::vector<Group<T, D>*> groups() override;

  [[gnu::cold]] void list_state(std::vector<StateEntry<T, D>>& list, const std::string& prefix = {}) override;

 protected:
  struct Entry {
    nn::NamedTensor<T, D> parameter;
    std::size_t group;
    std::int64_t steps = 0;  // updates of this parameter so far
    std::array<Tensor<T, D>, 3> buffers = {};
  };
  // An entry with a gradient, during a step.
  struct Active {
    Entry* entry;
    Tensor<T, D> gradient;
  };

  // Allocates all buffers (zeros) at once, so that a checkpoint can be loaded before the first step.
  [[gnu::cold]] BufferedOptimizer(const char* op, std::vector<ParameterGroup<T, D>> groups, double learning_rate,
                                  double weight_decay, std::vector<std::string> buffer_names);

  // Checks all gradients, then counts the step of every parameter that has one.
  std::vector<Active> begin_step();

  UpdateSlot<T> slot(Active& active) {
    UpdateSlot<T> out{
        active.entry->parameter.tensor.mutable_data(), active.gradient.data(), {}, active.gradient.numel()};
    for (std::size_t b = 0; b < buffer_names_.size(); ++b) out.buffers[b] = active.entry->buffers[b].mutable_data();
    return out;
  }

  // One fused update of all given parameters; rule_of(group, steps) makes the Rule of one.
  template <class Rule, class RuleOf>
  void update(std::vector<Active>& active, const RuleOf& rule_of) {
    std::vector<UpdateSlot<T>> slots;
    std::vector<Rule> rules;
    for (Active& a : active) {
      slots.push_back(slot(a));
      rules.push_back(rule_of(groups_[a.entry->group], a.entry->steps));
    }
    update_elements(D{}, std::span<const UpdateSlot<T>>(slots), std::span<const Rule>(rules));
  }

  std::vector<Group<T, D>> groups_;
  std::vector<Entry> entries_;
  std::vector<std::string> buffer_names_;

 public:
  ~BufferedOptimizer() override;
  BufferedOptimizer(BufferedOptimizer&&) noexcept;
  BufferedOptimizer& operator=(BufferedOptimizer&&) noexcept;
};

template <class T, class D>
BufferedOptimizer<T, D>::~BufferedOptimizer() = default;
template <class T, class D>
BufferedOptimizer<T, D>::BufferedOptimizer(BufferedOptimizer&&) noexcept = default;
template <class T, class D>
BufferedOptimizer<T, D>& BufferedOptimizer<T, D>::operator=(BufferedOptimizer&&) noexcept = default;

template <class T, class D>
std::vector<Group<T, D>*> BufferedOptimizer<T, D>::groups() {
  std::vector<Group<T, D>*> out;
  for (auto& group : groups_) out.push_back(&group);
  return out;
}

template <class T, class D>
[[gnu::cold]] void BufferedOptimizer<T, D>::list_state(std::vector<StateEntry<T, D>>& list, const std::string& prefix) {
  for (std::size_t g = 0; g < groups_.size(); ++g)
    list.push_back({text(prefix, "learning_rate.", g), &groups_[g].learning_rate});
  for (Entry& entry : entries_) {
    list.push_back({text(prefix, "step.", entry.parameter.name), &entry.steps});
    for (std::size_t b = 0; b < buffer_names_.size(); ++b)
      list.push_back({text(prefix, buffer_names_[b], ".", entry.parameter.name), &entry.buffers[b]});
  }
}

template <class T, class D>
[[gnu::cold]] BufferedOptimizer<T, D>::BufferedOptimizer(const char* op, std::vector<ParameterGroup<T, D>> groups,
                                                         double learning_rate, double weight_decay,
                                                         std::vector<std::string> buffer_names)
    : groups_(detail::make_groups(op, std::move(groups), learning_rate, weight_decay)),
      buffer_names_(std::move(buffer_names)) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (auto& parameter : groups_[g].parameters) {
      Entry entry{parameter, g};
      for (std::size_t b = 0; b < buffer_names_.size(); ++b) entry.buffers[b] = zeros<T, D>(parameter.tensor.shape());
      entries_.push_back(std::move(entry));
    }
  }
}

template <class T, class D>
std::vector<typename BufferedOptimizer<T, D>::Active> BufferedOptimizer<T, D>::begin_step() {
  detail::report_unclaimed();
  std::vector<Active> active;
  for (Entry& entry : entries_)
    if (entry.parameter.tensor.grad().defined())
      active.push_back({&entry, detail::plain_gradient(this->name(), entry.parameter)});
  for (Active& a : active) ++a.entry->steps;
  return active;
}

// Gives the first group the learning rate `value`; the others keep their ratio to it. ValueError if the first group was
// made with learning rate 0 and there are others.
template <class T, class D>
void set_learning_rate(Optimizer<T, D>& optimizer, std::type_identity_t<double> value) {
  detail::require_not_negative(optimizer.name(), "the learning rate", value);
  const auto groups = optimizer.groups();
  const double first = groups.front()->base_learning_rate;
  for (Group<T, D>* group : groups) {
    if (group->base_learning_rate != first && first == 0.0)
      raise<ValueError>(optimizer.name(),
                        "set_learning_rate keeps the groups' ratios, but the first group has learning rate 0");
    group->learning_rate = group->base_learning_rate == first ? value : value * (group->base_learning_rate / first);
  }
}

// Sets every group's learning rate to `factor` times the one it was made with: scale_learning_rate(optimizer,
// schedule(step)) before each step.
template <class T, class D>
void scale_learning_rate(Optimizer<T, D>& optimizer, std::type_identity_t<double> factor) {
  detail::require_not_negative(optimizer.name(), "the factor of the learning rate", factor);
  for (Group<T, D>* group : optimizer.groups()) group->learning_rate = group->base_learning_rate * factor;
}

// The current learning rate of the first group.
template <class T, class D>
double learning_rate(Optimizer<T, D>& optimizer) {
  return optimizer.groups().front()->learning_rate;
}

}  // namespace GLIA_NS::optim
