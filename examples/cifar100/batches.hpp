#pragma once
// The batches of a run: augmented, mixed and rotated by the loader's workers, without end and from any step.

#include "run_data.hpp"

#include <glia/data/jigsaw.hpp>
#include <glia/data/loader.hpp>
#include <glia/data/mix.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/join.hpp>

namespace cifar100 {

// Batch after batch, epoch after epoch of a loader.
class Stream {
 public:
  explicit Stream(glia::data::Loader loader) : loader_(std::move(loader)) {}

  // The next batch will be the one of this step, counted from the start of the run.
  void seek(std::int64_t step) { loader_.set_state({step / loader_.batches(), step % loader_.batches()}); }
  glia::data::Batch next() {
    glia::data::Batch batch;
    while (!loader_.next(batch)) {
    }
    return batch;
  }
  glia::Index batches() const { return loader_.batches(); }
  glia::Index images_per_batch() const { return loader_.options().batch; }

 private:
  glia::data::Loader loader_;
};

// Applies the spatial task to the first `share` of the images in place (batches are shuffled, so it is a random part)
// and returns its labels; the other images stay as they are, and their label is one that the loss ignores.
inline glia::Tensor<std::int64_t> apply_spatial(const Objective& o, glia::Tensor<float>& images,
                                                const std::vector<glia::Index>& samples, std::uint64_t key) {
  const glia::Index count = images.size(0);
  const glia::Index drawn = std::max<glia::Index>(std::llround(o.spatial_share * static_cast<double>(count)), 1);
  const auto apply = [&](glia::Tensor<float>& part) {
    const std::span<const glia::Index> numbers(samples.data(), static_cast<std::size_t>(part.size(0)));
    if (o.spatial == "rotation") return glia::data::rotate_at_random(part, numbers, key);
    if (o.spatial == "jigsaw") return glia::data::shuffle_patches(part, numbers, key);
    return glia::data::rotate_quadrants(part, numbers, key);
  };
  if (drawn >= count) return apply(images);
  auto part = images.slice(0, {0, drawn});
  const auto ignored = glia::full<std::int64_t>({count - drawn}, glia::CrossEntropyOptions{}.ignore_index);
  return glia::concat<std::int64_t, glia::Cpu>({apply(part), ignored}, 0);
}

// Mixes the images of a batch in both views alike, so that the views stay views of one image. `labels` become those of
// the larger part.
inline void mix(glia::data::Batch& batch, const Options& o, glia::Index classes, std::uint64_t key) {
  const bool both = o.mixup > 0 && o.cutmix > 0;
  const bool cut = both ? glia::data::SampleRandom(~key, batch.number).coin(0.5f) : o.cutmix > 0;
  const auto apply = [&](const glia::Tensor<float>& images) {
    return cut ? glia::data::cutmix(images, batch.labels, classes, o.cutmix, key, batch.number)
               : glia::data::mixup(images, batch.labels, classes, o.mixup, key, batch.number);
  };
  if (batch.second_view.defined()) batch.second_view = apply(batch.second_view).images;
  auto mixed = apply(batch.images);
  batch.images = std::move(mixed.images);
  batch.targets = std::move(mixed.targets);
  if (mixed.share >= 0.5f) return;
  const auto before = batch.labels.to_vector();
  for (std::size_t i = 0; i < before.size(); ++i)
    batch.labels.mutable_data()[i] = before[static_cast<std::size_t>(mixed.partners[i])];
}

// What happens to every batch in the worker that makes it: mixing (labelled images only), then the spatial task on each
// view.
inline glia::data::BatchHook batch_hook(const Options& o, glia::Index classes, bool labelled) {
  const bool mixes = labelled && (o.mixup > 0 || o.cutmix > 0), spatial = o.objective.spatial != "none";
  if (!mixes && !spatial) return {};
  return [o, classes, mixes, spatial](glia::data::Batch& batch, std::uint64_t seed) {
    using glia::data::RandomUse, glia::data::random_key;
    if (mixes) mix(batch, o, classes, random_key(batch, seed, RandomUse::mix));
    if (!spatial) return;
    batch.spatial_labels =
        apply_spatial(o.objective, batch.images, batch.positions, random_key(batch, seed, RandomUse::spatial));
    if (!batch.second_view.defined()) return;
    const auto second =
        apply_spatial(o.objective, batch.second_view, batch.positions, random_key(batch, seed, RandomUse::user));
    batch.spatial_labels = glia::concat<std::int64_t, glia::Cpu>({batch.spatial_labels, second});
  };
}

// How many images of each kind a step takes. With two views half as many, so that the number of augmented images per
// step stays the same; with partial labels in the given ratio, and the labelled number does not depend on
// `labelled_only`.
struct StepSizes {
  glia::Index labelled = 0, unlabelled = 0;
};
inline StepSizes step_sizes(const Options& o, const RunData& data) {
  const glia::Index images = two_views(o.objective) ? o.batch / 2 : o.batch;
  if (o.labels == 0) return {std::min(images, data.train.size()), 0};
  StepSizes out;
  out.labelled = std::max<glia::Index>(std::llround(static_cast<double>(images) / (1 + o.unlabelled_ratio)), 1);
  out.unlabelled = data.unlabelled.labels.defined() && !o.labelled_only ? images - out.labelled : 0;
  out.labelled = std::min(out.labelled, data.train.size());
  if (data.unlabelled.labels.defined()) out.unlabelled = std::min(out.unlabelled, data.unlabelled.size());
  return out;
}

// The augmented images of a step.
inline glia::Index images_per_step(const Options& o, const RunData& data) {
  const StepSizes sizes = step_sizes(o, data);
  const glia::Index images = sizes.labelled + sizes.unlabelled;
  return two_views(o.objective) ? 2 * images : images;
}

// A stream of `images` per step of a set.
inline Stream make_stream(const Options& o, const glia::data::Dataset& set, glia::Index images, bool labelled) {
  return Stream(glia::data::Loader(
      set,
      {.batch = images,
       .shuffle = true,
       .drop_last = set.size() >= images,
       .seed = labelled ? o.seed : o.seed ^ 0x756e6c61u,
       .workers = glia::num_threads() > 4 ? 2 : 0,
       .views = two_views(o.objective) ? 2 : 1},
      {.normalization = glia::data::cifar100_normalization, .flip = true, .shift = o.shift, .cutout = o.cutout},
      batch_hook(o, set.classes, labelled)));
}

}  // namespace cifar100
