#!/usr/bin/env python3
"""Writes the small pictures that tests/example/fine_tune.cpp reads (Pillow needed)."""
import pathlib

from PIL import Image

here = pathlib.Path(__file__).parent / "images"
for name in ("train/cat", "train/dog"):
    (here / name).mkdir(parents=True, exist_ok=True)
colour = Image.new("RGB", (3, 2))
colour.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30), (40, 50, 60), (70, 80, 90)])
colour.save(here / "train/cat/colour.png")
Image.new("RGB", (16, 20), (200, 100, 50)).save(here / "train/cat/flat.jpg", quality=95)
grey = Image.new("L", (2, 1))
grey.putdata([7, 200])
grey.save(here / "train/dog/grey.png")
palette = Image.new("P", (2, 1))
palette.putpalette([1, 2, 3, 250, 251, 252])
palette.putdata([0, 1])
palette.save(here / "train/dog/palette.png")
(here / "damaged.png").write_bytes((here / "train/cat/colour.png").read_bytes()[:50])
whole = (here / "train/cat/flat.jpg").read_bytes()
(here / "damaged.jpg").write_bytes(whole[:len(whole) - 12])
(here / "text.png").write_text("no picture\n")
