#pragma once
// Weights of backbones from elsewhere and for elsewhere: safetensors, PyTorch's .pt and .pth, and this program's
// checkpoints; names of torchvision, timm and the common CIFAR ResNets.

#include "plain_classifier.hpp"

#include <glia/io/safetensors.hpp>
#include <glia/io/torch_file.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace cifar100 {

// A file of named tensors in any of the formats; a folder stands for the checkpoint in it. Errors: glia::Error.
class WeightFile {
 public:
  explicit WeightFile(std::filesystem::path path);

  struct Entry {
    std::string name;
    glia::Shape shape;
  };
  const std::filesystem::path& path() const { return path_; }
  const std::vector<Entry>& entries() const { return entries_; }
  // Written by this program's training, with convolutions as [O, KH, KW, I].
  bool native() const { return native_; }
  glia::Tensor<float> get(const std::string& name) const;

 private:
  std::filesystem::path path_;
  std::variant<std::monostate, glia::io::SafetensorsFile, glia::io::TorchFile> file_;
  std::vector<Entry> entries_;
  bool native_ = false;
};

enum class WeightStatus { loaded, adapted, missing, unexpected };

struct WeightRow {
  WeightStatus status;
  std::string ours, theirs;  // names here and in the file; empty where there is none
  std::string note;
};

struct WeightReport {
  std::string source, prefix;  // what stands before the backbone's names in the file
  std::vector<WeightRow> rows;
  std::size_t outside = 0;  // tensors of the file that do not lie under the prefix: optimizer state and the like
  bool head = false;        // the head's weights were taken

  std::size_t count(WeightStatus status) const;
  // A line per tensor, and the counts. `all`: also those that were simply loaded.
  std::string text(bool all) const;
};

// How the 7x7 stem of an ImageNet network becomes the 3x3 stem of a 32-pixel network. Its response to a constant image
// is kept by `area` (each of the 3x3 taps is the sum over its share of the 7x7 window, 7/3 pixels wide), its filter
// norm by `crop` (the middle 3x3 taps, scaled).
enum class StemFit { area, crop };

struct WeightOptions {
  std::string prefix = "auto";  // "auto": averaged weights (--ema) if the file has them, else the shortest
  StemFit stem = StemFit::area;
  bool partial = false;  // allow backbone tensors that are not in the file
};

// Fits 4-d stem filters [O, KH, KW, I] to `size` x `size` taps.
glia::Tensor<float> fit_stem(const glia::Tensor<float>& filters, Index size, StemFit fit);

// Copies weights of the file into the network. The head is taken if the file has one with as many classes; a
// checkpoint's feature normalisation is folded into it. FormatError if no backbone of this kind is in the file, or
// (unless partial) a tensor of the backbone is missing or has another shape; the network is then unchanged.
WeightReport load_weights(const WeightFile& file, PlainClassifier& net, const WeightOptions& options = {});

// The classes of the file's head, 0 if it has none (or no backbone of this kind).
Index classes_in(const WeightFile& file, const std::string& backbone, const WeightOptions& options = {});

// Writes a network with PyTorch's names and layouts ([O, I, KH, KW]; fc for the head), so that load_state_dict takes it
// as it is.
void save_pytorch(const std::filesystem::path& path, PlainClassifier& net,
                  const std::vector<std::pair<std::string, std::string>>& notes);

}  // namespace cifar100
