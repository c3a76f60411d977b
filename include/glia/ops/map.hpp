#pragma once
// map: elementwise ops from scalar functors, with derivatives by dual numbers.

#include <glia/autograd/engine.hpp>
#include <glia/core/dual.hpp>
#include <glia/kernels/cpu/elementwise.hpp>
#include <glia/ops/view.hpp>

#include <tuple>

namespace GLIA_NS {

// ops/arithmetic.hpp
template <class T, class D>
Tensor<T, D> mul(const Tensor<T, D>& a, const Tensor<T, D>& b);
// ops/sum.hpp: sums `x` down to a shape that broadcasts to its own.
template <class T, class D>
Tensor<T, D> sum_to(const Tensor<T, D>& x, const Shape& shape);

namespace detail {

template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, bfloat16> || std::is_same_v<T, half>, float, T>;

// dy * dF/dx_I, the whole backward of one operand in one pass.
template <class F, int I>
struct TimesPartial {
  Partial<F, I> partial;
  template <class R, class... X>
  GLIA_HD R operator()(R dy, X... x) const {
    return dy * partial(x...);
  }
};

// The elements of a tensor as seen under a shape that it broadcasts to.
template <class T, class D>
[[gnu::noinline]] View<const T> broadcast_view(const Tensor<T, D>& x, const Shape& shape) {
  return {x.data(), shape, broadcast_strides(x.shape(), x.strides(), shape)};
}

// An operand as elementwise loops read it well: itself, or a contiguous copy if it is a large view whose neighbours in
// memory do not lie along its last axis, such as a transpose.
template <class T, class D>
class InOrder {
 public:
  explicit InOrder(const Tensor<T, D>& x) : x_(x) {
    if constexpr (std::is_same_v<D, Cpu>)
      if (x.rank() >= 2 && x.numel() >= Index{1} << 14 && cpu::crossing_axis(x.shape(), x.strides()) >= 0)
        copy_ = copy_values(x);
  }
  const Tensor<T, D>& get() const { return copy_.defined() ? copy_ : x_; }

 private:
  const Tensor<T, D>& x_;
  Tensor<T, D> copy_;
};

// The value of map without any recording. All inputs broadcast to `shape`.
template <class R, class F, class D, class... T>
Tensor<R, D> map_values(const F& f, const Shape& shape, const Tensor<T, D>&... x) {
  auto out = Tensor<R, D>::empty(shape);
  R* target = out.mutable_data();
  map_elements(D{}, f, out.numel(), target, broadcast_view(InOrder<T, D>(x).get(), shape)...);
  return out;
}

template <class... Shapes>
Shape common_shape([[maybe_unused]] const char* op, const Shape& first, const Shapes&... rest) {
  Shape shape = first;
  ((shape = require_broadcast(op, shape, rest)), ...);
  return shape;
}

template <class F>
constexpr const char* functor_name() {
  if constexpr (requires { F::name; })
    return F::name;
  else
    return "map";
}

template <class F, class T, class D, std::size_t N>
struct MapNode final : autograd::Node {
  F f{};
  std::array<autograd::Saved<T, D>, N> saved;

  const char* name() const noexcept override { return functor_name<F>(); }
  void release() noexcept override {
    for (auto& s : saved) s.reset();
  }
  void backward(autograd::Gradients& g) override { all(g, std::make_index_sequence<N>{}); }

 private:
  template <std::size_t... I>
  void all(autograd::Gradients& g, std::index_sequence<I...> positions) {
    (one<static_cast<int>(I)>(g, positions), ...);
  }
  template <int I, std::size_t... J>
  void one(autograd::Gradients& g, std::index_sequence<J...>);
};

template <class F, class T, class D, class... X>
Tensor<T, D> map_recorded(const F& f, const Tensor<T, D>& x, const X&... rest) {
  const Shape shape = common_shape(functor_name<F>(), x.shape(), rest.shape()...);
  auto out = map_values<T>(f, shape, x, rest...);
  if constexpr (functor_order<F> < 2) {
    if (auto* node = autograd::record<MapNode<F, T, D, 1 + sizeof...(X)>>(out, x, rest...)) {
      node->f = f;
      std::size_t i = 0;
      node->saved[i++].save(x);
      (node->saved[i++].save(rest), ...);
    }
  } else {
    struct Beyond final : autograd::Node {
      const char* name() const noexcept override { return functor_name<F>(); }
      void backward(autograd::Gradients&) override {
        raise<AutogradError>(name(), "derivatives of functors stop at order two");
      }
    };
    autograd::record<Beyond>(out, x, rest...);
  }
  return out;
}

template <class F, class T, class D, std::size_t N>
template <int I, std::size_t... J>
void MapNode<F, T, D, N>::one(autograd::Gradients& g, std::index_sequence<J...>) {
  if (!g.needs(I)) return;
  const Tensor<T, D> dy = g.template output<T, D>();
  const std::array<Tensor<T, D>, N> x{saved[J].get(this)...};
  const Partial<F, I> partial{f};
  if (grad_enabled()) {
    g.set(I, sum_to(mul(dy, map_recorded(partial, x[J]...)), x[I].shape()));
  } else {
    g.set(I, sum_to(map_values<T>(TimesPartial<F, I>{partial}, dy.shape(), dy, x[J]...), x[I].shape()));
  }
}

}  // namespace detail

// y[i] = f(x[i], rest[i]...) with NumPy broadcasting. `f` is a copyable functor whose operator() is a template over
// the number type R (`template <class R> GLIA_HD R operator()(R x) const`) and uses only arithmetic, comparisons and
// `glia::math::` functions. The gradient comes from evaluating f on dual numbers and is differentiable once more. A functor
// that returns bool gives a Tensor<bool>, without gradient. ShapeError if the shapes do not broadcast.
template <class F, class T, class D, class... X>
auto map(const F& f, const Tensor<T, D>& x, const X&... rest) {
  const profile::Span span(detail::functor_name<F>());
  static_assert((is_tensor<X> && ...), "map takes tensors after the functor; put constants into the functor");
  (detail::require_same_type<T, D, typename X::scalar_type, typename X::device_type>(), ...);
  detail::require_defined(detail::functor_name<F>(), "input", x);
  (detail::require_defined(detail::functor_name<F>(), "input", rest), ...);
  using C = detail::compute_t<T>;
  using R = decltype(f(C{}, static_cast<detail::compute_t<typename X::scalar_type>>(0)...));
  if constexpr (std::is_same_v<R, bool> && !std::is_same_v<T, bool>) {
    const Shape shape = detail::common_shape(detail::functor_name<F>(), x.shape(), rest.shape()...);
    return detail::map_values<bool>(f, shape, x, rest...);
  } else if constexpr (Floating<T>) {
    return detail::map_recorded(f, x, rest...);
  } else {
    const Shape shape = detail::common_shape(detail::functor_name<F>(), x.shape(), rest.shape()...);
    return detail::map_values<T>(f, shape, x, rest...);
  }
}

}  // namespace GLIA_NS
