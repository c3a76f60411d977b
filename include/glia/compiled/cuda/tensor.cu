// What glia::cuda_compiled holds of copies, fills, random numbers, reductions, reading and adding by index, sorting and
// running sums (docs/cuda.md).

#include <glia/kernels/cuda/arg_extreme.cuh>
#include <glia/kernels/cuda/elementwise.cuh>
#include <glia/kernels/cuda/gather.cuh>
#include <glia/kernels/cuda/random.cuh>
#include <glia/kernels/cuda/reduce.cuh>
#include <glia/kernels/cuda/scan.cuh>
#include <glia/kernels/cuda/sort.cuh>

// clang-format off
namespace GLIA_NS {
template void copy_elements(Cuda, const View<const bool>&, const View<bool>&);
template void copy_elements(Cuda, const View<const float>&, const View<float>&);
template void copy_elements(Cuda, const View<const std::int64_t>&, const View<std::int64_t>&);
template void copy_elements(Cuda, const View<const std::uint8_t>&, const View<std::uint8_t>&);
template void cumsum(Cuda, const float*, Index, Index, Index, bool, float*);
template void cumsum(Cuda, const std::int64_t*, Index, Index, Index, bool, std::int64_t*);
template void fill_bernoulli(Cuda, bool*, Index, std::uint64_t, std::uint64_t, double);
template void fill_bernoulli(Cuda, float*, Index, std::uint64_t, std::uint64_t, double);
template void fill_elements(Cuda, bool, Index, bool*);
template void fill_elements(Cuda, float, Index, float*);
template void fill_elements(Cuda, std::int64_t, Index, std::int64_t*);
template void fill_elements(Cuda, std::uint8_t, Index, std::uint8_t*);
template void fill_integers(Cuda, std::int64_t*, Index, std::uint64_t, std::uint64_t, std::int64_t, std::int64_t);
template void fill_integers(Cuda, std::uint8_t*, Index, std::uint64_t, std::uint64_t, std::int64_t, std::int64_t);
template void fill_normal(Cuda, float*, Index, std::uint64_t, std::uint64_t, float, float);
template void fill_uniform(Cuda, float*, Index, std::uint64_t, std::uint64_t, float, float);
template Index find_out_of_range(Cuda, const std::int64_t*, Index, Index, bool, std::int64_t);
template void gather(Cuda, const float*, const std::int64_t*, Index, Index, Index, Index, float*);
template void gather(Cuda, const std::int64_t*, const std::int64_t*, Index, Index, Index, Index, std::int64_t*);
template void index_add(Cuda, const float*, const std::int64_t*, Index, Index, Index, Index, float*);
template void index_add(Cuda, const std::int64_t*, const std::int64_t*, Index, Index, Index, Index, std::int64_t*);
template void index_select(Cuda, const float*, const std::int64_t*, Index, Index, Index, Index, float*);
template void index_select(Cuda, const std::int64_t*, const std::int64_t*, Index, Index, Index, Index, std::int64_t*);
template void index_select(Cuda, const std::uint8_t*, const std::int64_t*, Index, Index, Index, Index, std::uint8_t*);
template void index_select(Cuda, const bool*, const std::int64_t*, Index, Index, Index, Index, bool*);
template void one_hot(Cuda, const std::int64_t*, Index, Index, float*);
template void one_hot(Cuda, const std::int64_t*, Index, Index, std::int64_t*);
template void random_permutation(Cuda, std::int64_t*, Index, std::uint64_t, std::uint64_t);
template void reduce_all(Cuda, const bool*, Index, Index, Index, bool*);
template void reduce_all(Cuda, const float*, Index, Index, Index, bool*);
template void reduce_all(Cuda, const std::int64_t*, Index, Index, Index, bool*);
template void reduce_all(Cuda, const std::uint8_t*, Index, Index, Index, bool*);
template void reduce_any(Cuda, const bool*, Index, Index, Index, bool*);
template void reduce_any(Cuda, const float*, Index, Index, Index, bool*);
template void reduce_any(Cuda, const std::int64_t*, Index, Index, Index, bool*);
template void reduce_any(Cuda, const std::uint8_t*, Index, Index, Index, bool*);
template void reduce_argmax(Cuda, const float*, Index, Index, Index, std::int64_t*);
template void reduce_argmax(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_argmin(Cuda, const float*, Index, Index, Index, std::int64_t*);
template void reduce_argmin(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_max(Cuda, const float*, Index, Index, Index, float*);
template void reduce_max(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_mean(Cuda, const bool*, Index, Index, Index, bool*);
template void reduce_mean(Cuda, const float*, Index, Index, Index, float*);
template void reduce_mean(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_mean(Cuda, const std::uint8_t*, Index, Index, Index, std::uint8_t*);
template void reduce_min(Cuda, const float*, Index, Index, Index, float*);
template void reduce_min(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_norm2(Cuda, const float*, Index, Index, Index, float*);
template void reduce_prod(Cuda, const float*, Index, Index, Index, float*);
template void reduce_sum(Cuda, const bool*, Index, Index, Index, bool*);
template void reduce_sum(Cuda, const float*, Index, Index, Index, float*);
template void reduce_sum(Cuda, const std::int64_t*, Index, Index, Index, std::int64_t*);
template void reduce_sum(Cuda, const std::uint8_t*, Index, Index, Index, std::uint8_t*);
template void scatter_add(Cuda, const float*, const std::int64_t*, Index, Index, Index, Index, float*);
template void scatter_add(Cuda, const std::int64_t*, const std::int64_t*, Index, Index, Index, Index, std::int64_t*);
template void sort_rows(Cuda, const float*, Index, Index, bool, float*, std::int64_t*);
template void sort_rows(Cuda, const std::int64_t*, Index, Index, bool, std::int64_t*, std::int64_t*);
template void topk_rows(Cuda, const float*, Index, Index, Index, bool, float*, std::int64_t*);
template void topk_rows(Cuda, const std::int64_t*, Index, Index, Index, bool, std::int64_t*, std::int64_t*);
}  // namespace GLIA_NS
// clang-format on
