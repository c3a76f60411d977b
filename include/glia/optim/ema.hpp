#pragma once
// An exponential moving average of a module's parameters and buffers.

#include <glia/optim/group.hpp>
#include <glia/optim/rules.hpp>

namespace GLIA_NS::optim {

// Options of Ema.
struct EmaOptions {
  double decay = 0.999;
  bool warmup = true;            // update n (from 0) uses min(decay, (1 + n) / (10 + n)): short runs forget their start
  bool average_buffers = true;   // else buffers are copied
};

// Holds a copy of a module whose weights follow the original's: average = decay * average + (1 - decay) * current at every
// update(). Parameters and buffers of float and double are averaged, buffers of other scalars copied. The copy is in evaluation
// mode and frozen. (Polyak and Juditsky 1992; Tarvainen and Valpola 2017.)
template <class M>
class Ema {
 public:
  explicit Ema(const M& module, EmaOptions options = {}) : average_(module), options_(options) {
    detail::require_range("ema", "decay", options.decay, 0.0, 1.0);
    nn::eval(average_);
    nn::set_requires_grad(average_, false);
  }

  // Takes the module's current values in. ShapeError if it is built differently from the one copied.
  void update(M& module) {
    std::vector<ImplRef> targets;
    nn::visit(average_, [&](const std::string&, auto& object) {
      if constexpr (is_state<decltype(object)>) targets.push_back(object.tensor().impl());
    });
    const double n = static_cast<double>(updates_);
    const double decay = options_.warmup ? std::min(options_.decay, (1.0 + n) / (10.0 + n)) : options_.decay;
    std::size_t next = 0;
    nn::visit(module, [&](const std::string& path, auto& object) {
      if constexpr (is_state<decltype(object)>) {
        const bool average = nn::is_parameter<std::remove_cvref_t<decltype(object)>> || options_.average_buffers;
        const ImplRef target = next < targets.size() ? targets[next] : ImplRef();
        ++next;
        take(path, target, object.tensor(), average ? decay : 0.0);
      }
    });
    if (next != targets.size()) raise<ShapeError>("ema", "the module has ", next, " tensors, the copy ", targets.size());
    ++updates_;
  }

  // The averaged module, for evaluation.
  M& module() noexcept { return average_; }
  std::int64_t updates() const noexcept { return updates_; }

  // Calls visitor(name, tensor) for the averages and visitor(name, number) for the count, by reference; see
  // Optimizer::visit_state. The tensors have the scalars of the module's own.
  template <class V>
  void visit_state(V&& visitor) {
    visitor(text("updates"), updates_);
    nn::visit(average_, [&](const std::string& path, auto& object) {
      if constexpr (is_state<decltype(object)>) {
        const Shape expected = object.shape();
        visitor(text("average.", path), object.tensor());
        if (!object.defined() || object.shape() != expected || !object.tensor().is_contiguous())
          raise<ShapeError>("ema", "state average.", path, " must be a contiguous tensor of shape ", expected);
      }
    });
  }

 private:
  template <class X>
  static constexpr bool is_state =
      nn::is_parameter<std::remove_cvref_t<X>> || nn::is_buffer<std::remove_cvref_t<X>>;

  template <class T, class D>
  static void take(const std::string& path, const ImplRef& target, const Tensor<T, D>& source, double decay) {
    if (!target || target->shape != source.shape() || target->type->dtype != dtype_of<T>)
      raise<ShapeError>("ema", path, " of shape ", source.shape(), " does not match the copy's ",
                        target ? to_string(target->shape) : std::string("(nothing)"));
    const NoGrad plain;
    Tensor<T, D> average = Tensor<T, D>(target).detach();
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      if (decay != 0.0 && average.is_contiguous()) {
        const auto values = source.contiguous();
        detail::combine(D{}, average.mutable_data(), values.data(), values.numel(), decay, 1.0 - decay);
        return;
      }
    }
    average.copy_(source);
  }

  M average_;
  EmaOptions options_;
  std::int64_t updates_ = 0;
};

}  // namespace GLIA_NS::optim
