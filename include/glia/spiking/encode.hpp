#pragma once
// Turning values into spike trains: Poisson and latency encoding. Direct encoding, the same input at every step, is
// repeat() (spiking/simulate.hpp).

#include <glia/nn/module.hpp>
#include <glia/ops/map.hpp>
#include <glia/spiking/simulate.hpp>

namespace GLIA_NS::spiking {

namespace functor {
struct BelowRate {
  static constexpr const char* name = "poisson";
  template <class R>
  GLIA_HD R operator()(R uniform, R rate) const {
    return math::select(uniform < rate, R(1), R(0));
  }
};
struct FiresNow {
  double last;  // number of the last step
  static constexpr const char* name = "latency";
  template <class R>
  GLIA_HD R operator()(R now, R x) const {
    const R when = math::round((R(1) - math::clamp(x, R(0), R(1))) * R(last));
    return math::select(now == when, R(1), R(0));
  }
};
}  // namespace functor

namespace detail {
GLIA_LAZY void require_steps(const char* op, Index steps) {
  if (steps < 1) raise<ValueError>(op, "the number of steps must be positive, got ", steps);
}
template <class T, class D>
Shape with_time(const char* op, const Tensor<T, D>& x, Index steps) {
  glia::detail::require_defined(op, "input", x);
  require_steps(op, steps);
  Shape shape = x.shape();
  shape.insert(0, steps);
  return shape;
}
}  // namespace detail

// x [...] -> [steps, ...]: at every step a spike with probability x (values outside [0, 1] never or always fire).
// Advances `generator`; no gradient.
template <Floating T, class D>
Tensor<T, D> poisson(const Tensor<T, D>& x, Index steps, Generator& generator) {
  const Shape shape = detail::with_time("poisson", x, steps);
  const NoGrad plain;
  return map(functor::BelowRate{}, rand<T, D>(shape, generator), x.unsqueeze(0));
}

// x [...] -> [steps, ...]: one spike per element, at step round((1 - x) (steps - 1)) with x cut to [0, 1]: strong
// inputs fire first. No gradient.
template <Floating T, class D>
Tensor<T, D> latency(const Tensor<T, D>& x, Index steps) {
  const Shape shape = detail::with_time("latency", x, steps);
  const NoGrad plain;
  Shape column = Shape::filled(shape.rank(), 1);
  column[0] = steps;
  std::vector<T> times;
  for (Index t = 0; t < steps; ++t) times.push_back(static_cast<T>(static_cast<float>(t)));
  const auto now = from_vector<T, D>(times, column);
  return map(functor::FiresNow{static_cast<double>(steps - 1)}, now, x.unsqueeze(0));
}

struct PoissonOptions {
  Index steps = 4;
  std::uint64_t seed = 0;
};

// poisson() as a layer with a random stream of its own, saved with the model.
template <class Device = Cpu, class T = float>
struct PoissonEncoder {
  nn::RandomState random;
  Index steps;
  GLIA_MEMBERS(random)

  PoissonEncoder() : PoissonEncoder(PoissonOptions{}) {}
  explicit PoissonEncoder(const PoissonOptions& options) : random{Generator(options.seed)}, steps(options.steps) {
    detail::require_steps("poisson", steps);
  }
  Tensor<T, Device> forward(const Tensor<T, Device>& x) {
    glia::detail::require_defined("poisson", "input", x);
    Generator generator = random.draw(steps * x.numel());
    return poisson(x, steps, generator);
  }
  Tensor<T, Device> operator()(const Tensor<T, Device>& x) { return forward(x); }
};

}  // namespace GLIA_NS::spiking
