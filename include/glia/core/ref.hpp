#pragma once
// Intrusive reference counting whose destruction never recurses, so that chains of any length can be dropped.

#include <glia/core/config.hpp>

#include <atomic>
#include <utility>

namespace GLIA_NS {

// Base of shared, type-erased objects (storages, tensor implementations, graph nodes). The object is deleted when
// its last Ref goes; objects that die while another one is being deleted are queued, not nested.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  virtual ~RefCounted() = default;

  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  // Out of line, as every handle of every op ends in it.
  [[gnu::noinline]] void release_ref() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<RefCounted*>(this)->bury();
  }
  int use_count() const noexcept { return count_.load(std::memory_order_acquire); }

 private:
  struct Graveyard {
    RefCounted* head = nullptr;
    bool draining = false;
  };

  void bury() noexcept {
    thread_local Graveyard yard;
    next_dead_ = yard.head;
    yard.head = this;
    if (yard.draining) return;
    yard.draining = true;
    while (yard.head != nullptr) {
      RefCounted* dead = yard.head;
      yard.head = dead->next_dead_;
      delete dead;
    }
    yard.draining = false;
  }

  mutable std::atomic<int> count_{0};
  RefCounted* next_dead_ = nullptr;
};

// Shared pointer to a RefCounted object.
template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  Ref(std::nullptr_t) noexcept {}
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->retain();
  }
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& other) noexcept : Ref(static_cast<T*>(other.get())) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->release_ref();
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace GLIA_NS
