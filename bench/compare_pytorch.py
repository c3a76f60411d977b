#!/usr/bin/env python3
"""Compares the library with PyTorch: the same nets, layers and products, in turns in one run.

Usage: compare_pytorch.py [--bench build/release/bench/bench_steps] [--python PYTHON] [--only REGEX] [--rounds 3] [--seconds 1]
                          [--compile] [--markdown FILE]

Three processes stay open (four with --compile) and take turns case by case, `rounds` times, so that a change of the machine's speed
meets all of them: the library; PyTorch as installed; PyTorch tuned (all CPUs, pinned threads, channels_last, glibc told to keep and to
use huge pages for large blocks). The time of a case is the median of its rounds' medians; the spread is (largest - smallest) / median.
A ratio above 1 means the library is faster. --python is an interpreter that has torch."""
import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CONVOLUTIONS = ["16-16@32", "32-32@16", "64-64@8", "64-64@32", "64-128@32", "128-128@16", "256-256@8", "512-512@4"]
PRODUCTS = ["1024x1024x1024", "131072x64x576", "8192x256x2304", "64x576x131072"]
OPS = ["add", "add_transposed", "add_bfloat16", "exp", "tanh", "gelu", "where", "sum_rows", "sum_columns", "var_rows", "argmax_rows",
       "softmax_rows", "layer_norm", "cumsum_rows", "transpose", "nchw_to_nhwc", "concat", "gather", "scatter_add", "sort", "topk_10",
       "max_pool", "randn"]
NETS = ["resnet20", "resnet9", "resnet18"]
LAYERS = ["bn_relu", "lif", "cross_entropy"]
CASES = [f"{kind}/{name}" for kind, names in
         [("step", NETS), ("infer", NETS), ("conv", CONVOLUTIONS), ("gemm", PRODUCTS), ("gemm16", PRODUCTS), ("op", OPS),
          ("layer", LAYERS), ("overhead", ["add_chain_1000"])] for name in names]


def rate(case, seconds):
    """What the time means: images/s, GFLOP/s (two per multiply-add of the direct definition), or milliseconds."""
    kind, _, rest = case.partition("/")
    if kind in ("step", "infer"):
        return f"{128 / seconds:.0f} images/s"
    if kind == "conv":
        channels, size = rest.split("@")
        cin, cout = map(int, channels.split("-"))
        return f"{3 * 2 * 9 * 128 * int(size) ** 2 * cin * cout / seconds * 1e-9:.0f} GFLOP/s"
    if kind in ("gemm", "gemm16"):
        m, n, k = map(int, rest.split("x"))
        return f"{2 * m * n * k / seconds * 1e-9:.0f} GFLOP/s"
    if kind == "overhead":
        return f"{seconds * 1e6:.0f} ns/op"
    return f"{seconds * 1e3:.2f} ms"


class Side:
    def __init__(self, name, command, environment=None):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})

    def ask(self, case, seconds):
        self.process.stdin.write(f"{case} {seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"compare_pytorch: {self.name} ended during {case}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cpu_name():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=os.path.join(HERE, "../build/release/bench/bench_steps"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default=".*", help="run the cases whose names match")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="per side, case and round")
    parser.add_argument("--compile", action="store_true", help="add PyTorch with torch.compile")
    parser.add_argument("--markdown", help="append the table to this file")
    options = parser.parse_args()
    cases = [c for c in CASES if re.search(options.only, c)]
    if not cases:
        sys.exit(f"compare_pytorch: no case matches {options.only}; there are {' '.join(CASES)}")

    torch_cases = os.path.join(HERE, "torch_cases.py")
    tuned = {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores", "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
             "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    sides = [Side("glia", [options.bench, "--serve"]),
             Side("installed", [options.python, torch_cases, "installed"]),
             Side("tuned", [options.python, torch_cases, "tuned"], tuned)]
    if options.compile:
        sides.append(Side("compiled", [options.python, torch_cases, "compiled"], tuned))

    for side in sides:  # an answer from each first: nothing is timed beside the import of torch
        side.ask("overhead/add_chain_1000", 0.01)
    lines, about = [], ""
    for case in cases:
        times = {side.name: [] for side in sides}
        for _ in range(options.rounds):
            for side in sides:
                answer = side.ask(case, options.seconds)
                if "error" in answer:
                    print(f"{case}: {side.name}: {answer['error']}", file=sys.stderr)
                else:
                    times[side.name].append(answer["seconds"])
                if "version" in answer and side.name != "glia":
                    about = f"PyTorch {answer['version']}"
        own = times["glia"]
        if not own:
            continue
        middle = statistics.median(own)
        cells = [case, rate(case, middle)]
        for side in sides[1:]:
            found = times[side.name]
            cells.append(rate(case, statistics.median(found)) if found else "-")
        for side in sides[1:]:
            found = times[side.name]
            cells.append(f"{statistics.median(found) / middle:.2f}" if found else "-")
        cells.append(f"{100 * (max(own) - min(own)) / middle:.0f} %")
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    for side in sides:
        side.close()

    names = [side.name for side in sides[1:]]
    head = ["case", "glia"] + names + [f"{n} / glia" for n in names] + ["spread"]
    table = [f"{datetime.date.today()}, {cpu_name()}, {len(os.sched_getaffinity(0))} CPUs, {about}; "
             f"`bench/compare_pytorch.py --only '{options.only}' --rounds {options.rounds} --seconds {options.seconds:g}`",
             "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + lines + [""]
    print("\n" + "\n".join(table))
    if options.markdown:
        with open(options.markdown, "a") as file:
            file.write("\n".join(table) + "\n")


main()
