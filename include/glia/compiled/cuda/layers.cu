// What glia::cuda_compiled holds of products, convolutions, normalisations, pooling, softmax, cross entropy and the
// multi-level activation (docs/cuda.md).

#include <glia/kernels/cuda/batch_norm.cuh>
#include <glia/kernels/cuda/batch_norm_silu.cuh>
#include <glia/kernels/cuda/conv.cuh>
#include <glia/kernels/cuda/cross_entropy.cuh>
#include <glia/kernels/cuda/gemm.cuh>
#include <glia/kernels/cuda/layer_norm.cuh>
#include <glia/kernels/cuda/pool.cuh>
#include <glia/kernels/cuda/qcfs.cuh>
#include <glia/kernels/cuda/softmax.cuh>

// clang-format off
namespace GLIA_NS {
template void adaptive_avg_pool_backward(Cuda, const float*, const ConvGeometry&, float*);
template void adaptive_avg_pool_forward(Cuda, const float*, const ConvGeometry&, float*);
template void avg_pool_backward(Cuda, const float*, const ConvGeometry&, bool, float*);
template void avg_pool_forward(Cuda, const float*, const ConvGeometry&, bool, float*);
template void batch_norm_backward_input(Cuda, const float*, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, bool, const float*, const float*, bool, float*);
template void batch_norm_backward_sums(Cuda, const float*, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, bool, float*, float*, float*);
template void batch_norm_forward(Cuda, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, bool, float*);
template void batch_norm_silu_backward_input(Cuda, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, const float*, const float*, bool, float*);
template void batch_norm_silu_backward_sums(Cuda, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, float*, float*);
template void batch_norm_silu_forward(Cuda, const float*, const float*, Index, Index, const float*, const float*, const float*, const float*, float*);
template void batch_norm_statistics(Cuda, const float*, Index, Index, float*, float*);
template void conv2d_backward_input(Cuda, const ConvGeometry&, const float*, const float*, float*);
template void conv2d_backward_weight(Cuda, const ConvGeometry&, const float*, const float*, float*);
template void conv2d_forward(Cuda, const ConvGeometry&, const float*, const float*, const float*, float*);
template void cross_entropy_backward(Cuda, const float*, const float*, const float*, const std::int64_t*, const float*, Index, Index, float, std::int64_t, float*);
template void cross_entropy_forward(Cuda, const float*, const std::int64_t*, const float*, Index, Index, float, std::int64_t, float*, float*);
template void cross_entropy_forward_backward(Cuda, const float*, const float*, const std::int64_t*, const float*, Index, Index, float, std::int64_t, float*, float*, float*);
template void cross_entropy_total_weight(Cuda, const std::int64_t*, const float*, Index, std::int64_t, float*);
template void gemm(Cuda, bool, bool, Index, Index, Index, float, const float*, Index, const float*, Index, float, float*, Index);
template void gemm_batched(Cuda, bool, bool, Index, Index, Index, float, const float*, Index, const float*, Index, float, float*, Index, Index, Index, Index, Index);
template void group_norm_backward(Cuda, const float*, const float*, const float*, const float*, const float*, Index, Index, Index, Index, float*, float*, float*);
template void group_norm_forward(Cuda, const float*, Index, Index, Index, Index, const float*, const float*, double, float*, float*, float*);
template void layer_norm_backward_affine(Cuda, const float*, const float*, const float*, const float*, Index, Index, float*, float*);
template void layer_norm_backward_input(Cuda, const float*, const float*, const float*, const float*, const float*, Index, Index, float*);
template void layer_norm_forward(Cuda, const float*, Index, Index, const float*, const float*, double, float*, float*, float*);
template void log_softmax_backward(Cuda, const float*, const float*, Index, Index, Index, float*);
template void log_softmax_forward(Cuda, const float*, Index, Index, Index, float*);
template void logsumexp_forward(Cuda, const float*, Index, Index, Index, float*);
template void max_pool_backward(Cuda, const float*, const std::int32_t*, const ConvGeometry&, float*);
template void max_pool_forward(Cuda, const float*, const ConvGeometry&, float*, std::int32_t*);
template void max_pool_gather(Cuda, const float*, const std::int32_t*, const ConvGeometry&, float*);
template void qcfs_backward(Cuda, Index, const float*, const float*, double, const float*, float*, float*);
template void qcfs_forward(Cuda, Index, const float*, const float*, double, float*);
template void soft_cross_entropy_backward(Cuda, const float*, const float*, const float*, const float*, const float*, Index, Index, float, float*, float*);
template void soft_cross_entropy_forward(Cuda, const float*, const float*, const float*, Index, Index, float, float*, float*);
template void softmax_backward(Cuda, const float*, const float*, Index, Index, Index, float*);
template void softmax_forward(Cuda, const float*, Index, Index, Index, float*);
}  // namespace GLIA_NS
// clang-format on
