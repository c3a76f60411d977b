#pragma once
// A slow copy of a module: momentum encoder, mean teacher, averaged weights.

#include <glia/nn/module.hpp>

#include <vector>

namespace GLIA_NS::ssl {

// BYOL's schedule of the decay: from `start` at step 0 to 1 at the last step, along half a cosine. ValueError unless
// 0 <= step <= steps and start is in [0, 1].
GLIA_LAZY double momentum_schedule(std::int64_t step, std::int64_t steps, double start = 0.99) {
  if (steps < 1 || step < 0 || step > steps)
    raise<ValueError>("momentum_schedule", "step must be in 0 .. ", steps, ", got ", step);
  if (!(start >= 0.0 && start <= 1.0)) raise<ValueError>("momentum_schedule", "start must be in [0, 1], got ", start);
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return 1.0 - (1.0 - start) * 0.5 * (1.0 + math::cos(3.14159265358979323846 * share));
}

// A deep copy of a module whose weights follow it: target = decay * target + (1 - decay) * source. Buffers (running
// statistics) follow in the same way. The copy's parameters want no gradients. Use: MomentumEncoder target(net); ...;
// after every optimizer step target.update(net, 0.99); features come from target.module.
template <class M>
class MomentumEncoder {
 public:
  M module;

  explicit MomentumEncoder(const M& source) : module(source) { nn::set_requires_grad(module, false); }

  // ValueError for a decay outside [0, 1] or a source with other parts than the copy.
  void update(M& source, double decay) {
    if (!(decay >= 0.0 && decay <= 1.0)) raise<ValueError>("momentum_encoder", "decay must be in [0, 1], got ", decay);
    const NoGrad plain;
    follow<true>(source, decay);
    follow<false>(source, decay);
  }

  template <class Visitor>
  void visit_members(Visitor&& visitor) {
    visitor("module", module);
  }
  template <class Visitor>
  void visit_members(Visitor&& visitor) const {
    visitor("module", module);
  }

 private:
  template <class X>
  static constexpr bool is_floating = Floating<typename X::tensor_type::scalar_type>;

  // Walks both trees in the same order, over the parameters or over the buffers.
  template <bool Parameters>
  void follow(M& source, double decay) {
    std::vector<void*> sources;
    nn::visit(source, [&](const std::string&, auto& part) {
      using X = std::remove_cvref_t<decltype(part)>;
      if constexpr (Parameters ? nn::is_parameter<X> : nn::is_buffer<X>) sources.push_back(&part);
    });
    std::size_t next = 0;
    nn::visit(module, [&](const std::string& path, auto& part) {
      using X = std::remove_cvref_t<decltype(part)>;
      if constexpr (Parameters ? nn::is_parameter<X> : nn::is_buffer<X>) {
        if (next >= sources.size()) raise<ValueError>("momentum_encoder", "the source has no counterpart of ", path);
        auto& from = *static_cast<X*>(sources[next++]);
        if (from.shape() != part.shape())
          raise<ShapeError>("momentum_encoder", path, " has shape ", part.shape(), " but the source has ",
                            from.shape());
        using T = typename X::tensor_type::scalar_type;
        if constexpr (is_floating<X>)
          part.tensor().mul_(static_cast<T>(decay)).add_(from.tensor(), static_cast<T>(1.0 - decay));
        else
          part.tensor().copy_(from.tensor());
      }
    });
    if (next != sources.size())
      raise<ValueError>("momentum_encoder", "the source has ", sources.size(), " parts, the copy ", next);
  }
};

}  // namespace GLIA_NS::ssl
