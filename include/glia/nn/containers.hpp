#pragma once
// Layers made of layers: Sequential, Residual, Identity.

#include <glia/nn/module.hpp>
#include <glia/nn/trace.hpp>
#include <glia/ops/arithmetic.hpp>

namespace GLIA_NS::nn {

// Passes anything through.
template <class Device = Cpu, class T = float>
struct Identity : Stateless {
  template <class X>
  X forward(const X& x) const {
    return x;
  }
  template <class X>
  X operator()(const X& x) const {
    return x;
  }
};

namespace detail {
// Runs a layer, or what a variant, optional or pointer holds.
template <class Layer, class X>
auto apply_layer(Layer& layer, const X& x) {
  if constexpr (is_variant<Layer>) {
    return std::visit([&](auto& held) { return apply_layer(held, x); }, layer);
  } else if constexpr (is_nullable<Layer>) {
    if (!layer) raise<Error>("Sequential", "a layer is empty");
    return apply_layer(*layer, x);
  } else {
    return layer.forward(x);
  }
}
}  // namespace detail

// Layers in a row, of different types; they are named "0", "1", ... A layer may be a variant, optional or unique_ptr of
// layers. nn::Sequential net{nn::Linear<>{4, 8}, nn::ReLU<>{}, nn::Linear<>{8, 2}};
template <class... Layers>
struct Sequential {
  std::tuple<Layers...> layers;

  Sequential(Layers... parts)
    requires(sizeof...(Layers) > 0)
      : layers(std::move(parts)...) {}

  template <class X>
  auto forward(const X& x) {
    return run<0>(X(x));
  }
  template <class X>
  auto operator()(const X& x) {
    return forward(x);
  }

  // The I-th layer.
  template <std::size_t I>
  auto& get() {
    return std::get<I>(layers);
  }
  template <std::size_t I>
  const auto& get() const {
    return std::get<I>(layers);
  }

  template <class Visitor>
  void visit_members(Visitor&& visitor) {
    each(visitor, layers, std::index_sequence_for<Layers...>{});
  }
  template <class Visitor>
  void visit_members(Visitor&& visitor) const {
    each(visitor, layers, std::index_sequence_for<Layers...>{});
  }

 private:
  template <class Visitor, class Tuple, std::size_t... I>
  static void each(Visitor& visitor, Tuple& tuple, std::index_sequence<I...>) {
    (visitor(std::to_string(I).c_str(), std::get<I>(tuple)), ...);
  }
  template <std::size_t I, class X>
  auto run(X x) {
    if constexpr (I == sizeof...(Layers)) {
      return x;
    } else {
      auto y = detail::apply_layer(std::get<I>(layers), x);
      if constexpr (is_tensor<X>) x = X();  // what nobody needs any more is freed before the next layer runs
      return run<I + 1>(std::move(y));
    }
  }
};

// Any number of layers of one type, or of a variant: nn::Sequential<std::vector<Block>>, a std::vector with forward.
template <class Layer, class Allocator>
struct Sequential<std::vector<Layer, Allocator>> {
  std::vector<Layer, Allocator> layers;

  Sequential() = default;
  Sequential(std::vector<Layer, Allocator> parts) : layers(std::move(parts)) {}

  void push_back(Layer layer) { layers.push_back(std::move(layer)); }
  std::size_t size() const noexcept { return layers.size(); }
  Layer& operator[](std::size_t i) { return layers[i]; }
  const Layer& operator[](std::size_t i) const { return layers[i]; }

  template <class X>
  X forward(const X& x) {
    X y = x;
    for (auto& layer : layers) y = detail::apply_layer(layer, y);
    return y;
  }
  template <class X>
  X operator()(const X& x) {
    return forward(x);
  }

  template <class Visitor>
  void visit_members(Visitor&& visitor) {
    for (std::size_t i = 0; i < layers.size(); ++i) visitor(std::to_string(i).c_str(), layers[i]);
  }
  template <class Visitor>
  void visit_members(Visitor&& visitor) const {
    for (std::size_t i = 0; i < layers.size(); ++i) visitor(std::to_string(i).c_str(), layers[i]);
  }
};

// y = body(x) + shortcut(x); the shortcut passes x on unless it is given (a 1x1 convolution where the shape changes).
template <class Body, class Shortcut = Identity<>>
struct Residual {
  Body body;
  Shortcut shortcut;
  GLIA_MEMBERS(body, shortcut)

  Residual(Body main_path)
    requires std::is_default_constructible_v<Shortcut>
      : body(std::move(main_path)), shortcut() {}
  Residual(Body main_path, Shortcut side_path) : body(std::move(main_path)), shortcut(std::move(side_path)) {}

  template <class X>
  X forward(const X& x) {
    const X y = detail::apply_layer(body, x), side = detail::apply_layer(shortcut, x);
    if (y.shape() != side.shape())
      raise<ShapeError>("Residual", "the body gives shape ", y.shape(), " but the shortcut gives ", side.shape(), " for input ",
                        x.shape());
    return add(y, side);
  }
  template <class X>
  X operator()(const X& x) {
    return forward(x);
  }
};

}  // namespace GLIA_NS::nn
