#!/usr/bin/env python3
"""Writes the PyTorch files that tests/data_io/torch_files.cpp reads (PyTorch and NumPy needed): zip and legacy format, every
element type, transposed, sliced, shared and expanded tensors, and files that must be refused."""
import collections
import pathlib
import zipfile

import torch

here = pathlib.Path(__file__).parent / "torch"
here.mkdir(exist_ok=True)
grid = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 8
state = collections.OrderedDict()
state["grid"] = grid
state["transposed"] = grid.permute(2, 0, 1)
state["sliced"] = grid[:, 1:, ::2]
state["expanded"] = torch.tensor([[1.5], [-2.0]]).expand(2, 3)
state["double"] = torch.tensor([1 / 3, -1e300], dtype=torch.float64)
state["half"] = torch.tensor([1.5, -2, 65504, 6e-8], dtype=torch.float16)
state["bfloat16"] = torch.tensor([1.5, -3.140625, 1e30], dtype=torch.bfloat16)
state["long"] = torch.tensor(-9_000_000_000)
state["int"] = torch.tensor([[7], [-9]], dtype=torch.int32)
state["short"] = torch.tensor([-300, 300], dtype=torch.int16)
state["char"] = torch.tensor([-128, 127], dtype=torch.int8)
state["byte"] = torch.tensor([0, 127, 255], dtype=torch.uint8)
state["bool"] = torch.tensor([True, False, True])
state["empty"] = torch.zeros(0, 4)
state["parameter"] = torch.nn.Parameter(torch.tensor([0.25, -0.5]))
state._metadata = collections.OrderedDict([("", {"version": 1})])
checkpoint = {
    "state_dict": state, "epoch": 7, "best": 0.75, "name": "süß", "done": True, "nothing": None, "size": torch.Size([3, 4]),
    "optimizer": {"state": {0: {"step": torch.tensor(5.0), "exp_avg": grid[0]}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]},
    "big": 2**70, "negative": -5, "wide": -(2**40),
}
torch.save(checkpoint, here / "zip.pt")
torch.save(checkpoint, here / "legacy.pt", _use_new_zipfile_serialization=False)
for protocol in (3, 4, 5):
    torch.save({"grid": grid, "epoch": 7}, here / f"protocol{protocol}.pt", pickle_protocol=protocol)


class Evil:
    def __reduce__(self):
        import os
        return os.system, ("echo executed > glia_torch_file_was_executed",)


torch.save({"weight": grid[0, 0], "evil": Evil()}, here / "evil.pt")
torch.save({"weight": grid[0, 0], "evil": Evil()}, here / "evil_legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"options": __import__("argparse").Namespace(depth=18)}, here / "namespace.pt")
torch.save(torch.nn.Linear(2, 2), here / "module.pt")
with zipfile.ZipFile(here / "zip.pt") as source, zipfile.ZipFile(here / "compressed.pt", "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        target.writestr(name, source.read(name))
