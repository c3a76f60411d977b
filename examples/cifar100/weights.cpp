#include "weights.hpp"

#include "weight_names.hpp"

#include <glia/nn/summary.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace cifar100 {
namespace {

namespace io = glia::io;
constexpr const char* op = "load_weights";

// The first convolution behind the stem: a name that only a backbone of this family has.
std::string landmark(const Backbone<glia::Cpu>& backbone) {
  return has_fixed_stem(backbone) ? "stages.0.widen.weight" : "layer1.0.conv1.weight";
}

// Whether names with this prefix are a training run's averaged weights, which are the ones that it evaluates.
bool is_average(const std::string& prefix) { return prefix.rfind("ema.average.", 0) == 0; }

// Names of the file by their usual form below the prefix.
struct Names {
  std::string prefix;
  std::map<std::string, const WeightFile::Entry*> below;  // by usual name behind the prefix
  std::map<std::string, const WeightFile::Entry*> all;    // by usual name
  std::vector<const WeightFile::Entry*> doubles;          // that have the same usual name as another one
};

Names names_of(const WeightFile& file, const Backbone<glia::Cpu>& backbone, const WeightOptions& options) {
  Names out;
  const std::string mark = landmark(backbone);
  bool found = options.prefix != "auto";
  if (found) {
    out.prefix = options.prefix;
    if (!out.prefix.empty() && out.prefix.back() != '.') out.prefix += '.';
  }
  for (const auto& entry : file.entries()) {
    const std::string usual = usual_name(entry.name);
    if (!out.all.emplace(usual, &entry).second) out.doubles.push_back(&entry);
    if (options.prefix != "auto" || !ends_with(usual, mark)) continue;
    const std::string prefix = usual.substr(0, usual.size() - mark.size());
    if (!prefix.empty() && prefix.back() != '.') continue;
    const bool averaged = file.native() && is_average(prefix), taken = found && is_average(out.prefix);
    if (!found || (averaged && !taken) || (averaged == taken && prefix.size() < out.prefix.size())) out.prefix = prefix;
    found = true;
  }
  if (!found || out.all.count(out.prefix + mark) == 0)
    glia::raise<glia::FormatError>(
        op, "\"", file.path().string(), "\" has no tensor that ends in \"", mark, "\"",
        options.prefix == "auto" ? std::string() : " under the prefix \"" + out.prefix + "\"",
        "; is it the file of another backbone? Its first names: ", [&] {
          std::string list;
          for (std::size_t i = 0; i < file.entries().size() && i < 3; ++i)
            list += (i == 0 ? "" : ", ") + file.entries()[i].name;
          return list.empty() ? std::string("none") : list;
        }());
  for (const auto& [usual, entry] : out.all)
    if (usual.compare(0, out.prefix.size(), out.prefix) == 0) out.below.emplace(usual.substr(out.prefix.size()), entry);
  return out;
}

// "net.backbone." -> "net."
std::string parent_of(const std::string& prefix) {
  if (prefix.empty()) return prefix;
  const auto dot = prefix.find_last_of('.', prefix.size() - 2);
  return dot == std::string::npos ? std::string() : prefix.substr(0, dot + 1);
}

const WeightFile::Entry* find_head(const Names& names, const char* part) {
  for (const std::string& prefix : {names.prefix, parent_of(names.prefix)}) {
    const auto found = names.all.find(prefix + "fc." + part);
    if (found != names.all.end()) return found->second;
  }
  return nullptr;
}

// Convolutions of PyTorch [O, I, KH, KW] as [O, KH, KW, I].
glia::Tensor<float> in_our_layout(const WeightFile& file, const std::string& name) {
  const auto tensor = file.get(name);
  return tensor.rank() == 4 && !file.native() ? tensor.permute({0, 2, 3, 1}).contiguous() : tensor;
}

// What a checkpoint's batch norm in front of the head does in evaluation: scale and shift per feature. FormatError if
// the file holds a part of it, or one of another length.
void fold_feature_norm(const WeightFile& file, const Names& names, glia::Tensor<float>& weight,
                       glia::Tensor<float>& bias) {
  if (!file.native()) return;
  const std::string prefix = parent_of(names.prefix) + "feature_norm.";
  const Index classes = weight.size(0), channels = weight.size(1);
  constexpr const char* parts[] = {"running_mean", "running_var", "weight", "bias"};
  std::vector<float> values[4];
  std::string absent;
  int present = 0;
  for (int i = 0; i < 4; ++i) {
    const auto found = names.all.find(prefix + parts[i]);
    if (found == names.all.end()) {
      if (absent.empty()) absent = prefix + parts[i];
      continue;
    }
    ++present;
    const auto& entry = *found->second;
    if (entry.shape != glia::Shape{channels})
      glia::raise<glia::FormatError>(op, "\"", file.path().string(), "\": ", entry.name, " has shape ", entry.shape,
                                     ", expected ", glia::Shape{channels}, " as the head has ", channels, " features");
    values[i] = file.get(entry.name).to_vector();
  }
  if (present == 0) return;
  if (present < 4)
    glia::raise<glia::FormatError>(op, "\"", file.path().string(), "\": ", absent,
                                   " is missing; expected all four tensors of the normalisation, got ", present);
  const auto& [mean, variance, gain, offset] = values;
  float* w = weight.mutable_data();
  float* b = bias.mutable_data();
  for (Index k = 0; k < classes; ++k) {
    double shift = 0;
    for (Index c = 0; c < channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double factor = static_cast<double>(gain[i]) / std::sqrt(static_cast<double>(variance[i]) + 1e-5);
      const double old = static_cast<double>(w[k * channels + c]);
      shift += old * (static_cast<double>(offset[i]) - factor * static_cast<double>(mean[i]));
      w[k * channels + c] = static_cast<float>(old * factor);
    }
    b[k] = static_cast<float>(static_cast<double>(b[k]) + shift);
  }
}

}  // namespace

WeightFile::WeightFile(std::filesystem::path path) : path_(std::move(path)) {
  if (std::filesystem::is_directory(path_)) path_ /= "checkpoint.safetensors";
  const io::InputFile file(op, path_);
  unsigned char start[9] = {};
  file.read_at(0, std::span<unsigned char>(start, static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 9))));
  if (start[8] == '{') {
    io::SafetensorsFile opened(path_);
    for (const auto& entry : opened.entries()) entries_.push_back({entry.name, entry.shape});
    file_ = std::move(opened);
  } else {
    io::TorchFile opened(path_);
    for (const auto& entry : opened.entries()) entries_.push_back({entry.name, entry.shape});
    file_ = std::move(opened);
  }
  native_ = std::any_of(entries_.begin(), entries_.end(),
                        [](const Entry& e) { return ends_with(e.name, ".running_variance"); });
}

glia::Tensor<float> WeightFile::get(const std::string& name) const {
  if (const auto* file = std::get_if<io::SafetensorsFile>(&file_)) return file->get_as<float>(name);
  return std::get<io::TorchFile>(file_).get_as<float>(name);
}

Index classes_in(const WeightFile& file, const std::string& backbone, const WeightOptions& options) {
  const auto* head = find_head(names_of(file, make_backbone<glia::Cpu>(backbone), options), "weight");
  return head != nullptr && head->shape.rank() == 2 ? head->shape[0] : 0;
}

WeightReport load_weights(const WeightFile& file, PlainClassifier& net, const WeightOptions& options) {
  const Names names = names_of(file, net.backbone, options);
  WeightReport report{file.path().string(), names.prefix, {}};
  std::set<const WeightFile::Entry*> used;
  std::vector<std::function<void()>> actions;  // carried out when all is known to fit
  const auto plan = [&](glia::Tensor<float>& here, glia::Tensor<float> loaded) {
    actions.push_back([target = &here, loaded = std::move(loaded)] {
      const glia::NoGrad plain;
      target->copy_(loaded);
    });
  };
  std::string problems;
  std::size_t problem_count = 0;
  nn::visit(net.backbone, [&](const std::string& path, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) {
      const auto found = names.below.find(usual_name(path));
      WeightRow row{WeightStatus::missing, path, {}, {}};
      if (found != names.below.end()) {
        const auto& entry = *found->second;
        row.theirs = entry.name;
        used.insert(&entry);
        auto loaded = in_our_layout(file, entry.name);
        const glia::Shape& wanted = object.shape();
        if (loaded.shape() == wanted) {
          row.status = WeightStatus::loaded;
          plan(object.tensor(), std::move(loaded));
        } else if (path == "conv1.weight" && loaded.rank() == 4 && loaded.size(0) == wanted[0] &&
                   loaded.size(3) == wanted[3] && loaded.size(1) > wanted[1] && loaded.size(1) == loaded.size(2) &&
                   loaded.size(1) % 2 == 1) {
          row.status = WeightStatus::adapted;
          row.note = glia::text(loaded.size(1), "x", loaded.size(2), " stem to ", wanted[1], "x", wanted[2],
                                options.stem == StemFit::area ? ", by area" : ", its middle");
          plan(object.tensor(), fit_stem(loaded, wanted[1], options.stem));
        } else {
          row.note = glia::text("shape ", loaded.shape(), " in the file, ", wanted, " here");
        }
      }
      if (row.status == WeightStatus::missing && ++problem_count <= 4)
        problems += (problems.empty() ? "" : ", ") + path + (row.note.empty() ? "" : " (" + row.note + ")");
      report.rows.push_back(std::move(row));
    }
  });
  if (problem_count > 0 && !options.partial)
    glia::raise<glia::FormatError>(
        op, "\"", file.path().string(), "\" does not hold all of the backbone; missing or of another shape: ", problems,
        problem_count > 4 ? " and " + std::to_string(problem_count - 4) + " more" : std::string());
  const auto* weight = find_head(names, "weight");
  const auto* bias = find_head(names, "bias");
  for (const auto* part : {weight, bias})
    if (part != nullptr) used.insert(part);
  if (net.head) {
    const glia::Shape wanted = net.head->weight.shape();
    WeightRow row{WeightStatus::missing, "head", weight != nullptr ? weight->name : std::string(), {}};
    if (weight != nullptr && weight->shape == wanted && (bias == nullptr || bias->shape == glia::Shape{wanted[0]})) {
      auto w = file.get(weight->name).clone();
      auto b = bias != nullptr ? file.get(bias->name).clone() : glia::zeros({wanted[0]});
      fold_feature_norm(file, names, w, b);
      plan(net.head->weight.tensor(), std::move(w));
      plan(net.head->bias.tensor(), std::move(b));
      row.status = WeightStatus::loaded;
      report.head = true;
    } else if (weight != nullptr && weight->shape.rank() == 2) {
      row.status = WeightStatus::adapted;
      row.note = glia::text(weight->shape[0], " classes of ", weight->shape[1], " features in the file, ", wanted[0],
                            " of ", wanted[1], " here: starts afresh");
    }
    report.rows.push_back(std::move(row));
  }
  for (const auto& entry : file.entries()) {
    if (used.count(&entry) != 0) continue;
    const bool below = usual_name(entry.name).compare(0, names.prefix.size(), names.prefix) == 0;
    if (!below) {
      ++report.outside;
      continue;
    }
    const bool counter = ends_with(entry.name, "num_batches_tracked");
    report.rows.push_back(
        {WeightStatus::unexpected, {}, entry.name, counter ? "a counter that is not needed here" : ""});
  }
  for (const auto& action : actions) action();
  return report;
}

void save_pytorch(const std::filesystem::path& path, PlainClassifier& net,
                  const std::vector<std::pair<std::string, std::string>>& notes) {
  io::SafetensorsWriter writer;
  nn::visit(net, [&](const std::string& full, auto& object) {
    using X = std::remove_cvref_t<decltype(object)>;
    if constexpr (nn::is_parameter<X> || nn::is_buffer<X>) {
      std::string name = usual_name(full);  // head.weight -> fc.weight
      if (name.compare(0, 9, "backbone.") == 0) name = name.substr(9);
      const glia::Tensor<float> tensor = object.tensor().detach();
      writer.add(name, tensor.rank() == 4 ? tensor.permute({0, 3, 1, 2}).contiguous() : tensor);
      if (ends_with(name, "running_var"))
        writer.add(name.substr(0, name.size() - 11) + "num_batches_tracked", glia::zeros<std::int64_t>({}));
    }
  });
  writer.note("format", "pt");
  for (const auto& [key, value] : notes) writer.note(key, value);
  writer.save(path);
}

}  // namespace cifar100
