// The device layer: allocator, copies, streams, errors, and random numbers equal to the CPU's.

#include <glia/cuda.hpp>
#include <glia/kernels/cpu/random.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

#include <limits>
#include <string>
#include <thread>

using glia::Cpu;
using glia::Cuda;
using glia::Index;
using glia::Tensor;

REGISTER_LISTENER("cuda_skips", 1, glia_test::SkipReporter);

namespace {

template <class T>
void uniform_equal() {
  for (const Index n : {1, 3, 4, 5, 1023, 100001}) {
    auto expected = Tensor<T>::empty({n});
    auto actual = Tensor<T, Cuda>::empty({n});
    glia::fill_uniform(Cpu{}, expected.mutable_data(), n, 7, 11, T(0), T(1));
    glia::fill_uniform(Cuda{}, actual.mutable_data(), n, 7, 11, T(0), T(1));
    CHECK(actual.template cast<double>().to_vector() == expected.template cast<double>().to_vector());
  }
}

// Bitwise where the host's fma is hardware too; elsewhere its logarithm rounds differently.
template <class T>
void normal_equal() {
  constexpr Index n = 100001;
  auto expected = Tensor<T>::empty({n});
  auto actual = Tensor<T, Cuda>::empty({n});
  glia::fill_normal(Cpu{}, expected.mutable_data(), n, 7, 11, T(0.5), T(2));
  glia::fill_normal(Cuda{}, actual.mutable_data(), n, 7, 11, T(0.5), T(2));
  constexpr double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  if (glia::config::has_fma)
    CHECK(actual.to_vector() == expected.to_vector());
  else
    CHECK_NEAR(actual, expected.to_vector(), {64 * epsilon, 16 * epsilon});
}

}  // namespace

TEST_CASE("cuda errors name the op and carry CUDA's text") {
  const auto text =
      glia_test::error_of<glia::DeviceError>([] { glia::cuda::check("some op", cudaErrorInvalidValue); });
  CHECK(text.rfind("some op: CUDA reports cudaErrorInvalidValue", 0) == 0);
  const auto product =
      glia_test::error_of<glia::DeviceError>([] { glia::cuda::check("matmul", CUBLAS_STATUS_INVALID_VALUE); });
  CHECK(product.rfind("matmul: cuBLAS reports CUBLAS_STATUS_INVALID_VALUE", 0) == 0);
  CHECK_NOTHROW(glia::cuda::check("some op", cudaSuccess));
}
TEST_CASE("cuda: without a device, asking for memory is a DeviceError") {
  if (!glia_test::no_device()) return;
  CHECK_THROWS_AS((Tensor<float, Cuda>::empty({3})), glia::DeviceError);
}
TEST_CASE("cuda: strided positions on the host side") {
  const auto dense = glia::cuda::make_walk({4, 5, 6}, glia::contiguous_strides({4, 5, 6}));
  CHECK(dense.rank == 1);
  CHECK(dense.extents[0] == 120);
  CHECK(dense.strides[0] == 1);
  const auto transposed = glia::cuda::make_walk({6, 4, 5}, {1, 30, 6});
  CHECK(transposed.rank == 2);
  CHECK(transposed.extents[1] == 20);
  CHECK(transposed.strides[1] == 6);
  CHECK(glia::cuda::make_walk({1, 1}, {7, 3}).rank == 0);
  CHECK(dense.narrow);
  CHECK_FALSE(glia::cuda::make_walk({1 << 20, 1 << 20}, {0, 0}).narrow);
  CHECK(glia::cuda::pack_width<float> == 4);
  CHECK(glia::cuda::pack_width<bool, double> == 2);
  CHECK(glia::cuda::blocks_for(1) == 1);
  CHECK(glia::cuda::blocks_for(257) == 2);
  CHECK(glia::cuda::blocks_for(Index{1} << 40) == 65536);
}

CUDA_TEST_CASE("cuda allocator: alignment, empty blocks, reuse and statistics") {
  auto& allocator = glia::cuda_allocator();
  const auto before = allocator.statistics();
  void* block = allocator.allocate(1000);
  void* empty = allocator.allocate(0);
  CHECK(reinterpret_cast<std::uintptr_t>(block) % 256 == 0);
  CHECK(empty != nullptr);
  CHECK(allocator.statistics().bytes_in_use >= before.bytes_in_use + 1000);
  allocator.deallocate(block, 1000);
  allocator.deallocate(empty, 0);
  glia::cuda::synchronize();
  CHECK(allocator.statistics().bytes_in_use == before.bytes_in_use);
  allocator.release_cached();
}
CUDA_TEST_CASE("cuda allocator: out of memory is a DeviceError, and the device works on") {
  const auto text =
      glia_test::error_of<glia::DeviceError>([] { static_cast<void>(Tensor<float, Cuda>::empty({Index{1} << 42})); });
  CHECK(text.find("out of device memory: asked for") != std::string::npos);
  CHECK(glia::ones<float, Cuda>({3}).to_vector() == std::vector<float>(3, 1.0f));
}
CUDA_TEST_CASE("cuda copies: to the device, on it, and back") {
  const std::vector<std::int32_t> values{1, 2, 3, 4, 5};
  const auto x = glia::from_vector<std::int32_t, Cuda>(values);
  auto y = Tensor<std::int32_t, Cuda>::empty({5});
  glia::copy_bytes(Cuda{}, Cuda{}, y.mutable_data(), x.data(), 20);
  CHECK(y.to_vector() == values);
  CHECK(x.slice(0, {3, 4}).reshape({}).item() == 4);
  CHECK(x.to<Cpu>().to_vector() == values);
  CHECK((glia::zeros<float, Cuda>({0, 3}).to_vector().empty()));
}
CUDA_TEST_CASE("cuda copies: the source may be changed on return, and copies come in order") {
  std::vector<float> host(1 << 20);
  std::vector<Tensor<float, Cuda>> arrived;
  for (int i = 0; i < 6; ++i) {
    std::fill(host.begin(), host.end(), static_cast<float>(i));
    arrived.push_back(glia::from_vector<float, Cuda>(host));
  }
  for (int i = 0; i < 6; ++i)
    CHECK(arrived[static_cast<std::size_t>(i)].to_vector() == std::vector<float>(1 << 20, static_cast<float>(i)));
  // Larger than a staging buffer.
  const std::size_t many = glia::cuda::Staging::largest / sizeof(float) + 1;
  const std::vector<float> large(many, 2.5f);
  CHECK(glia::from_vector<float, Cuda>(large).to_vector() == large);
}
CUDA_TEST_CASE("cuda copies: a read-back on its way to the host") {
  const auto x = glia::full<float, Cuda>({1000}, 3.0f);
  const glia::cuda::Readback copy(x.data(), 1000 * sizeof(float));
  const auto* values = static_cast<const float*>(copy.get());
  CHECK(copy.ready());
  CHECK(std::vector<float>(values, values + 1000) == std::vector<float>(1000, 3.0f));
}
CUDA_TEST_CASE("cuda streams: a scope is ordered with what surrounds it") {
  const glia::cuda::Stream stream;
  CHECK(glia::cuda::current_stream() == nullptr);
  auto x = glia::full<float, Cuda>({1 << 20}, 1.0f);
  for (int i = 0; i < 20; ++i) {
    x = x + x;
    const glia::cuda::StreamScope scope(stream);
    CHECK(glia::cuda::current_stream() == stream.get());
    x = x * 0.5f;
  }
  CHECK(glia::cuda::current_stream() == nullptr);
  CHECK(x.to_vector() == std::vector<float>(1 << 20, 1.0f));
}
CUDA_TEST_CASE("cuda streams: each thread has a current stream of its own") {
  const glia::cuda::Stream stream;
  const glia::cuda::StreamScope scope(stream);
  bool other = false;
  std::thread([&] { other = glia::cuda::current_stream() == nullptr; }).join();
  CHECK(other);
}
CUDA_TEST_CASE("cuda events: elapsed time") {
  glia::cuda::Event start(true), stop(true);
  start.record();
  const auto x = glia::ones<float, Cuda>({1 << 20});
  stop.record();
  stop.synchronize();
  CHECK(stop.milliseconds_since(start) >= 0.0f);
}
CUDA_TEST_CASE("cuda random: uniform, Bernoulli and whole numbers are the CPU's") {
  uniform_equal<float>();
  uniform_equal<double>();
  uniform_equal<glia::bfloat16>();
  constexpr Index n = 4099;
  for (const double p : {0.0, 0.3, 1.0}) {
    auto expected = Tensor<float>::empty({n});
    auto actual = Tensor<float, Cuda>::empty({n});
    glia::fill_bernoulli(Cpu{}, expected.mutable_data(), n, 3, 5, p);
    glia::fill_bernoulli(Cuda{}, actual.mutable_data(), n, 3, 5, p);
    CHECK(actual.to_vector() == expected.to_vector());
  }
  auto expected = Tensor<std::int64_t>::empty({n});
  auto actual = Tensor<std::int64_t, Cuda>::empty({n});
  glia::fill_integers(Cpu{}, expected.mutable_data(), n, 3, 5, -100, 1000000007);
  glia::fill_integers(Cuda{}, actual.mutable_data(), n, 3, 5, -100, 1000000007);
  CHECK(actual.to_vector() == expected.to_vector());
}
CUDA_TEST_CASE("cuda random: normal numbers are the CPU's") {
  normal_equal<float>();
  normal_equal<double>();
}
CUDA_TEST_CASE("cuda random: an unaligned start changes nothing") {
  auto whole = Tensor<float, Cuda>::empty({1001});
  glia::fill_uniform(Cuda{}, whole.mutable_data() + 1, 1000, 9, 0, 0.0f, 1.0f);
  auto expected = Tensor<float>::empty({1000});
  glia::fill_uniform(Cpu{}, expected.mutable_data(), 1000, 9, 0, 0.0f, 1.0f);
  CHECK(whole.slice(0, {1, {}}).to_vector() == expected.to_vector());
}
