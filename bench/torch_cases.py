"""PyTorch's side of compare_pytorch.py: the cases of bench/steps.cpp, answered line by line.

Usage: torch_cases.py installed|tuned|compiled
Reads "case seconds" lines, answers each with one JSON line. `installed` changes nothing; `tuned` uses channels_last and as many
threads as the process may use CPUs; `compiled` adds torch.compile to nets and layers."""
import json
import os
import sys
import time

CPUS = len(os.sched_getaffinity(0))  # before torch, whose OpenMP pins this thread to one of them when told to bind threads

import torch
import torch.nn.functional as F
from torch import nn

MODE = sys.argv[1] if len(sys.argv) > 1 else "installed"
TUNED = MODE != "installed"
if TUNED:
    torch.set_num_threads(CPUS)
FORMAT = torch.channels_last if TUNED else torch.contiguous_format


def images(*shape):
    return torch.randn(*shape).contiguous(memory_format=FORMAT)


def compiled(f):
    return torch.compile(f) if MODE == "compiled" else f


class ConvNorm(nn.Module):
    def __init__(self, cin, cout, kernel=3, stride=1, relu=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(cout)
        self.relu = relu

    def forward(self, x, residual=None):
        y = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        if residual is not None:
            y = y.add_(residual)
        return F.relu(y, inplace=True) if self.relu else y

    def fold(self):
        self.conv = nn.utils.fusion.fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())
        self.norm = None


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.first, self.second = ConvNorm(cin, cout, 3, stride), ConvNorm(cout, cout)
        self.shortcut = ConvNorm(cin, cout, 1, stride, False) if stride != 1 or cin != cout else None

    def forward(self, x):
        return self.second(self.first(x), x if self.shortcut is None else self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, width, groups, blocks_per_group):
        super().__init__()
        self.stem = ConvNorm(3, width)
        blocks, cin = [], width
        for g in range(groups):
            for b in range(blocks_per_group):
                blocks.append(Block(cin, width << g, 2 if g > 0 and b == 0 else 1))
                cin = width << g
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(cin, 100)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class ResNet9(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.widen1 = ConvNorm(3, 64), ConvNorm(64, 128)
        self.a1, self.b1 = ConvNorm(128, 128), ConvNorm(128, 128)
        self.widen2, self.widen3 = ConvNorm(128, 256), ConvNorm(256, 512)
        self.a3, self.b3 = ConvNorm(512, 512), ConvNorm(512, 512)
        self.head = nn.Linear(512, 100)

    def forward(self, x):
        x = F.max_pool2d(self.widen1(self.stem(x)), 2)
        x = self.b1(self.a1(x), x)
        x = F.max_pool2d(self.widen3(F.max_pool2d(self.widen2(x), 2)), 2)
        x = self.b3(self.a3(x), x)
        return self.head(x.mean((2, 3)))


NETS = {"resnet20": lambda: ResNet(16, 3, 3), "resnet9": ResNet9, "resnet18": lambda: ResNet(64, 4, 2)}


def training(name):
    net = NETS[name]().to(memory_format=FORMAT)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    x, y = images(128, 3, 32, 32), torch.arange(128) * 7 % 100
    forward = compiled(net)

    def run():
        optimizer.zero_grad()
        F.cross_entropy(forward(x), y).backward()
        optimizer.step()
    return run


def inference(name):
    net = NETS[name]()
    for part in net.modules():
        if isinstance(part, ConvNorm):
            part.fold()
    net = net.eval().to(memory_format=FORMAT)
    x = images(128, 3, 32, 32)
    forward = compiled(net)

    def run():
        with torch.inference_mode():
            forward(x)
    return run


def convolution(text):
    channels, size = text.split("@")
    cin, cout = map(int, channels.split("-"))
    size = int(size)
    x, w, dy = images(128, cin, size, size), images(cout, cin, 3, 3), images(128, cout, size, size)

    def run():
        with torch.inference_mode():
            torch.conv2d(x, w, padding=1)
            torch.ops.aten.convolution_backward(dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])
    return run


def product(text, dtype=torch.float32):
    m, n, k = map(int, text.split("x"))
    a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)

    def run():
        with torch.inference_mode():
            a @ b
    return run


def single_op(name):
    shape = {"add_transposed": (2048, 2048), "nchw_to_nhwc": (64, 64, 32, 32)}.get(name, (4096, 1024))
    a, b = torch.randn(shape), torch.randn(shape)
    if name == "add_bfloat16":
        a, b = a.bfloat16(), b.bfloat16()
    elif name == "max_pool":
        a = images(64, 64, 32, 32)
    index = (torch.arange(4096 * 1024) * 2654435761 % 1024).view(4096, 1024)
    f = {"add": lambda: a + b, "add_transposed": lambda: a.t() + b, "add_bfloat16": lambda: a + b, "exp": lambda: a.exp(),
         "tanh": lambda: a.tanh(), "gelu": lambda: F.gelu(a), "where": lambda: torch.where(a > 0, a, b),
         "sum_rows": lambda: a.sum(1), "sum_columns": lambda: a.sum(0), "var_rows": lambda: a.var(1),
         "argmax_rows": lambda: a.argmax(1), "softmax_rows": lambda: a.softmax(1), "layer_norm": lambda: F.layer_norm(a, (1024,)),
         "cumsum_rows": lambda: a.cumsum(1), "transpose": lambda: a.t().contiguous(),
         "nchw_to_nhwc": lambda: a.permute(0, 2, 3, 1).contiguous(), "concat": lambda: torch.cat([a, b], 1),
         "gather": lambda: a.gather(1, index), "scatter_add": lambda: a.scatter_add(1, index, b), "sort": lambda: a.sort(1),
         "topk_10": lambda: a.topk(10, 1), "max_pool": lambda: F.max_pool2d(a, 3, 2, 1),
         "randn": lambda: torch.randn(4096, 1024)}[name]

    def run():
        with torch.inference_mode():
            f()
    return run


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v >= 0).to(v.dtype)

    @staticmethod
    def backward(ctx, dy):
        v, = ctx.saved_tensors
        return dy / (1 + (torch.pi * v) ** 2)


def lif(x):
    v, out = torch.zeros_like(x[0]), []
    for t in range(x.shape[0]):
        v = 0.9 * v + x[t]
        s = Spike.apply(v - 1.0)
        v = v - s
        out.append(s)
    return torch.stack(out)


def layer(name):
    if name == "bn_relu":
        norm = nn.BatchNorm2d(64)
        x, dy = images(128, 64, 32, 32).requires_grad_(), images(128, 64, 32, 32)
        f = compiled(lambda x: F.relu(norm(x)))
    elif name == "lif":
        x, dy = torch.randn(4, 128, 64, 32, 32).requires_grad_(), torch.randn(4, 128, 64, 32, 32)
        f = compiled(lif)
    else:
        x, y, dy = torch.randn(32768, 100).requires_grad_(), torch.arange(32768) * 7 % 100, None
        f = compiled(lambda x: F.cross_entropy(x, y))

    def run():
        x.grad = None
        f(x).backward(dy)
    return run


def add_chain():
    x, one = torch.ones(1, requires_grad=True), torch.ones(1)

    def run():
        x.grad = None
        y = x
        for _ in range(1000):
            y = y + one
        y.backward()
    return run


def make(case):
    kind, _, rest = case.partition("/")
    if kind == "overhead":
        return add_chain()
    if kind == "gemm16":
        return product(rest, torch.bfloat16)
    return {"step": training, "infer": inference, "conv": convolution, "gemm": product, "op": single_op, "layer": layer}[kind](rest)


def main():
    current, call = None, None
    for line in sys.stdin:
        case, seconds = line.split()
        seconds = float(seconds)
        try:
            if case != current:
                call = None
                call, current = make(case), case
                call()
            call()
            times = []
            while len(times) < 3 or sum(times) < seconds:
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
            times.sort()
            answer = {"case": case, "seconds": times[len(times) // 2], "least": times[0], "runs": len(times)}
        except Exception as error:  # the comparison goes on with the other cases
            current = None
            answer = {"case": case, "error": str(error).splitlines()[0][:200]}
        answer["threads"] = torch.get_num_threads()
        answer["version"] = torch.__version__
        print(json.dumps(answer), flush=True)


main()
