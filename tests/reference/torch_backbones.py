#!/usr/bin/env python3
"""Backbones against PyTorch (PyTorch and NumPy needed).

torch_backbones.py --fixtures          writes tests/reference/backbones/*.pt: narrow networks with random weights, an input and the
                                       outputs, in the names of different libraries
torch_backbones.py --program CIFAR100  the built program and PyTorch, same weights, same input, both ways: PyTorch's weights through
                                       `apply`, and the program's own (imported, and trained for a moment) through `export`;
                                       prints the largest difference of each and exits with 1 if one is above 1e-5
"""
import argparse
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3x3 convolutions; shortcut "a" pads with zeros, "b" is a 1x1 convolution (He et al. 2016)."""

    def __init__(self, inner, outer, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.stride, self.extra = stride, outer - inner
        self.downsample = None
        if shortcut == "b" and (stride != 1 or inner != outer):
            self.downsample = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.stride != 1 or self.extra:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))
        return F.relu(y + x)


class ResNet(nn.Module):
    """ResNet of basic blocks with a 3x3 stem and torchvision's names."""

    def __init__(self, widths, blocks, shortcut, classes=100):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inner = widths[0]
        self.stages = len(widths)
        for s, (width, count) in enumerate(zip(widths, blocks)):
            layer = []
            for b in range(count):
                layer.append(Block(inner, width, 2 if s > 0 and b == 0 else 1, shortcut))
                inner = width
            setattr(self, f"layer{s + 1}", nn.Sequential(*layer))
        self.fc = nn.Linear(inner, classes)

    def features(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for s in range(self.stages):
            x = getattr(self, f"layer{s + 1}")(x)
        return x.mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class SpeedStage(nn.Module):
    def __init__(self, inner, outer, last):
        super().__init__()
        self.widen, self.widen_norm = nn.Conv2d(inner, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)
        self.refine, self.refine_norm = nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)
        self.last = last

    def forward(self, x):
        wide = F.silu(self.widen_norm(F.max_pool2d(self.widen(x), 2)))
        refined = self.refine_norm(self.refine(wide))
        return wide + (refined if self.last else F.silu(refined))


class SpeedNet(nn.Module):
    def __init__(self, widths, classes=100):
        super().__init__()
        self.stem = nn.Conv2d(3, 48, 3, 1, 1, bias=False)
        inner = [48] + widths[:-1]
        self.stages = nn.ModuleList(SpeedStage(a, b, b is widths[-1]) for a, b in zip(inner, widths))
        self.fc = nn.Linear(widths[-1], classes)

    def features(self, x):
        x = F.silu(self.stem(x))
        for stage in self.stages:
            x = stage(x)
        return F.silu(x).mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class SwiftStage(nn.Module):
    def __init__(self, before, inner, outer, kernels, last):
        super().__init__()
        self.widen, self.widen_norm = nn.Conv2d(before, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)
        self.inner, self.inner_norm = nn.Conv2d(outer, inner, kernels[0], 1, "same", bias=False), nn.BatchNorm2d(inner)
        self.refine, self.refine_norm = nn.Conv2d(inner, outer, kernels[1], 1, "same", bias=False), nn.BatchNorm2d(outer)
        self.last = last

    def forward(self, x):
        wide = F.silu(self.widen_norm(F.max_pool2d(self.widen(x), 2)))
        refined = self.refine_norm(self.refine(F.silu(self.inner_norm(self.inner(wide)))))
        return wide + (refined if self.last else F.silu(refined))


class SwiftNet(SpeedNet):
    def __init__(self, widths, classes=100):
        super().__init__(widths, classes)
        a, b, c = widths
        self.stages = nn.ModuleList([SwiftStage(48, a, a, (1, 1), False), SwiftStage(a, b * 3 // 4, b, (3, 1), False),
                                     SwiftStage(b, c * 2 // 3, c, (3, 3), True)])


def build(name, classes=100):
    parts = name.split("-")
    width = next((int(p[1:]) for p in parts[1:] if p[0] == "w"), None)
    if parts[0] in ("speed", "slim"):
        widths = [64, 192, 384] if parts[0] == "speed" else [64, 128, 256]
        return SpeedNet([w * (width or 64) // 64 for w in widths], classes)
    if parts[0] == "swift":
        return SwiftNet([w * (width or 64) // 64 for w in (64, 256, 768)], classes)
    depth = int(parts[0][6:])
    if depth in (18, 34):
        widths, blocks, shortcut = [64, 128, 256, 512], {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}[depth], "b"
    else:
        widths, blocks, shortcut = [16, 32, 64], [(depth - 2) // 6] * 3, "a"
    shortcut = "a" if "a" in parts[1:] else "b" if "b" in parts[1:] else shortcut
    return ResNet([w * (width or widths[0]) // widths[0] for w in widths], blocks, shortcut, classes)


def random_model(name, seed, classes=100):
    """Random weights with batch norm statistics, scales and offsets that are not the ones of a fresh network."""
    torch.manual_seed(seed)
    model = build(name, classes).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model


# The same state under the names of other libraries.
def kuangliu(state):  # github.com/kuangliu/pytorch-cifar
    return {re.sub(r"^fc\.", "linear.", k.replace("downsample", "shortcut")): v for k, v in state.items()}


def weiaicunzai(state):  # github.com/weiaicunzai/pytorch-cifar100
    out = {}
    for k, v in state.items():
        k = re.sub(r"^conv1\.", "conv1.0.", k)
        k = re.sub(r"^bn1\.", "conv1.1.", k)
        k = re.sub(r"^layer(\d)\.", lambda m: f"conv{int(m[1]) + 1}_x.", k)
        for ours, theirs in {"conv1": "0", "bn1": "1", "conv2": "3", "bn2": "4"}.items():
            k = re.sub(rf"(_x\.\d+\.){ours}\.", rf"\1residual_function.{theirs}.", k)
        out[k.replace("downsample", "shortcut")] = v
    return out


def data_parallel(state):  # akamaster/pytorch_resnet_cifar10 saves {"state_dict": DataParallel's}
    return {"state_dict": {"module." + re.sub(r"^fc\.", "linear.", k): v for k, v in state.items()}, "best_prec1": 91.25, "epoch": 200}


def run_fixtures():
    folder = pathlib.Path(__file__).parent / "backbones"
    folder.mkdir(exist_ok=True)
    cases = [("resnet8-a-w4", data_parallel, {}), ("resnet8-b-w4", kuangliu, {"_use_new_zipfile_serialization": False}),
             ("resnet18-w2", lambda s: {"model": s}, {}), ("resnet8-b-w2", weiaicunzai, {}), ("slim-w4", dict, {})]
    for i, (name, rename, how) in enumerate(cases):
        model = random_model(name, i, classes=5)
        images = torch.randn(2, 3, 16, 16)
        with torch.no_grad():
            expected = {"images": images.permute(0, 2, 3, 1).contiguous(), "features": model.features(images), "logits": model(images)}
        torch.save({**rename(model.state_dict()), "expected": expected}, folder / f"{name}.pt", **how)
    # An ImageNet network: a 7x7 stem and 10 classes.
    state = random_model("resnet18-w2", 9, classes=10).state_dict()
    state["conv1.weight"] = torch.randn(2, 3, 7, 7)
    torch.save(state, folder / "imagenet.pt")


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", data[:8])
    kinds = {"F32": np.float32, "I64": np.int64}
    out = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(data[8 + length + begin:8 + length + end], kinds[entry["dtype"]]).reshape(entry["shape"])
            out[name] = torch.from_numpy(array.copy())
    return out


def run_program(program):
    worst, folder = 0.0, pathlib.Path(tempfile.mkdtemp())
    call = lambda *arguments: subprocess.run([program, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    np.save(folder / "images.npy", images.permute(0, 2, 3, 1).contiguous().numpy())

    def compare(label, got, model):
        nonlocal worst
        with torch.no_grad():
            expected = {"features": model.features(images), "logits": model(images)}
        difference = max(((got[k] - expected[k]).abs().max() / expected[k].abs().max().clamp(min=1)).item() for k in expected)
        worst = max(worst, difference)
        print(f"{label:58} largest difference {difference:.2e}")

    def apply(weights, name, *more):
        call("apply", "--weights", weights, "--backbone", name, "--images", folder / "images.npy", "--out", folder / "out.safetensors", *more)
        return read_safetensors(folder / "out.safetensors")

    for i, name in enumerate(["resnet18", "resnet34", "resnet20", "resnet20-b", "resnet32", "resnet32-b", "slim", "swift"]):
        model = random_model(name, i)
        rename = [dict, data_parallel, kuangliu, weiaicunzai][i % 4] if name not in ("slim", "swift") else dict
        torch.save(rename(model.state_dict()), folder / "weights.pt", _use_new_zipfile_serialization=i % 2 == 0)
        compare(f"{name}: PyTorch's weights here", apply(folder / "weights.pt", name), model)
        call("import", "--from", folder / "weights.pt", "--backbone", name, "--out", folder / "imported.safetensors")
        compare(f"{name}: imported checkpoint here", apply(folder / "imported.safetensors", name), model)
        call("export", "--checkpoint", folder / "imported.safetensors", "--out", folder / "exported.safetensors")
        back = build(name).eval()
        back.load_state_dict(read_safetensors(folder / "exported.safetensors"), strict=True)
        compare(f"{name}: exported again, in PyTorch", apply(folder / "exported.safetensors", name), back)
    for name in ["resnet20", "resnet20-b", "slim-w16", "swift-w16"]:
        out = folder / f"run-{name}"
        call("train", "--synthetic", "--limit-train", 300, "--epochs", 1, "--batch", 100, "--backbone", name, "--similarity", "none",
             "--no-spatial", "--neuron", "none", "--out", out, "--quiet")
        call("export", "--checkpoint", out, "--out", folder / "exported.safetensors")
        model = build(name).eval()
        model.load_state_dict(read_safetensors(folder / "exported.safetensors"), strict=True)
        compare(f"{name}: trained here, exported, in PyTorch", apply(out, name), model)
    print(f"worst {worst:.2e}, bound 1e-5")
    return 0 if worst <= 1e-5 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", action="store_true")
    parser.add_argument("--program")
    options = parser.parse_args()
    if options.fixtures:
        run_fixtures()
    if options.program:
        sys.exit(run_program(options.program))
