#!/usr/bin/env python3
"""Minimax polynomials of include/glia/core/math_*.hpp (needs mpmath). Prints C++ initialisers and relative errors.

Coefficients are rounded to the target type one by one from the lowest
order, and the rest is fitted again after each rounding, so that rounding the table costs almost no accuracy.
"""
import struct
import sys

from mpmath import mp, mpf

mp.dps = 80


def round_to(x, kind):
    if kind == "float":
        with mp.workprec(24):
            return +mpf(x)
    with mp.workprec(53):
        return +mpf(x)


def minimax(f, w, n, a, b, rounds):
    """Coefficients of degree n with nearly the smallest max |w (f - p)| on [a, b] (Lawson's reweighted squares)."""
    count = 10 * (n + 2)
    grid = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / count) for i in range(count)]
    fv = [f(x) for x in grid]
    wv = [w(x) for x in grid]
    powers = [[x**j for j in range(n + 1)] for x in grid]
    mass = [mpf(1) / count] * count
    best, best_top = None, mp.inf
    for _ in range(rounds):
        gram = mp.matrix(n + 1, n + 1)
        rhs = mp.matrix(n + 1, 1)
        for p, fx, wx, m in zip(powers, fv, wv, mass):
            weight = m * wx * wx
            for i in range(n + 1):
                rhs[i] += weight * p[i] * fx
                for j in range(i + 1):
                    gram[i, j] += weight * p[i] * p[j]
        for i in range(n + 1):
            for j in range(i):
                gram[j, i] = gram[i, j]
        sol = mp.lu_solve(gram, rhs)
        coef = [sol[j] for j in range(n + 1)]
        err = [abs(wx * (fx - mp.fdot(p, coef))) for p, fx, wx in zip(powers, fv, wv)]
        top = max(err)
        if top < best_top:
            best, best_top = coef, top
        mass = [m * (e / top + mpf("1e-9")) for m, e in zip(mass, err)]
        total = sum(mass)
        mass = [m / total for m in mass]
    return best


def fit(name, kind, f, w, n, a, b):
    a, b = mpf(a), mpf(b)
    fixed = []
    while len(fixed) <= n:
        head, k = list(fixed), len(fixed)

        def rest(x):
            return (f(x) - mp.polyval(head[::-1], x)) / x**k if head else f(x)

        coef = minimax(rest, lambda x: w(x) * abs(x) ** k, n - k, a, b, 30 if n < 10 else 15)
        fixed += [round_to(c, kind) for c in (coef[:1] if k < 4 else coef)]
    err = mpf(0)
    for i in range(2001):
        x = a + (b - a) * i / 2000
        if x != 0:
            err = max(err, abs(w(x) * (f(x) - mp.polyval(fixed[::-1], x))))
    suffix = "f" if kind == "float" else ""
    digits = 9 if kind == "float" else 17
    body = ", ".join(mp.nstr(c, digits, min_fixed=-3, max_fixed=6) + suffix for c in fixed)
    print(f"// {name}<{kind}>: degree {n}, weighted error 2^{mp.nstr(mp.log(err, 2), 4)}\n{{{body}}}", flush=True)


TINY = mpf("1e-12")


def exp_tail(r):  # (e^r - 1 - r) / r^2
    return sum(r**k / mp.factorial(k + 2) for k in range(30))


def log_tail(f):  # (log(1+f) - f + f^2/2) / f^3
    return sum((-f) ** k / (k + 3) for k in range(160)) if abs(f) < 0.3 else (mp.log1p(f) - f + f * f / 2) / f**3


def atanh_tail(z):  # (2 atanh(s)/s - 2) / z, z = s^2
    return sum(2 * z**k / (2 * k + 3) for k in range(60))


def atanh_tail2(z):  # (2 atanh(s)/s - 2 - 2/3 z) / z^2
    return sum(2 * z**k / (2 * k + 5) for k in range(60))


def erf_small(z):  # erf(x)/x - 1, z = x^2
    s = sum((-z) ** k / (mp.factorial(k) * (2 * k + 1)) for k in range(60))
    return 2 / mp.sqrt(mp.pi) * s - 1


def sin_tail(z):  # (sin(r) - r) / r^3
    return sum((-1) ** (k + 1) * z**k / mp.factorial(2 * k + 3) for k in range(30))


def cos_tail(z):  # (cos(r) - 1 + r^2/2) / r^4
    return sum((-1) ** k * z**k / mp.factorial(2 * k + 4) for k in range(30))


def atan_tail(z):  # (atan(r) - r) / r^3
    return sum((-1) ** (k + 1) * z**k / (2 * k + 3) for k in range(120))


def tanh_tail(z):  # (tanh(x) - x) / x^3, z = x^2; bernoulli numbers give the series
    return sum(mpf(4) ** (k + 2) * (mpf(4) ** (k + 2) - 1) * mp.bernoulli(2 * k + 4) / mp.factorial(2 * k + 4) * z**k
               for k in range(60))


H = mp.log(2) / 2 * mpf("1.0005")
S = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.0005")
Q = (mp.pi / 4) ** 2 * mpf("1.001")
A = mp.tan(mp.pi / 8) ** 2 * mpf("1.001")


def nz(x):
    return x if abs(x) > TINY else TINY


FITS = {
    "exp": lambda: [
        fit("exp_tail", k, exp_tail, lambda r: nz(r) ** 2 / abs(mp.expm1(nz(r))), n, -H, H)
        for k, n in (("float", 4), ("double", 10))
    ],
    "log": lambda: [
        fit("log_tail", "float", log_tail, lambda f: abs(nz(f) ** 3 / mp.log1p(nz(f))), n,
            mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1)
        for n in (6, 7, 8)
    ],
    "atanh": lambda: [
        fit("atanh_tail", k, atanh_tail, lambda z: z / 2 + TINY, n, TINY, S) for k, n in (("float", 2), ("double", 6))
    ],
    "atanh2": lambda: [fit("atanh_tail2", "double", atanh_tail2, lambda z: z**2 / 2 + TINY, 6, TINY, S)],
    "erf_small": lambda: [
        fit("erf_small", k, erf_small, lambda z: mpf(1), n, TINY, b)
        for k, n, b in (("float", 5, "0.86"), ("float", 6, "0.86"), ("double", 11, "0.86"), ("double", 12, "0.86"))
    ],
    # erf(x) = 1 - exp(-x q(x)) beyond 0.92: the weight is the effect on erf
    "erf_large": lambda: [
        fit("erf_large", k, lambda x: -mp.log(mp.erfc(x)) / x, lambda x: x * mp.erfc(x) / mp.erf(x), n, "0.91", b)
        for k, n, b in (("float", 6, "3.95"), ("float", 7, "3.95"), ("double", 17, "5.95"), ("double", 19, "5.95"))
    ],
    "sin": lambda: [
        fit("sin_tail", k, sin_tail, lambda z: z, n, TINY, Q) for k, n in (("float", 2), ("float", 3), ("double", 6))
    ],
    "cos": lambda: [
        fit("cos_tail", k, cos_tail, lambda z: z**2 * mpf("1.4"), n, TINY, Q)
        for k, n in (("float", 2), ("double", 6))
    ],
    "atan": lambda: [
        fit("atan_tail", k, atan_tail, lambda z: z, n, TINY, A) for k, n in (("float", 3), ("float", 4), ("double", 10))
    ],
    "tanh": lambda: [
        fit("tanh_tail", k, tanh_tail, lambda z: z, n, TINY, mpf("0.3026"))
        for k, n in (("float", 3), ("float", 4), ("double", 9), ("double", 10))
    ],
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FITS:
        FITS[name]()
