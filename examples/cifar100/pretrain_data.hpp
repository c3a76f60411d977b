#pragma once
// The images of a pre-training: where they come from, how they are augmented, and which serve the probes.

#include "image_folder.hpp"
#include "pretrain.hpp"

#include <glia/data/augment.hpp>
#include <glia/data/synthetic.hpp>

#include <cstdlib>

namespace cifar100 {

// Images to learn from, and labelled ones for the probes (none: undefined).
struct PretrainData {
  glia::data::Dataset train, bank, held_out;
  glia::data::Normalization normalization;
};

inline PretrainData load_pretrain_data(const PretrainOptions& o) {
  PretrainData out;
  glia::data::Dataset all;
  out.normalization = glia::data::cifar100_normalization;
  if (!o.images.empty()) {
    all = load_image_folder(o.images, o.size);
  } else if (o.synthetic) {
    all = glia::data::synthetic({.count = 10'000, .seed = 1});
  } else {
    std::string folder = o.data;
    if (folder.empty())
      if (const char* variable = std::getenv("GLIA_DATA")) folder = variable;
    if (folder.empty())
      glia::raise<glia::ValueError>(
          "pretrain",
          "no data: give --data DIR (CIFAR files) or --images DIR (PNG, JPEG), set GLIA_DATA, or try --synthetic");
    all = o.set == "cifar10" ? glia::data::load_cifar10(folder).train : glia::data::load_cifar100(folder).train;
    if (o.set == "cifar10") out.normalization = glia::data::cifar10_normalization;
  }
  if (all.classes > 1 && all.size() >= 10) {
    // The same split as training has, so that no validation image is ever seen.
    auto split = glia::data::stratified_split(all, all.size() / 10, 20260302);
    out.train = std::move(split.train);
    out.held_out =
        glia::data::stratified_subset(split.validation, std::min<glia::Index>(split.validation.size(), 2000), 7);
    out.bank = glia::data::stratified_subset(out.train, std::min<glia::Index>(out.train.size(), 10'000), 7);
  } else {
    out.train = all;
  }
  if (!o.images.empty()) out.normalization = glia::data::measure_normalization(out.train);
  if (o.limit_train > 0 && o.limit_train < out.train.size())
    out.train = glia::data::stratified_subset(out.train, o.limit_train, o.seed);
  return out;
}

// Crops, flips, colour changes and greys: SimCLR's views for small images, without blur. `side` of the views, pixels;
// 0: that of the images.
inline glia::data::AugmentOptions views_of(const glia::data::Normalization& normalization, glia::Index side) {
  glia::data::AugmentOptions out;
  out.size = side;
  out.normalization = normalization;
  out.flip = true;
  out.resized_crop = true;
  out.jitter_probability = 0.8f;
  out.grey_probability = 0.2f;
  return out;
}

}  // namespace cifar100
