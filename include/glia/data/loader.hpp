#pragma once
// Batches of a data set, shuffled, augmented and prefetched; the same for a seed at any number of workers.

#include <glia/data/transforms.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace GLIA_NS::data {

// What randomness is for; each use has numbers of its own (see epoch_key).
enum class RandomUse : std::uint64_t { shuffle = 0, mix = 1, spatial = 2, user = 3, view = 16 };

// `auto& [images, labels] : loader` gives the first two; the rest is there by name.
struct Batch {
  Tensor<float> images;                 // [N, H, W, C]
  Tensor<std::int64_t> labels;          // [N]
  Tensor<std::int64_t> coarse;          // [N]; undefined for a set without superclasses
  Tensor<float> second_view;            // as images, augmented anew; undefined unless LoaderOptions::views is 2
  Tensor<float> targets;                // [N, classes] soft targets, for hooks that mix samples
  Tensor<std::int64_t> spatial_labels;  // [N], for hooks that rotate
  std::vector<Index> positions;         // of the samples in the data set
  std::int64_t epoch = 0;
  Index number = 0;  // of the batch in its epoch

  Index size() const { return labels.numel(); }

  template <std::size_t I>
  auto& get() {
    if constexpr (I == 0) {
      return images;
    } else {
      return labels;
    }
  }
};

struct LoaderOptions {
  Index batch = 128;
  bool shuffle = true;
  bool drop_last = false;  // leave out a last batch that is not full
  std::uint64_t seed = 0;
  int workers = 1;     // background threads; 0 makes each batch when it is asked for, with all threads
  Index prefetch = 4;  // batches that may wait, at least 1
  int views = 1;       // 2: Batch::second_view as well
};

// Where a run stands: `position` batches of `epoch` were handed out.
struct LoaderState {
  std::int64_t epoch = 0;
  Index position = 0;
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

// Runs on every finished batch, in a worker: mix, rotate, ... It must draw from keys of (seed, epoch) and the batch's
// samples only; random_key gives them.
using BatchHook = std::function<void(Batch& batch, std::uint64_t seed)>;

GLIA_LAZY std::uint64_t random_key(const Batch& batch, std::uint64_t seed, RandomUse use) {
  return epoch_key(seed, batch.epoch, static_cast<std::uint64_t>(use));
}

namespace detail {

// All that is needed to make any batch; shared by the workers.
struct BatchSource {
  Dataset set;
  LoaderOptions options;
  Augment augment;
  BatchHook hook;

  Index batches() const {
    return options.drop_last ? set.size() / options.batch : (set.size() + options.batch - 1) / options.batch;
  }

  Batch make(const std::vector<Index>& order, std::int64_t epoch, Index number) const {
    const profile::Span span("make batch", profile::Phase::data);
    Batch out;
    out.epoch = epoch;
    out.number = number;
    const Index first = number * options.batch, last = std::min(first + options.batch, set.size());
    out.positions.assign(order.begin() + first, order.begin() + last);
    const auto view_key = [&](std::uint64_t view) {
      return epoch_key(options.seed, epoch, static_cast<std::uint64_t>(RandomUse::view) + view);
    };
    out.images = augment(set.images, out.positions, view_key(0));
    if (options.views == 2) out.second_view = augment(set.images, out.positions, view_key(1));
    out.labels = pick(set.labels, out.positions);
    if (set.coarse.defined()) out.coarse = pick(set.coarse, out.positions);
    if (hook) hook(out, options.seed);
    return out;
  }

  std::vector<Index> order(std::int64_t epoch) const {
    if (options.shuffle)
      return random_order(set.size(), epoch_key(options.seed, epoch, static_cast<std::uint64_t>(RandomUse::shuffle)));
    std::vector<Index> out(static_cast<std::size_t>(set.size()));
    std::iota(out.begin(), out.end(), Index{0});
    return out;
  }

 private:
  static Tensor<std::int64_t> pick(const Tensor<std::int64_t>& values, const std::vector<Index>& positions) {
    auto out = Tensor<std::int64_t>::empty({static_cast<Index>(positions.size())});
    std::int64_t* target = out.mutable_data();
    for (std::size_t i = 0; i < positions.size(); ++i) target[i] = values.data()[positions[i]];
    return out;
  }
};

template <class = void>
class BasicEpochRun;
using EpochRun = BasicEpochRun<>;  // GLIA_LAZY for a class

// The rest of one epoch, made in the background and handed out in order.
template <class>
class BasicEpochRun {
 public:
  BasicEpochRun(std::shared_ptr<const BatchSource> source, LoaderState from)
      : source_(std::move(source)),
        epoch_(from.epoch),
        order_(source_->order(from.epoch)),
        made_(from.position),
        taken_(from.position),
        end_(source_->batches()) {
    slots_.resize(static_cast<std::size_t>(std::max<Index>(source_->options.prefetch, 1)));
    const auto useful = std::min<Index>(source_->options.workers, end_ - made_);
    try {
      for (Index i = 0; i < useful; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  BasicEpochRun(const BasicEpochRun&) = delete;
  BasicEpochRun& operator=(const BasicEpochRun&) = delete;
  ~BasicEpochRun() { stop(); }

  bool done() const { return taken_ == end_; }

  // The next batch; rethrows what its making threw.
  Batch next() {
    if (workers_.empty()) {
      Batch out = source_->make(order_, epoch_, taken_);
      ++taken_;
      return out;
    }
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[static_cast<std::size_t>(taken_) % slots_.size()];
    ready_.wait(lock, [&] { return slot.full; });
    slot.full = false;
    const std::exception_ptr failure = std::exchange(slot.failure, nullptr);
    Batch out = std::move(slot.batch);
    slot.batch = Batch();
    ++taken_;
    lock.unlock();
    free_.notify_all();
    if (failure) std::rethrow_exception(failure);
    return out;
  }

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr failure;
    bool full = false;
  };

  void work() {
    set_num_threads(1);  // the training step has the other cores
    for (;;) {
      Index number = 0;
      {
        std::unique_lock lock(mutex_);
        free_.wait(lock, [&] { return stop_ || made_ == end_ || made_ - taken_ < static_cast<Index>(slots_.size()); });
        if (stop_ || made_ == end_) return;
        number = made_++;
      }
      Batch batch;
      std::exception_ptr failure;
      try {
        batch = source_->make(order_, epoch_, number);
      } catch (...) {
        failure = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        Slot& slot = slots_[static_cast<std::size_t>(number) % slots_.size()];
        slot.batch = std::move(batch);
        slot.failure = failure;
        slot.full = true;
      }
      ready_.notify_one();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    free_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  std::shared_ptr<const BatchSource> source_;
  std::int64_t epoch_;
  std::vector<Index> order_;
  std::mutex mutex_;
  std::condition_variable ready_, free_;
  std::vector<Slot> slots_;
  Index made_, taken_, end_;  // numbers of the next batch to make, of the next to hand out, and past the last
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace detail

template <class = void>
class BasicLoader;
// A template only so that programs compile what they use of it; there is one.
using Loader = BasicLoader<>;

// Gives the batches of one epoch to each range-for loop: the first loop epoch 0, the second epoch 1, and so on. A loop
// left by `break` goes on with its next batch in the next loop; start(epoch) begins anew. state() and set_state() save
// and resume a run: what follows is bit for bit what an uninterrupted run gives.
template <class>
class BasicLoader {
 public:
  // Errors: ShapeError, ValueError.
  explicit BasicLoader(Dataset set, const LoaderOptions& options = {}, const AugmentOptions& augment = {},
                       BatchHook hook = {});
  BasicLoader(BasicLoader&&) noexcept;
  BasicLoader& operator=(BasicLoader&&) noexcept;
  ~BasicLoader();

  // Batches and samples of an epoch.
  Index batches() const { return source_->batches(); }
  Index samples() const {
    return source_->options.drop_last ? batches() * source_->options.batch : source_->set.size();
  }
  const Dataset& dataset() const { return source_->set; }
  const LoaderOptions& options() const { return source_->options; }

  LoaderState state() const { return state_; }
  // Errors: ValueError if there is no such position.
  void set_state(LoaderState state) {
    if (state.epoch < 0 || state.position < 0 || state.position > batches())
      raise<ValueError>("loader", "no position ", state.position, " in epoch ", state.epoch, " of ", batches(),
                        " batches");
    run_.reset();
    state_ = state;
  }
  void start(std::int64_t epoch) { set_state({epoch, 0}); }

  // The next batch of this epoch, or false at its end, where the epoch number moves on; the loop below in other words.
  // What the making of a batch throws comes out here, and the next call tries the same batch again.
  bool next(Batch& batch);

  struct End {};
  class Iterator {
   public:
    explicit Iterator(BasicLoader* loader) : loader_(loader) { ++*this; }
    Batch& operator*() { return batch_; }
    Iterator& operator++() {
      if (!loader_->next(batch_)) loader_ = nullptr;
      return *this;
    }
    bool operator!=(End) const { return loader_ != nullptr; }

   private:
    BasicLoader* loader_;
    Batch batch_;
  };
  Iterator begin() { return Iterator(this); }
  End end() const { return {}; }

 private:
  std::shared_ptr<const detail::BatchSource> source_;
  LoaderState state_;
  std::unique_ptr<detail::EpochRun> run_;
};

template <class V>
BasicLoader<V>::BasicLoader(Dataset set, const LoaderOptions& options, const AugmentOptions& augment, BatchHook hook) {
  detail::require_dataset("loader", set);
  if (options.batch < 1) raise<ValueError>("loader", "batch must be at least 1, got ", options.batch);
  if (options.workers < 0) raise<ValueError>("loader", "workers must be at least 0, got ", options.workers);
  if (options.views != 1 && options.views != 2)
    raise<ValueError>("loader", "views must be 1 or 2, got ", options.views);
  source_ = std::make_shared<const detail::BatchSource>(
      detail::BatchSource{std::move(set), options, Augment(augment), std::move(hook)});
}
template <class V>
BasicLoader<V>::BasicLoader(BasicLoader&&) noexcept = default;
template <class V>
BasicLoader<V>& BasicLoader<V>::operator=(BasicLoader&&) noexcept = default;
template <class V>
BasicLoader<V>::~BasicLoader() = default;

template <class V>
bool BasicLoader<V>::next(Batch& batch) {
  if (!run_) run_ = std::make_unique<detail::EpochRun>(source_, state_);
  if (run_->done()) {
    run_.reset();
    state_ = {state_.epoch + 1, 0};
    return false;
  }
  try {
    batch = run_->next();
  } catch (...) {
    run_.reset();  // the workers are ahead: the next call makes this batch again, at any number of workers
    throw;
  }
  ++state_.position;
  return true;
}

}  // namespace GLIA_NS::data

template <>
struct std::tuple_size<glia::data::Batch> : std::integral_constant<std::size_t, 2> {};
template <>
struct std::tuple_element<0, glia::data::Batch> {
  using type = glia::Tensor<float>;
};
template <>
struct std::tuple_element<1, glia::data::Batch> {
  using type = glia::Tensor<std::int64_t>;
};
