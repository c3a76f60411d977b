#pragma once
// What a model is made of: a table of layers, output shapes, parameters and multiply-accumulate operations.

#include <glia/nn/module.hpp>
#include <glia/nn/trace.hpp>

#include <algorithm>
#include <map>
#include <ostream>

namespace GLIA_NS::nn {

// One call of one layer. `parameters` is 0 from the second call on.
struct SummaryRow {
  std::string path, kind;
  Shape output;
  Index parameters = 0, macs = 0;
};

struct Summary {
  std::vector<SummaryRow> rows;  // in the order of the forward pass
  Index parameters = 0;          // of the whole model, also of parts that the forward pass did not touch
  Index trainable = 0;           // of which not frozen
  Index buffers = 0;             // elements of running statistics and the like
  Index macs = 0;                // of one forward pass of the example

  std::string text() const;
};

namespace detail {

// 1234567 -> "1,234,567"
GLIA_LAZY std::string grouped(Index value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

// The training flags of a module tree, restored at the end of the scope.
template <class M>
class KeepModes {
 public:
  explicit KeepModes(M& module) : module_(&module) {
    each([this](bool flag) {
      flags_.push_back(flag);
      return flag;
    });
  }
  ~KeepModes() {
    std::size_t i = 0;
    each([this, &i](bool) { return flags_[i++]; });
  }
  KeepModes(const KeepModes&) = delete;
  KeepModes& operator=(const KeepModes&) = delete;

 private:
  template <class F>
  void each(F&& f) {
    visit(*module_, [&](const std::string&, auto& object) {
      if constexpr (requires { object.training = true; }) object.training = f(object.training);
    });
  }

  M* module_;
  std::vector<bool> flags_;
};

}  // namespace detail

inline std::string Summary::text() const {
  std::vector<std::array<std::string, 5>> cells{{"layer", "type", "output", "parameters", "MACs"}};
  for (const SummaryRow& row : rows)
    cells.push_back(
        {row.path, row.kind, to_string(row.output), detail::grouped(row.parameters), detail::grouped(row.macs)});
  std::array<std::size_t, 5> width{};
  for (const auto& line : cells)
    for (std::size_t c = 0; c < 5; ++c) width[c] = std::max(width[c], line[c].size());
  std::string out;
  for (const auto& line : cells) {
    for (std::size_t c = 0; c < 5; ++c) {
      const std::string space(width[c] - line[c].size(), ' ');
      out += c < 3 ? line[c] + space : space + line[c];
      out += c < 4 ? "  " : "\n";
    }
  }
  return out + "parameters " + detail::grouped(parameters) + " (" + detail::grouped(trainable) +
         " trainable), buffers " + detail::grouped(buffers) + ", MACs " + detail::grouped(macs) + '\n';
}

inline std::ostream& operator<<(std::ostream& out, const Summary& summary) { return out << summary.text(); }

// Runs the module on an example, in evaluation mode and without recording, and lists the built-in layers it called.
// Modes, parameters, buffers and random streams are as before afterwards.
template <class M, class... Inputs>
Summary summary(M& module, const Inputs&... example) {
  Summary result;
  struct Place {
    std::string path;
    Index parameters = 0;
  };
  std::map<std::pair<const void*, const void*>, Place> places;
  visit(module, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (is_parameter<X>) {
      result.parameters += object.tensor().numel();
      if (object.requires_grad()) result.trainable += object.tensor().numel();
    } else if constexpr (is_buffer<X>) {
      result.buffers += object.tensor().numel();
    } else if constexpr (detail::HasMembers<X>) {
      places[{&object, detail::type_identity<X>()}] = {path, parameter_count(object)};
    }
  });
  const NoGrad plain;
  const detail::KeepModes<M> keep(module);
  eval(module);
  Trace trace;
  static_cast<void>(module.forward(example...));  // nvcc takes a line that begins with `module` for a directive
  for (const TraceEntry& entry : trace.entries()) {
    SummaryRow row;
    row.kind = entry.kind, row.output = entry.output, row.macs = entry.macs;
    const auto place = places.find({entry.module, entry.type});
    if (place != places.end()) {
      row.path = place->second.path;
      row.parameters = std::exchange(place->second.parameters, 0);
    }
    result.macs += row.macs;
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace GLIA_NS::nn
