#pragma once
// Random draws that a checkpointed segment repeats exactly when it is recomputed.

#include <glia/core/config.hpp>

#include <cstdint>
#include <vector>

namespace GLIA_NS::autograd {

// The random-number counters drawn while a segment ran, in order. Tapes nest: recording tapes see every draw inside them, a
// replaying tape answers draws instead of the generator.
class DrawTape {
 public:
  // Makes the tape the innermost one of this thread for the lifetime of the scope.
  class Scope {
   public:
    Scope(DrawTape& tape, bool replay) : tape_(&tape), outer_(innermost()) {
      tape.replaying_ = replay;
      tape.next_ = 0;
      tape.outer_ = outer_;
      innermost() = &tape;
    }
    ~Scope() {
      tape_->outer_ = nullptr;
      innermost() = outer_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    DrawTape* tape_;
    DrawTape* outer_;
  };

  // The counter for the next draw: what `advance()` returns, or, inside a replay, what it returned the first time.
  template <class Advance>
  static std::uint64_t draw(Advance&& advance) {
    DrawTape* source = innermost();
    while (source != nullptr && !(source->replaying_ && source->next_ < source->draws_.size())) source = source->outer_;
    const std::uint64_t counter = source != nullptr ? source->draws_[source->next_++] : advance();
    for (DrawTape* tape = innermost(); tape != source; tape = tape->outer_)
      if (!tape->replaying_) tape->draws_.push_back(counter);
    return counter;
  }

  // Whether the running code repeats an earlier computation: buffers must not be updated again.
  static bool replaying() {
    for (const DrawTape* tape = innermost(); tape != nullptr; tape = tape->outer_)
      if (tape->replaying_) return true;
    return false;
  }

 private:
  static DrawTape*& innermost() {
    thread_local DrawTape* tape = nullptr;
    return tape;
  }

  std::vector<std::uint64_t> draws_;
  std::size_t next_ = 0;
  bool replaying_ = false;
  DrawTape* outer_ = nullptr;
};

// True while a checkpointed segment is being recomputed.
inline bool recomputing() { return DrawTape::replaying(); }

}  // namespace GLIA_NS::autograd
