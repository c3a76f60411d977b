#!/usr/bin/env python3
"""Writes python.safetensors, c_order.npy and fortran_order.npy beside this script, for the readers' tests.

Made with safetensors 0.8.0 and NumPy 2.4.6: pip install safetensors numpy; python3 files.py
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
grid = np.arange(6, dtype=np.float32).reshape(2, 3) / 4
save_file({
    "weight": grid,
    "half": np.array([1.5, -2, 65504, 6e-8], dtype=np.float16),
    "double": np.array(1 / 3),
    "bytes": np.array([0, 127, 255], dtype=np.uint8),
    "small": np.array([-128, 127], dtype=np.int8),
    "wide": np.array([2**63, 5], dtype=np.uint64),
    "labels": np.array([[7], [-9]], dtype=np.int64),
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 4), dtype=np.float32),
}, here / "python.safetensors", metadata={"format": "np", "note": "süß"})
np.save(here / "c_order.npy", grid)
np.save(here / "fortran_order.npy", np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)))
