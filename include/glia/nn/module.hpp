#pragma once
// Modules: any type with `forward` and GLIA_MEMBERS. Parameters, buffers, and the visitor over a module tree.

#include <glia/autograd/replay.hpp>
#include <glia/nn/members.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/inplace.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace GLIA_NS::nn {

namespace detail {
// A tensor that belongs to a module: copying it copies the elements.
template <class T, class D>
class OwnedTensor {
 public:
  using tensor_type = Tensor<T, D>;

  OwnedTensor() = default;
  OwnedTensor(OwnedTensor&&) noexcept = default;
  OwnedTensor& operator=(OwnedTensor&&) noexcept = default;

  const Tensor<T, D>& tensor() const noexcept { return tensor_; }
  Tensor<T, D>& tensor() noexcept { return tensor_; }
  operator const Tensor<T, D>&() const noexcept { return tensor_; }
  bool defined() const noexcept { return tensor_.defined(); }
  const Shape& shape() const { return tensor_.shape(); }
  // Full path in the module tree ("backbone.stage2.0.conv1.weight"), once name_parameters or an optimizer has seen it.
  std::string name() const {
    return tensor_.defined() && tensor_.impl()->gradient ? tensor_.impl()->gradient->name : std::string();
  }

 protected:
  explicit OwnedTensor(Tensor<T, D> tensor) : tensor_(std::move(tensor)) {}
  Tensor<T, D> copied() const {
    const NoGrad plain;
    return tensor_.defined() ? tensor_.detach().clone() : Tensor<T, D>();
  }

  Tensor<T, D> tensor_;
};
}  // namespace detail

// The scalar of a layer's parameters and running statistics, given that of its activations: float for 16-bit ones.
using glia::ParameterScalar;

// A trainable tensor of a module. An undefined Parameter (an absent bias) is skipped by every visitor.
template <class T = float, class D = Cpu>
class Parameter : public detail::OwnedTensor<T, D> {
  using Base = detail::OwnedTensor<T, D>;

 public:
  Parameter() = default;
  explicit Parameter(Tensor<T, D> tensor) : Base(std::move(tensor)) { mark(); }
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(Parameter&&) noexcept = default;
  Parameter(const Parameter& other) : Base(other.copied()) { mark(other.requires_grad()); }
  Parameter& operator=(const Parameter& other) {
    if (this != &other) *this = Parameter(other);
    return *this;
  }

  bool requires_grad() const { return this->tensor_.defined() && this->tensor_.requires_grad(); }
  // Freezes or thaws the parameter.
  void set_requires_grad(bool on) {
    if (this->tensor_.defined()) this->tensor_.set_requires_grad(on);
  }

 private:
  void mark(bool trainable = true) {
    if (!this->tensor_.defined()) return;
    GradientState& state = this->tensor_.impl()->gradient_state();
    state.is_parameter = true;
    state.requires_grad = trainable;
  }
};

// State of a module that is saved but not trained (running statistics).
template <class T = float, class D = Cpu>
class Buffer : public detail::OwnedTensor<T, D> {
  using Base = detail::OwnedTensor<T, D>;

 public:
  Buffer() = default;
  explicit Buffer(Tensor<T, D> tensor) : Base(std::move(tensor)) {}
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;
  Buffer(const Buffer& other) : Base(other.copied()) {}
  Buffer& operator=(const Buffer& other) {
    if (this != &other) *this = Buffer(other);
    return *this;
  }
};

// A parameter as a layer over T computes with it: itself, or rounded to a 16-bit T by a recorded cast, so that its
// gradient arrives in the parameter's own scalar. Undefined if the parameter is.
template <class T, class P, class D>
Tensor<T, D> operand(const detail::OwnedTensor<P, D>& parameter) {
  return parameter.defined() ? parameter.tensor().template cast<T>() : Tensor<T, D>();
}

// The random stream of a module, saved with it. Draws made inside a checkpointed segment repeat when it is recomputed.
struct RandomState {
  Generator generator{0};

  // A generator for the next `count` numbers; the stream moves on behind them.
  Generator draw(Index count) {
    Generator out = generator;
    out.counter = autograd::DrawTape::draw([&] { return generator.reserve(count); });
    return out;
  }
};

template <class X>
inline constexpr bool is_parameter = false;
template <class T, class D>
inline constexpr bool is_parameter<Parameter<T, D>> = true;
template <class X>
inline constexpr bool is_buffer = false;
template <class T, class D>
inline constexpr bool is_buffer<Buffer<T, D>> = true;

namespace detail {
struct IgnoreMember {
  template <class M>
  void operator()(const char*, M&&) const {}
};
template <class M>
concept HasMembers = requires(M& m) {
  m.visit_members(IgnoreMember{});
};
template <class X>
inline constexpr bool is_sequence = false;
template <class X, class A>
inline constexpr bool is_sequence<std::vector<X, A>> = true;
template <class X, std::size_t N>
inline constexpr bool is_sequence<std::array<X, N>> = true;
template <class X>
inline constexpr bool is_tuple = false;
template <class... X>
inline constexpr bool is_tuple<std::tuple<X...>> = true;
template <class X>
inline constexpr bool is_variant = false;
template <class... X>
inline constexpr bool is_variant<std::variant<X...>> = true;
template <class X>
inline constexpr bool is_nullable = false;
template <class X>
inline constexpr bool is_nullable<std::optional<X>> = true;
template <class X, class Deleter>
inline constexpr bool is_nullable<std::unique_ptr<X, Deleter>> = true;

GLIA_LAZY std::string join_path(const std::string& path, const std::string& part) {
  return path.empty() ? part : part.empty() ? path : path + '.' + part;
}
}  // namespace detail

// Walks a module tree depth first in declaration order and calls visitor(path, object) for every Parameter, Buffer,
// RandomState and module (a module before its members). Looks through vector, array, tuple, optional, unique_ptr and
// variant. Members of other types (options, numbers) are passed over.
template <class M, class Visitor>
void visit(M& object, Visitor&& visitor, const std::string& path = {}) {
  using X = std::remove_const_t<M>;
  if constexpr (is_parameter<X> || is_buffer<X>) {
    if (object.defined()) visitor(path, object);
  } else if constexpr (std::is_same_v<X, RandomState>) {
    visitor(path, object);
  } else if constexpr (detail::is_sequence<X>) {
    std::size_t i = 0;
    for (auto& part : object) visit(part, visitor, detail::join_path(path, std::to_string(i++)));
  } else if constexpr (detail::is_tuple<X>) {
    std::size_t i = 0;
    std::apply([&](auto&... part) { (visit(part, visitor, detail::join_path(path, std::to_string(i++))), ...); },
               object);
  } else if constexpr (detail::is_variant<X>) {
    std::visit([&](auto& part) { visit(part, visitor, path); }, object);
  } else if constexpr (detail::is_nullable<X>) {
    if (object) visit(*object, visitor, path);
  } else if constexpr (detail::HasMembers<M>) {
    visitor(path, object);
    object.visit_members([&](const char* name, auto& part) { visit(part, visitor, detail::join_path(path, name)); });
  }
}

// A parameter with its path, for optimizers.
template <class T, class D>
struct NamedTensor {
  std::string name;
  Tensor<T, D> tensor;
};

// Writes every parameter's and buffer's path into it, so that errors can name it. Optimizers do this.
template <class M>
[[gnu::cold]] void name_parameters(M& module) {
  visit(module, [](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (is_parameter<X> || is_buffer<X>) object.tensor().impl()->gradient_state().name = path;
  });
}

// Scalar and device of a module's parameters: the ParameterScalar of the first floating-point type and the first device
// among the template arguments of its type, and of their template arguments; float and Cpu if there are none.
// SmallNet<Cuda> is float on Cuda, Sequential<Linear<Cpu, double>> is double on Cpu, and Net<Cpu, bfloat16> is float.
namespace detail {
template <class X>
concept DeviceTag = std::is_empty_v<X> && requires {
  { X::name } -> std::convertible_to<const char*>;
};

// The first that is not void.
template <class... X>
struct FirstFound {
  using type = void;
};
template <class X, class... Rest>
struct FirstFound<X, Rest...> {
  using type = typename std::conditional_t<std::is_void_v<X>, FirstFound<Rest...>, std::type_identity<X>>::type;
};
template <class X>
struct FindDevice {
  using type = void;
};
template <DeviceTag X>
struct FindDevice<X> {
  using type = X;
};
template <template <class...> class M, class... Args>
requires(!DeviceTag<M<Args...>>) struct FindDevice<M<Args...>> {
  using type = typename FirstFound<typename FindDevice<Args>::type...>::type;
};
template <class X>
struct FindScalar {
  using type = void;
};
template <Floating X>
struct FindScalar<X> {
  using type = X;
};
template <template <class...> class M, class... Args>
struct FindScalar<M<Args...>> {
  using type = typename FirstFound<typename FindScalar<Args>::type...>::type;
};
template <class M>
struct ModuleTypes {
  using scalar = ParameterScalar<typename FirstFound<typename FindScalar<M>::type, float>::type>;
  using device = typename FirstFound<typename FindDevice<M>::type, Cpu>::type;
};
}  // namespace detail

template <class M>
using module_scalar = typename detail::ModuleTypes<std::remove_cvref_t<M>>::scalar;
template <class M>
using module_device = typename detail::ModuleTypes<std::remove_cvref_t<M>>::device;

// All trainable and frozen parameters with their paths, in declaration order; handles, not copies. Error if the module
// holds a parameter of another scalar or device than T and D: name them, named_parameters<double, Cpu>(module).
template <class T, class D, class M>
[[gnu::cold]] std::vector<NamedTensor<T, D>> named_parameters(M& module) {
  name_parameters(module);
  std::vector<NamedTensor<T, D>> out;
  visit(module, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (std::is_same_v<X, Parameter<T, D>>)
      out.push_back({path, object.tensor()});
    else if constexpr (is_parameter<X>)
      raise<ValueError>("named_parameters", "parameter ", path, " is ",
                        dtype_name(dtype_of<typename X::tensor_type::scalar_type>), " on ",
                        X::tensor_type::device_type::name, ", expected ", dtype_name(dtype_of<T>), " on ", D::name,
                        "; name the types: named_parameters<Scalar, Device>(module)");
  });
  return out;
}
template <class M>
std::vector<NamedTensor<module_scalar<M>, module_device<M>>> named_parameters(M& module) {
  return named_parameters<module_scalar<M>, module_device<M>>(module);
}

// Number of trainable elements.
template <class M>
Index parameter_count(M& module) {
  Index count = 0;
  visit(module, [&](const std::string&, auto& object) {
    if constexpr (is_parameter<std::remove_cvref_t<decltype(object)>>) count += object.tensor().numel();
  });
  return count;
}

// Puts every module of the tree that has a `training` flag into training or evaluation mode.
template <class M>
void set_training(M& module, bool training) {
  visit(module, [&](const std::string&, auto& object) {
    if constexpr (requires { object.training = training; }) object.training = training;
  });
}
template <class M>
void train(M& module) {
  set_training(module, true);
}
template <class M>
void eval(M& module) {
  set_training(module, false);
}

// Freezes (or thaws) all parameters of a module.
template <class M>
void set_requires_grad(M& module, bool on) {
  visit(module, [&](const std::string&, auto& object) {
    if constexpr (is_parameter<std::remove_cvref_t<decltype(object)>>) object.set_requires_grad(on);
  });
}

// Runs f under the module's path, for profiles, and adds that path to any error that leaves it. `parameter` names the
// module: its own path is the parameter's without the last part.
template <class T, class D, class F>
auto with_path(const detail::OwnedTensor<T, D>& parameter, F&& f) {
  const auto path = [&] {
    const std::string name = parameter.name();
    return name.substr(0, name.rfind('.') == std::string::npos ? 0 : name.rfind('.'));
  };
  const profile::Section section(path);
  try {
    return f();
  } catch (Error& error) {
    error.set_module(path());
    throw;
  }
}

}  // namespace GLIA_NS::nn

namespace GLIA_NS {
// The parameters of a module, for an optimizer: glia::optim::AdamW optimizer(glia::parameters(net), {...}). Scalar and
// device are found from the module's type (see nn::named_parameters) unless they are named.
template <class M>
auto parameters(M& module) {
  return nn::named_parameters(module);
}
template <class T, class D, class M>
std::vector<nn::NamedTensor<T, D>> parameters(M& module) {
  return nn::named_parameters<T, D>(module);
}
}  // namespace GLIA_NS
