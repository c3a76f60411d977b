#pragma once
// What glia::compiled holds of tensors, the backward pass, and ops that make, index, join, reduce and sort, declared so
// that programs do not compile it again (see docs/design.md, "The compiled half"). A missing entry costs compile time
// only. A new op: one line here.

#include <glia/autograd/engine.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/indexing.hpp>
#include <glia/ops/inplace.hpp>
#include <glia/ops/join.hpp>
#include <glia/ops/print.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/ops/scan.hpp>
#include <glia/ops/sort.hpp>
#include <glia/ops/sum.hpp>
#include <glia/ops/type_table.hpp>
#include <glia/ops/view.hpp>

#if defined(GLIA_COMPILED)
#if defined(GLIA_COMPILED_PART_TENSOR)
#define GLIA_COMPILED_TEMPLATE template
#else
#define GLIA_COMPILED_TEMPLATE extern template
#endif

// clang-format off
namespace GLIA_NS {
GLIA_COMPILED_TEMPLATE class Tensor<float, Cpu>;
// The members that programs use of the tensors of labels and pixels.
#define GLIA_COMPILED_MEMBERS(T) \
  GLIA_COMPILED_TEMPLATE T Tensor<T>::item() const; \
  GLIA_COMPILED_TEMPLATE std::vector<T> Tensor<T>::to_vector() const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::reshape(const Shape&) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::view_as(const Shape&) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::permute(const Axes&) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::transpose(Index, Index) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::expand(const Shape&) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::slice(Index, Slice) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::select(Index, Index) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::squeeze(Index) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::unsqueeze(Index) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::flatten(Index, Index) const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::contiguous() const; \
  GLIA_COMPILED_TEMPLATE Tensor<T> Tensor<T>::clone() const; \
  GLIA_COMPILED_TEMPLATE Tensor<T>& Tensor<T>::fill_(T); \
  GLIA_COMPILED_TEMPLATE Tensor<T>& Tensor<T>::copy_(const Tensor<T>&)
GLIA_COMPILED_MEMBERS(std::int64_t);
GLIA_COMPILED_MEMBERS(std::uint8_t);
#undef GLIA_COMPILED_MEMBERS
GLIA_COMPILED_TEMPLATE bool Tensor<bool>::item() const;
GLIA_COMPILED_TEMPLATE Tensor<bool> Tensor<bool>::contiguous() const;
GLIA_COMPILED_TEMPLATE Tensor<bool> Tensor<bool>::clone() const;
GLIA_COMPILED_TEMPLATE Tensor<bool>& Tensor<bool>::fill_(bool);
GLIA_COMPILED_TEMPLATE Tensor<bool>& Tensor<bool>::copy_(const Tensor<bool>&);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> Tensor<float>::cast<std::int64_t>() const;
GLIA_COMPILED_TEMPLATE Tensor<std::uint8_t> Tensor<float>::cast<std::uint8_t>() const;
GLIA_COMPILED_TEMPLATE Tensor<bool> Tensor<float>::cast<bool>() const;
GLIA_COMPILED_TEMPLATE Tensor<float> Tensor<std::int64_t>::cast<float>() const;
GLIA_COMPILED_TEMPLATE Tensor<float> Tensor<std::uint8_t>::cast<float>() const;
GLIA_COMPILED_TEMPLATE Tensor<float> Tensor<bool>::cast<float>() const;
namespace detail {
GLIA_COMPILED_TEMPLATE const TypeTable& type_table<float, Cpu>();
GLIA_COMPILED_TEMPLATE const TypeTable& type_table<std::int64_t, Cpu>();
GLIA_COMPILED_TEMPLATE const TypeTable& type_table<std::uint8_t, Cpu>();
GLIA_COMPILED_TEMPLATE const TypeTable& type_table<bool, Cpu>();
GLIA_COMPILED_TEMPLATE Tensor<float> filled<float, Cpu>(const Shape&, float);
GLIA_COMPILED_TEMPLATE Tensor<bool> filled<bool, Cpu>(const Shape&, bool);
}  // namespace detail

GLIA_COMPILED_TEMPLATE Tensor<> zeros<float, Cpu>(const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<> ones<float, Cpu>(const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<> full<float, Cpu>(const Shape&, float);
GLIA_COMPILED_TEMPLATE Tensor<> zeros_like<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> ones_like<float, Cpu>(const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> from_span<float, Cpu>(std::span<const float>, const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<> from_vector<float, Cpu>(const std::vector<float>&, const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<> from_vector<float, Cpu>(const std::vector<float>&);
GLIA_COMPILED_TEMPLATE Tensor<> tensor<float, Cpu>(std::initializer_list<float>, const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<> tensor<float, Cpu>(std::initializer_list<float>);
GLIA_COMPILED_TEMPLATE Tensor<> scalar<float, Cpu>(float);
GLIA_COMPILED_TEMPLATE Tensor<> from_blob<float, Cpu>(float*, const Shape&, std::function<void()>);
GLIA_COMPILED_TEMPLATE Tensor<> arange<float, Cpu>(float, float, float);
GLIA_COMPILED_TEMPLATE Tensor<> arange<float, Cpu>(float);
GLIA_COMPILED_TEMPLATE Tensor<> linspace<float, Cpu>(float, float, Index);
GLIA_COMPILED_TEMPLATE Tensor<> eye<float, Cpu>(Index, Index);
GLIA_COMPILED_TEMPLATE Tensor<> rand<float, Cpu>(const Shape&, Generator&, float, float);
GLIA_COMPILED_TEMPLATE Tensor<> randn<float, Cpu>(const Shape&, Generator&, float, float);
GLIA_COMPILED_TEMPLATE Tensor<> bernoulli<float, Cpu>(const Shape&, Generator&, double);
GLIA_COMPILED_TEMPLATE Tensor<> gather<float, Cpu>(const Tensor<>&, Index, const Tensor<std::int64_t>&);
GLIA_COMPILED_TEMPLATE Tensor<> scatter_add<float, Cpu>(const Tensor<>&, Index, const Tensor<std::int64_t>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> index_select<float, Cpu>(const Tensor<>&, Index, const Tensor<std::int64_t>&);
GLIA_COMPILED_TEMPLATE Tensor<> index_add<float, Cpu>(const Tensor<>&, Index, const Tensor<std::int64_t>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> embedding<float, Cpu>(const Tensor<>&, const Tensor<std::int64_t>&);
GLIA_COMPILED_TEMPLATE Tensor<> one_hot<float, Cpu>(const Tensor<std::int64_t>&, Index);
GLIA_COMPILED_TEMPLATE Tensor<> concat<float, Cpu>(const std::vector<Tensor<>>&, Index);
GLIA_COMPILED_TEMPLATE Tensor<> stack<float, Cpu>(const std::vector<Tensor<>>&, Index);
GLIA_COMPILED_TEMPLATE std::vector<Tensor<>> split<float, Cpu>(const Tensor<>&, Index, Index);
GLIA_COMPILED_TEMPLATE Tensor<> pad<float, Cpu>(const Tensor<>&, const Axes&, const Axes&, float);
GLIA_COMPILED_TEMPLATE Tensor<> flip<float, Cpu>(const Tensor<>&, const Axes&);
GLIA_COMPILED_TEMPLATE Tensor<> roll<float, Cpu>(const Tensor<>&, Index, Index);
GLIA_COMPILED_TEMPLATE std::string to_string<float, Cpu>(const Tensor<>&, Index);
GLIA_COMPILED_TEMPLATE Tensor<> var<float, Cpu>(const Tensor<>&, const Axes&, bool, Index);
GLIA_COMPILED_TEMPLATE Tensor<> stddev<float, Cpu>(const Tensor<>&, const Axes&, bool, Index);
GLIA_COMPILED_TEMPLATE Tensor<> max<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> min<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> argmax<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> argmin<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<bool> any<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<bool> all<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> norm<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> logsumexp<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> prod<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> cumsum<float, Cpu>(const Tensor<>&, Index, bool);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> argsort<float, Cpu>(const Tensor<>&, Index, bool);
GLIA_COMPILED_TEMPLATE SortResult<float, Cpu> sort<float, Cpu>(const Tensor<>&, Index, bool);
GLIA_COMPILED_TEMPLATE SortResult<float, Cpu> topk<float, Cpu>(const Tensor<>&, Index, Index, bool);
GLIA_COMPILED_TEMPLATE Tensor<> sum<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> mean<float, Cpu>(const Tensor<>&, const Axes&, bool);
GLIA_COMPILED_TEMPLATE Tensor<> sum_to<float, Cpu>(const Tensor<>&, const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> zeros<std::int64_t, Cpu>(const Shape&);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> full<std::int64_t, Cpu>(const Shape&, std::int64_t);
GLIA_COMPILED_TEMPLATE Tensor<std::int64_t> arange<std::int64_t, Cpu>(std::int64_t);
}  // namespace GLIA_NS

namespace GLIA_NS::autograd {
GLIA_COMPILED_TEMPLATE void backward<float, Cpu>(std::span<const Tensor<>>, std::span<const Tensor<>>, BackwardOptions);
GLIA_COMPILED_TEMPLATE std::vector<Tensor<>> grad<float, Cpu>(std::span<const Tensor<>>, std::span<const Tensor<>>, std::span<const Tensor<>>, GradOptions);
}  // namespace GLIA_NS::autograd
// clang-format on

#undef GLIA_COMPILED_TEMPLATE
#endif
