#!/usr/bin/env python3
"""Writes libraries_fixture.hpp: what other libraries say about neurons, surrogates, self-supervised losses and probes.

Made with PyTorch 2.15.0, SpikingJelly 2.0.0, snnTorch 1.0.0, lightly 1.6.0, pytorch-metric-learning 2.9.0,
scikit-learn 1.9.1: python3 libraries.py
"""
import pathlib

import numpy as np
import snntorch
import snntorch.surrogate
import torch
from lightly.loss import BarlowTwinsLoss, NegativeCosineSimilarity, NTXentLoss, VICRegLoss
from pytorch_metric_learning.losses import SupConLoss
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from spikingjelly.activation_based import functional, layer, neuron, surrogate

torch.set_default_dtype(torch.float64)
lines = []


def put(name, value):
    flat = value.detach().flatten().tolist() if torch.is_tensor(value) else list(value)
    whole = torch.is_tensor(value) and value.dtype == torch.int64
    items = ", ".join(str(v) if whole else repr(float(v)) for v in flat)
    lines.append(f"inline const std::vector<{'std::int64_t' if whole else 'double'}> {name}{{{items}}};")


generator = torch.Generator().manual_seed(11)


def randn(*shape):
    return torch.randn(*shape, generator=generator)


# Surrogate derivatives on a grid that meets no kink.
grid = torch.linspace(-1.93, 1.97, 27)
put("grid", grid)


def slope(name, spike):
    v = grid.clone().requires_grad_()
    spike(v).sum().backward()
    put("slope_" + name, v.grad)


slope("atan", surrogate.ATan(2.0))
slope("sigmoid", surrogate.Sigmoid(4.0))
slope("soft_sign", surrogate.SoftSign(2.0))
slope("piecewise_quadratic", surrogate.PiecewiseQuadratic(1.0))
slope("piecewise_exponential", surrogate.PiecewiseExp(1.0))
slope("erf", surrogate.Erf(2.0))
slope("rectangle", surrogate.Rect(1.0))
slope("leaky_relu", surrogate.PiecewiseLeakyReLU(1.0, 0.01))
slope("log_abs", surrogate.NonzeroSignLogAbs(1.0))
slope("q_pseudo_spike", surrogate.QPseudoSpike(2.0))
slope("s2nn", surrogate.S2NN(4.0, 1.0))
slope("fast_sigmoid", snntorch.surrogate.fast_sigmoid(25))
slope("atan_snntorch", snntorch.surrogate.atan(2.0))
slope("sigmoid_snntorch", snntorch.surrogate.sigmoid(25))
slope("sparse_fast_sigmoid", snntorch.surrogate.SFS(25, 1))
slope("spike_rate_escape", snntorch.surrogate.spike_rate_escape(1, 25))
slope("straight_through", snntorch.surrogate.straight_through_estimator())

# Neurons: outputs, and gradients of sum(weight * output).
steps, units = 7, 6
x, weight = randn(steps, units) * 0.7 + 0.5, randn(steps, units)
lines.append(f"inline constexpr std::int64_t steps = {steps}, units = {units};")
put("input", x), put("weight", weight)


def outcome(name, run, parameters=()):
    v = x.clone().requires_grad_()
    y = run(v)
    (y * weight).sum().backward()
    put(name + "_out", y), put(name + "_grad", v.grad)
    for p in parameters:
        put(name + "_parameter_grad", p.grad)


def jelly(name, node, parameters=()):
    node.step_mode = "m"
    functional.reset_net(node)
    outcome(name, node, parameters)


for reset, v_reset in (("soft", None), ("hard", 0.0), ("raised", -0.2)):
    for detach in (False, True):
        tail = f"{reset}_{'detached' if detach else 'attached'}"
        common = dict(v_threshold=0.9, v_reset=v_reset, surrogate_function=surrogate.ATan(2.0), detach_reset=detach)
        jelly(f"if_{tail}", neuron.IFNode(**common))
        jelly(f"lif_{tail}", neuron.LIFNode(tau=3.0, decay_input=True, **common))
        jelly(f"lif_full_{tail}", neuron.LIFNode(tau=3.0, decay_input=False, **common))
common = dict(v_threshold=0.9, v_reset=None, surrogate_function=surrogate.Sigmoid(4.0), detach_reset=True)
for decayed in (True, False):
    node = neuron.ParametricLIFNode(init_tau=2.5, decay_input=decayed, **common)
    node.double()
    jelly("plif" if decayed else "plif_full", node, [node.w])
for detach in (False, True):
    tail = "detached" if detach else "attached"
    common = dict(v_threshold=0.9, v_reset=None, surrogate_function=surrogate.ATan(2.0), detach_reset=detach)
    del common["detach_reset"]
    node = neuron.CUBALIFNode(c_decay=0.6, v_decay=0.7, **common)
    node.detach_reset = detach
    jelly(f"cuba_{tail}", node)
    levels = surrogate.MultiLevelSpikeCount(3)
    jelly(f"integer_{tail}", neuron.ILIFNode(tau=2.0, v_threshold=0.4, surrogate_function=levels, detach_reset=detach))

# Threshold-dependent batch norm of [T, N, H, W, C].
sequence, pull = randn(3, 2, 2, 2, 3), randn(3, 2, 2, 2, 3)
put("sequence", sequence), put("sequence_weight", pull)
norm = layer.ThresholdDependentBatchNorm2d(0.5, 0.8, 3)
v = sequence.clone().requires_grad_()
out = norm(v.permute(0, 1, 4, 2, 3)).permute(0, 1, 3, 4, 2)
(out * pull).sum().backward()
put("td_batch_norm", out), put("td_batch_norm_grad", v.grad)


def torch_steps(node):
    def run(v):
        states = None
        out = []
        for t in range(steps):
            results = node(v[t]) if states is None else node(v[t], *states)
            out.append(results[0])
            states = results[1:]
        return torch.stack(out)

    return run


# snnTorch resets one step late unless told otherwise.
for mechanism in ("subtract", "zero", "none"):
    common = dict(threshold=0.9, spike_grad=snntorch.surrogate.atan(2.0), reset_mechanism=mechanism, reset_delay=False)
    outcome("leaky_" + mechanism, torch_steps(snntorch.Leaky(beta=0.8, **common)))
    outcome("synaptic_" + mechanism, torch_steps(snntorch.Synaptic(alpha=0.7, beta=0.8, **common)))

# Self-supervision.
n, d = 8, 5
z1, z2 = randn(n, d).requires_grad_(), randn(n, d).requires_grad_()
lines.append(f"inline constexpr std::int64_t samples = {n}, features = {d};")
put("z1", z1), put("z2", z2)


def two_views(name, loss):
    g1, g2 = torch.autograd.grad(loss, [z1, z2])
    put(name, [loss.item()]), put(name + "_grad1", g1), put(name + "_grad2", g2)


two_views("nt_xent", NTXentLoss(temperature=0.3)(z1, z2))
two_views("barlow_twins", BarlowTwinsLoss(lambda_param=5e-3)(z1, z2))
two_views("vicreg", VICRegLoss()(z1, z2))
still = NegativeCosineSimilarity()
two_views("simsiam", 0.5 * (still(z1, z2.detach()) + still(z2, z1.detach())))
labels = torch.tensor([1, 0, 1, 2, 0, 1, 3, 2])
put("labels", labels)
loss = SupConLoss(temperature=0.2)(z1, labels)
put("sup_con", [loss.item()]), put("sup_con_grad", torch.autograd.grad(loss, z1)[0])

# Probes.
count, width, classes = 60, 4, 3
features = randn(count, width)
answers = torch.arange(count) % classes
features[torch.arange(count), answers] += 1.0
queries = randn(10, width)
lines.append(f"inline constexpr std::int64_t probe_samples = {count}, probe_features = {width}, probe_classes = {classes};")
put("probe_input", features), put("probe_labels", answers), put("probe_queries", queries)
decay = 1e-2
standard = (features - features.mean(0)) / torch.sqrt(features.var(0, unbiased=False) + 1e-8)
model = LogisticRegression(C=1 / (count * decay), tol=1e-12, max_iter=10000).fit(standard.numpy(), answers.numpy())
put("probe_weight", model.coef_.T.flatten())
chance = model.predict_proba(((queries - features.mean(0)) / torch.sqrt(features.var(0, unbiased=False) + 1e-8)).numpy())
put("probe_probabilities", chance.flatten())
votes = KNeighborsClassifier(n_neighbors=9, metric="cosine", weights=lambda far: np.exp((1 - far) / 0.07))
votes.fit(features.numpy(), answers.numpy())
put("knn", torch.tensor(votes.predict(queries.numpy())))

text = "#pragma once\n// Written by libraries.py.\n\n#include <cstdint>\n#include <vector>\n\n"
text += "namespace fixture::libraries {\n\n" + "\n".join(lines) + "\n\n}  // namespace fixture::libraries\n"
pathlib.Path(__file__).with_name("libraries_fixture.hpp").write_text(text)
