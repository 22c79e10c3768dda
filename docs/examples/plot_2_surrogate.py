"""
A surrogate is a simulator
==========================

Trained surrogates come with facsim. Like a simulation they map conditions to events, only faster.
"""

import time

import matplotlib.pyplot as plt

from facsim.core import FacsimError, stream
from facsim.data import load_sample
from facsim.surrogate import load_bundle, zoo_folder

truth = load_sample("electron-gun")[:5000]
surrogate = load_bundle(zoo_folder("electron-gun-vae"))
start = time.perf_counter()
events = surrogate.simulate(truth.condition, stream(1, "example"))
print(f"{len(events) / (time.perf_counter() - start):,.0f} events a second")

# %%
# The same seed gives the same events. Drawn beside the truth:

figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for name, sample in (("Geant4", truth), ("surrogate", events)):
    axes[0].hist(sample.cells.sum(1), bins=40, range=(0, 500), histtype="step", density=True, label=name)
    axes[1].plot(sample.detector.centres[:32, 0], sample.response.mean(0).sum(0), label=name)
axes[0].set_xlabel("total energy [MeV]")
axes[1].set(xlabel="x [mm]", ylabel="mean energy [MeV]", yscale="log")
axes[1].legend()

# %%
# Conditions outside the training's range are refused, and the line says how to go on.

try:
    surrogate.simulate(truth.condition * 10, stream(1, "example"))
except FacsimError as error:
    print(error)
