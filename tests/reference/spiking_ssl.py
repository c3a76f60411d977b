#!/usr/bin/env python3
"""Writes spiking_ssl_fixture.hpp: PyTorch's values and gradients, in double, for spiking neurons and self-supervised losses.

Made with PyTorch 1.13.0: python3 spiking_ssl.py
"""
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
lines = []


def put(name, value):
    flat = value.detach().flatten().tolist() if torch.is_tensor(value) else list(value)
    kind = "std::int64_t" if torch.is_tensor(value) and value.dtype == torch.int64 else "double"
    items = ", ".join(str(v) if kind != "double" else repr(float(v)) for v in flat)
    lines.append(f"inline const std::vector<{kind}> {name}{{{items}}};")


generator = torch.Generator().manual_seed(5)


def randn(*shape):
    return torch.randn(*shape, generator=generator)


class Spike(torch.autograd.Function):
    """Heaviside with the arc-tangent surrogate, alpha = 2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy / (1 + (math.pi * x) ** 2)


class Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, levels):
        ctx.save_for_backward(x)
        ctx.levels = levels
        return torch.round(torch.clamp(x, 0, levels))

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * ((x >= 0) & (x <= ctx.levels)), None


def reset(h, s, threshold, kind, detach, potential=0.0):
    if detach:
        s = s.detach()
    return h - threshold * s if kind == "soft" else h * (1 - s) + potential * s if kind == "hard" else h


def run(name, step, states, extra=()):
    """Outputs of a neuron over time, and gradients of sum(weight * output)."""
    v = x.clone().requires_grad_()
    state = [torch.full((units,), float(s)) for s in states]
    out = []
    for t in range(steps):
        state, y = step(state, v[t])
        out.append(y)
    y = torch.stack(out)
    (y * weight).sum().backward()
    put(name + "_out", y)
    put(name + "_grad", v.grad)
    for i, p in enumerate(extra):
        put(f"{name}_parameter_grad{i}", p.grad)


steps, units = 6, 5
x = randn(steps, units) * 0.7 + 0.5
weight = randn(steps, units)
lines.append(f"inline constexpr std::int64_t steps = {steps}, units = {units};")
put("input", x)
put("weight", weight)

for kind in ("soft", "hard"):
    for detach in (False, True):

        def lif(state, u):
            h = 0.8 * state[0] + u + (0.2 * 0.1 if kind == "hard" else 0.0)
            s = Spike.apply(h - 0.9)
            return [reset(h, s, 0.9, kind, detach, 0.1)], s

        run(f"lif_{kind}_{'detached' if detach else 'attached'}", lif, [0.1 if kind == "hard" else 0.0])


def if_step(state, u):
    h = state[0] + u
    s = Spike.apply(h - 1.0)
    return [reset(h, s, 1.0, "soft", True)], s


run("if", if_step, [0.5])


def lif_decayed(state, u):
    h = state[0] + (u - state[0]) / 3.0
    s = Spike.apply(h - 0.5)
    return [reset(h, s, 0.5, "soft", True)], s


run("lif_decayed", lif_decayed, [0.0])

for decayed in (True, False):
    w = torch.tensor([-math.log(2.0 - 1.0)], requires_grad=True)

    def plif(state, u):
        k = torch.sigmoid(w)
        h = state[0] + (u - state[0]) * k if decayed else state[0] - state[0] * k + u
        s = Spike.apply(h - 0.6)
        return [reset(h, s, 0.6, "hard", True)], s

    run("plif_decayed" if decayed else "plif", plif, [0.0], [w])


def alif(state, u):
    h = 0.9 * state[0] + u
    threshold = 0.7 + 1.5 * state[1]
    s = Spike.apply(h - threshold)
    return [reset(h, s, threshold, "soft", False), 0.8 * state[1] + 0.2 * s], s


run("alif", alif, [0.0, 0.0])


def cuba(state, u):
    current = 0.7 * state[1] + u
    h = 0.9 * state[0] + current
    s = Spike.apply(h - 1.0)
    return [reset(h, s, 1.0, "soft", True), current], s


run("cuba", cuba, [0.0, 0.0])


def integer(state, u):
    h = 0.5 * state[0] + u
    s = Levels.apply(h / 0.4, 3)
    return [h - 0.4 * s], s


run("integer_lif", integer, [0.0])


def integrator(state, u):
    v = 0.9 * state[0] + 0.1 * u
    return [v], v


run("integrator", integrator, [0.0])


class Qcfs(torch.autograd.Function):
    """Bu et al. 2022, forward and the gradients given there."""

    @staticmethod
    def forward(ctx, z, theta, levels):
        out = theta * torch.clamp(torch.floor(z * levels / theta + 0.5) / levels, 0, 1)
        ctx.save_for_backward(z, theta, out)
        ctx.levels = levels
        return out

    @staticmethod
    def backward(ctx, dy):
        z, theta, out = ctx.saved_tensors
        margin = theta / (2 * ctx.levels)
        inside = (z > -margin) & (z < theta - margin)
        above = z >= theta - margin
        return dy * inside, (dy * (inside * (out - z) / theta + above)).sum().reshape(1), None


z = (randn(40) * 2).requires_grad_()
theta = torch.tensor([1.7], requires_grad=True)
qcfs_weight = randn(40)
out = Qcfs.apply(z, theta, 4)
(out * qcfs_weight).sum().backward()
put("qcfs_input", z), put("qcfs_weight", qcfs_weight), put("qcfs_out", out)
put("qcfs_grad", z.grad), put("qcfs_theta_grad", theta.grad)

logits = randn(3, 4, 5).requires_grad_()
labels = torch.tensor([0, 3, 4, 3])
put("time_logits", logits), put("time_labels", labels)
loss = F.cross_entropy(logits.mean(0), labels)
put("rate_cross_entropy", [loss.item()])
put("rate_cross_entropy_grad", torch.autograd.grad(loss, logits)[0])
loss = 0.95 * sum(F.cross_entropy(logits[t], labels) for t in range(3)) / 3 + 0.05 * ((logits - 1.0) ** 2).mean()
put("tet", [loss.item()])
put("tet_grad", torch.autograd.grad(loss, logits)[0])

# Self-supervision: losses of two views [n, d] and their gradients.
n, d = 6, 4
z1, z2 = randn(n, d).requires_grad_(), randn(n, d).requires_grad_()
lines.append(f"inline constexpr std::int64_t samples = {n}, features = {d};")
put("z1", z1), put("z2", z2)


def two_views(name, loss):
    g1, g2 = torch.autograd.grad(loss, [z1, z2], allow_unused=True)
    put(name, [loss.item()])
    put(name + "_grad1", g1)
    if g2 is not None:
        put(name + "_grad2", g2)


def nt_xent(a, b, temperature):
    z = F.normalize(torch.cat([a, b]), dim=1)
    s = z @ z.T / temperature
    s = s.masked_fill(torch.eye(2 * n, dtype=torch.bool), -math.inf)
    return F.cross_entropy(s, (torch.arange(2 * n) + n) % (2 * n))


def sup_con(z, y, temperature):
    u = F.normalize(z, dim=1)
    s = u @ u.T / temperature
    total, anchors = 0.0, 0
    for i in range(len(y)):
        others = [j for j in range(len(y)) if j != i]
        positives = [j for j in others if y[j] == y[i]]
        if positives:
            anchors += 1
            total = total - sum(s[i, p] - torch.logsumexp(s[i, others], 0) for p in positives) / len(positives)
    return total / anchors


def barlow(a, b, weight):
    a, b = ((v - v.mean(0)) / torch.sqrt(v.var(0, unbiased=False) + 1e-5) for v in (a, b))
    c = a.T @ b / n
    on = ((torch.diagonal(c) - 1) ** 2).sum()
    return on + weight * ((c**2).sum() - (torch.diagonal(c) ** 2).sum())


def vicreg(a, b):
    loss = 25 * F.mse_loss(a, b)
    for v in (a, b):
        loss = loss + 25 * F.relu(1 - torch.sqrt(v.var(0) + 1e-4)).mean() / 2
        c = (v - v.mean(0)).T @ (v - v.mean(0)) / (n - 1)
        loss = loss + ((c**2).sum() - (torch.diagonal(c) ** 2).sum()) / d
    return loss


two_views("nt_xent", nt_xent(z1, z2, 0.3))
two_views("barlow_twins", barlow(z1, z2, 5e-3))
two_views("vicreg", vicreg(z1, z2))
two_views("simsiam", -(F.cosine_similarity(z1, z2.detach()).mean() + F.cosine_similarity(z2, z1.detach()).mean()) / 2)
two_views("byol", (2 - 2 * F.cosine_similarity(z1, z2.detach())).mean() + (2 - 2 * F.cosine_similarity(z2, z1.detach())).mean())
classes = torch.tensor([1, 0, 1, 2, 0, 1])
put("classes", classes)
two_views("sup_con", sup_con(z1, classes, 0.2))

logits = (randn(n, 3) * 2).requires_grad_()
put("noisy_logits", logits)


def noisy(name, loss):
    put(name, [loss.item()])
    put(name + "_grad", torch.autograd.grad(loss, logits, retain_graph=True)[0])


p = F.softmax(logits, 1)
py = p[torch.arange(n), classes]
noisy("gce", ((1 - py**0.7) / 0.7).mean())
hot = torch.clamp(F.one_hot(classes, 3).double(), 1e-4, 1.0)
noisy("sce", 6 * F.cross_entropy(logits, classes) + 0.1 * (-(p * torch.log(hot)).sum(1)).mean())
target = torch.zeros(n, 3)
for step in range(2):
    q = torch.clamp(p, 1e-4, 1 - 1e-4)
    target = 0.9 * target + 0.1 * (q / q.sum(1, keepdim=True)).detach()
    noisy(f"elr{step}", F.cross_entropy(logits, classes) + 7 * torch.log(1 - (target * q).sum(1)).mean())

s = torch.linalg.svdvals(z1)
s = s / s.sum()
put("effective_rank", [torch.exp(-(s * torch.log(s)).sum()).item()])
u = F.normalize(z1, dim=1)
put("feature_deviation", [u.std(0, unbiased=False).mean().item()])
put("uniformity", [torch.log(torch.exp(-2 * torch.pdist(u) ** 2).mean()).item()])
put("alignment", [((u - F.normalize(z2, dim=1)) ** 2).sum(1).mean().item()])

centred, response = z1 - z1.mean(0), z2[:, :2] - z2[:, :2].mean(0)
ridge = torch.linalg.solve(centred.T @ centred + 0.3 * torch.eye(d), centred.T @ response)
put("ridge_weight", ridge)
put("ridge_bias", z2[:, :2].mean(0) - z1.mean(0) @ ridge)
matrix = randn(7, 7)
put("matrix", matrix)
put("matrix_radius", [torch.linalg.eigvals(matrix).abs().max().item()])

text = "#pragma once\n// Written by spiking_ssl.py.\n\n#include <cstdint>\n#include <vector>\n\n"
text += "namespace fixture::spiking_ssl {\n\n" + "\n".join(lines) + "\n\n}  // namespace fixture::spiking_ssl\n"
pathlib.Path(__file__).with_name("spiking_ssl_fixture.hpp").write_text(text)
