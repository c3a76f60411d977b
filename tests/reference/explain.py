#!/usr/bin/env python3
"""Writes explain_fixture.hpp: attributions of a small network by captum, in double.

Made with PyTorch 2.15.0, captum 0.9.0, SciPy 1.17.1, NumPy 2.4.6: python3 explain.py
"""
import pathlib

import numpy as np
import scipy.stats
import torch
import torch.nn.functional as F
from captum.attr import InputXGradient, IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion, Saliency
from captum.metrics import infidelity

torch.set_default_dtype(torch.float64)
lines = []


def put(name, value):
    flat = value.detach().contiguous().flatten().tolist() if torch.is_tensor(value) else list(value)
    lines.append(f"inline const std::vector<double> {name}{{{', '.join(repr(float(v)) for v in flat)}}};")


def put_images(name, value):
    """[N, C, H, W] as [N, H, W, C]."""
    put(name, value.permute(0, 2, 3, 1))


generator = torch.Generator().manual_seed(3)


def randn(*shape):
    return torch.randn(*shape, generator=generator)


class Net(torch.nn.Module):
    """Convolution, ReLU, mean over the pixels, tanh, linear."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 4, 3, padding=1)
        self.relu = torch.nn.ReLU()
        self.head = torch.nn.Linear(4, 3)
        for p in self.parameters():
            p.data = randn(*p.shape) * 0.7

    def forward(self, x):
        return self.head(torch.tanh(self.relu(self.conv(x)).mean((2, 3))))


net = Net()
x, baseline = randn(2, 2, 8, 8), randn(2, 8, 8) * 0.3
targets = torch.tensor([2, 0])
put("conv_weight", net.conv.weight.permute(0, 2, 3, 1)), put("conv_bias", net.conv.bias)
put("head_weight", net.head.weight), put("head_bias", net.head.bias)
put_images("input", x), put_images("baseline", baseline.unsqueeze(0))
put("scores", net(x))
put_images("saliency", Saliency(net).attribute(x, targets))
put_images("input_x_gradient", InputXGradient(net).attribute(x, targets))
whole = baseline.expand_as(x)
for name, method, steps in (("gauss", "gausslegendre", 64), ("midpoint", "riemann_middle", 50)):
    put_images("integrated_" + name, IntegratedGradients(net).attribute(x, whole, targets, n_steps=steps, method=method))
cam = LayerGradCam(net, net.relu)
put_images("grad_cam", cam.attribute(x, targets, relu_attributions=True))
put_images("grad_cam_signed", cam.attribute(x, targets))
# the same class activation map of pooled features, scaled up
small = F.avg_pool2d(cam.attribute(x, targets), 4)
put("small_map", small)
put("resized_map", LayerAttribution.interpolate(small, (7, 5), "bilinear"))
for stride in (2, 3):
    covered = Occlusion(net).attribute(x, (2, 4, 4), (2, stride, stride), target=targets, baselines=0.25)
    assert torch.equal(covered[:, 0], covered[:, 1])
    put(f"occlusion{stride}", covered[:, 0])

perturbations = randn(6, 2, 2, 8, 8) * 0.4
attribution = Saliency(net).attribute(x, targets, abs=False)
put_images("gradient", attribution)
put("perturbations", perturbations.permute(0, 1, 3, 4, 2))
for normalize in (False, True):
    calls = iter(range(100))

    def perturb(inputs):
        """One perturbation of every sample per call: captum is held to batches of two."""
        assert len(inputs) == 2
        change = perturbations[next(calls)]
        return change, inputs - change

    value = infidelity(net, perturb, x, attribution, target=targets, n_perturb_samples=6, max_examples_per_batch=2,
                       normalize=normalize)
    assert next(calls) == 6
    put("infidelity_normalized" if normalize else "infidelity", value)

# curves: pixels by falling attribution (stable), replaced in 5 steps; area by trapezoids
heat = attribution.abs().sum(1).flatten(1)
order = torch.argsort(-heat, dim=1, stable=True)
rows = {"deletion": [], "insertion": []}
for i in range(2):
    for name in rows:
        start, end = (x[i], baseline) if name == "deletion" else (baseline, x[i])
        curve = []
        for k in range(6):
            image = start.clone().flatten(1)
            taken = order[i, : int(np.floor(k * 64 / 5 + 0.5))]
            image[:, taken] = end.flatten(1)[:, taken]
            curve.append(F.softmax(net(image.reshape(1, 2, 8, 8)), 1)[0, targets[i]].item())
        rows[name] += curve
        put(f"{name}_auc{i}", [np.trapezoid(curve, dx=0.2)])
for name, values in rows.items():
    put(name, values)

a, b = torch.randint(0, 6, (12,), generator=generator).double(), randn(12)
put("rank_a", a), put("rank_b", b)
put("rank_correlation", [scipy.stats.spearmanr(a, b).statistic])

text = "#pragma once\n// Written by explain.py.\n\n#include <vector>\n\n"
text += "namespace fixture::explain {\n\n" + "\n".join(lines) + "\n\n}  // namespace fixture::explain\n"
pathlib.Path(__file__).with_name("explain_fixture.hpp").write_text(text)
