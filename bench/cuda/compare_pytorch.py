#!/usr/bin/env python3
"""Runs in PyTorch what bench/cuda/kernels.cu runs in glia, on the same device, and prints both times and their ratio.

    build/gpu/bench/bench_cuda_kernels --benchmark_format=json > kernels.json
    python3 bench/cuda/compare_pytorch.py kernels.json

A ratio above 1 means that glia is faster. PyTorch runs channels-last with cudnn.benchmark on; TF32 is off unless the row says so.
--device cpu --smoke runs every row once at small sizes, to see that the script works.
"""

import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F


class LifStep(torch.autograd.Function):
    """Spike with the derivative 1 / (1 + (pi x)^2) (arctangent surrogate, alpha = 2)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient / (1 + (torch.pi * x) ** 2)


def lif(x, beta=0.9, threshold=1.0):
    """Leaky integrate-and-fire neurons over axis 0, soft reset without gradient."""
    v, spikes = torch.zeros_like(x[0]), []
    for current in x:
        h = beta * v + current
        spike = LifStep.apply(h - threshold)
        v = h - threshold * spike.detach()
        spikes.append(spike)
    return torch.stack(spikes)


def timed(work, device, runs):
    """Median of the times of `runs` calls in microseconds, after three more."""
    if device == "cpu":
        runs, warm = 1, 0
    else:
        warm = 3
    for _ in range(warm):
        work()
    times = []
    for _ in range(runs):
        if device == "cpu":
            begin = time.perf_counter()
            work()
            times.append((time.perf_counter() - begin) * 1e6)
        else:
            before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            before.record()
            work()
            after.record()
            after.synchronize()
            times.append(before.elapsed_time(after) * 1e3)
    return statistics.median(times)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.first_norm = torch.nn.BatchNorm2d(64)
        self.second = torch.nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)
        self.second_norm = torch.nn.BatchNorm2d(128)
        self.head = torch.nn.Linear(128, 100)

    def forward(self, images):
        low = lif(self.first_norm(self.first(images)).expand(4, -1, -1, -1, -1))
        steps, batch = low.shape[:2]
        high = self.second_norm(self.second(low.flatten(0, 1))).unflatten(0, (steps, batch))
        return self.head(lif(high).mean(0).mean((2, 3)))


def rows(device, smoke):
    """(name of the glia benchmark, function to time)."""
    shrink = 64 if smoke else 1
    steps, neurons = 8, 64 * 64 * 32 * 32 // shrink
    for name, dtype in (("float", torch.float32), ("glia::bfloat16", torch.bfloat16)):
        x = torch.rand(steps, neurons, device=device).to(dtype)
        y = torch.empty_like(x)
        yield f"copy<{name}>/manual_time", lambda x=x, y=y: y.copy_(x)
        yield f"lif<{name}, false>/manual_time", torch.no_grad()(lambda x=x: lif(x))
    for channels, size in ((64, 32), (128, 16), (256, 8), (512, 4)):
        batch = 128 // shrink or 1
        x = torch.ones(batch, channels, size, size, device=device).to(memory_format=torch.channels_last)
        w = torch.ones(channels, channels, 3, 3, device=device).to(memory_format=torch.channels_last)
        y = torch.ones_like(x)
        tail = f"/N:128/C:{channels}/O:{channels}/size:{size}/manual_time"

        def backward(which, x=x, w=w, y=y):
            torch.ops.aten.convolution_backward(y, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, which)

        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = tf32
            flag = str(tf32).lower()
            yield f"conv<Pass::forward, {flag}>{tail}", lambda x=x, w=w: F.conv2d(x, w, padding=1)
            if tf32:
                continue
            yield f"conv<Pass::backward_input, {flag}>{tail}", lambda b=backward: b([True, False, False])
            yield f"conv<Pass::backward_weight, {flag}>{tail}", lambda b=backward: b([False, True, False])
    torch.backends.cudnn.allow_tf32 = False
    for channels in (64, 512):
        x = torch.ones(64 * 64 * 32 * 32 // shrink // channels, channels, 1, 1, device=device)
        x = x.to(memory_format=torch.channels_last)
        yield f"batch_norm/{channels}/manual_time", lambda x=x: F.relu(F.batch_norm(x, None, None, training=True))
    net = Net().to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(128 // shrink or 1, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    images = images.expand(2, -1, -1, -1) if images.shape[0] == 1 else images
    labels = torch.zeros(images.shape[0], dtype=torch.int64, device=device)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()

    yield "training_step/manual_time", step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="?", help="JSON of bench_cuda_kernels")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("compare_pytorch: PyTorch sees no CUDA device; nothing was compared", file=sys.stderr)
        return 2
    glia = {}
    if options.kernels:
        with open(options.kernels, encoding="utf-8") as file:
            scale = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
            for entry in json.load(file)["benchmarks"]:
                if "error_occurred" not in entry:
                    glia[entry["name"]] = entry["real_time"] * scale[entry["time_unit"]]
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    name = torch.cuda.get_device_name() if options.device == "cuda" else "the CPU"
    print(f"PyTorch {torch.__version__} on {name}")
    print(f"{'':64} {'glia us':>10} {'PyTorch us':>11} {'ratio':>6}")
    for row, work in rows(options.device, options.smoke):
        theirs = timed(work, options.device, 30)
        ours = glia.get(row)
        mine = f"{ours:10.1f}" if ours is not None else f"{'-':>10}"
        ratio = f"{theirs / ours:6.2f}" if ours else f"{'-':>6}"
        print(f"{row:64} {mine} {theirs:11.1f} {ratio}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
