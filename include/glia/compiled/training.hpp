#pragma once
// What glia::compiled holds of neurons and optimizers, declared so that programs do not compile it again (see
// docs/design.md, "The compiled half"). A missing entry costs compile time only. A new op: one line here.

#include <glia/compiled/layers.hpp>
#include <glia/data/loader.hpp>
#include <glia/data/synthetic.hpp>
#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/spiking/layers.hpp>
#include <glia/spiking/loss.hpp>
#include <glia/spiking/qcfs.hpp>

#if defined(GLIA_COMPILED)
#if defined(GLIA_COMPILED_PART_TRAINING)
#define GLIA_COMPILED_TEMPLATE template
#else
#define GLIA_COMPILED_TEMPLATE extern template
#endif

// clang-format off
namespace GLIA_NS::spiking {
GLIA_COMPILED_TEMPLATE Tensor<> simulate<LifNeuron<>, float, Cpu>(const LifNeuron<>&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<LifNeuron<>, float, Cpu>(const LifNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> step<LifNeuron<>, float, Cpu>(const LifNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IfNeuron<>, float, Cpu>(const IfNeuron<>&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IfNeuron<>, float, Cpu>(const IfNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> step<IfNeuron<>, float, Cpu>(const IfNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<PlifNeuron<>, float, Cpu>(const PlifNeuron<>&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<PlifNeuron<>, float, Cpu>(const PlifNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> step<PlifNeuron<>, float, Cpu>(const PlifNeuron<>&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IntegerLifNeuron, float, Cpu>(const IntegerLifNeuron&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IntegerLifNeuron, float, Cpu>(const IntegerLifNeuron&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> step<IntegerLifNeuron, float, Cpu>(const IntegerLifNeuron&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IntegratorNeuron, float, Cpu>(const IntegratorNeuron&, const Tensor<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> simulate<IntegratorNeuron, float, Cpu>(const IntegratorNeuron&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> step<IntegratorNeuron, float, Cpu>(const IntegratorNeuron&, const Tensor<>&, State<>&, const Tensor<>&);
GLIA_COMPILED_TEMPLATE Tensor<> repeat<float, Cpu>(const Tensor<>&, Index);
GLIA_COMPILED_TEMPLATE Tensor<> rate_cross_entropy<float, Cpu>(const Tensor<>&, const Tensor<std::int64_t>&, CrossEntropyOptions);
GLIA_COMPILED_TEMPLATE Tensor<> qcfs<float, Cpu>(const Tensor<>&, const Tensor<>&, int);
GLIA_COMPILED_TEMPLATE class Layer<Cpu, LifNeuron<>, float>;
GLIA_COMPILED_TEMPLATE class Layer<Cpu, IfNeuron<>, float>;
GLIA_COMPILED_TEMPLATE class Layer<Cpu, IntegerLifNeuron, float>;
GLIA_COMPILED_TEMPLATE class Layer<Cpu, IntegratorNeuron, float>;
}  // namespace GLIA_NS::spiking

namespace GLIA_NS::optim {
GLIA_COMPILED_TEMPLATE class Optimizer<float, Cpu>;
GLIA_COMPILED_TEMPLATE class BufferedOptimizer<float, Cpu>;
GLIA_COMPILED_TEMPLATE class AdamBase<float, Cpu, AdamOptions, false>;
GLIA_COMPILED_TEMPLATE class AdamBase<float, Cpu, AdamWOptions, true>;
GLIA_COMPILED_TEMPLATE class Adam<float, Cpu>;
GLIA_COMPILED_TEMPLATE class AdamW<float, Cpu>;
GLIA_COMPILED_TEMPLATE class Sgd<float, Cpu>;
GLIA_COMPILED_TEMPLATE double clip_grad_norm<float, Cpu>(const std::vector<nn::NamedTensor<float, Cpu>>&, double, ClipNormOptions);
GLIA_COMPILED_TEMPLATE double clip_grad_norm<float, Cpu>(Optimizer<float, Cpu>&, double, ClipNormOptions);
}  // namespace GLIA_NS::optim

namespace GLIA_NS::data {
GLIA_COMPILED_TEMPLATE class BasicLoader<void>;
GLIA_COMPILED_TEMPLATE Dataset synthetic<void>(const SyntheticOptions&);
}  // namespace GLIA_NS::data
// clang-format on

#undef GLIA_COMPILED_TEMPLATE
#endif
