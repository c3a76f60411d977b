// Every op of the library on the device, in a file for the C++ compiler. Nothing here is run: the program links only if
// glia::cuda_compiled holds each launcher, which is the test. This file has the lists of glia/compiled/*.hpp for Cuda.

#include <glia/cuda_compiled.hpp>
#include <glia/glia.hpp>

// clang-format off
namespace GLIA_NS {
template class Tensor<float, Cuda>;
// The members that programs use of the tensors of labels and pixels.
#define GLIA_TEST_MEMBERS(T) \
  template T Tensor<T, Cuda>::item() const; \
  template std::vector<T> Tensor<T, Cuda>::to_vector() const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::reshape(const Shape&) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::view_as(const Shape&) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::permute(const Axes&) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::transpose(Index, Index) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::expand(const Shape&) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::slice(Index, Slice) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::select(Index, Index) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::squeeze(Index) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::unsqueeze(Index) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::flatten(Index, Index) const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::contiguous() const; \
  template Tensor<T, Cuda> Tensor<T, Cuda>::clone() const; \
  template Tensor<T, Cuda>& Tensor<T, Cuda>::fill_(T); \
  template Tensor<T, Cuda>& Tensor<T, Cuda>::copy_(const Tensor<T, Cuda>&)
GLIA_TEST_MEMBERS(std::int64_t);
GLIA_TEST_MEMBERS(std::uint8_t);
#undef GLIA_TEST_MEMBERS
template bool Tensor<bool, Cuda>::item() const;
template Tensor<bool, Cuda> Tensor<bool, Cuda>::contiguous() const;
template Tensor<bool, Cuda> Tensor<bool, Cuda>::clone() const;
template Tensor<bool, Cuda>& Tensor<bool, Cuda>::fill_(bool);
template Tensor<bool, Cuda>& Tensor<bool, Cuda>::copy_(const Tensor<bool, Cuda>&);
template Tensor<std::int64_t, Cuda> Tensor<float, Cuda>::cast<std::int64_t>() const;
template Tensor<std::uint8_t, Cuda> Tensor<float, Cuda>::cast<std::uint8_t>() const;
template Tensor<bool, Cuda> Tensor<float, Cuda>::cast<bool>() const;
template Tensor<float, Cuda> Tensor<std::int64_t, Cuda>::cast<float>() const;
template Tensor<float, Cuda> Tensor<std::uint8_t, Cuda>::cast<float>() const;
template Tensor<float, Cuda> Tensor<bool, Cuda>::cast<float>() const;
namespace detail {
template const TypeTable& type_table<float, Cuda>();
template const TypeTable& type_table<std::int64_t, Cuda>();
template const TypeTable& type_table<std::uint8_t, Cuda>();
template const TypeTable& type_table<bool, Cuda>();
template Tensor<float, Cuda> filled<float, Cuda>(const Shape&, float);
template Tensor<bool, Cuda> filled<bool, Cuda>(const Shape&, bool);
}  // namespace detail

template Tensor<float, Cuda> zeros<float, Cuda>(const Shape&);
template Tensor<float, Cuda> ones<float, Cuda>(const Shape&);
template Tensor<float, Cuda> full<float, Cuda>(const Shape&, float);
template Tensor<float, Cuda> zeros_like<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> ones_like<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> from_span<float, Cuda>(std::span<const float>, const Shape&);
template Tensor<float, Cuda> from_vector<float, Cuda>(const std::vector<float>&, const Shape&);
template Tensor<float, Cuda> from_vector<float, Cuda>(const std::vector<float>&);
template Tensor<float, Cuda> tensor<float, Cuda>(std::initializer_list<float>, const Shape&);
template Tensor<float, Cuda> tensor<float, Cuda>(std::initializer_list<float>);
template Tensor<float, Cuda> scalar<float, Cuda>(float);
template Tensor<float, Cuda> from_blob<float, Cuda>(float*, const Shape&, std::function<void()>);
template Tensor<float, Cuda> arange<float, Cuda>(float, float, float);
template Tensor<float, Cuda> arange<float, Cuda>(float);
template Tensor<float, Cuda> linspace<float, Cuda>(float, float, Index);
template Tensor<float, Cuda> eye<float, Cuda>(Index, Index);
template Tensor<float, Cuda> rand<float, Cuda>(const Shape&, Generator&, float, float);
template Tensor<float, Cuda> randn<float, Cuda>(const Shape&, Generator&, float, float);
template Tensor<float, Cuda> bernoulli<float, Cuda>(const Shape&, Generator&, double);
template Tensor<float, Cuda> gather<float, Cuda>(const Tensor<float, Cuda>&, Index, const Tensor<std::int64_t, Cuda>&);
template Tensor<float, Cuda> scatter_add<float, Cuda>(const Tensor<float, Cuda>&, Index, const Tensor<std::int64_t, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> index_select<float, Cuda>(const Tensor<float, Cuda>&, Index, const Tensor<std::int64_t, Cuda>&);
template Tensor<float, Cuda> index_add<float, Cuda>(const Tensor<float, Cuda>&, Index, const Tensor<std::int64_t, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> embedding<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<std::int64_t, Cuda>&);
template Tensor<float, Cuda> one_hot<float, Cuda>(const Tensor<std::int64_t, Cuda>&, Index);
template Tensor<float, Cuda> concat<float, Cuda>(const std::vector<Tensor<float, Cuda>>&, Index);
template Tensor<float, Cuda> stack<float, Cuda>(const std::vector<Tensor<float, Cuda>>&, Index);
template std::vector<Tensor<float, Cuda>> split<float, Cuda>(const Tensor<float, Cuda>&, Index, Index);
template Tensor<float, Cuda> pad<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, const Axes&, float);
template Tensor<float, Cuda> flip<float, Cuda>(const Tensor<float, Cuda>&, const Axes&);
template Tensor<float, Cuda> roll<float, Cuda>(const Tensor<float, Cuda>&, Index, Index);
template std::string to_string<float, Cuda>(const Tensor<float, Cuda>&, Index);
template Tensor<float, Cuda> var<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool, Index);
template Tensor<float, Cuda> stddev<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool, Index);
template Tensor<float, Cuda> max<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> min<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<std::int64_t, Cuda> argmax<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<std::int64_t, Cuda> argmin<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<bool, Cuda> any<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<bool, Cuda> all<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> norm<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> logsumexp<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> prod<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> cumsum<float, Cuda>(const Tensor<float, Cuda>&, Index, bool);
template Tensor<std::int64_t, Cuda> argsort<float, Cuda>(const Tensor<float, Cuda>&, Index, bool);
template SortResult<float, Cuda> sort<float, Cuda>(const Tensor<float, Cuda>&, Index, bool);
template SortResult<float, Cuda> topk<float, Cuda>(const Tensor<float, Cuda>&, Index, Index, bool);
template Tensor<float, Cuda> sum<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> mean<float, Cuda>(const Tensor<float, Cuda>&, const Axes&, bool);
template Tensor<float, Cuda> sum_to<float, Cuda>(const Tensor<float, Cuda>&, const Shape&);
template Tensor<std::int64_t, Cuda> zeros<std::int64_t, Cuda>(const Shape&);
template Tensor<std::int64_t, Cuda> full<std::int64_t, Cuda>(const Shape&, std::int64_t);
template Tensor<std::int64_t, Cuda> arange<std::int64_t, Cuda>(std::int64_t);
}  // namespace GLIA_NS

namespace GLIA_NS::autograd {
template void backward<float, Cuda>(std::span<const Tensor<float, Cuda>>, std::span<const Tensor<float, Cuda>>, BackwardOptions);
template std::vector<Tensor<float, Cuda>> grad<float, Cuda>(std::span<const Tensor<float, Cuda>>, std::span<const Tensor<float, Cuda>>, std::span<const Tensor<float, Cuda>>, GradOptions);
}  // namespace GLIA_NS::autograd
namespace GLIA_NS {
template Tensor<float, Cuda> leaky_relu<float, Cuda>(const Tensor<float, Cuda>&, float);
template Tensor<float, Cuda> elu<float, Cuda>(const Tensor<float, Cuda>&, float);
template Tensor<float, Cuda> relu<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> relu6<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sigmoid<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> silu<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> softplus<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> mish<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> softsign<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> gelu<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> gelu_tanh<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> hard_sigmoid<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> hard_swish<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> log_sigmoid<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> add<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sub<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> mul<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> div<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> scale<float, Cuda>(const Tensor<float, Cuda>&, float);
template Tensor<float, Cuda> shift<float, Cuda>(const Tensor<float, Cuda>&, float);
template Tensor<float, Cuda> neg<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> pow<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> pow<float, Cuda>(const Tensor<float, Cuda>&, float);
template Tensor<float, Cuda> maximum<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> minimum<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> clamp<float, Cuda>(const Tensor<float, Cuda>&, float, float);
template Tensor<bool, Cuda> less<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<bool, Cuda> less_equal<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<bool, Cuda> equal<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<bool, Cuda> not_equal<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<bool, Cuda> isnan<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<bool, Cuda> isfinite<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> where<float, Cuda>(const Tensor<bool, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> abs<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> square<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sqrt<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> rsqrt<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> reciprocal<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> exp<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> expm1<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> log<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> log2<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> log1p<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sin<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> cos<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> tan<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> asin<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> acos<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> atan<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sinh<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> cosh<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> tanh<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> erf<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> floor<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> ceil<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> round<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> trunc<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> sign<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> mse_loss<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, Reduction);
template Tensor<float, Cuda> l1_loss<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, Reduction);
template Tensor<float, Cuda> huber_loss<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, double, Reduction);
template Tensor<float, Cuda> smooth_l1_loss<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, double, Reduction);
template Tensor<float, Cuda> bce_with_logits<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, double, Reduction);
template Tensor<float, Cuda> kl_div<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, bool, Reduction);
template Tensor<float, Cuda> cosine_similarity<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, Index, double);
}  // namespace GLIA_NS
namespace GLIA_NS {
template BatchNormResult<float, Cuda> batch_norm_silu<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> batch_norm_silu_inference<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> conv2d_relu<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Conv2dOptions&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> conv2d<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Conv2dOptions&);
template Tensor<float, Cuda> conv_transpose2d<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const ConvTranspose2dOptions&);
template Tensor<float, Cuda> cross_entropy<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<std::int64_t, Cuda>&, CrossEntropyOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> cross_entropy<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, CrossEntropyOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> nll_loss<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<std::int64_t, Cuda>&, CrossEntropyOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> linear<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> matmul<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> outer<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template BatchNormResult<float, Cuda> batch_norm<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> batch_norm_inference<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> layer_norm<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions);
template Tensor<float, Cuda> group_norm<float, Cuda>(const Tensor<float, Cuda>&, Index, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, NormOptions);
template Tensor<float, Cuda> max_pool2d<float, Cuda>(const Tensor<float, Cuda>&, PoolOptions);
template Tensor<float, Cuda> avg_pool2d<float, Cuda>(const Tensor<float, Cuda>&, PoolOptions);
template Tensor<float, Cuda> adaptive_avg_pool2d<float, Cuda>(const Tensor<float, Cuda>&, Index, Index);
template Tensor<float, Cuda> global_mean_pool<float, Cuda>(const Tensor<float, Cuda>&);
template Tensor<float, Cuda> softmax<float, Cuda>(const Tensor<float, Cuda>&, Index);
template Tensor<float, Cuda> log_softmax<float, Cuda>(const Tensor<float, Cuda>&, Index);
}  // namespace GLIA_NS

namespace GLIA_NS::nn {
template class Parameter<float, Cuda>;
template class Buffer<float, Cuda>;
template struct Linear<Cuda, float>;
template struct Conv2d<Cuda, float>;
template struct BatchNorm<Cuda, float>;
template struct LayerNorm<Cuda, float>;
}  // namespace GLIA_NS::nn
namespace GLIA_NS::spiking {
template Tensor<float, Cuda> simulate<LifNeuron<>, float, Cuda>(const LifNeuron<>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<LifNeuron<>, float, Cuda>(const LifNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> step<LifNeuron<>, float, Cuda>(const LifNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IfNeuron<>, float, Cuda>(const IfNeuron<>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IfNeuron<>, float, Cuda>(const IfNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> step<IfNeuron<>, float, Cuda>(const IfNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<PlifNeuron<>, float, Cuda>(const PlifNeuron<>&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<PlifNeuron<>, float, Cuda>(const PlifNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> step<PlifNeuron<>, float, Cuda>(const PlifNeuron<>&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IntegerLifNeuron, float, Cuda>(const IntegerLifNeuron&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IntegerLifNeuron, float, Cuda>(const IntegerLifNeuron&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> step<IntegerLifNeuron, float, Cuda>(const IntegerLifNeuron&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IntegratorNeuron, float, Cuda>(const IntegratorNeuron&, const Tensor<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> simulate<IntegratorNeuron, float, Cuda>(const IntegratorNeuron&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> step<IntegratorNeuron, float, Cuda>(const IntegratorNeuron&, const Tensor<float, Cuda>&, State<float, Cuda>&, const Tensor<float, Cuda>&);
template Tensor<float, Cuda> repeat<float, Cuda>(const Tensor<float, Cuda>&, Index);
template Tensor<float, Cuda> rate_cross_entropy<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<std::int64_t, Cuda>&, CrossEntropyOptions);
template Tensor<float, Cuda> qcfs<float, Cuda>(const Tensor<float, Cuda>&, const Tensor<float, Cuda>&, int);
template class Layer<Cuda, LifNeuron<>, float>;
template class Layer<Cuda, IfNeuron<>, float>;
template class Layer<Cuda, IntegerLifNeuron, float>;
template class Layer<Cuda, IntegratorNeuron, float>;
}  // namespace GLIA_NS::spiking

namespace GLIA_NS::optim {
template class Optimizer<float, Cuda>;
template class BufferedOptimizer<float, Cuda>;
template class AdamBase<float, Cuda, AdamOptions, false>;
template class AdamBase<float, Cuda, AdamWOptions, true>;
template class Adam<float, Cuda>;
template class AdamW<float, Cuda>;
template class Sgd<float, Cuda>;
template double clip_grad_norm<float, Cuda>(const std::vector<nn::NamedTensor<float, Cuda>>&, double, ClipNormOptions);
template double clip_grad_norm<float, Cuda>(Optimizer<float, Cuda>&, double, ClipNormOptions);
}  // namespace GLIA_NS::optim

