#pragma once
// Copies weights, buffers and random streams between two models of the same structure: to another device or scalar, or
// from a teacher to a student.

#include <glia/nn/module.hpp>

#include <cstring>
#include <map>

namespace GLIA_NS::nn {

namespace detail {

// A tensor or random stream of the source model, without its type.
struct StateEntry {
  ImplRef tensor;  // empty for a random stream
  ImplRef (*to_host)(const ImplRef&) = nullptr;
  RandomState random;
};

template <class T, class D>
ImplRef host_values(const ImplRef& impl) {
  return Tensor<T, D>(impl).contiguous().template to<Cpu>().impl();
}

// The source's elements as scalars T on the host. ValueError between a whole number and a floating-point type.
template <class T>
Tensor<T, Cpu> converted_values(const std::string& path, const StateEntry& entry) {
  const ImplRef host = entry.to_host(entry.tensor);
  const DType dtype = host->type->dtype;
  if (dtype == dtype_of<T>) return Tensor<T, Cpu>(host);
  if constexpr (Floating<T>) {
    if (dtype == dtype_of<float>) return Tensor<float, Cpu>(host).template cast<T>();
    if (dtype == dtype_of<double>) return Tensor<double, Cpu>(host).template cast<T>();
    if (dtype == dtype_of<bfloat16>) return Tensor<bfloat16, Cpu>(host).template cast<T>();
    if (dtype == dtype_of<half>) return Tensor<half, Cpu>(host).template cast<T>();
  }
  raise<ValueError>("copy_state", "'", path, "' is ", dtype_name(dtype), " in the source and ", dtype_name(dtype_of<T>),
                    " in the target");
}

template <class M>
std::map<std::string, StateEntry> collect_state(M& module) {
  std::map<std::string, StateEntry> out;
  visit(module, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (std::is_same_v<X, RandomState>) {
      out[path].random = object;
    } else if constexpr (is_parameter<X> || is_buffer<X>) {
      using S = typename X::tensor_type;
      out[path].tensor = object.tensor().impl();
      out[path].to_host = &host_values<typename S::scalar_type, typename S::device_type>;
    }
  });
  return out;
}

// Throws unless both models have the same names with the same shapes.
GLIA_LAZY void require_same_state(const std::map<std::string, StateEntry>& from,
                                  const std::map<std::string, StateEntry>& to) {
  std::string only_from, only_to;
  const auto list = [](std::string& names, const std::string& name) {
    names += (names.empty() ? "'" : ", '") + name + "'";
  };
  for (const auto& [name, entry] : from) {
    const auto found = to.find(name);
    if (found == to.end() || static_cast<bool>(found->second.tensor) != static_cast<bool>(entry.tensor)) {
      list(only_from, name);
    } else if (entry.tensor && entry.tensor->shape != found->second.tensor->shape) {
      raise<ShapeError>("copy_state", "'", name, "' has shape ", entry.tensor->shape, " in the source and ",
                        found->second.tensor->shape, " in the target");
    }
  }
  for (const auto& [name, entry] : to) {
    const auto found = from.find(name);
    if (found == from.end() || static_cast<bool>(found->second.tensor) != static_cast<bool>(entry.tensor))
      list(only_to, name);
  }
  if (only_from.empty() && only_to.empty()) return;
  raise<ValueError>("copy_state", "the models differ: only the source has ", only_from.empty() ? "nothing" : only_from,
                    "; only the target has ", only_to.empty() ? "nothing" : only_to);
}

}  // namespace detail

// Writes the parameters, buffers and random streams of `from` into those of the same path in `to`, converting scalars
// and devices. Gradients, frozen flags and training modes stay as they are. Nothing is written if a name or shape
// differs: ValueError with the names, ShapeError with both shapes.
template <class From, class To>
void copy_state(const From& from, To& to) {
  const auto source = detail::collect_state(from);
  detail::require_same_state(source, detail::collect_state(to));
  const NoGrad plain;
  visit(to, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (std::is_same_v<X, RandomState>) {
      object = source.at(path).random;
    } else if constexpr (is_parameter<X> || is_buffer<X>) {
      using T = typename X::tensor_type::scalar_type;
      using D = typename X::tensor_type::device_type;
      const detail::StateEntry& entry = source.at(path);
      const TypeTable& type = *entry.tensor->type;
      if (type.dtype == dtype_of<T> && std::strcmp(type.device, D::name) == 0)
        object.tensor().copy_(Tensor<T, D>(entry.tensor));
      else
        object.tensor().copy_(detail::converted_values<T>(path, entry).template to<D>());
    }
  });
}

}  // namespace GLIA_NS::nn
