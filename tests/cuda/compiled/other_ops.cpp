// What listed_ops.cpp leaves out, called once each with values that nobody looks at: this is never run, but must link.

#include <glia/cuda_compiled.hpp>
#include <glia/glia.hpp>

namespace {

using glia::Axes;
using glia::Cuda;
using glia::Slice;
namespace nn = glia::nn;
namespace optim = glia::optim;
namespace spiking = glia::spiking;
namespace ssl = glia::ssl;
using Values = glia::Tensor<float, Cuda>;
using Labels = glia::Tensor<std::int64_t, Cuda>;
using Pixels = glia::Tensor<std::uint8_t, Cuda>;
using Flags = glia::Tensor<bool, Cuda>;

// Counts tensors, so that no call's result is thrown away.
struct Sink {
  glia::Index elements = 0;
  template <class T, class D>
  Sink& operator<<(const glia::Tensor<T, D>& x) {
    elements += x.numel();
    return *this;
  }
};

}  // namespace


namespace every_op {

glia::Index create(glia::Generator& generator) {
  Sink out;
  out << glia::zeros<bool, Cuda>({2}) << glia::ones<std::uint8_t, Cuda>({2}) << glia::full<std::int64_t, Cuda>({2}, 3);
  out << glia::zeros<std::uint8_t, Cuda>({2}) << glia::ones<std::int64_t, Cuda>({2});
  out << glia::arange<std::int64_t, Cuda>(0, 9, 2) << glia::permutation<Cuda>(5, generator);
  out << glia::from_vector<std::int64_t, Cuda>({1, 2}) << glia::from_vector<std::uint8_t, Cuda>({1, 2});
  out << glia::bernoulli<bool, Cuda>({2}, generator, 0.5);
  return out.elements;
}

glia::Index mathematics(Values x, const Values& y, Flags flags) {
  Sink out;
  out << x + y << x - y << x * y << x / y << -x << x + 1.0f << 1.0f - x << x * 2.0f << x / 2.0f << 2.0f / x;
  out << (flags && flags) << (flags || flags) << !flags << glia::where(flags, x, y);
  out << glia::logsumexp(x, Axes{0}) << glia::var(x) << glia::stddev(x);
  x.add_(y, 2.0f).mul_(y).mul_(0.5f).fill_(1.0f).copy_(y);
  out << glia::pad(x, Axes{1}, Axes{1}, 0.0f) << x(0, Slice{0, 2});
  out << x.cast<std::int64_t>() << x.cast<std::uint8_t>() << x.cast<bool>();
  out << x.to<glia::Cpu>() << flags.to<glia::Cpu>() << flags.cast<float>() << flags.cast<std::int64_t>();
  return out.elements;
}

glia::Index whole_numbers(Labels a, const Labels& b, const Pixels& pixels, const Flags& flags) {
  Sink out;
  out << a + b << a - b << a * b << glia::equal(a, b) << glia::not_equal(a, b) << glia::less(a, b) << glia::less_equal(a, b);
  out << glia::maximum(a, b) << glia::minimum(a, b) << glia::where(flags, a, b) << glia::sum(a, Axes{0}) << glia::sum(flags);
  out << glia::max(a) << glia::min(a) << glia::argmax(a) << glia::any(a) << glia::all(flags) << glia::any(flags);
  out << glia::index_select(a, 0, b) << glia::gather(a, 0, b) << glia::index_select(pixels, 0, b);
  out << glia::concat(std::vector<Labels>{a, b}) << glia::stack(std::vector<Labels>{a, b}) << glia::flip(pixels, Axes{0});
  out << glia::concat(std::vector<Pixels>{pixels, pixels}) << glia::equal(pixels, pixels) << glia::not_equal(pixels, pixels);
  out << glia::equal(flags, flags) << glia::not_equal(flags, flags) << pixels.cast<bool>() << flags.cast<std::uint8_t>();
  out << glia::cumsum(a, 0) << glia::sort(a).values << glia::one_hot<float>(a, 3) << glia::one_hot<std::int64_t>(a, 3);
  out << a.cast<float>() << a.cast<std::uint8_t>() << a.cast<bool>() << pixels.cast<std::int64_t>() << pixels.cast<float>();
  out << a.to<glia::Cpu>() << pixels.to<glia::Cpu>();
  return out.elements;
}

glia::Index losses(const Values& x, const Values& y, const Labels& labels) {
  Sink out;
  out << glia::cross_entropy(x, labels) << glia::cross_entropy(x, y) << glia::nll_loss(x, labels);
  out << spiking::tet_loss(x, labels) << ssl::nt_xent(x, y) << ssl::sup_con(x, labels) << ssl::barlow_twins(x, y);
  out << ssl::vicreg(x, y) << ssl::simsiam_loss(x, y, x, y) << ssl::byol_loss(x, y, x, y) << ssl::gce_loss(x, labels);
  out << ssl::sce_loss(x, labels) << spiking::rate_l1(x) << spiking::rate_l2(x) << spiking::homeostatic(x);
  out << spiking::energy_penalty(x, 1.0);
  return out.elements + static_cast<glia::Index>(glia::metrics::accuracy(x, labels));
}

glia::Index spikes(const Values& x, Values weight, glia::Generator& generator) {
  Sink out;
  out << spiking::poisson(x, 4, generator) << spiking::latency(x, 4) << spiking::spike(x) << spiking::divisive_norm(x);
  spiking::normalize_filters_(weight, 1.0);
  return out.elements + static_cast<glia::Index>(spiking::activity(x).rate);
}

glia::Index explanations(const Values& x, const Labels& labels) {
  const auto model = [](const Values& in) { return glia::softmax(in); };
  Sink out;
  out << glia::explain::saliency(model, x, labels) << glia::explain::input_x_gradient(model, x, labels);
  out << glia::explain::smooth_grad(model, x, labels) << glia::explain::heat_map(x);
  return out.elements;
}

}  // namespace every_op
