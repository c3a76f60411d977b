#pragma once
// Convolutions by cuDNN in NHWC: float, and 16-bit floats with sums in float. The algorithm of each (map, geometry,
// settings) is chosen once per thread and kept: cuDNN's best proposal, or the fastest in a timed search, among those
// that obey the settings.

#include <glia/core/conv_geometry.hpp>
#include <glia/core/scalar.hpp>
#include <glia/device/cuda_allocator.hpp>
#include <glia/device/cuda_dnn.hpp>

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <vector>

namespace GLIA_NS::cuda {

template <class T>
constexpr cudnnDataType_t dnn_type() {
  static_assert(std::is_same_v<T, float> || ReducedFloating<T>);
  return std::is_same_v<T, float>      ? CUDNN_DATA_FLOAT
         : std::is_same_v<T, bfloat16> ? CUDNN_DATA_BFLOAT16
                                       : CUDNN_DATA_HALF;
}

// The descriptors of a convolution of `type`.
struct DnnGeometry {
  DnnTensor x, y;
  DnnFilter w;
  DnnConvolution convolution;

  DnnGeometry(const ConvGeometry& g, cudnnDataType_t type, bool tf32) {
    const auto n = [](Index i) { return static_cast<int>(i); };
    check("conv2d", cudnnSetTensor4dDescriptor(x.get(), CUDNN_TENSOR_NHWC, type, n(g.batch), n(g.in_channels),
                                               n(g.height), n(g.width)));
    check("conv2d", cudnnSetTensor4dDescriptor(y.get(), CUDNN_TENSOR_NHWC, type, n(g.batch), n(g.out_channels),
                                               n(g.out_height), n(g.out_width)));
    check("conv2d", cudnnSetFilter4dDescriptor(w.get(), type, CUDNN_TENSOR_NHWC, n(g.out_channels),
                                               n(g.in_channels / g.groups), n(g.kernel_h), n(g.kernel_w)));
    check("conv2d", cudnnSetConvolution2dDescriptor(convolution.get(), n(g.padding_h), n(g.padding_w), n(g.stride_h),
                                                    n(g.stride_w), n(g.dilation_h), n(g.dilation_w),
                                                    CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    check("conv2d", cudnnSetConvolutionGroupCount(convolution.get(), n(g.groups)));
    check("conv2d", cudnnSetConvolutionMathType(
                        convolution.get(), tf32 || type != CUDNN_DATA_FLOAT ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH));
  }
};

// cuDNN's three families of functions under common names. `a` and `b` are the operands, `out` the result.
struct DnnForward {
  using Perf = cudnnConvolutionFwdAlgoPerf_t;
  using Algorithm = cudnnConvolutionFwdAlgo_t;
  static constexpr int number = 0, most = CUDNN_CONVOLUTION_FWD_ALGO_COUNT;
  static cudnnStatus_t propose(const DnnGeometry& g, int* count, Perf* list) {
    return cudnnGetConvolutionForwardAlgorithm_v7(cudnn(), g.x.get(), g.w.get(), g.convolution.get(), g.y.get(), most,
                                                  count, list);
  }
  static cudnnStatus_t time(const DnnGeometry& g, const void* a, const void* b, void* out, void* space,
                            std::size_t bytes, int* count, Perf* list) {
    return cudnnFindConvolutionForwardAlgorithmEx(cudnn(), g.x.get(), a, g.w.get(), b, g.convolution.get(), g.y.get(),
                                                  out, most, count, list, space, bytes);
  }
  static cudnnStatus_t workspace(const DnnGeometry& g, Algorithm algorithm, std::size_t* bytes) {
    return cudnnGetConvolutionForwardWorkspaceSize(cudnn(), g.x.get(), g.w.get(), g.convolution.get(), g.y.get(),
                                                   algorithm, bytes);
  }
  static cudnnStatus_t run(const DnnGeometry& g, Algorithm algorithm, const void* a, const void* b, void* out,
                           void* space, std::size_t bytes) {
    const float one = 1.0f, zero = 0.0f;
    return cudnnConvolutionForward(cudnn(), &one, g.x.get(), a, g.w.get(), b, g.convolution.get(), algorithm, space,
                                   bytes, &zero, g.y.get(), out);
  }
};

// a = w, b = dy, out = dx.
struct DnnBackwardInput {
  using Perf = cudnnConvolutionBwdDataAlgoPerf_t;
  using Algorithm = cudnnConvolutionBwdDataAlgo_t;
  static constexpr int number = 1, most = CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT;
  static cudnnStatus_t propose(const DnnGeometry& g, int* count, Perf* list) {
    return cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnn(), g.w.get(), g.y.get(), g.convolution.get(), g.x.get(),
                                                       most, count, list);
  }
  static cudnnStatus_t time(const DnnGeometry& g, const void* a, const void* b, void* out, void* space,
                            std::size_t bytes, int* count, Perf* list) {
    return cudnnFindConvolutionBackwardDataAlgorithmEx(cudnn(), g.w.get(), a, g.y.get(), b, g.convolution.get(),
                                                       g.x.get(), out, most, count, list, space, bytes);
  }
  static cudnnStatus_t workspace(const DnnGeometry& g, Algorithm algorithm, std::size_t* bytes) {
    return cudnnGetConvolutionBackwardDataWorkspaceSize(cudnn(), g.w.get(), g.y.get(), g.convolution.get(), g.x.get(),
                                                        algorithm, bytes);
  }
  static cudnnStatus_t run(const DnnGeometry& g, Algorithm algorithm, const void* a, const void* b, void* out,
                           void* space, std::size_t bytes) {
    const float one = 1.0f, zero = 0.0f;
    return cudnnConvolutionBackwardData(cudnn(), &one, g.w.get(), a, g.y.get(), b, g.convolution.get(), algorithm,
                                        space, bytes, &zero, g.x.get(), out);
  }
};

// a = x, b = dy, out = dw.
struct DnnBackwardWeight {
  using Perf = cudnnConvolutionBwdFilterAlgoPerf_t;
  using Algorithm = cudnnConvolutionBwdFilterAlgo_t;
  static constexpr int number = 2, most = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT;
  static cudnnStatus_t propose(const DnnGeometry& g, int* count, Perf* list) {
    return cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnn(), g.x.get(), g.y.get(), g.convolution.get(), g.w.get(),
                                                         most, count, list);
  }
  static cudnnStatus_t time(const DnnGeometry& g, const void* a, const void* b, void* out, void* space,
                            std::size_t bytes, int* count, Perf* list) {
    return cudnnFindConvolutionBackwardFilterAlgorithmEx(cudnn(), g.x.get(), a, g.y.get(), b, g.convolution.get(),
                                                         g.w.get(), out, most, count, list, space, bytes);
  }
  static cudnnStatus_t workspace(const DnnGeometry& g, Algorithm algorithm, std::size_t* bytes) {
    return cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnn(), g.x.get(), g.y.get(), g.convolution.get(), g.w.get(),
                                                          algorithm, bytes);
  }
  static cudnnStatus_t run(const DnnGeometry& g, Algorithm algorithm, const void* a, const void* b, void* out,
                           void* space, std::size_t bytes) {
    const float one = 1.0f, zero = 0.0f;
    return cudnnConvolutionBackwardFilter(cudnn(), &one, g.x.get(), a, g.y.get(), b, g.convolution.get(), algorithm,
                                          space, bytes, &zero, g.w.get(), out);
  }
};

// What is kept for a (map, geometry, settings). Without a geometry, cuDNN has no algorithm for it.
struct DnnPlan {
  std::unique_ptr<DnnGeometry> geometry;
  int algorithm = 0;
  std::size_t bytes = 0;
};

// The candidates in order of preference, those that failed or break the settings left out.
template <class Perf>
std::vector<Perf> usable_algorithms(const Perf* list, int count, const ConvolutionSettings& settings) {
  std::vector<Perf> out;
  for (int i = 0; i < count; ++i) {
    if (list[i].status != CUDNN_STATUS_SUCCESS || list[i].memory > settings.workspace_limit) continue;
    if (settings.deterministic && list[i].determinism != CUDNN_DETERMINISTIC) continue;
    out.push_back(list[i]);
  }
  return out;
}

template <class Map>
DnnPlan plan_convolution(const ConvGeometry& g, cudnnDataType_t type, const void* a, const void* b, void* out,
                         const ConvolutionSettings& settings) {
  DnnPlan plan;
  auto geometry = std::make_unique<DnnGeometry>(g, type, settings.tf32);
  typename Map::Perf list[Map::most];
  int count = 0;
  if (settings.search) {
    const Scratch<std::byte> space(static_cast<Index>(settings.workspace_limit));
    if (Map::time(*geometry, a, b, out, space.data(), settings.workspace_limit, &count, list) != CUDNN_STATUS_SUCCESS)
      count = 0;
  }
  if (count == 0 && Map::propose(*geometry, &count, list) != CUDNN_STATUS_SUCCESS) return plan;
  for (const auto& candidate : usable_algorithms(list, count, settings)) {
    std::size_t bytes = 0;
    if (Map::workspace(*geometry, candidate.algo, &bytes) != CUDNN_STATUS_SUCCESS || bytes > settings.workspace_limit)
      continue;
    plan.geometry = std::move(geometry);
    plan.algorithm = static_cast<int>(candidate.algo);
    plan.bytes = bytes;
    break;
  }
  return plan;
}

// Everything that a plan depends on.
using DnnKey = std::array<Index, 21>;
inline DnnKey convolution_key(int map, const ConvGeometry& g, cudnnDataType_t type, const ConvolutionSettings& s,
                              int device) {
  return {map,
          g.batch,
          g.height,
          g.width,
          g.in_channels,
          g.out_height,
          g.out_width,
          g.out_channels,
          g.kernel_h,
          g.kernel_w,
          g.stride_h,
          g.stride_w,
          g.padding_h,
          g.padding_w,
          g.dilation_h,
          g.dilation_w,
          g.groups,
          static_cast<Index>(s.workspace_limit),
          (s.search ? 4 : 0) + (s.deterministic ? 2 : 0) + (s.tf32 ? 1 : 0),
          device,
          static_cast<Index>(type)};
}

// cuDNN counts in int.
inline bool fits_dnn(const ConvGeometry& g) {
  constexpr Index most = std::numeric_limits<int>::max();
  return g.in_pixels() * g.in_channels <= most && g.out_pixels() * g.out_channels <= most &&
         g.kernel_h * g.kernel_w * g.in_channels * g.out_channels <= most;
}

// Runs a map by cuDNN; false if it has no algorithm for it.
template <class Map>
bool convolve_dnn(const ConvGeometry& g, cudnnDataType_t type, const void* a, const void* b, void* out) {
  if (!fits_dnn(g)) return false;
  thread_local std::map<DnnKey, DnnPlan> plans;
  const ConvolutionSettings settings = convolution_settings();
  int device = 0;
  check("conv2d", cudaGetDevice(&device));
  const DnnKey key = convolution_key(Map::number, g, type, settings, device);
  auto found = plans.find(key);
  if (found == plans.end()) {
    if (plans.size() >= 1024) plans.clear();  // shapes that never come again
    found = plans.emplace(key, plan_convolution<Map>(g, type, a, b, out, settings)).first;
  }
  DnnPlan& plan = found->second;
  if (plan.geometry == nullptr) return false;
  const Scratch<std::byte> space(static_cast<Index>(plan.bytes));
  const cudnnStatus_t status = Map::run(*plan.geometry, static_cast<typename Map::Algorithm>(plan.algorithm), a, b, out,
                                        space.data(), plan.bytes);
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) {
    plan.geometry.reset();  // it was proposed all the same
    return false;
  }
  check("conv2d", status);
  return true;
}

}  // namespace GLIA_NS::cuda
