#pragma once
// Surrogate derivatives of the spike: scalar functors of x = H - threshold, each with the smooth function it is the
// derivative of. Written so that no argument, however large, overflows into NaN.

#include <glia/core/dual.hpp>

namespace GLIA_NS::spiking::surrogate {

namespace detail {
// x, kept so far from infinity that a quotient of it stays a number.
template <class R>
GLIA_HD R bounded(R x) {
  return math::clamp(x, -1e30, 1e30);
}
}  // namespace detail

// Every surrogate has `operator()(x)`, the derivative used in the backward pass, and `primitive(x)`, a function with
// this derivative (it replaces the spike only in tests and plots). Parameters are named as in the literature.

// alpha / (2 (1 + (pi alpha x / 2)^2))
struct Atan {
  double alpha = 2;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R u = x * R(1.57079632679489661923 * alpha);
    return R(0.5 * alpha) / (u * u + R(1));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return math::atan(x * R(1.57079632679489661923 * alpha)) * R(0.31830988618379067154) + R(0.5);
  }
};

// alpha s(alpha x) (1 - s(alpha x)) with the logistic function s
struct Sigmoid {
  double alpha = 4;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R e = math::exp(math::abs(x) * R(-alpha)), d = e + R(1);
    return R(alpha) * e / (d * d);
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return math::sigmoid(x * R(alpha));
  }
};

// 1 / (1 + k |x|)^2
struct FastSigmoid {
  double k = 25;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R d = math::abs(x) * R(k) + R(1);
    return R(1) / (d * d);
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R u = detail::bounded(x);
    return u / (math::abs(u) * R(k) + R(1));
  }
};

// alpha / (2 (1 + alpha |x|)^2)
struct SoftSign {
  double alpha = 2;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R d = math::abs(x) * R(alpha) + R(1);
    return R(0.5 * alpha) / (d * d);
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R u = detail::bounded(x);
    return u * R(0.5 * alpha) / (math::abs(u) * R(alpha) + R(1)) + R(0.5);
  }
};

// 1 / (1 + alpha |x|)^2: Zenke and Ganguli's SuperSpike as Norse scales it
struct SuperSpike {
  double alpha = 100;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return FastSigmoid{alpha}(x);
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return FastSigmoid{alpha}.primitive(x);
  }
};

// max(0, alpha - alpha^2 |x|), a triangle of area 1
struct PiecewiseQuadratic {
  double alpha = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::max(R(alpha) - math::abs(x) * R(alpha * alpha), R(0));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R u = math::clamp(x * R(alpha), -1, 1);
    return u - u * math::abs(u) * R(0.5) + R(0.5);
  }
};
using Triangle = PiecewiseQuadratic;

// (alpha / 2) exp(-alpha |x|)
struct PiecewiseExponential {
  double alpha = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return R(0.5 * alpha) * math::exp(math::abs(x) * R(-alpha));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R tail = math::exp(math::abs(x) * R(-alpha)) * R(0.5);
    return math::select(x < R(0), tail, R(1) - tail);
  }
};

// (alpha / sqrt(pi)) exp(-(alpha x)^2)
struct Erf {
  double alpha = 2;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R u = x * R(alpha);
    return R(0.56418958354775628695 * alpha) * math::exp(u * u * R(-1));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return math::erf(x * R(alpha)) * R(0.5) + R(0.5);
  }
};
using Gaussian = Erf;

// alpha where |x| < 1 / (2 alpha), else 0
struct Rectangle {
  double alpha = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::select(math::abs(x) * R(2 * alpha) < R(1), R(alpha), R(0));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return math::clamp(x * R(alpha) + R(0.5), 0, 1);
  }
};

// 1 / (2 w) where |x| <= w, c outside
struct PiecewiseLeakyRelu {
  double w = 1, c = 0.01;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::select(math::abs(x) <= R(w), R(0.5 / w), R(c));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R inside = math::clamp(x, -w, w);
    return inside * R(0.5 / w) + (detail::bounded(x) - inside) * R(c) + R(0.5);
  }
};

// alpha / (1 + alpha |x|)
struct LogAbs {
  double alpha = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return R(alpha) / (math::abs(x) * R(alpha) + R(1));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R y = math::log1p(math::abs(x) * R(alpha));
    return math::select(x < R(0), -y, y);
  }
};

// (1 + 2 |x| / (alpha - 1))^-alpha, alpha > 1
struct QPseudoSpike {
  double alpha = 2;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::exp(math::log1p(math::abs(x) * R(2 / (alpha - 1))) * R(-alpha));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R tail = math::exp(math::log1p(math::abs(x) * R(2 / (alpha - 1))) * R(1 - alpha)) * R(0.5);
    return math::select(x < R(0), tail, R(1) - tail);
  }
};

// alpha s (1 - s) with s = logistic(alpha x) for x < 0, beta / (x + 1) for x >= 0
struct S2nn {
  double alpha = 4, beta = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R positive = math::max(x, R(0));
    return math::select(x < R(0), Sigmoid{alpha}(x), R(beta) / (positive + R(1)));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R positive = math::max(x, R(0));
    return math::select(x < R(0), math::sigmoid(x * R(alpha)), math::log1p(positive) * R(beta) + R(0.5));
  }
};

// 1 / (1 + k |x|)^2 where x > -bound, else 0
struct SparseFastSigmoid {
  double k = 25, bound = 1;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return math::select(x > R(-bound), FastSigmoid{k}(x), R(0));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return FastSigmoid{k}.primitive(math::max(x, R(-bound)));
  }
};

// k exp(-beta |x|)
struct SpikeRateEscape {
  double beta = 1, k = 25;
  template <class R>
  GLIA_HD R operator()(R x) const {
    return R(k) * math::exp(math::abs(x) * R(-beta));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    const R tail = math::exp(math::abs(x) * R(-beta)) * R(k / beta);
    return math::select(x < R(0), tail, R(2 * k / beta) - tail);
  }
};

// Dspike (Li et al. 2021): tanh(b x), scaled to rise from 0 at x = -1/2 to 1 at x = 1/2, flat outside
struct Dspike {
  double b = 3;
  template <class R>
  GLIA_HD R operator()(R x) const {
    const R t = math::tanh(x * R(b));
    return math::select(math::abs(x) <= R(0.5), (R(1) - t * t) * slope<R>(), R(0));
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return math::tanh(math::clamp(x, -0.5, 0.5) * R(b)) * slope<R>() / R(b) + R(0.5);
  }

 private:
  template <class R>
  GLIA_HD R slope() const {
    return R(b / (2 * math::tanh(0.5 * b)));
  }
};

// 1 everywhere
struct StraightThrough {
  template <class R>
  GLIA_HD R operator()(R) const {
    return R(1);
  }
  template <class R>
  GLIA_HD R primitive(R x) const {
    return x;
  }
};

}  // namespace GLIA_NS::spiking::surrogate
