#pragma once
// Muon: momentum whose matrices are orthogonalised before they are applied.

#include <glia/kernels/cpu/gemm.hpp>
#include <glia/optim/optimizer.hpp>
#include <glia/optim/rules.hpp>

namespace GLIA_NS::optim {

// How far an orthogonalised update of a [rows, columns] matrix goes.
enum class MuonScale {
  none,          // singular values near 1
  aspect,        // times sqrt(max(1, rows / columns)) (Jordan et al. 2024)
  match_adam,    // times 0.2 sqrt(max(rows, columns)): the root mean square of an AdamW update (Liu et al. 2025)
};

// Options of Muon.
struct MuonOptions {
  double learning_rate = 0.02;
  double momentum = 0.95;
  bool nesterov = true;
  int iterations = 5;                    // Newton-Schulz steps
  double weight_decay = 0.0;             // decoupled: p is multiplied by 1 - learning_rate * weight_decay
  MuonScale scale = MuonScale::aspect;
  bool renormalize = false;              // before each update, bring |p| to sqrt(rows): filters of unit norm on average
  double epsilon = 1e-7;                 // added to the norm of the update
};

namespace detail {

template <class T, bool Nesterov>
struct MuonMomentumRule {
  static constexpr std::size_t buffers = 1;
  T momentum;
  // `direction` receives what is to be orthogonalised.
  GLIA_HD void operator()(T& direction, T gradient, T& velocity) const {
    velocity = momentum * velocity + gradient;
    direction = Nesterov ? gradient + momentum * velocity : velocity;
  }
};

// c = alpha op(a) op(b) + beta c for a product that is symmetric, as c is: only the blocks on and below the diagonal
// are computed, the others are their mirror image.
template <class T, class D>
void symmetric_product(bool transpose_a, bool transpose_b, Index depth, T alpha, const T* a, Index lda, const T* b,
                       Index ldb, T beta, Tensor<T, D>& c) {
  const Index n = c.size(0), block = n < 256 ? n : std::max<Index>(128, chunk_count(n, 6));
  T* const out = c.mutable_data();
  for (Index i = 0; i < n; i += block) {
    const Index end = std::min(n, i + block);
    gemm(D{}, transpose_a, transpose_b, end - i, end, depth, alpha, transpose_a ? a + i : a + i * lda, lda, b, ldb,
         beta, out + i * n, n);
  }
  for (Index i = 0; i + block < n; i += block) {
    const Index end = i + block;
    auto above = c.slice(0, {i, end}).slice(1, {end, n});
    above.copy_(c.slice(0, {end, n}).slice(1, {i, end}).transpose(0, 1));
  }
}

// At most 5 iterations of newton_schulz on a contiguous source [rows, columns] with elements.
template <class T, class D>
Tensor<T, D> newton_schulz_block(const Tensor<T, D>& source, int iterations) {
  const Index rows = source.shape()[0], columns = source.shape()[1], small = std::min(rows, columns);
  auto out = Tensor<T, D>::empty(source.shape());
  const T c = static_cast<T>(2.0315);
  const bool tall = rows > columns;
  auto gram = Tensor<T, D>::empty({small, small}), next = Tensor<T, D>::empty({small, small}),
       power = Tensor<T, D>::empty({small, small}), product = Tensor<T, D>::empty({small, small}),
       diagonal = eye<T, D>(small);
  const Index square = small * small;
  // All are polynomials of one symmetric matrix, and so are their products.
  const auto multiply = [&](T factor, const Tensor<T, D>& left, const Tensor<T, D>& right, T keep, Tensor<T, D>& into) {
    symmetric_product(false, false, small, factor, left.data(), small, right.data(), small, keep, into);
  };
  const T* const p = source.data();
  symmetric_product(tall, !tall, tall ? rows : columns, T(1), p, columns, p, columns, T(0), gram);
  for (int i = 0; i < iterations; ++i) {
    // power = P = a I + b A + c A A
    copy_bytes(D{}, D{}, power.mutable_data(), diagonal.data(), static_cast<std::size_t>(square) * sizeof(T));
    detail::combine(D{}, power.mutable_data(), gram.data(), square, 3.4445, -4.7750);
    multiply(c, gram, gram, T(1), power);
    if (i == 0) {
      copy_bytes(D{}, D{}, product.mutable_data(), power.data(), static_cast<std::size_t>(square) * sizeof(T));
    } else {
      multiply(T(1), power, product, T(0), next);
      std::swap(product, next);
    }
    if (i + 1 == iterations) break;
    multiply(T(1), power, gram, T(0), next);
    multiply(T(1), next, power, T(0), gram);
  }
  T* const y = out.mutable_data();
  if (tall)
    gemm(D{}, false, false, rows, columns, columns, T(1), p, columns, product.data(), columns, T(0), y, columns);
  else
    gemm(D{}, false, false, rows, columns, rows, T(1), product.data(), rows, p, columns, T(0), y, columns);
  return out;
}
}  // namespace detail

// Brings the singular values of x [rows, columns] near 1 (about 0.7 to 1.2, from 5 iterations on) without an SVD: X / (|X| +
// epsilon), then X <- P X with P = a I + b A + c A A, A = X X^T and (a, b, c) = (3.4445, -4.7750, 2.0315) (Jordan et al. 2024). All
// powers of A commute, so the iteration is A <- P A P and Q <- P Q on the smaller side of the matrix, and X is multiplied by Q after
// every fifth iteration and the last: rounding errors in A would grow beyond that. Works in T. Not differentiable. ValueError for
// fewer than one iteration.
template <class T, class D>
Tensor<T, D> newton_schulz(const Tensor<T, D>& x, int iterations = 5, double epsilon = 1e-7) {
  glia::detail::require_rank("newton_schulz", "input", x, 2);
  if (iterations < 1) raise<ValueError>("newton_schulz", "iterations must be at least 1, got ", iterations);
  const profile::Span span("newton_schulz");
  const NoGrad plain;
  const Index count = x.numel();
  Tensor<T, D> out = x.detach().clone();
  if (count == 0) return out;
  const double norm = detail::norm_of<T, D>(out.data(), count);
  detail::combine(D{}, out.mutable_data(), out.data(), count, 1.0 / (norm + epsilon), 0.0);
  for (; iterations > 0; iterations -= 5) out = detail::newton_schulz_block(out, std::min(iterations, 5));
  return out;
}

// v = momentum * v + g; u = v, or g + momentum * v with Nesterov; p -= learning_rate * scale * newton_schulz(u as [p.size(0),
// rest]) (Jordan et al. 2024). Takes parameters with at least two axes; send the others to another optimizer:
//   auto [matrices, rest] = optim::split(glia::parameters(net), optim::is_matrix);
//   optim::Combined optimizer(optim::Muon(matrices, {.learning_rate = 0.2}), optim::Sgd(rest, {.momentum = 0.85}));
template <class T = float, class D = Cpu>
class Muon final : public BufferedOptimizer<T, D> {
  using Base = BufferedOptimizer<T, D>;

 public:
  explicit Muon(std::vector<nn::NamedTensor<T, D>> parameters, MuonOptions options = {})
      : Muon(std::vector{group(std::move(parameters))}, options) {}
  explicit Muon(std::vector<ParameterGroup<T, D>> groups, MuonOptions options = {})
      : Base("muon", checked(std::move(groups)), options.learning_rate, options.weight_decay, {"momentum"}),
        options_(options) {
    detail::require_not_negative("muon", "momentum", options.momentum);
    detail::require_not_negative("muon", "epsilon", options.epsilon);
    if (options.iterations < 1) raise<ValueError>("muon", "iterations must be at least 1, got ", options.iterations);
  }

  const char* name() const noexcept override { return "muon"; }

  void step() override {
    const profile::Span span(name(), profile::Phase::update);
    auto active = this->begin_step();
    std::vector<Tensor<T, D>> directions;
    for (auto& a : active) directions.push_back(Tensor<T, D>::empty(a.gradient.shape()));
    if (options_.nesterov)
      momentum<true>(active, directions);
    else
      momentum<false>(active, directions);
    for (std::size_t i = 0; i < active.size(); ++i) apply(*active[i].entry, directions[i]);
  }

 private:
  static std::vector<ParameterGroup<T, D>> checked(std::vector<ParameterGroup<T, D>> groups) {
    for (const auto& one : groups)
      for (const auto& parameter : one.parameters)
        if (parameter.tensor.defined() && parameter.tensor.rank() < 2)
          raise<ValueError>("muon", "parameter ", parameter.name, " of shape ", parameter.tensor.shape(),
                            " has fewer than two axes; give such parameters to another optimizer with optim::split and "
                            "optim::Combined");
    return groups;
  }

  template <bool Nesterov>
  void momentum(std::vector<typename Base::Active>& active, std::vector<Tensor<T, D>>& directions) {
    using Rule = detail::MuonMomentumRule<T, Nesterov>;
    std::vector<UpdateSlot<T>> slots;
    for (std::size_t i = 0; i < active.size(); ++i) {
      slots.push_back({directions[i].mutable_data(), active[i].gradient.data(),
                       {active[i].entry->buffers[0].mutable_data()}, active[i].gradient.numel()});
    }
    const std::vector<Rule> rules(slots.size(), Rule{static_cast<T>(options_.momentum)});
    update_elements(D{}, std::span<const UpdateSlot<T>>(slots), std::span<const Rule>(rules));
  }

  void apply(typename Base::Entry& entry, const Tensor<T, D>& direction) {
    const Group<T, D>& g = this->groups_[entry.group];
    Tensor<T, D>& p = entry.parameter.tensor;
    const Index count = p.numel(), rows = p.shape()[0], columns = rows == 0 ? 0 : count / rows;
    if (count == 0) return;
    const auto update = newton_schulz(direction.reshape({rows, columns}), options_.iterations, options_.epsilon);
    const double r = static_cast<double>(rows), c = static_cast<double>(columns);
    double factor = 1.0;
    if (options_.scale == MuonScale::aspect) factor = std::sqrt(std::max(1.0, r / c));
    if (options_.scale == MuonScale::match_adam) factor = 0.2 * std::sqrt(std::max(r, c));
    double keep = 1.0 - g.learning_rate * g.weight_decay;
    if (options_.renormalize) {
      const double norm = detail::norm_of<T, D>(p.data(), count);
      if (norm > 0.0) keep *= std::sqrt(r) / norm;
    }
    detail::combine(D{}, p.mutable_data(), update.data(), count, keep, -g.learning_rate * factor);
  }

  MuonOptions options_;
};

}  // namespace GLIA_NS::optim
