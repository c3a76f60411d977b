#pragma once
// Kernels of the optimizers: one pass over parameter, gradient and state, all parameters in one parallel loop.

#include <glia/core/update_slot.hpp>
#include <glia/kernels/cpu/accumulate.hpp>

#include <span>
#include <utility>

namespace GLIA_NS {

namespace detail {

// Pieces of at most `chunk` elements of several arrays, numbered through: work for one parallel loop. The cutting depends
// on the sizes alone.
class ChunkList {
 public:
  struct Piece {
    std::size_t slot;
    Index begin, end;
  };

  explicit ChunkList(Index chunk) : chunk_(chunk) {}
  void add(std::size_t slot, Index count) {
    for (Index i = 0; i < count; i += chunk_) pieces_.push_back({slot, i, std::min(count, i + chunk_)});
  }
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  Index chunk_;
  std::vector<Piece> pieces_;
};

// The rule is a copy, so that the stores of the loop cannot change it.
template <class T, class Rule, class... Buffers>
void update_range(Rule rule, Index begin, Index end, T* parameter, const T* gradient, Buffers*... buffers) {
  GLIA_OMP(simd)
  for (Index i = begin; i < end; ++i) rule(parameter[i], gradient[i], buffers[i]...);
}

}  // namespace detail

// Runs rules[s](parameter[i], gradient[i], buffer_0[i], ...) on every element of every slot s. A rule is a functor with
// `static constexpr std::size_t buffers` and `GLIA_HD void operator()(T& parameter, T gradient, T&... buffers) const`.
template <class T, class Rule>
void update_elements(Cpu, std::span<const UpdateSlot<T>> slots, std::span<const Rule> rules) {
  detail::ChunkList chunks(4096);
  for (std::size_t s = 0; s < slots.size(); ++s) chunks.add(s, slots[s].count);
  parallel_for(static_cast<Index>(chunks.pieces().size()), 4, [&](Index first, Index last) {
    for (Index c = first; c < last; ++c) {
      const auto& piece = chunks.pieces()[static_cast<std::size_t>(c)];
      const UpdateSlot<T>& slot = slots[piece.slot];
      const auto run = [&]<std::size_t... B>(std::index_sequence<B...>) {
        detail::update_range(rules[piece.slot], piece.begin, piece.end, slot.parameter, slot.gradient,
                             slot.buffers[B]...);
      };
      run(std::make_index_sequence<Rule::buffers>{});
    }
  });
}

// totals[s] = sum of squares of the `count` elements at slots[s].gradient, in double; the order of additions is fixed.
template <class T>
void sum_of_squares(Cpu, std::span<const UpdateSlot<T>> slots, double* totals) {
  detail::ChunkList chunks(16384);
  for (std::size_t s = 0; s < slots.size(); ++s) chunks.add(s, slots[s].count);
  const auto& pieces = chunks.pieces();
  std::vector<double> parts(pieces.size());
  parallel_for(static_cast<Index>(pieces.size()), 1, [&](Index first, Index last) {
    for (Index c = first; c < last; ++c) {
      const auto& piece = pieces[static_cast<std::size_t>(c)];
      const T* x = slots[piece.slot].gradient + piece.begin;
      parts[static_cast<std::size_t>(c)] =
          detail::blocked_sum<double>(piece.end - piece.begin, [=](Index i) {
            const double v = static_cast<double>(x[i]);
            return v * v;
          });
    }
  });
  std::fill_n(totals, slots.size(), 0.0);
  for (std::size_t c = 0; c < pieces.size(); ++c) totals[pieces[c].slot] += parts[c];
}

// Adaptive clipping of one gradient [rows, n] by rows: each row's norm is brought down to at most
// clip * max(norm of the parameter's row, epsilon) (Brock et al. 2021, arXiv:2102.06171, equation 3).
template <class T>
void clip_rows(Cpu, const T* parameter, T* gradient, Index rows, Index n, double clip, double epsilon) {
  const auto norm = [n](const T* x) {
    return std::sqrt(detail::blocked_sum<double>(n, [=](Index i) {
      const double v = static_cast<double>(x[i]);
      return v * v;
    }));
  };
  parallel_for(rows, 1 + 16384 / std::max<Index>(n, 1), [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const double most = clip * std::max(norm(parameter + r * n), epsilon), is = norm(gradient + r * n);
      if (!(is > most)) continue;
      const T factor = static_cast<T>(most / std::max(is, 1e-6));
      T* row = gradient + r * n;
      GLIA_OMP(simd)
      for (Index i = 0; i < n; ++i) row[i] *= factor;
    }
  });
}

}  // namespace GLIA_NS
