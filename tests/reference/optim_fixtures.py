#!/usr/bin/env python3
"""Ten-step trajectories of optimizers and values of schedules for tests/optim in double.

Writes optim_fixture.hpp next to itself; needs torch and numpy (made with torch 1.13).

The gradient of element i of parameter k in step t is sin(0.7 i + 1.3 t + k) (1 + 0.1 i) + 0.5 p, so that errors would grow;
parameter 1 gets no gradient in steps 0 and 3. LARS and Muon are written out in numpy.
"""
import math
import pathlib
import textwrap

import numpy as np
import torch

STEPS = 10
KEPT = (0, 1, 4, 9)  # steps whose results are written
SHAPES = [(3, 4), (5,), (6, 1, 2)]


def start(k):
    n = int(np.prod(SHAPES[k]))
    return np.array([math.cos(1.1 * i + k) for i in range(n)]).reshape(SHAPES[k])


def gradient(k, t, p):
    if k == 1 and t in (0, 3):
        return None
    i = np.arange(p.size).reshape(p.shape)
    return np.sin(0.7 * i + 1.3 * t + k) * (1 + 0.1 * i) + 0.5 * p


def run_torch(make):
    params = [torch.nn.Parameter(torch.tensor(start(k), dtype=torch.float64)) for k in range(len(SHAPES))]
    optimizer = make(params)
    rows = []
    for t in range(STEPS):
        for k, p in enumerate(params):
            g = gradient(k, t, p.detach().numpy())
            p.grad = None if g is None else torch.tensor(g)
        optimizer.step()
        rows.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return rows


def run_numpy(make):
    params = [start(k) for k in range(len(SHAPES))]
    update = make()
    rows = []
    for t in range(STEPS):
        for k in range(len(params)):
            g = gradient(k, t, params[k])
            if g is not None:
                params[k] = update(k, params[k], g)
        rows.append(np.concatenate([p.ravel() for p in params]))
    return rows


def lars(lr=0.5, momentum=0.9, wd=0.01, eta=0.02, nesterov=False, clip=False):
    velocity = {}

    def update(k, p, g):
        d = g
        if p.ndim >= 2:
            trust = eta * np.linalg.norm(p) / (np.linalg.norm(g) + wd * np.linalg.norm(p) + 1e-8)
            if clip:
                trust = min(trust / lr, 1.0)
            d = (g + wd * p) * trust
        velocity[k] = momentum * velocity.get(k, 0.0) + d
        return p - lr * (d + momentum * velocity[k] if nesterov else velocity[k])

    return update


def orthogonalise(g, steps):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (np.linalg.norm(g) + 1e-7)
    if g.shape[0] > g.shape[1]:
        x = x.T
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def muon(lr=0.1, momentum=0.6, nesterov=True, steps=3, wd=0.0, scale="none", renormalize=False):
    velocity = {}

    def update(k, p, g):
        velocity[k] = momentum * velocity.get(k, 0.0) + g
        d = g + momentum * velocity[k] if nesterov else velocity[k]
        if p.ndim < 2:  # the companion: SGD with learning rate 0.05 and the same momentum
            return p - 0.05 * velocity[k]
        u = orthogonalise(d.reshape(len(d), -1), steps)
        rows, columns = u.shape
        factor = {"none": 1.0, "aspect": max(1.0, rows / columns) ** 0.5, "match_adam": 0.2 * max(rows, columns) ** 0.5}[scale]
        p = p * (1 - lr * wd)
        if renormalize:
            p = p * (len(p) ** 0.5 / np.linalg.norm(p))
        return p - lr * factor * u.reshape(p.shape)

    return update


O = torch.optim
TRAJECTORIES = {
    "sgd": run_torch(lambda p: O.SGD(p, lr=0.1)),
    "sgd_decay": run_torch(lambda p: O.SGD(p, lr=0.1, weight_decay=0.05)),
    "sgd_momentum": run_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
    "sgd_dampening": run_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.8, dampening=0.3)),
    "sgd_nesterov": run_torch(lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02)),
    "adam": run_torch(lambda p: O.Adam(p, lr=0.03, betas=(0.8, 0.95), weight_decay=0.1)),
    "adam_amsgrad": run_torch(lambda p: O.Adam(p, lr=0.03, betas=(0.8, 0.9), amsgrad=True)),
    "adamw": run_torch(lambda p: O.AdamW(p, lr=0.03, betas=(0.9, 0.99), weight_decay=0.2)),
    "adamw_amsgrad": run_torch(lambda p: O.AdamW(p, lr=0.03, betas=(0.9, 0.7), weight_decay=0.2, amsgrad=True)),
    "adamw_groups": run_torch(
        lambda p: O.AdamW([{"params": [p[0], p[2]], "lr": 0.02}, {"params": [p[1]], "weight_decay": 0.0}], lr=0.05)
    ),
    "rmsprop": run_torch(lambda p: O.RMSprop(p, lr=0.02, alpha=0.9, weight_decay=0.1)),
    "rmsprop_centered": run_torch(lambda p: O.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-3, centered=True)),
    "rmsprop_momentum": run_torch(lambda p: O.RMSprop(p, lr=0.02, alpha=0.95, momentum=0.7)),
    "rmsprop_all": run_torch(lambda p: O.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-3, momentum=0.5, centered=True)),
    "lars": run_numpy(lars),
    "lars_nesterov_clip": run_numpy(lambda: lars(nesterov=True, clip=True, eta=0.3)),
    "muon": run_numpy(muon),
    "muon_aspect_decay": run_numpy(lambda: muon(nesterov=False, steps=5, wd=0.1, scale="aspect")),
    "muon_match_adam": run_numpy(lambda: muon(steps=5, scale="match_adam")),
    "muon_renormalize": run_numpy(lambda: muon(renormalize=True)),
}

S = O.lr_scheduler


def run_schedule(make, steps):
    optimizer = O.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


SCHEDULES = {
    "step": run_schedule(lambda o: S.StepLR(o, 4, gamma=0.3), 13),
    "multi_step": run_schedule(lambda o: S.MultiStepLR(o, [2, 3, 9], gamma=0.2), 12),
    "cosine": run_schedule(lambda o: S.CosineAnnealingLR(o, 12, eta_min=0.1), 13),
    "one_cycle": run_schedule(lambda o: S.OneCycleLR(o, 1.0, total_steps=20, pct_start=0.3), 19),
    "one_cycle_linear": run_schedule(
        lambda o: S.OneCycleLR(o, 1.0, total_steps=20, pct_start=0.25, div_factor=10, final_div_factor=100, anneal_strategy="linear"), 19
    ),
    "warmup": run_schedule(lambda o: S.LinearLR(o, start_factor=0.2, total_iters=5), 8),
    "warmup_then_cosine": run_schedule(
        lambda o: S.SequentialLR(o, [S.LinearLR(o, start_factor=0.1, total_iters=4), S.CosineAnnealingLR(o, 8)], milestones=[4]), 12
    ),
}
if hasattr(S, "PolynomialLR"):
    SCHEDULES["polynomial"] = run_schedule(lambda o: S.PolynomialLR(o, total_iters=7, power=2.0), 9)


def clipped(max_norm):
    params = [torch.nn.Parameter(torch.tensor(start(k), dtype=torch.float64)) for k in range(len(SHAPES))]
    for k, p in enumerate(params):
        p.grad = torch.tensor(gradient(k, 1, start(k)))
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    return [float(norm)] + [float(x) for p in params for x in p.grad.ravel()]


def adaptively_clipped(clip):
    """Brock et al. 2021, equation 3, rows along the first axis."""
    out = []
    for k in range(len(SHAPES)):
        p, g = start(k), gradient(k, 1, start(k))
        if p.ndim < 2:
            p, g = p[None], g[None]
        for pr, gr in zip(p.reshape(len(p), -1), g.reshape(len(g), -1)):
            most, norm = clip * max(np.linalg.norm(pr), 1e-3), np.linalg.norm(gr)
            out += list(gr * (most / norm) if norm > most else gr)
    return out


def numbers(values):
    return "{" + ", ".join(repr(float(x)) for x in values) + "}"


lines = [
    "#pragma once",
    f"// Written by optim_fixtures.py with torch {torch.__version__}; do not edit.",
    "",
    "namespace optim_fixture {",
    "",
    f"// All parameters one after the other, after steps {', '.join(str(t + 1) for t in KEPT)}.",
]
for name, rows in TRAJECTORIES.items():
    body = ",\n    ".join("\n     ".join(textwrap.wrap(numbers(rows[t]), 115)) for t in KEPT)
    lines.append(f"inline constexpr double {name}[{len(KEPT)}][{len(rows[0])}] = {{\n    {body}}};")
lines += ["", "// Learning rates in step 0, 1, 2, ... of a schedule over a base rate of 1."]
for name, row in SCHEDULES.items():
    lines.append(f"inline constexpr double {name}_schedule[] = {numbers(row)};")
lines += [
    "",
    "// The norm, then all gradients after clipping to 1.5.",
    f"inline constexpr double clipped[] = {numbers(clipped(1.5))};",
    "// All gradients after adaptive clipping by 0.4.",
    f"inline constexpr double adaptively_clipped[] = {numbers(adaptively_clipped(0.4))};",
    "",
    "}  // namespace optim_fixture",
]
target = pathlib.Path(__file__).with_name("optim_fixture.hpp")
target.write_text("\n".join("\n    ".join(textwrap.wrap(line, 116)) if len(line) > 120 and "\n" not in line else line for line in lines) + "\n")
