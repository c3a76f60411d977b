// The harness itself: gradcheck must reject wrong derivatives, and the comparison helper tolerances that swallow values.

#include <glia/autograd/gradcheck.hpp>
#include <glia/glia.hpp>

#include "../support/near.hpp"

using namespace glia;
using Double = Tensor<double>;
using Doubles = std::vector<Double>;

namespace {

enum class Defect { none, wrong_factor, missing_broadcast, overwrite, stride_blind };

// y = x * w with one chosen defect in its backward pass.
struct FaultyProduct final : autograd::Node {
  autograd::Saved<double, Cpu> x, w;
  Shape w_shape;
  Defect defect = Defect::none;
  const char* name() const noexcept override { return "faulty"; }
  void backward(autograd::Gradients& g) override {
    const auto dy = g.output<double, Cpu>();
    const auto a = x.get(this), b = w.get(this);
    auto dx = dy * b;
    if (defect == Defect::wrong_factor) dx = dx * 1.01;
    if (defect == Defect::stride_blind) {
      // reads x's memory as if it were contiguous
      const auto blind = from_span<double>(std::span<const double>(a.data(), static_cast<std::size_t>(a.numel())), a.shape());
      if (g.needs(1)) g.set(1, sum_to(dy * blind, w_shape));
    } else if (g.needs(1)) {
      g.set(1, defect == Defect::missing_broadcast ? (dy * a).slice(0, {0, 1}).reshape(w_shape) : sum_to(dy * a, w_shape));
    }
    if (defect == Defect::overwrite && edges[0].leaf) {
      auto* leaf = static_cast<TensorImpl*>(edges[0].target.get());
      leaf->gradient->grad = nullptr;  // drops what was accumulated before
    }
    g.set(0, dx);
  }
};

auto faulty(Defect defect) {
  return [defect](const Doubles& in) {
    Double y;
    {
      const NoGrad plain;
      y = in[0] * in[1];
    }
    if (auto* node = autograd::record<FaultyProduct>(y, in[0], in[1])) {
      node->x.save(in[0]), node->w.save(in[1]);
      node->w_shape = in[1].shape();
      node->defect = defect;
    }
    return y;
  };
}

Doubles points() {
  Generator g(2);
  return {rand<double>({3, 2}, g, 1.0, 2.0).transpose(), rand<double>({3}, g, 1.0, 2.0)};
}

}  // namespace

TEST_CASE("gradcheck accepts a right derivative and rejects every planted defect") {
  CHECK_EQ(gradcheck(faulty(Defect::none), points()).message, std::string());
  CHECK_FALSE(gradcheck(faulty(Defect::wrong_factor), points()).ok);
  CHECK_FALSE(gradcheck(faulty(Defect::missing_broadcast), points()).ok);
  CHECK_FALSE(gradcheck(faulty(Defect::overwrite), points()).ok);
  CHECK_FALSE(gradcheck(faulty(Defect::stride_blind), points()).ok);
}

TEST_CASE("gradcheck says where and by how much") {
  const auto result = gradcheck(faulty(Defect::wrong_factor), points());
  CHECK(result.message.find("input 0, element 0 of shape [2, 3]: backward gives") == 0);
  CHECK(result.worst > 0.005);
  CHECK_FALSE(gradcheck([](const Doubles& in) { return in[0].detach(); }, points()).ok);
}

namespace {
struct CubeFunctor {
  template <class R>
  R operator()(R x) const {
    return x * x * x;
  }
};
struct WrongSecondNode final : autograd::Node {
  autograd::Saved<double, Cpu> x;
  const char* name() const noexcept override { return "wrong_second"; }
  void backward(autograd::Gradients& g) override {
    const auto a = x.get(this);
    g.set(0, g.output<double, Cpu>() * a * a.detach() * 3.0);  // first order right, second order 3x instead of 6x
  }
};

// x^3 with a backward pass of its own.
template <class Node>
Double cube(const Doubles& in) {
  Double y;
  {
    const NoGrad plain;
    y = in[0] * in[0] * in[0];
  }
  if (auto* node = autograd::record<Node>(y, in[0])) node->x.save(in[0]);
  return y;
}
}  // namespace

TEST_CASE("gradgradcheck rejects a derivative that is wrong only at second order") {
  const auto f = cube<WrongSecondNode>;
  const Doubles at{points()[0]};
  CHECK(gradcheck(f, at).ok);
  CHECK_FALSE(gradgradcheck(f, at).ok);
  CHECK(gradgradcheck([](const Doubles& in) { return map(CubeFunctor{}, in[0]); }, at).ok);
}

namespace {
// A plain pass that is right, and a recorded one with a wrong constant.
struct TwoFormulasNode final : autograd::Node {
  autograd::Saved<double, Cpu> x;
  const char* name() const noexcept override { return "two_formulas"; }
  void backward(autograd::Gradients& g) override {
    const double factor = grad_enabled() ? 3.01 : 3.0;
    g.set(0, g.output<double, Cpu>() * square(x.get(this)) * factor);
  }
};
}  // namespace

TEST_CASE("gradgradcheck rejects a recorded backward pass whose first gradient is not the plain one") {
  const auto f = cube<TwoFormulasNode>;
  const Doubles at{points()[0]};
  CHECK(gradcheck(f, at).ok);
  const auto result = gradgradcheck(f, at);
  CHECK_FALSE(result.ok);
  CHECK(result.message.find("input 0, element 0: the plain backward pass gives ") == 0);
}

TEST_CASE("the comparison helper refuses tolerances that swallow the values") {
  const std::vector<double> small{0.004, 0.005};
  CHECK_EQ(glia_test::compare(small, small, {.absolute = 1e-6}), std::string());
  CHECK_NE(glia_test::compare(small, small, {.absolute = 0.5}), std::string());
  CHECK_NE(glia_test::compare(small, small, {.relative = 1.0}), std::string());
  CHECK_NE(glia_test::compare(std::vector<double>{1.0}, std::vector<double>{1.1}, {.relative = 1e-3}), std::string());
  CHECK_NE(glia_test::compare(std::vector<double>{1.0}, std::vector<double>{1.0, 2.0}, {}), std::string());
}
