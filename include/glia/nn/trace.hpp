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
  Index macs = 0;        // multiply-accumulate operations of this call
  bool spikes = false;   // a layer of neurons: axis 0 is time
  ImplRef input, value;  // what went in (of layers with macs) and came out, if the trace keeps them
};

class Trace;

namespace detail {
template <class M>
inline constexpr char type_mark = 0;
template <class M>
const void* type_identity() {
  return &type_mark<std::remove_cvref_t<M>>;
}
GLIA_LAZY Trace*& active_trace() {
  thread_local Trace* trace = nullptr;
  return trace;
}
}  // namespace detail

// Collects the calls made on this thread during the lifetime of the object; with `keep_values` also the tensors.
class Trace {
 public:
  explicit Trace(bool keep_values = false) : keep_values_(keep_values), outer_(detail::active_trace()) {
    detail::active_trace() = this;
  }
  ~Trace() { detail::active_trace() = outer_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<TraceEntry>& entries() const noexcept { return entries_; }
  bool keeps_values() const noexcept { return keep_values_; }
  void add(TraceEntry entry) { entries_.push_back(std::move(entry)); }

 private:
  std::vector<TraceEntry> entries_;
  bool keep_values_;
  Trace* outer_;
};

// Called by a layer at the end of forward: `return traced(*this, "Linear", y, macs, x);`. One test of a pointer if
// nobody listens.
template <class M, class T, class D>
Tensor<T, D> traced(const M& module, const char* kind, Tensor<T, D> output, Index macs = 0,
                    const std::type_identity_t<Tensor<T, D>>& input = {}, bool spikes = false) {
  if (auto* trace = detail::active_trace()) {
    const bool keep = trace->keeps_values();
    trace->add({&module, detail::type_identity<M>(), kind, output.shape(), macs, spikes,
                keep ? input.impl() : ImplRef(), keep ? output.impl() : ImplRef()});
  }
  return output;
}

// Base of layers without parameters, buffers or submodules.
struct Stateless {
  template <class Visitor>
  void visit_members(Visitor&&) const {}
};

}  // namespace GLIA_NS::nn
