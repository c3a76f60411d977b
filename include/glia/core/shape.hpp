#pragma once
// Extents and strides: a fixed-capacity, trivially copyable list of indices that can cross to a device kernel.

#include <glia/core/config.hpp>

#include <initializer_list>
#include <span>
#include <string>

namespace GLIA_NS {

inline constexpr int max_rank = 8;

// A list of at most `max_rank` indices: the extents of a tensor, its strides (in elements), or a list of axes.
// Trivially copyable; unused places are zero, so equality is memberwise. An empty list is the shape of a scalar.
class Shape {
 public:
  constexpr Shape() = default;

  // A longer list keeps its first max_rank values and its rank, by which every op that makes a tensor refuses it.
  constexpr Shape(std::initializer_list<Index> values) : Shape(values.begin(), values.size()) {}
  constexpr explicit Shape(std::span<const Index> values) : Shape(values.data(), values.size()) {}

  // `rank` copies of `value`.
  GLIA_HD static constexpr Shape filled(int rank, Index value) {
    Shape out;
    out.rank_ = rank;
    for (int i = 0; i < out.held(); ++i) out.values_[i] = value;
    return out;
  }

  GLIA_HD constexpr int rank() const { return rank_; }
  GLIA_HD constexpr int size() const { return rank_; }
  GLIA_HD constexpr bool empty() const { return rank_ == 0; }
  GLIA_HD constexpr Index& operator[](int axis) { return values_[axis]; }
  GLIA_HD constexpr Index operator[](int axis) const { return values_[axis]; }
  GLIA_HD constexpr const Index* begin() const { return values_; }
  GLIA_HD constexpr const Index* end() const { return values_ + held(); }
  GLIA_HD constexpr Index* begin() { return values_; }
  GLIA_HD constexpr Index* end() { return values_ + held(); }
  GLIA_HD constexpr Index back() const { return values_[rank_ - 1]; }
  GLIA_HD constexpr Index front() const { return values_[0]; }

  // Number of elements: the product of all extents, 1 for a scalar.
  GLIA_HD constexpr Index numel() const {
    Index n = 1;
    for (int i = 0; i < held(); ++i) n *= values_[i];
    return n;
  }

  // Capacity is checked by the callers that can name the op; see ops/check.hpp.
  GLIA_HD constexpr void push_back(Index value) {
    if (rank_ < max_rank) values_[rank_] = value;
    ++rank_;
  }
  GLIA_HD constexpr void insert(int position, Index value) {
    for (int i = rank_ < max_rank ? rank_ : max_rank - 1; i > position; --i) values_[i] = values_[i - 1];
    if (position < max_rank) values_[position] = value;
    ++rank_;
  }
  GLIA_HD constexpr void erase(int position) {
    for (int i = position; i + 1 < rank_; ++i) values_[i] = values_[i + 1];
    --rank_;
    values_[rank_] = 0;
  }

  GLIA_HD constexpr friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.held(); ++i)
      if (a.values_[i] != b.values_[i]) return false;
    return true;
  }

 private:
  constexpr Shape(const Index* values, std::size_t count) : rank_(static_cast<int>(count)) {
    for (std::size_t i = 0; i < count && i < static_cast<std::size_t>(max_rank); ++i) values_[i] = values[i];
  }

  // How many values are there.
  GLIA_HD constexpr int held() const { return rank_ < max_rank ? rank_ : max_rank; }

  Index values_[max_rank] = {};
  int rank_ = 0;
};

// Strides and axis lists have the same representation; the names say what a parameter means.
using Strides = Shape;
using Axes = Shape;

// "[8, 32, 32, 3]"
inline std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (const Index value : shape) {
    if (out.size() > 1) out += ", ";
    out += std::to_string(value);
  }
  if (shape.rank() > max_rank) out += ", ...";
  out += ']';
  return out;
}

}  // namespace GLIA_NS
