#!/usr/bin/env python3
"""PyTorch's speed on the shapes of bench/conv.cpp and bench/gemm.cpp: GF/s of the direct definition, medians.

Tuned: OMP_PROC_BIND=close OMP_PLACES=cores MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 \
       GLIBC_TUNABLES=glibc.malloc.hugetlb=1 bench/torch_kernels.py [conv] [gemm] [--threads N] [--cpu-time]
"""
import argparse
import statistics
import time

import torch

# batch, in, out, image, kernel, stride, groups
CONVOLUTIONS = [
    (128, 16, 16, 32, 3, 1, 1), (128, 32, 32, 16, 3, 1, 1), (128, 64, 64, 8, 3, 1, 1), (128, 64, 64, 32, 3, 1, 1),
    (128, 64, 128, 32, 3, 1, 1), (128, 128, 128, 16, 3, 1, 1), (128, 256, 256, 8, 3, 1, 1), (128, 512, 512, 4, 3, 1, 1),
    (128, 3, 64, 32, 3, 1, 1), (128, 3, 48, 32, 3, 1, 1), (128, 3, 24, 32, 2, 1, 1), (128, 64, 128, 32, 3, 2, 1),
    (128, 64, 128, 16, 1, 1, 1), (128, 64, 128, 32, 1, 2, 1), (128, 64, 64, 32, 3, 1, 64),
]
# m, n, k, 1 = A transposed + 2 = B transposed
PRODUCTS = [
    (1024, 1024, 1024, 0), (1024, 1024, 1024, 3), (8192, 256, 2304, 2), (131072, 64, 576, 2), (131072, 64, 576, 0),
    (64, 576, 131072, 1), (128, 512, 512, 2), (128, 128, 128, 0), (500, 100, 256, 2), (16, 1024, 1024, 0),
    (32, 1024, 1024, 2), (64, 1024, 1024, 2), (1024, 16, 1024, 0), (1024, 64, 1024, 2), (1, 512, 512, 2),
]


clock = time.perf_counter


def seconds(run, budget=0.25):
    run()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < budget:
        begin = clock()
        run()
        times.append(clock() - begin)
    return statistics.median(times)


def convolution(n, c, o, size, kernel, stride, groups):
    padding = 1 if kernel == 3 else 0
    x = torch.randn(n, c, size, size).contiguous(memory_format=torch.channels_last)
    w = torch.randn(o, c // groups, kernel, kernel).contiguous(memory_format=torch.channels_last)
    y = torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)
    dy = torch.randn_like(y)

    def backward(mask):
        torch.ops.aten.convolution_backward(dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask)

    times = [
        seconds(lambda: torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)),
        seconds(lambda: backward([True, False, False])),
        seconds(lambda: backward([False, True, False])),
    ]
    operations = 2.0 * y.numel() * w.numel() / o
    rates = " ".join(f"{operations / t / 1e9:6.0f}" for t in times)
    print(f"conv {n}/{c}/{o}/{size}/{kernel}/{stride}/{groups}: {rates}  all three {3 * operations / sum(times) / 1e9:6.0f}", flush=True)


def product(m, n, k, transposed):
    a = torch.randn(k, m).t() if transposed & 1 else torch.randn(m, k)
    b = torch.randn(n, k).t() if transposed & 2 else torch.randn(k, n)
    c = torch.empty(m, n)
    t = seconds(lambda: torch.mm(a, b, out=c))
    print(f"gemm {m}/{n}/{k}/{transposed}: {2.0 * m * n * k / t / 1e9:6.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["conv", "gemm"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="processor time: with one thread, on a machine that others use too")
    options = parser.parse_args()
    if options.cpu_time:
        global clock
        clock = time.process_time
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    with torch.no_grad():
        if "conv" in options.what:
            for shape in CONVOLUTIONS:
                convolution(*shape)
        if "gemm" in options.what:
            for shape in PRODUCTS:
                product(*shape)
            a, b, c = torch.randn(256, 64, 64), torch.randn(256, 64, 64), torch.empty(256, 64, 64)
            t = seconds(lambda: torch.bmm(a, b, out=c))
            print(f"batched 256 of 64x64x64: {2.0 * 256 * 64**3 / t / 1e9:6.0f}")


if __name__ == "__main__":
    main()
