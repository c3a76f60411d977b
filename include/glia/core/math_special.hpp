#pragma once
// The error function and real powers, for float and double.
// Coefficients: tests/reference/math_coefficients.py. Errors measured: tests/core/math.cpp.

#include <glia/core/math_exp.hpp>

namespace GLIA_NS::math {

// Error function 2/sqrt(pi) * integral of e^(-t^2) from 0 to x.
template <Real T>
GLIA_HD_INLINE T erf(T x) {
  constexpr bool single = std::same_as<T, float>;
  const T a = abs(x), z = a * a;
  const T b = min(a, single ? T(3.95) : T(5.95));
  T near, far;
  if constexpr (single) {
    near = detail::horner(z, 0.128379166f, -0.376126289f, 0.112836242f, -0.0268555898f, 5.19195432e-3f,
                          -8.04389652e-4f, 7.96968452e-5f);
    far = detail::horner(b, 1.1286428f, 0.635174513f, 0.106198423f, -0.0237288978f, 3.62677965e-3f, -3.18954029e-4f,
                         1.08479926e-5f);
  } else {
    near = detail::horner(z, 0.12837916709551259, -0.37612638903184153, 0.1128379167097687, -0.02686617064978998,
                          5.2239776771422844e-3, -8.5483304120555692e-4, 1.2055473855445922e-4,
                          -1.4929506723307597e-5, 1.6532538841417996e-6, -1.7214940333081451e-7,
                          2.1289852782535911e-8, -4.0590971131387818e-9, 6.2312615738158319e-10);
    far = detail::horner(b, 1.1283792017220651, 0.63661936012551246, 0.10277491218675711, -0.019136537143874081,
                         -1.8930367703480857e-4, 1.6597320467883997e-3, -5.3839152023861612e-4,
                         -3.2172609924652176e-5, 1.1669633880536535e-4, -6.7516867492326327e-5,
                         2.5306475019264322e-5, -7.0868587642064844e-6, 1.5392605641451278e-6,
                         -2.6021545049017886e-7, 3.3687324099785967e-8, -3.2210560529359548e-9,
                         2.1250376809572924e-10, -8.3811277024916741e-12, 1.2313150560109048e-13,
                         1.8001968385944661e-15);
  }
  const T inner = fma(a, near, a);
  const T outer = T(1) - detail::exp_within(-(b * far));
  return copysign(select(a < T(0.86), inner, outer), x);
}

namespace detail {
// log(x) of a positive finite x to about 2^-64 of its value.
GLIA_HD_INLINE Pair<double> log_pair(double x) {
  const auto n = normalise(x);
  const auto a = reduce_log(n.x);
  const double k = a.k - n.offset, f = a.f;
  // s = f / (2 + f), z = s^2
  const double d = 2.0 + f, d_low = f - (d - 2.0);
  const double s = f / d;
  const Pair<double> sd = two_product(s, d);
  const double s_low = math::fma(-s, d_low, (f - sd.high) - sd.low) / d;
  const Pair<double> z = two_product(s, s);
  const double z_low = math::fma(2.0 * s, s_low, z.low);
  // 2 atanh(s) = 2 s + s z (2/3 + z tail(z))
  const double tail = horner(z.high, 0.40000000000002273, 0.28571428570092139, 0.22222222521183546,
                             0.18181784260507411, 0.15386762143061727, 0.13256706868944629, 0.13197354198680125);
  const Pair<double> zt = two_product(z.high, tail);
  const Pair<double> q = quick_two_sum(0.66666666666666663, zt.high);
  const double q_low = q.low + (zt.low + 3.70074341541718826e-17);
  const Pair<double> w = two_product(z.high, q.high);
  const double w_low = math::fma(z.high, q_low, math::fma(z_low, q.high, w.low));
  const Pair<double> v = two_product(s, w.high);
  const double v_low = math::fma(s, w_low, math::fma(s_low, w.high, v.low));
  const Pair<double> h = quick_two_sum(2.0 * s, v.high);
  const double h_low = h.low + math::fma(2.0, s_low, v_low);
  const Pair<double> sum = quick_two_sum(k * Ln2<double>::high, h.high);
  return quick_two_sum(sum.high, math::fma(k, Ln2<double>::low, sum.low + h_low));
}

// |x|^y for the magnitude alone; limits are put in by pow.
GLIA_HD_INLINE double pow_magnitude(double x, double y) {
  const Pair<double> l = log_pair(x);
  const Pair<double> p = two_product(y, l.high);
  const double low = math::fma(y, l.low, p.low);
  const double c = clamp_exp(p.high);
  const ExpArgument<double> a = reduce_exp(c);
  return scale_exp(exp_fraction(a.r + math::select(c == p.high, low, 0.0)), a.t);
}
GLIA_HD_INLINE float pow_magnitude(float x, float y) {
  // double has bits to spare: y log(x) is below 2^14 where the result is finite
  return static_cast<float>(math::exp(static_cast<double>(y) * math::log(static_cast<double>(x))));
}
}  // namespace detail

// x to the power y, with the limits of C's pow: pow(x, 0) = pow(1, y) = 1, NaN for negative x and fractional y.
template <Real T>
GLIA_HD_INLINE T pow(T x, T y) {
  using F = detail::Format<T>;
  const T a = abs(x), half = T(0.5) * y;
  const bool whole = floor(y) == y, even = floor(half) == half;
  const T magnitude = detail::pow_magnitude(a, y);
  // 0, infinity: the power is 0 or infinity according to the sides of 1 and 0 on which a and y lie
  const T edge = select((a > T(1)) == (y > T(0)), infinity<T>(), T(0));
  const bool endless = abs(y) == infinity<T>();
  const T value = select(detail::any_of(a == T(0), a == infinity<T>(), endless), edge, magnitude);
  const auto negative = detail::bit_cast<detail::Bits<T>>(x) & F::sign;
  const auto flip = select(detail::all_of(whole, !even), negative, detail::Bits<T>{0});
  const T with_sign = detail::bit_cast<T>(detail::bit_cast<detail::Bits<T>>(value) ^ flip);
  const bool undefined = detail::all_of(x < T(0), !whole, a != infinity<T>());
  const T defined = select(undefined, quiet_nan<T>(), with_sign);
  const T known = select(detail::any_of(x != x, y != y), x + y, defined);
  const bool one = detail::any_of(y == T(0), x == T(1), detail::all_of(a == T(1), endless));
  return select(one, T(1), known);
}

// Mixed types follow the usual arithmetic conversions, except that an integer exponent keeps the type of the base.
template <Real A, Arithmetic B>
  requires(!std::same_as<A, B>)
GLIA_HD_INLINE auto pow(A x, B y) {
  using T = std::conditional_t<std::is_integral_v<B>, A, std::common_type_t<A, B>>;
  return pow(static_cast<T>(x), static_cast<T>(y));
}

}  // namespace GLIA_NS::math
