// What glia::cuda_compiled holds of neurons, spike encodings, losses of self-supervision and optimizers (docs/cuda.md).

#include <glia/compiled/cuda/instantiate.cuh>
#include <glia/optim/adam.hpp>
#include <glia/optim/clip.hpp>
#include <glia/optim/lars.hpp>
#include <glia/optim/muon.hpp>
#include <glia/optim/rmsprop.hpp>
#include <glia/optim/sgd.hpp>
#include <glia/spiking/encode.hpp>
#include <glia/spiking/neurons.hpp>
#include <glia/spiking/normalization.hpp>
#include <glia/spiking/regularize.hpp>
#include <glia/spiking/spike.hpp>
#include <glia/ssl/features.hpp>
#include <glia/ssl/noisy.hpp>

GLIA_CUDA_NEURON(float, glia::spiking::AlifNeuron<>);
GLIA_CUDA_NEURON(float, glia::spiking::CubaNeuron<>);
GLIA_CUDA_NEURON(float, glia::spiking::IfNeuron<>);
GLIA_CUDA_NEURON(float, glia::spiking::IntegerLifNeuron);
GLIA_CUDA_NEURON(float, glia::spiking::IntegratorNeuron);
GLIA_CUDA_NEURON(float, glia::spiking::LifNeuron<>);
GLIA_CUDA_NEURON(float, glia::spiking::PlifNeuron<>);

GLIA_CUDA_MAP_1(float, glia::spiking::detail::FilterFactor);
GLIA_CUDA_MAP_1(float, glia::spiking::functor::Spike<glia::spiking::surrogate::Atan>);
GLIA_CUDA_MAP_1(float, glia::ssl::detail::AtLeast<float>);
GLIA_CUDA_MAP_1(float, glia::ssl::detail::CutProbability<float>);
GLIA_CUDA_MAP_1(float, glia::ssl::detail::GceOfLog<float>);
GLIA_CUDA_MAP_2(float, glia::spiking::detail::DivideBy);
GLIA_CUDA_MAP_2(float, glia::spiking::functor::BelowRate);
GLIA_CUDA_MAP_2(float, glia::spiking::functor::FiresNow);

GLIA_CUDA_RULE(float, glia::optim::detail::AdamRule<float, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::AdamRule<float, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::ClampRule<float>);
GLIA_CUDA_RULE(float, glia::optim::detail::CombineRule<float>);
GLIA_CUDA_RULE(float, glia::optim::detail::LarsRule<float, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::LarsRule<float, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::MomentumRule<float, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::MomentumRule<float, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::MuonMomentumRule<float, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::MuonMomentumRule<float, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::RmsPropRule<float, false, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::RmsPropRule<float, false, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::RmsPropRule<float, true, false>);
GLIA_CUDA_RULE(float, glia::optim::detail::RmsPropRule<float, true, true>);
GLIA_CUDA_RULE(float, glia::optim::detail::SgdRule<float>);

namespace GLIA_NS {
template void clip_rows(Cuda, const float*, float*, Index, Index, double, double);
template void sum_of_squares(Cuda, std::span<const UpdateSlot<float>>, double*);
}  // namespace GLIA_NS
