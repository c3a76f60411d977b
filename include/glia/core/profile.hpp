#pragma once
// Where the time of a program goes: nested, timed spans that ops, layers, the backward pass and optimizers open.
// train/profiler.hpp collects and reports them. While nobody collects, a span costs one relaxed load.

#include <glia/core/config.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace GLIA_NS::profile {

// What an operation is part of. What runs inside a backward, update or data span belongs to the same phase.
enum class Phase : std::uint8_t { forward, backward, update, data };

// Text for tables and traces.
constexpr const char* phase_name(Phase phase) {
  constexpr const char* names[] = {"forward", "backward", "update", "data"};
  return names[static_cast<int>(phase)];
}

// What is counted during a span, outside the spans inside it. Bytes are those of the tensors an op reads and writes,
// each once; FLOPs are two per multiply-add, of ops that know them. Allocations count calls of the caching allocators,
// system_allocations those that had to ask the operating system.
struct Counters {
  std::int64_t bytes = 0, flops = 0, allocations = 0, allocated_bytes = 0, system_allocations = 0;
};

// A finished span. Texts are numbers in Collector's list.
struct Event {
  std::uint32_t name = 0;    // of the op, or of the module or range itself
  std::uint32_t path = 0;    // of the innermost module or range around it (its own for those)
  std::uint32_t thread = 0;  // 0, 1, ... in the order of appearance
  std::uint32_t depth = 0;   // number of spans around it on its thread
  Phase phase = Phase::forward;
  bool section = false;                         // a module or a range of the user's, not an op
  bool nested = false;                          // inside a span of the same op and phase: not a call of its own
  std::int64_t begin = 0, end = 0, inside = 0;  // ns of the steady clock; ns of the spans directly inside
  Counters counters;
};

namespace detail {
// Number of the running collection; 0 while there is none.
inline constinit std::atomic<std::uint32_t> collection{0};
}  // namespace detail

// Whether spans are being collected.
inline bool collecting() noexcept { return detail::collection.load(std::memory_order_relaxed) != 0; }

// Holds what was collected. One per process, never destroyed: other threads may be inside a span when collection ends;
// such spans are dropped.
class Collector {
 public:
  struct Result {
    std::vector<std::string> texts;
    std::vector<Event> events;
  };

  static Collector& instance() {
    static Collector* collector = new Collector;
    return *collector;
  }

  // Begins a collection; false if one is running.
  bool start() {
    const std::lock_guard lock(mutex_);
    if (collecting()) return false;
    result_ = Result();
    numbers_.clear();
    paths_.clear();
    threads_.clear();
    if (++latest_ == 0) ++latest_;
    detail::collection.store(latest_, std::memory_order_relaxed);
    return true;
  }
  // Ends it and hands over what was collected.
  Result stop() {
    const std::lock_guard lock(mutex_);
    detail::collection.store(0, std::memory_order_relaxed);
    return std::exchange(result_, Result());
  }

  // The number of a text.
  std::uint32_t number(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return number_unlocked(text);
  }
  void add(std::uint32_t of_collection, Event& event, const void* thread) {
    const std::lock_guard lock(mutex_);
    if (of_collection != detail::collection.load(std::memory_order_relaxed)) return;
    event.thread = threads_.try_emplace(thread, static_cast<std::uint32_t>(threads_.size())).first->second;
    result_.events.push_back(event);
  }
  // Remembers under which path a graph node was recorded, for its backward span.
  void set_path(std::uint64_t node, std::uint32_t path) {
    const std::lock_guard lock(mutex_);
    paths_[node] = path;
  }
  std::uint32_t path_of(std::uint64_t node) {
    const std::lock_guard lock(mutex_);
    const auto found = paths_.find(node);
    return found == paths_.end() ? number_unlocked("") : found->second;
  }

 private:
  std::uint32_t number_unlocked(std::string_view text) {
    const auto [at, fresh] = numbers_.try_emplace(std::string(text), static_cast<std::uint32_t>(result_.texts.size()));
    if (fresh) result_.texts.emplace_back(text);
    return at->second;
  }

  std::mutex mutex_;
  std::uint32_t latest_ = 0;
  Result result_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::unordered_map<std::uint64_t, std::uint32_t> paths_;
  std::unordered_map<const void*, std::uint32_t> threads_;
};

namespace detail {

struct OpenSpan {
  OpenSpan* parent = nullptr;
  std::uint32_t collection = 0;
  Event event;
};

// The innermost open span of this thread.
inline OpenSpan*& innermost() noexcept {
  thread_local OpenSpan* span = nullptr;
  return span;
}

inline std::int64_t nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// `path` is the number of a module's or range's text, or empty for an op, which inherits it.
[[gnu::noinline]] inline OpenSpan* open(std::string_view name, Phase phase, bool section, std::int64_t node = -1) {
  auto& collector = Collector::instance();
  auto span = std::make_unique<OpenSpan>();
  span->collection = collection.load(std::memory_order_relaxed);
  OpenSpan* parent = innermost();
  if (parent != nullptr && parent->collection != span->collection) parent = nullptr;
  Event& event = span->event;
  event.name = collector.number(name);
  event.phase = phase == Phase::forward && parent != nullptr ? parent->event.phase : phase;
  event.section = section;
  event.depth = parent != nullptr ? parent->event.depth + 1 : 0;
  if (section)
    event.path = event.name;
  else if (node >= 0)
    event.path = collector.path_of(static_cast<std::uint64_t>(node));
  else
    event.path = parent != nullptr ? parent->event.path : collector.number("");
  for (const OpenSpan* outer = parent; outer != nullptr && !event.nested && !section; outer = outer->parent)
    event.nested = !outer->event.section && outer->event.name == event.name && outer->event.phase == event.phase;
  span->parent = innermost();
  innermost() = span.get();
  event.begin = nanoseconds();
  return span.release();
}

[[gnu::noinline]] inline void close(OpenSpan* open_span) noexcept {
  const std::unique_ptr<OpenSpan> span(open_span);
  Event& event = span->event;
  event.end = nanoseconds();
  innermost() = span->parent;
  if (span->parent != nullptr && span->parent->collection == span->collection)
    span->parent->event.inside += event.end - event.begin;
  try {
    Collector::instance().add(span->collection, event, &innermost());
  } catch (...) {  // out of memory: the event is lost
  }
}

[[gnu::noinline]] inline void count(const Counters& more) noexcept {
  OpenSpan* span = innermost();
  if (span == nullptr) return;
  Counters& c = span->event.counters;
  c.bytes += more.bytes, c.flops += more.flops, c.allocations += more.allocations;
  c.allocated_bytes += more.allocated_bytes, c.system_allocations += more.system_allocations;
}

[[gnu::noinline]] inline void note_path(std::uint64_t node) {
  const OpenSpan* span = innermost();
  if (span != nullptr && span->collection == collection.load(std::memory_order_relaxed))
    Collector::instance().set_path(node, span->event.path);
}

}  // namespace detail

// Times one operation: `const profile::Span span("conv2d");` as the first line of the op.
class Span {
 public:
  explicit Span(const char* name, Phase phase = Phase::forward)
      : open_(collecting() ? detail::open(name, phase, false) : nullptr) {}
  // The backward pass of the graph node with this sequence number; it belongs to the module that recorded the node.
  Span(const char* name, std::uint64_t node)
      : open_(collecting() ? detail::open(name, Phase::backward, false, static_cast<std::int64_t>(node)) : nullptr) {}
  ~Span() {
    if (open_ != nullptr) detail::close(open_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  detail::OpenSpan* open_;
};

// Times a part of a program and gives what runs inside its name as path: `profile::Section section("evaluate");`.
// Layers open one under their path in the module tree.
class Section {
 public:
  explicit Section(const char* path, Phase phase = Phase::forward)
      : open_(collecting() ? detail::open(path, phase, true) : nullptr) {}
  // The path is computed only if somebody listens: path_of() -> std::string. An empty path opens nothing.
  template <class PathOf>
  requires requires(const PathOf& f) { std::string(f()); }
  explicit Section(const PathOf& path_of) : open_(nullptr) {
    if (!collecting()) return;
    const std::string path = path_of();
    if (!path.empty()) open_ = detail::open(path, Phase::forward, true);
  }
  ~Section() {
    if (open_ != nullptr) detail::close(open_);
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

 private:
  detail::OpenSpan* open_;
};

// Adds to the counters of the innermost span of this thread.
inline void count(const Counters& more) noexcept {
  if (collecting()) detail::count(more);
}
inline void count_flops(std::int64_t flops) noexcept {
  if (collecting()) detail::count({.flops = flops});
}
inline void count_bytes(std::int64_t bytes) noexcept {
  if (collecting()) detail::count({.bytes = bytes});
}
// Called when a graph node is recorded.
inline void note_node(std::uint64_t sequence) {
  if (collecting()) detail::note_path(sequence);
}

}  // namespace GLIA_NS::profile
