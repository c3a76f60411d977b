// Sums, means and other reductions on CUDA against the CPU and exact whole numbers.

#include <glia/cuda.hpp>
#include <glia/kernels/cpu/reduce.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/sum.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

using glia::Axes;
using glia::Cpu;
using glia::Cuda;
using glia::Generator;
using glia::Index;
using glia::Shape;
using glia::Tensor;

namespace {

// Whole numbers in [-8, 8]: every sum below is exact in any order.
template <class T>
Tensor<T> whole_numbers(const Shape& shape, std::uint64_t seed) {
  auto out = Tensor<T>::empty(shape);
  for (Index i = 0; i < out.numel(); ++i)
    out.mutable_data()[i] = static_cast<T>(static_cast<double>(glia::random_below(seed, 0, i, 17)) - 8.0);
  return out;
}

// Extents with one block per result, with several chunks per result, with idle columns, and with nothing to add.
template <class T>
void sums() {
  for (const Shape& shape : {Shape{1}, Shape{100003}, Shape{7, 33}, Shape{3, 2000}, Shape{2, 5, 3}, Shape{3, 9000, 5},
                             Shape{40, 300, 70}, Shape{0, 4}, Shape{4, 0}, Shape{}}) {
    const auto a = whole_numbers<T>(shape, 1);
    const auto x = a.template to<Cuda>();
    CHECK(glia::sum(x).to_vector() == glia::sum(a).to_vector());
    for (int axis = 0; axis < shape.rank(); ++axis) {
      CHECK(glia::sum(x, axis).shape() == glia::sum(a, axis).shape());
      CHECK(glia::sum(x, axis).to_vector() == glia::sum(a, axis).to_vector());
    }
    if (shape.rank() == 3) CHECK(glia::sum(x, Axes{0, 2}, true).to_vector() == glia::sum(a, Axes{0, 2}, true).to_vector());
  }
}

template <class T>
void means_repeat() {
  Generator generator(2);
  const auto a = glia::randn<T>({11, 5000, 3}, generator);
  const auto x = a.template to<Cuda>();
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int axis = 0; axis < 3; ++axis) {
    CHECK_NEAR(glia::mean(x, axis), glia::mean(a, axis).to_vector(), {2 * epsilon, 1e-3 * epsilon});
    CHECK(glia::mean(x, axis).to_vector() == glia::mean(x, axis).to_vector());
  }
  CHECK(std::isnan(static_cast<double>(glia::mean(glia::zeros<T, Cuda>({0})).item())));
}

template <class T, class Out, class OnDevice, class OnHost>
void agree(OnDevice on_device, OnHost on_host) {
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{3, 700, 1}, Shape{2, 20000, 1}, Shape{2, 9, 40}, Shape{1, 3000, 2}}) {
    const auto a = whole_numbers<T>(shape, 3);
    const auto x = a.template to<Cuda>();
    auto expected = Tensor<Out>::empty({shape[0], shape[2]});
    auto actual = Tensor<Out, Cuda>::empty({shape[0], shape[2]});
    on_host(a.data(), shape[0], shape[1], shape[2], expected.mutable_data());
    on_device(x.data(), shape[0], shape[1], shape[2], actual.mutable_data());
    CHECK(actual.to_vector() == expected.to_vector());
  }
}

#define AGREE(T, Out, name)                                                                                   \
  agree<T, Out>([](const T* x, Index o, Index n, Index i, Out* y) { glia::name(Cuda{}, x, o, n, i, y); },      \
                [](const T* x, Index o, Index n, Index i, Out* y) { glia::name(Cpu{}, x, o, n, i, y); })

}  // namespace

CUDA_TEST_CASE("cuda reduce: sums of whole numbers are exact") {
  sums<float>();
  sums<double>();
  sums<std::int64_t>();
}
CUDA_TEST_CASE("cuda reduce: means agree with the CPU and repeat bitwise") {
  means_repeat<float>();
  means_repeat<double>();
}
CUDA_TEST_CASE("cuda reduce: extremes, norms and truth values") {
  AGREE(float, float, reduce_max);
  AGREE(double, double, reduce_min);
  AGREE(std::int32_t, std::int32_t, reduce_max);
  AGREE(float, double, reduce_norm2);
  AGREE(std::int32_t, bool, reduce_any);
  AGREE(std::int32_t, bool, reduce_all);
}
CUDA_TEST_CASE("cuda reduce: a NaN anywhere is the extreme") {
  auto a = whole_numbers<float>({5000}, 4);
  a.mutable_data()[3210] = std::numeric_limits<float>::quiet_NaN();
  const auto x = a.to<Cuda>();
  auto y = Tensor<float, Cuda>::empty({});
  glia::reduce_max(Cuda{}, x.data(), 1, 5000, 1, y.mutable_data());
  CHECK(std::isnan(y.item()));
}
