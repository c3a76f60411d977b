// Matrix products and a whole backward pass on CUDA against the CPU.

#include <glia/cuda.hpp>
#include <glia/ops/convert.hpp>
#include <glia/ops/create.hpp>
#include <glia/ops/elementwise.hpp>
#include <glia/ops/matmul.hpp>

#include <tests/cuda/support.hpp>
#include <tests/support/near.hpp>

using glia::Cuda;
using glia::Generator;
using glia::Index;
using glia::Shape;
using glia::Tensor;

namespace {

// Small whole numbers: products are exact, so float and double must match bit for bit.
template <class T>
Tensor<T> whole_numbers(const Shape& shape, std::uint64_t seed) {
  auto out = Tensor<T>::empty(shape);
  for (Index i = 0; i < out.numel(); ++i)
    out.mutable_data()[i] = static_cast<T>(static_cast<double>(glia::random_below(seed, 0, i, 9)) - 4.0);
  return out;
}

template <class T>
void products() {
  const auto same = [](const Tensor<T>& a, const Tensor<T>& b) {
    const auto expected = glia::matmul(a, b);
    const auto actual = glia::matmul(a.template to<Cuda>(), b.template to<Cuda>());
    CHECK(actual.shape() == expected.shape());
    CHECK(actual.to_vector() == expected.to_vector());
  };
  same(whole_numbers<T>({17, 33}, 1), whole_numbers<T>({33, 9}, 2));
  same(whole_numbers<T>({1, 33}, 1), whole_numbers<T>({33, 9}, 2));
  same(whole_numbers<T>({17, 33}, 1), whole_numbers<T>({33, 1}, 2));
  same(whole_numbers<T>({33}, 1), whole_numbers<T>({33}, 2));
  same(whole_numbers<T>({6, 17, 33}, 1), whole_numbers<T>({33, 9}, 2));
  same(whole_numbers<T>({6, 17, 33}, 1), whole_numbers<T>({6, 33, 9}, 2));
  same(whole_numbers<T>({2, 1, 5, 4}, 1), whole_numbers<T>({3, 4, 6}, 2));
  same(whole_numbers<T>({5, 0}, 1), whole_numbers<T>({0, 7}, 2));
  same(whole_numbers<T>({0, 5}, 1), whole_numbers<T>({5, 7}, 2));
  // Transposed, sliced and shared operands, as views on the device itself.
  const auto a = whole_numbers<T>({8, 12}, 3), b = whole_numbers<T>({8, 10}, 4);
  const auto x = a.template to<Cuda>(), y = b.template to<Cuda>();
  CHECK(glia::matmul(x.transpose(), y).to_vector() == glia::matmul(a.transpose(), b).to_vector());
  CHECK(glia::matmul(y.transpose(), x).to_vector() == glia::matmul(b.transpose(), a).to_vector());
  CHECK(glia::matmul(x.slice(1, {2, 9}).transpose(), y.slice(1, {1, 6})).to_vector() ==
        glia::matmul(a.slice(1, {2, 9}).transpose(), b.slice(1, {1, 6})).to_vector());
  CHECK(glia::matmul(x.slice(1, {0, 12, 2}), x.slice(1, {0, 12, 2}).transpose()).to_vector() ==
        glia::matmul(a.slice(1, {0, 12, 2}), a.slice(1, {0, 12, 2}).transpose()).to_vector());
}

// Loss and gradients of a small two-layer map with a bias that is broadcast.
template <class T, class D>
std::vector<std::vector<T>> train_once(const std::vector<Tensor<T>>& host) {
  std::vector<Tensor<T, D>> t;
  for (const auto& h : host) {
    if constexpr (std::is_same_v<D, Cuda>)
      t.push_back(h.template to<Cuda>());
    else
      t.push_back(h.clone());
  }
  for (std::size_t i = 1; i < t.size(); ++i) t[i].set_requires_grad();
  const auto hidden = glia::tanh(glia::matmul(t[0], t[1]) + t[2]);
  const auto loss = glia::mean(glia::exp(glia::matmul(hidden, t[3].transpose()) * T(0.1)) / (hidden * hidden + T(1)));
  loss.backward();
  std::vector<std::vector<T>> out{{loss.item()}};
  for (std::size_t i = 1; i < t.size(); ++i) out.push_back(t[i].grad().to_vector());
  return out;
}

template <class T>
void backward_agrees(double relative, double absolute) {
  Generator g(5);
  const std::vector<Tensor<T>> host{glia::randn<T>({13, 6}, g), glia::randn<T>({6, 4}, g), glia::randn<T>({4}, g),
                                    glia::randn<T>({4, 4}, g)};
  const auto expected = train_once<T, glia::Cpu>(host), actual = train_once<T, Cuda>(host);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(actual[i], expected[i], {relative, absolute});
}

}  // namespace

CUDA_TEST_CASE("cuda matmul: exact products, views and batches") {
  products<float>();
  products<double>();
}
CUDA_TEST_CASE("cuda backward: loss and gradients agree with the CPU") {
  backward_agrees<float>(1e-4, 1e-7);
  backward_agrees<double>(1e-12, 1e-15);
}
CUDA_TEST_CASE("cuda backward: through a change of device") {
  Generator g(6);
  auto x = glia::randn({5, 3}, g);
  x.set_requires_grad();
  const auto y = x.to<Cuda>();
  glia::sum(y * y).backward();
  CHECK(x.grad().to_vector() == (x.detach() * 2.0f).to_vector());
}
