#pragma once
// Launchers of the random fills on CUDA; defined in random.cuh. Element i depends on (key, counter, i) alone and equals
// the element functions of core/random.hpp, as on the CPU.

#include <glia/core/random.hpp>
#include <glia/core/scalar.hpp>
#include <glia/device/cuda.hpp>

namespace GLIA_NS {

// out[i] = low + (high - low) u_i with u_i in [0, 1); i < n. Rounding can give `high` itself where T is coarse.
template <Floating T>
void fill_uniform(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, T low, T high);

// out[i] = mean + stddev z_i with z_i standard normal; i < n.
template <Floating T>
void fill_normal(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, T mean, T stddev);

// out[i] = 1 with probability p (resolved to 2^-32), else 0; i < n.
template <Scalar T>
void fill_bernoulli(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, double p);

// out[i] = a whole number in [low, high); i < n, low < high.
template <Integral T>
void fill_integers(Cuda, T* out, Index n, std::uint64_t key, std::uint64_t counter, std::int64_t low,
                   std::int64_t high);

// A permutation of 0 .. n-1. Waits for the copy.
GLIA_LAZY void random_permutation(Cuda, std::int64_t* out, Index n, std::uint64_t key, std::uint64_t counter);

}  // namespace GLIA_NS
