// Elementwise ops, copies and fills on CUDA against the CPU. Plain functions per type: under nvcc the names of doctest's
// templated test cases collapse.

#include <glia/cuda.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/inplace.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

#include <limits>

using glia::Cpu;
using glia::Cuda;
using glia::Generator;
using glia::Index;
using glia::Shape;
using glia::Slice;
using glia::Tensor;

namespace {

template <class T>
Tensor<T> sample(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return glia::randn<T>(shape, generator);
}

template <class T>
constexpr double digits = static_cast<double>(std::numeric_limits<T>::epsilon());

// Sizes around the pack width, and beyond one round of the grid's threads.
template <class T>
void contiguous_sizes() {
  for (const Index n : {0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 4099, 100003}) {
    const auto a = sample<T>({n}, 1), b = sample<T>({n}, 2);
    const auto x = a.template to<Cuda>(), y = b.template to<Cuda>();
    CHECK(x.to_vector() == a.to_vector());
    CHECK((x + y).to_vector() == (a + b).to_vector());
    CHECK((x * y).to_vector() == (a * b).to_vector());
    CHECK((x - y).to_vector() == (a - b).to_vector());
  }
}

template <class T>
void misaligned_and_strided() {
  const auto a = sample<T>({9, 14, 5}, 3);
  const auto x = a.template to<Cuda>();
  const auto same = [](const Tensor<T, Cuda>& on_device, const Tensor<T>& on_host) {
    CHECK(on_device.shape() == on_host.shape());
    CHECK(on_device.to_vector() == on_host.to_vector());
    CHECK((on_device * on_device).to_vector() == (on_host * on_host).to_vector());
    CHECK(on_device.clone().to_vector() == on_host.to_vector());
  };
  same(x.reshape({-1}).slice(0, {1, {}, 1}), a.reshape({-1}).slice(0, {1, {}, 1}));
  same(x.reshape({-1}).slice(0, {3, 500, 7}), a.reshape({-1}).slice(0, {3, 500, 7}));
  same(x.transpose(), a.transpose());
  same(x.permute({2, 0, 1}), a.permute({2, 0, 1}));
  same(x.slice(1, {2, 11, 3}).transpose(0, 2), a.slice(1, {2, 11, 3}).transpose(0, 2));
  same(x.select(1, 4), a.select(1, 4));
  same(x.select(0, 1).select(0, 2).select(0, 3), a.select(0, 1).select(0, 2).select(0, 3));
}

template <class T>
void broadcasting() {
  const auto a = sample<T>({6, 7, 8}, 4);
  const auto x = a.template to<Cuda>();
  for (const Shape& shape : {Shape{8}, Shape{7, 1}, Shape{6, 1, 1}, Shape{1, 7, 8}, Shape{}, Shape{1}, Shape{2, 1, 1, 8}}) {
    const auto b = sample<T>(shape, 5);
    const auto y = b.template to<Cuda>();
    CHECK((x + y).shape() == (a + b).shape());
    CHECK((x + y).to_vector() == (a + b).to_vector());
    CHECK((y - x).to_vector() == (b - a).to_vector());
  }
}

template <class T>
void functions() {
  const auto a = sample<T>({4, 1001}, 6);
  const auto x = a.template to<Cuda>();
  const glia_test::Tolerance close{8 * digits<T>, digits<T>};
  CHECK_NEAR(glia::exp(x), glia::exp(a).to_vector(), close);
  CHECK_NEAR(glia::tanh(x), glia::tanh(a).to_vector(), close);
  CHECK_NEAR(glia::log(x * x + T(1)), glia::log(a * a + T(1)).to_vector(), close);
  CHECK_NEAR(x / (x * x + T(1)), (a / (a * a + T(1))).to_vector(), close);
  CHECK_NEAR(glia::clamp(x, T(-0.5), T(0.5)), glia::clamp(a, T(-0.5), T(0.5)).to_vector(), close);
}

template <class T>
void writes() {
  auto a = sample<T>({5, 6}, 7);
  auto x = a.template to<Cuda>();
  const auto column = sample<T>({5, 1}, 8);
  a.add_(column), x.add_(column.template to<Cuda>());
  CHECK(x.to_vector() == a.to_vector());
  auto part_a = a.slice(1, {1, {}, 2});
  auto part_x = x.slice(1, {1, {}, 2});
  part_a.fill_(T(3)), part_x.fill_(T(3));
  CHECK(x.to_vector() == a.to_vector());
  auto top_a = a.transpose();
  auto top_x = x.transpose();
  const auto row = sample<T>({6, 1}, 9);
  top_a.copy_(row), top_x.copy_(row.template to<Cuda>());
  CHECK(x.to_vector() == a.to_vector());
  x.zero_();
  CHECK(x.to_vector() == std::vector<T>(30, T(0)));
}

// A functor with its derivative taken by dual numbers.
struct Softsign {
  template <class R>
  GLIA_HD R operator()(R x) const {
    return x / (R(1) + glia::math::abs(x));
  }
};

}  // namespace

CUDA_TEST_CASE("cuda elementwise: contiguous operands of many sizes") {
  contiguous_sizes<float>();
  contiguous_sizes<double>();
}
CUDA_TEST_CASE("cuda elementwise: misaligned and strided operands") {
  misaligned_and_strided<float>();
  misaligned_and_strided<double>();
}
CUDA_TEST_CASE("cuda elementwise: broadcasting") {
  broadcasting<float>();
  broadcasting<double>();
}
CUDA_TEST_CASE("cuda elementwise: elementary functions") {
  functions<float>();
  functions<double>();
}
CUDA_TEST_CASE("cuda elementwise: writes in place") {
  writes<float>();
  writes<double>();
}
CUDA_TEST_CASE("cuda elementwise: a functor, its gradient and its second derivative") {
  const auto run = [](auto x) {
    x.set_requires_grad();
    auto first = glia::grad(glia::sum(glia::map(Softsign{}, x)), {x}, {.create_graph = true});
    auto second = glia::grad(glia::sum(first[0]), {x});
    return std::vector{first[0].detach().to_vector(), second[0].to_vector()};
  };
  const auto a = sample<double>({37}, 10);
  const auto host = run(a.clone()), device = run(a.to<Cuda>());
  CHECK_NEAR(device[0], host[0], {1e-14});
  CHECK_NEAR(device[1], host[1], {1e-14});
}
CUDA_TEST_CASE("cuda elementwise: comparisons, casts and 16-bit floats") {
  const auto a = sample<float>({3, 50}, 11), b = sample<float>({50}, 12);
  const auto x = a.to<Cuda>(), y = b.to<Cuda>();
  CHECK((x < y).to_vector() == (a < b).to_vector());
  CHECK((x * 10.0f).cast<std::int32_t>().to_vector() == (a * 10.0f).cast<std::int32_t>().to_vector());
  CHECK((x * 10.0f).cast<std::int64_t>().to_vector() == (a * 10.0f).cast<std::int64_t>().to_vector());
  CHECK(x.cast<double>().to_vector() == a.cast<double>().to_vector());
  const auto half_host = a.cast<glia::bfloat16>();
  const auto half_device = x.cast<glia::bfloat16>();
  CHECK(half_device.cast<float>().to_vector() == half_host.cast<float>().to_vector());
  CHECK((half_device + half_device).cast<float>().to_vector() == (half_host + half_host).cast<float>().to_vector());
}
