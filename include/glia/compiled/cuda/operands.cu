// What glia::cuda_compiled holds of elementwise functors with several operands, of those that are not differentiated as
// functors, and of casts (docs/cuda.md).

#include <glia/compiled/cuda/instantiate.cuh>
#include <glia/nn/activation.hpp>
#include <glia/ops/activation.hpp>
#include <glia/ops/cross_entropy.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/inplace.hpp>
#include <glia/ops/loss.hpp>
#include <glia/ops/normalization.hpp>
#include <glia/ops/reduce.hpp>
#include <glia/ops/softmax.hpp>

GLIA_CUDA_MAP_2(float, glia::functor::AbsoluteDifference);
GLIA_CUDA_MAP_2(float, glia::functor::BinaryCrossEntropy<float>);
GLIA_CUDA_MAP_2(float, glia::functor::ExpDifference);
GLIA_CUDA_MAP_2(float, glia::functor::Huber<float>);
GLIA_CUDA_MAP_2(float, glia::functor::KlDivergence);
GLIA_CUDA_MAP_2(float, glia::functor::KlDivergenceOfLogs);
GLIA_CUDA_MAP_2(float, glia::functor::Maximum);
GLIA_CUDA_MAP_2(float, glia::functor::Minimum);
GLIA_CUDA_MAP_2(float, glia::functor::Pow);
GLIA_CUDA_MAP_2(float, glia::functor::SquaredDifference);
GLIA_CUDA_MAP_2(float, glia::nn::functor::Prelu);
GLIA_CUDA_MAP_3(float, glia::functor::CosineOfProducts<float>);

GLIA_CUDA_VALUE_2(float, float, float, glia::functor::Add);
GLIA_CUDA_VALUE_2(std::int64_t, std::int64_t, std::int64_t, glia::functor::Add);
GLIA_CUDA_VALUE_2(float, float, float, glia::functor::AddScaled<float>);
GLIA_CUDA_VALUE_2(bool, bool, bool, glia::functor::And);
GLIA_CUDA_VALUE_2(float, float, float, glia::functor::Div);
GLIA_CUDA_VALUE_2(bool, bool, bool, glia::functor::Equal);
GLIA_CUDA_VALUE_2(bool, float, float, glia::functor::Equal);
GLIA_CUDA_VALUE_2(bool, std::int64_t, std::int64_t, glia::functor::Equal);
GLIA_CUDA_VALUE_2(bool, std::uint8_t, std::uint8_t, glia::functor::Equal);
GLIA_CUDA_VALUE_2(float, float, float, glia::functor::EqualMask);
GLIA_CUDA_VALUE_1(float, float, glia::functor::ExpOfLog);
GLIA_CUDA_VALUE_1(bool, float, glia::functor::IsFinite);
GLIA_CUDA_VALUE_1(bool, float, glia::functor::IsNan);
GLIA_CUDA_VALUE_1(bool, std::int64_t, glia::functor::IsNotLabel);
GLIA_CUDA_VALUE_2(bool, float, float, glia::functor::Less);
GLIA_CUDA_VALUE_2(bool, std::int64_t, std::int64_t, glia::functor::Less);
GLIA_CUDA_VALUE_2(bool, float, float, glia::functor::LessEqual);
GLIA_CUDA_VALUE_2(bool, std::int64_t, std::int64_t, glia::functor::LessEqual);
GLIA_CUDA_VALUE_2(std::int64_t, std::int64_t, std::int64_t, glia::functor::Maximum);
GLIA_CUDA_VALUE_2(std::int64_t, std::int64_t, std::int64_t, glia::functor::Minimum);
GLIA_CUDA_VALUE_2(float, float, float, glia::functor::Mul);
GLIA_CUDA_VALUE_2(std::int64_t, std::int64_t, std::int64_t, glia::functor::Mul);
GLIA_CUDA_VALUE_1(bool, bool, glia::functor::Not);
GLIA_CUDA_VALUE_2(bool, bool, bool, glia::functor::NotEqual);
GLIA_CUDA_VALUE_2(bool, float, float, glia::functor::NotEqual);
GLIA_CUDA_VALUE_2(bool, std::int64_t, std::int64_t, glia::functor::NotEqual);
GLIA_CUDA_VALUE_2(bool, std::uint8_t, std::uint8_t, glia::functor::NotEqual);
GLIA_CUDA_VALUE_2(bool, bool, bool, glia::functor::Or);
GLIA_CUDA_VALUE_1(float, float, glia::functor::PositiveMask);
GLIA_CUDA_VALUE_1(std::int64_t, std::int64_t, glia::functor::ReplaceLabel);
GLIA_CUDA_VALUE_1(bool, bool, glia::functor::Scale<bool>);
GLIA_CUDA_VALUE_1(float, float, glia::functor::Scale<float>);
GLIA_CUDA_VALUE_1(std::int64_t, std::int64_t, glia::functor::Scale<std::int64_t>);
GLIA_CUDA_VALUE_1(std::uint8_t, std::uint8_t, glia::functor::Scale<std::uint8_t>);
GLIA_CUDA_VALUE_3(float, bool, float, float, glia::functor::Select);
GLIA_CUDA_VALUE_3(std::int64_t, bool, std::int64_t, std::int64_t, glia::functor::Select);
GLIA_CUDA_VALUE_1(float, float, glia::functor::Shift<float>);
GLIA_CUDA_VALUE_2(float, float, float, glia::functor::Sub);
GLIA_CUDA_VALUE_2(std::int64_t, std::int64_t, std::int64_t, glia::functor::Sub);

GLIA_CUDA_VALUE_1(bool, float, glia::functor::Cast<bool>);
GLIA_CUDA_VALUE_1(bool, std::int64_t, glia::functor::Cast<bool>);
GLIA_CUDA_VALUE_1(bool, std::uint8_t, glia::functor::Cast<bool>);
GLIA_CUDA_VALUE_1(float, bool, glia::functor::Cast<float>);
GLIA_CUDA_VALUE_1(float, std::int64_t, glia::functor::Cast<float>);
GLIA_CUDA_VALUE_1(float, std::uint8_t, glia::functor::Cast<float>);
GLIA_CUDA_VALUE_1(std::int64_t, bool, glia::functor::Cast<std::int64_t>);
GLIA_CUDA_VALUE_1(std::int64_t, float, glia::functor::Cast<std::int64_t>);
GLIA_CUDA_VALUE_1(std::int64_t, std::uint8_t, glia::functor::Cast<std::int64_t>);
GLIA_CUDA_VALUE_1(std::uint8_t, bool, glia::functor::Cast<std::uint8_t>);
GLIA_CUDA_VALUE_1(std::uint8_t, float, glia::functor::Cast<std::uint8_t>);
GLIA_CUDA_VALUE_1(std::uint8_t, std::int64_t, glia::functor::Cast<std::uint8_t>);
