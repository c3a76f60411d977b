#!/usr/bin/env python3
"""Writes metrics_fixture.hpp: scikit-learn's values for a small table of class probabilities with many ties.

Made with scikit-learn 1.9.1 and NumPy 2.4.6: pip install scikit-learn; python3 metrics.py
"""
import pathlib

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(7)
samples, classes = 80, 5
labels = rng.integers(0, classes, samples)
weights = rng.integers(1, 6, (samples, classes)).astype(float)
weights[np.arange(samples), labels] += rng.integers(0, 5, samples)
# Sixteenths: exact in float32 and full of ties; the last class takes what is missing to one.
probabilities = np.floor(weights / weights.sum(1, keepdims=True) * 16) / 16
probabilities[np.arange(samples), rng.integers(0, classes, samples)] += 1 - probabilities.sum(1)
assert (probabilities.sum(1) == 1).all() and (probabilities >= 0).all()

one_hot = np.eye(classes)[labels]
per_class = [metrics.roc_auc_score(one_hot[:, c], probabilities[:, c]) for c in range(classes)]
macro = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
micro = metrics.roc_auc_score(one_hot, probabilities, average="micro")
fpr, tpr, _ = metrics.roc_curve(one_hot[:, 0], probabilities[:, 0], drop_intermediate=False)
predicted = probabilities.argmax(1)
confusion = metrics.confusion_matrix(labels, predicted)
clipped = np.where(probabilities == 0, np.finfo(float).tiny, probabilities)
nll = -np.log(clipped[np.arange(samples), labels]).mean()
brier = ((probabilities - one_hot) ** 2).sum(1).mean()
confidence, right = probabilities.max(1), predicted == labels
ece = 0.0
for b in range(15):
    inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
    if inside.any():
        ece += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())


def array(values):
    return "{" + ", ".join(repr(float(v)) if isinstance(v, float) or np.issubdtype(type(v), np.floating) else str(int(v))
                           for v in np.ravel(values)) + "}"


out = f"""#pragma once
// Written by metrics.py; do not edit.
#include <cstdint>
#include <vector>

namespace fixture {{
inline constexpr int classes = {classes};
inline const std::vector<std::int64_t> labels{array(labels)};
inline const std::vector<double> probabilities{array(probabilities)};
inline const std::vector<double> per_class_auc{array(per_class)};
inline constexpr double macro_auc = {macro!r}, micro_auc = {micro!r};
inline const std::vector<double> false_positive_rate{array(fpr)};
inline const std::vector<double> true_positive_rate{array(tpr)};
inline const std::vector<std::int64_t> confusion{array(confusion)};
inline constexpr double accuracy = {metrics.accuracy_score(labels, predicted)!r};
inline constexpr double nll = {nll!r}, brier = {brier!r}, ece = {ece!r};
}}  // namespace fixture
"""
out = out.replace("np.float64(", "").replace("),", ",").replace(");", ";")
lines = []
for line in out.splitlines():
    while len(line) > 120:
        cut = line.rfind(", ", 0, 119) + 1
        lines.append(line[:cut])
        line = "   " + line[cut:]
    lines.append(line)
(pathlib.Path(__file__).parent / "metrics_fixture.hpp").write_text("\n".join(lines) + "\n")
