// The modules, neurons and optimizers that listed_ops.cpp leaves out, for the device. Never run: it must link.

#include <glia/cuda_compiled.hpp>
#include <glia/glia.hpp>

using glia::Cuda;

namespace GLIA_NS::nn {
template struct ReLU<Cuda>;
template struct ReLU6<Cuda>;
template struct LeakyReLU<Cuda>;
template struct ELU<Cuda>;
template struct GELU<Cuda>;
template struct SiLU<Cuda>;
template struct Sigmoid<Cuda>;
template struct LogSigmoid<Cuda>;
template struct Tanh<Cuda>;
template struct Softplus<Cuda>;
template struct Softsign<Cuda>;
template struct Mish<Cuda>;
template struct Hardswish<Cuda>;
template struct Hardsigmoid<Cuda>;
template struct Softmax<Cuda>;
template struct LogSoftmax<Cuda>;
template struct PReLU<Cuda>;
template struct Dropout<Cuda>;
template struct DropPath<Cuda>;
template struct Embedding<Cuda>;
template struct MaxPool2d<Cuda>;
template struct AvgPool2d<Cuda>;
template struct AdaptiveAvgPool2d<Cuda>;
template struct GlobalMeanPool<Cuda>;
template struct Flatten<Cuda>;
template struct ConvTranspose2d<Cuda>;
template struct GroupNorm<Cuda>;
}  // namespace GLIA_NS::nn

namespace GLIA_NS::spiking {
template class Plif<Cuda>;
template class Layer<Cuda, AlifNeuron<>, float>;
template class Layer<Cuda, CubaNeuron<>, float>;
template struct EchoState<Cuda>;
template struct Liquid<Cuda>;
}  // namespace GLIA_NS::spiking

namespace GLIA_NS::optim {
template class RmsProp<float, Cuda>;
template class Lars<float, Cuda>;
template class Muon<float, Cuda>;
template class Lookahead<float, Cuda>;
template class Combined<float, Cuda>;
template class Ema<nn::Linear<Cuda>>;
template Tensor<float, Cuda> newton_schulz<float, Cuda>(const Tensor<float, Cuda>&, int, double);
template void clip_grad_value<float, Cuda>(Optimizer<float, Cuda>&, double);
template void clip_grad_adaptive<float, Cuda>(Optimizer<float, Cuda>&, AdaptiveClipOptions);
}  // namespace GLIA_NS::optim

namespace GLIA_NS::ssl {
template struct Projector<Cuda>;
template struct Predictor<Cuda>;
template struct SpatialHead<Cuda>;
template struct ElrLoss<Cuda>;
}  // namespace GLIA_NS::ssl

namespace every_op {

void initialise(glia::nn::Linear<Cuda>& layer, const glia::nn::Linear<>& host) {
  glia::nn::init::kaiming_uniform(layer.weight);
  glia::nn::init::xavier_normal(layer.weight);
  glia::nn::init::truncated_normal(layer.weight);
  glia::nn::init::orthogonal(layer.weight);
  glia::nn::copy_state(host, layer);
}

}  // namespace every_op
