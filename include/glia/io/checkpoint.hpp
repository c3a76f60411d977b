#pragma once
// Checkpoints: modules, optimizers, random states, tensors, numbers and texts in one safetensors file. Saves are atomic
// and keep the previous file; loads fall back to it.

#include <glia/core/warning.hpp>
#include <glia/io/safetensors.hpp>
#include <glia/nn/module.hpp>
#include <glia/ops/inplace.hpp>

#include <charconv>
#include <limits>
#include <set>

namespace GLIA_NS::io {

namespace detail {
GLIA_LAZY std::string join_name(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : name.empty() ? prefix : prefix + "." + name;
}

template <class N>
std::string number_text(N value) {
  char digits[40];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

// Random states live in the notes: "random:<path>" -> "<key> <counter>".
GLIA_LAZY std::string random_note(const std::string& name) { return "random:" + name; }

template <class N>
bool parse_number(std::string_view text, N& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}
}  // namespace detail

template <class = void>
class BasicCheckpoint;
using Checkpoint = BasicCheckpoint<>;  // GLIA_LAZY for a class

// Collects the state of a run, then writes it. Add everything and save before the next training step.
template <class>
class BasicCheckpoint {
 public:
  // All parameters, buffers and random states under "prefix.path"; an empty prefix gives the bare paths.
  template <class M>
  BasicCheckpoint& add_module(const std::string& prefix, M& module) {
    nn::visit(module, [&](const std::string& path, auto& object) {
      using X = std::remove_cvref_t<decltype(object)>;
      const std::string name = detail::join_name(prefix, path);
      if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) {
        writer_.add(name, object.tensor());
      } else if constexpr (std::is_same_v<X, nn::RandomState>) {
        writer_.note(detail::random_note(name),
                     detail::number_text(object.generator.key) + " " + detail::number_text(object.generator.counter));
      }
    });
    return *this;
  }

  // All state that optimizer.visit_state(visitor) shows: tensors and numbers. Schedules and the like that have the same
  // member function are saved in the same way.
  template <class O>
  BasicCheckpoint& add_optimizer(const std::string& prefix, O& optimizer) {
    optimizer.visit_state([&](const std::string& path, auto& value) {
      const std::string name = detail::join_name(prefix, path);
      if constexpr (is_tensor<std::remove_cvref_t<decltype(value)>>) {
        writer_.add(name, value);
      } else {
        set(name, value);
      }
    });
    return *this;
  }

  template <class T, class D>
  BasicCheckpoint& add_tensor(const std::string& name, const Tensor<T, D>& tensor) {
    writer_.add(name, tensor);
    return *this;
  }

  // A number, kept exactly, or a text.
  template <class N>
  requires std::is_arithmetic_v<N> BasicCheckpoint& set(const std::string& name, N value) {
    if constexpr (std::is_same_v<N, bool>) {
      writer_.note(name, value ? "1" : "0");
    } else {
      writer_.note(name, detail::number_text(value));
    }
    return *this;
  }
  BasicCheckpoint& set(const std::string& name, std::string_view text) {
    writer_.note(name, std::string(text));
    return *this;
  }

  // Replaces the file; the one before stays under previous_path(path), unless it cannot be opened and an earlier one is there: a good
  // file does not give way to a broken one. Errors: FileError, FormatError.
  void save(const std::filesystem::path& path, AtomicWriteOptions options = {}) const {
    std::error_code ignored;
    if (options.keep_previous && std::filesystem::exists(previous_path(path), ignored) &&
        std::filesystem::exists(path, ignored)) {
      try {
        SafetensorsFile newest(path);
      } catch (const Error&) {
        options.keep_previous = false;
      }
    }
    writer_.save(path, options);
  }

 private:
  SafetensorsWriter writer_;
};

struct LoadOptions {
  bool strict = true;    // raise if anything is missing, unexpected or mismatched; else load what fits
  bool convert = false;  // convert between scalars instead of calling them mismatched
};

// What did not fit, by full name.
struct LoadReport {
  std::vector<std::string> missing;     // in the module, not in the file
  std::vector<std::string> unexpected;  // in the file under the prefix, not in the module
  std::vector<std::string> mismatched;  // with both shapes or scalars

  bool clean() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  // "missing: a, b; mismatched: c ([3] in the file, [4] here)"
  std::string text() const {
    std::string out;
    const auto list = [&](const char* kind, const std::vector<std::string>& names) {
      if (names.empty()) return;
      if (!out.empty()) out += "; ";
      out += kind;
      for (std::size_t i = 0; i < names.size() && i < 10; ++i) out += (i == 0 ? ": " : ", ") + names[i];
      if (names.size() > 10) out += " and " + std::to_string(names.size() - 10) + " more";
    };
    list("missing", missing);
    list("unexpected", unexpected);
    list("mismatched", mismatched);
    return out;
  }
};

template <class = void>
class BasicCheckpointFile;
using CheckpointFile = BasicCheckpointFile<>;  // GLIA_LAZY for a class

// An opened checkpoint. Nothing is changed by a load that raises.
template <class>
class BasicCheckpointFile {
 public:
  explicit BasicCheckpointFile(SafetensorsFile file, std::string problem = {})
      : file_(std::move(file)), problem_(std::move(problem)) {}

  const SafetensorsFile& file() const { return file_; }
  // True if the newest file was unreadable and this is the one before; problem() then says what was wrong.
  bool is_previous() const { return !problem_.empty(); }
  const std::string& problem() const { return problem_; }

  // Loads what add_module saved. Errors: FormatError that lists every name that does not fit (with strict).
  template <class M>
  LoadReport load_module(const std::string& prefix, M& module, LoadOptions options = {}) const {
    Plan plan;
    nn::visit(module, [&](const std::string& path, auto& object) {
      using X = std::remove_cvref_t<decltype(object)>;
      const std::string name = detail::join_name(prefix, path);
      if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) {
        if (fits(name, object.tensor(), options, plan)) plan_copy(name, object.tensor(), plan);
      } else if constexpr (std::is_same_v<X, nn::RandomState>) {
        plan_random(name, object, plan);
      }
    });
    return carry_out(plan, prefix, options, "load_module");
  }

  // Loads what add_optimizer saved. Errors: as load_module.
  template <class O>
  LoadReport load_optimizer(const std::string& prefix, O& optimizer, LoadOptions options = {}) const {
    Plan plan;
    optimizer.visit_state([&](const std::string& path, auto& value) {
      using X = std::remove_cvref_t<decltype(value)>;
      const std::string name = detail::join_name(prefix, path);
      if constexpr (is_tensor<X>) {
        if (fits(name, value, options, plan)) plan_copy(name, value, plan);
      } else {
        plan_number(name, value, plan);
      }
    });
    return carry_out(plan, prefix, options, "load_optimizer");
  }

  bool contains(const std::string& name) const { return file_.contains(name) || file_.note(name).has_value(); }
  // Errors: FormatError if there is no such tensor, number or text, or it is of another kind.
  template <class T, class D = Cpu>
  Tensor<T, D> tensor(const std::string& name) const {
    return file_.get<T, D>(name);
  }
  template <class N = std::int64_t>
  N number(const std::string& name) const {
    const std::string note = text(name);
    N value{};
    if constexpr (std::is_same_v<N, bool>) {
      int digit = 0;
      if (detail::parse_number(note, digit) && (digit == 0 || digit == 1)) return digit == 1;
    } else {
      if (detail::parse_number(note, value)) return value;
    }
    raise<FormatError>("checkpoint", "\"", file_.path().string(), "\": \"", name,
                       "\" is not such a number: ", note.substr(0, 40));
  }
  std::string text(const std::string& name) const {
    if (const auto note = file_.note(name)) return *note;
    raise<FormatError>("checkpoint", "\"", file_.path().string(), "\" has no entry \"", name, "\"");
  }

 private:
  // A load in two phases: compare everything, then change everything or nothing.
  struct Plan {
    LoadReport report;
    std::vector<std::function<void()>> actions;
    std::set<std::string> known;
  };

  template <class T, class D>
  bool fits(const std::string& name, const Tensor<T, D>& here, const LoadOptions& options, Plan& plan) const {
    plan.known.insert(name);
    if (!file_.contains(name)) {
      plan.report.missing.push_back(name);
      return false;
    }
    const SafetensorsEntry& entry = file_.entry(name);
    const bool same_type = entry.type == file_type_of<T>();
    if (entry.shape == here.shape() && (same_type || options.convert)) return true;
    plan.report.mismatched.push_back(
        entry.shape == here.shape() ? glia::text(name, " (", file_type_info(entry.type).safetensors, " in the file, ",
                                                 file_type_info(file_type_of<T>()).safetensors, " here)")
                                    : glia::text(name, " (", entry.shape, " in the file, ", here.shape(), " here)"));
    return false;
  }

  template <class T, class D>
  void plan_copy(const std::string& name, Tensor<T, D>& here, Plan& plan) const {
    const Tensor<T, D> loaded = file_.get_as<T, D>(name);
    plan.actions.push_back([loaded, target = &here] {
      const NoGrad plain;
      target->copy_(loaded);
    });
  }

  void plan_random(const std::string& name, nn::RandomState& here, Plan& plan) const {
    const std::string key = detail::random_note(name);
    plan.known.insert(key);
    const auto note = file_.note(key);
    if (!note) {
      plan.report.missing.push_back(key);
      return;
    }
    Generator loaded;
    const std::size_t blank = std::min(note->find(' '), note->size());
    const std::string_view all = *note;
    if (!detail::parse_number(all.substr(0, blank), loaded.key) ||
        !detail::parse_number(all.substr(std::min(blank + 1, all.size())), loaded.counter)) {
      plan.report.mismatched.push_back(key + " (not a random state)");
      return;
    }
    plan.actions.push_back([loaded, target = &here] { target->generator = loaded; });
  }

  template <class N>
  void plan_number(const std::string& name, N& here, Plan& plan) const {
    plan.known.insert(name);
    const auto note = file_.note(name);
    N loaded{};
    if (!note) {
      plan.report.missing.push_back(name);
    } else if (!detail::parse_number(*note, loaded)) {
      plan.report.mismatched.push_back(name + " (\"" + note->substr(0, 40) + "\" in the file, a number here)");
    } else {
      plan.actions.push_back([loaded, target = &here] { *target = loaded; });
    }
  }

  LoadReport carry_out(Plan& plan, const std::string& prefix, const LoadOptions& options, const char* op) const {
    const std::string start = prefix.empty() ? std::string() : prefix + ".";
    for (const SafetensorsEntry& entry : file_.entries())
      if (entry.name.compare(0, start.size(), start) == 0 && plan.known.count(entry.name) == 0)
        plan.report.unexpected.push_back(entry.name);
    for (const auto& note : file_.notes())
      if (note.first.compare(0, 7 + start.size(), detail::random_note(start)) == 0 && plan.known.count(note.first) == 0)
        plan.report.unexpected.push_back(note.first);
    if (options.strict && !plan.report.clean())
      raise<FormatError>(op, "\"", file_.path().string(), "\" does not fit: ", plan.report.text());
    for (const auto& action : plan.actions) action();
    return plan.report;
  }

  SafetensorsFile file_;
  std::string problem_;
};

// Opens a checkpoint. If it cannot be read, the previous one is opened and a warning says so. Errors: those of the
// newest file, if the previous one cannot be read either.
GLIA_LAZY CheckpointFile load_checkpoint(const std::filesystem::path& path) {
  std::string problem;
  try {
    return CheckpointFile(SafetensorsFile(path));
  } catch (const Error& error) {
    problem = error.what();
    std::error_code ignored;
    if (!std::filesystem::exists(previous_path(path), ignored)) throw;
    try {
      SafetensorsFile previous(previous_path(path));
      warn("the newest checkpoint is unreadable (", problem, "); using the previous one, ",
           previous_path(path).string());
      return CheckpointFile(std::move(previous), problem);
    } catch (const Error&) {
    }
    throw;
  }
}

}  // namespace GLIA_NS::io
