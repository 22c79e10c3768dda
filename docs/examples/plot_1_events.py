"""
Events: what a detector answers
===============================

A sample of Geant4 comes with facsim: electrons of 800 MeV on 9 mm of lead and 75 mm of scintillator, the energy in 32 x 32 pixels.
"""

import matplotlib.pyplot as plt
import numpy as np

from facsim.data import load_sample
from facsim.evaluation.observables import OBSERVABLES

truth = load_sample("electron-gun")[:5000]
print(len(truth), "events in a", truth.detector)

# %%
# ``response`` is [events, rows, columns] in MeV: rows are y, columns x. No two showers are alike.

figure, axes = plt.subplots(1, 4, figsize=(10, 2.6), layout="constrained")
for axis, response in zip(axes, truth.response, strict=False):
    image = axis.imshow(np.log10(1 + truth.detector.image(response)), origin="lower", extent=(-100, 100, -100, 100))
    axis.set_xlabel("x [mm]")
figure.colorbar(image, label="log10(1 + E / MeV)")

# %%
# An observable is a function of events. The table of all is in ``OBSERVABLES``.

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for axis, name in zip(axes, ("total_energy", "sparsity", "width_x"), strict=True):
    observable = OBSERVABLES[name]
    axis.hist(observable.compute(truth), bins=40, histtype="step")
    axis.set_xlabel(f"{observable.label} [{observable.unit}]")
