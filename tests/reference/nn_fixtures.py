#!/usr/bin/env python3
"""Writes nn_fixture.hpp: PyTorch's float64 values, gradients and running statistics of layers.

Inputs and weights are wave(shape, seed) in glia's layout (channels last), which the tests compute themselves. Made with
PyTorch 1.13 (Debian python3-torch): python3 nn_fixtures.py
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


def emit(name, values):
    if torch.is_tensor(values):
        values = values.detach().contiguous().reshape(-1).tolist()
    text = ", ".join(repr(float(v)) for v in values)
    lines.append("inline const std::vector<double> %s{%s};" % (name, text))


def record(name, function, *inputs):
    """Emits function(inputs) and the gradients of sum(wave(9) * output) for every input."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = function(*inputs)
    emit(name, y)
    (y * wave(y.shape, 9)).sum().backward()
    for k, x in enumerate(inputs):
        emit("%s_grad%d" % (name, k), x.grad)


def first(x):
    """Channels last to channels first; also for weights [O, KH, KW, I] -> [O, I, KH, KW]."""
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


record("linear", F.linear, wave((2, 3, 4), 1), wave((5, 4), 2), wave((5,), 3))

record("conv", lambda x, w, b: last(F.conv2d(first(x), first(w), b, (2, 1), (1, 2), (1, 2))),
       wave((2, 5, 6, 3), 1), wave((4, 3, 2, 3), 2), wave((4,), 3))
record("conv_groups", lambda x, w: last(F.conv2d(first(x), first(w), None, 1, 1, 1, 2)), wave((2, 4, 5, 4), 1), wave((6, 3, 3, 2), 2))
record("conv_depthwise", lambda x, w, b: last(F.conv2d(first(x), first(w), b, 2, 1, 1, 4)),
       wave((1, 5, 5, 4), 1), wave((4, 3, 3, 1), 2), wave((4,), 3))

record("transpose", lambda x, w, b: last(F.conv_transpose2d(first(x), first(w), b, (2, 1), (1, 0), (1, 0), 1, (1, 2))),
       wave((2, 3, 4, 3), 1), wave((3, 3, 2, 2), 2), wave((2,), 3))
record("transpose_groups", lambda x, w: last(F.conv_transpose2d(first(x), first(w), None, 2, 1, 0, 2)),
       wave((1, 4, 3, 4), 1), wave((4, 3, 3, 3), 2))

# Two batches through batch norm, then evaluation.
norm = torch.nn.BatchNorm2d(3, eps=1e-3, momentum=0.2).double()
with torch.no_grad():
    norm.weight.copy_(wave((3,), 2))
    norm.bias.copy_(wave((3,), 3))
for seed in (1, 4):
    emit("norm_step%d" % seed, last(norm(first(wave((2, 2, 3, 3), seed)))))
emit("norm_mean", norm.running_mean)
emit("norm_variance", norm.running_var)
norm.eval()
emit("norm_eval", last(norm(first(wave((2, 2, 3, 3), 5)))))

record("embedding", lambda w: F.embedding(torch.tensor([[0, 3, 3], [2, 0, 4]]), w), wave((5, 3), 1))

line = 4 * wave((24,), 1)
record("relu", F.relu, line)
record("relu6", F.relu6, 3 * line)
record("leaky_relu", lambda x: F.leaky_relu(x, 0.2), line)
record("elu", lambda x: F.elu(x, 0.7), line)
record("gelu", F.gelu, line)
record("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), line)
record("silu", F.silu, line)
record("sigmoid", torch.sigmoid, line)
record("log_sigmoid", F.logsigmoid, line)
record("tanh", torch.tanh, line)
record("softplus", F.softplus, line)
record("softsign", F.softsign, line)
record("mish", F.mish, line)
record("hardswish", F.hardswish, line)
record("hardsigmoid", F.hardsigmoid, line)
record("prelu", lambda x, w: F.prelu(x.reshape(8, 3), w), line, wave((3,), 2))


def net(x, w1, g, b, w2, w3, b3):
    """Convolution, batch norm, residual 1x1 convolution, pool, dense layer."""
    y = F.relu(F.batch_norm(F.conv2d(first(x), first(w1), None, 1, 1), None, None, g, b, True))
    y = F.max_pool2d(y + F.conv2d(y, first(w2)), 2)
    return F.linear(last(y).flatten(1), w3, b3)


record("net", net, wave((2, 4, 4, 2), 1), wave((3, 3, 3, 2), 2), wave((3,), 3), wave((3,), 4), wave((3, 1, 1, 3), 5), wave((2, 12), 6),
       wave((2,), 7))

# Fans of [O, KH, KW, I / groups] and [out, in], and Dirac weights with two groups.
fans = []
for shape in ((6, 5), (8, 3, 3, 2), (4, 1, 1, 4), (4, 3, 2, 1)):
    weight = torch.empty(shape)
    fans += torch.nn.init._calculate_fan_in_and_fan_out(first(weight) if len(shape) == 4 else weight)
emit("fans", fans)
emit("dirac", last(torch.nn.init.dirac_(torch.empty(6, 2, 3, 3), 2)))

path = pathlib.Path(__file__).with_name("nn_fixture.hpp")
path.write_text("#pragma once\n// Written by nn_fixtures.py; do not edit.\n// clang-format off\n#include <vector>\n\nnamespace nn_fixture {\n"
                + "\n".join(lines) + "\n}  // namespace nn_fixture\n")
