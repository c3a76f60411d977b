#!/usr/bin/env python3
"""Writes torch_ops_fixture.hpp: PyTorch's float64 values and gradients for normalisation, pooling, losses and reductions.

Inputs are wave(n, seed), which the tests compute themselves. Made with PyTorch 1.13 (Debian python3-torch): python3 torch_ops.py
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

lines = []


def wave(shape, seed):
    n = int(np.prod(shape))
    i = np.arange(n)
    return torch.tensor(np.sin(0.37 * (1 + 0.1 * seed) * i + seed)).reshape(shape)


def emit(name, tensor):
    values = tensor.detach().contiguous().reshape(-1).tolist()
    text = ", ".join(repr(float(v)) for v in values)
    lines.append("inline const std::vector<double> %s{%s};" % (name, text))


def record(name, function, *inputs):
    """Emits function(inputs) and the gradients of sum(wave * output) for every input."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = function(*inputs)
    emit(name, y)
    (y * wave(y.shape, 9)).sum().backward()
    for k, x in enumerate(inputs):
        emit("%s_grad%d" % (name, k), x.grad)


def images(function):
    """A function on NCHW tensors as one on NHWC tensors."""
    return lambda x, *rest: function(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


record("batch_norm", images(lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 1e-5)),
       wave((2, 2, 3, 3), 1), wave((3,), 2), wave((3,), 3))
record("batch_norm_relu", images(lambda x, g, b, r: F.relu(F.batch_norm(x, None, None, g, b, True, 0.1, 1e-3) + r.permute(0, 3, 1, 2))),
       wave((2, 2, 3, 3), 1), wave((3,), 2), wave((3,), 3), wave((2, 2, 3, 3), 4))
record("batch_norm_inference",
       images(lambda x, g, b: F.batch_norm(x, wave((3,), 5), wave((3,), 6) ** 2, g, b, False, 0.1, 1e-5)),
       wave((2, 2, 3, 3), 1), wave((3,), 2), wave((3,), 3))
record("layer_norm", lambda x, g, b: F.layer_norm(x, (5,), g, b, 1e-5), wave((3, 5), 1), wave((5,), 2), wave((5,), 3))
record("group_norm", images(lambda x, g, b: F.group_norm(x, 2, g, b, 1e-5)), wave((2, 2, 2, 4), 1), wave((4,), 2), wave((4,), 3))

record("max_pool", images(lambda x: F.max_pool2d(x, 3, 2, 1)), wave((2, 5, 4, 2), 1))
record("max_pool_dilated", images(lambda x: F.max_pool2d(x, 2, 1, 1, 2)), wave((1, 5, 4, 2), 1))
record("avg_pool", images(lambda x: F.avg_pool2d(x, 3, 2, 1)), wave((2, 5, 4, 2), 1))
record("avg_pool_inside", images(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)), wave((2, 5, 4, 2), 1))
record("adaptive_pool", images(lambda x: F.adaptive_avg_pool2d(x, (2, 3))), wave((2, 5, 4, 2), 1))

labels = torch.tensor([3, 0, -100, 4, 1, 3])
weight = wave((5,), 2) ** 2 + 0.5
logits = 3 * wave((6, 5), 1)
soft = torch.softmax(2 * wave((6, 5), 3), 1)
for reduction in ("none", "mean", "sum"):
    record("cross_entropy_" + reduction, lambda x: F.cross_entropy(x, labels, weight, label_smoothing=0.2, reduction=reduction), logits)
    record("soft_cross_entropy_" + reduction, lambda x, t: F.cross_entropy(x, t, weight, label_smoothing=0.2, reduction=reduction),
           logits, soft)
record("cross_entropy_plain", lambda x: F.cross_entropy(x, labels), logits)
record("nll", lambda x: F.nll_loss(x, labels, weight), logits)

a, b = 2 * wave((3, 4), 1), 2 * wave((3, 4), 2)
record("mse", F.mse_loss, a, b)
record("l1", F.l1_loss, a, b)
record("smooth_l1", lambda x, y: F.smooth_l1_loss(x, y, beta=0.7), a, b)
record("huber", lambda x, y: F.huber_loss(x, y, delta=0.7), a, b)
record("bce", lambda x: F.binary_cross_entropy_with_logits(x, torch.sigmoid(b), pos_weight=torch.tensor(2.5)), 20 * a)
record("kl", lambda x, t: F.kl_div(torch.log_softmax(x, 1), torch.softmax(t, 1), reduction="batchmean"), a, b)
record("kl_log", lambda x, t: F.kl_div(torch.log_softmax(x, 1), torch.log_softmax(t, 1), reduction="batchmean", log_target=True), a, b)
record("cosine", lambda x, y: F.cosine_similarity(x, y, 1), a, b)

cube = wave((2, 3, 4), 1)
record("softmax", lambda x: torch.softmax(x, 1), 5 * cube)
record("log_softmax", lambda x: torch.log_softmax(x, -1), 5 * cube)
record("logsumexp", lambda x: torch.logsumexp(x, (0, 2)), 5 * cube)
record("variance", lambda x: torch.var(x, (0, 2)), cube)
record("deviation", lambda x: torch.std(x, (1,), unbiased=False), cube)
record("norms", lambda x: torch.linalg.vector_norm(x, 2, (0, 2)), cube)
record("products", lambda x: torch.prod(x, 1), cube)
record("running", lambda x: torch.cumsum(x, 1), cube)

path = pathlib.Path(__file__).with_name("torch_ops_fixture.hpp")
body = "\n".join(lines)
path.write_text("#pragma once\n// Written by torch_ops.py; do not edit.\n// clang-format off\n#include <vector>\n\nnamespace fixture {\n"
                + body + "\n}  // namespace fixture\n")
