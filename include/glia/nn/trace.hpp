#pragma once
// What layers report while somebody listens: nn::summary reads layers, output shapes and operation counts from here.

#include <glia/tensor/tensor.hpp>

#include <vector>

namespace GLIA_NS::nn {

// One call of one layer.
struct TraceEntry {
  const void* module = nullptr;  // address of the layer
  const void* type = nullptr;    // identity of its type: a module and its first member share an address
  const char* kind = "";         // "Conv2d"
  Shape output;
  Index macs = 0;                // multiply-accumulate operations of this call
};

namespace detail {
template <class M>
inline constexpr char type_mark = 0;
template <class M>
const void* type_identity() {
  return &type_mark<std::remove_cvref_t<M>>;
}
inline std::vector<TraceEntry>*& active_trace() {
  thread_local std::vector<TraceEntry>* trace = nullptr;
  return trace;
}
}  // namespace detail

// Collects the calls made on this thread during the lifetime of the object.
class Trace {
 public:
  Trace() : outer_(detail::active_trace()) { detail::active_trace() = &entries_; }
  ~Trace() { detail::active_trace() = outer_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<TraceEntry>& entries() const noexcept { return entries_; }

 private:
  std::vector<TraceEntry> entries_;
  std::vector<TraceEntry>* outer_;
};

// Called by a layer at the end of forward: `return traced(*this, "Linear", y, macs);`. One test of a pointer if nobody
// listens.
template <class M, class T, class D>
Tensor<T, D> traced(const M& module, const char* kind, Tensor<T, D> output, Index macs = 0) {
  if (auto* trace = detail::active_trace())
    trace->push_back({&module, detail::type_identity<M>(), kind, output.shape(), macs});
  return output;
}

// Base of layers without parameters, buffers or submodules.
struct Stateless {
  template <class Visitor>
  void visit_members(Visitor&&) const {}
};

}  // namespace GLIA_NS::nn
