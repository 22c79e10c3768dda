"""
Scores and their floor
======================

No score means anything without the same score between two samples of the truth: its floor.
"""

import matplotlib.pyplot as plt

from facsim.core import stream
from facsim.data import load_sample
from facsim.evaluation.bootstrap import scores
from facsim.evaluation.observables import OBSERVABLES
from facsim.surrogate import load_bundle, zoo_folder

reference, other = load_sample("electron-gun")[:8000].split(0.5, seed=0)
surrogate = load_bundle(zoo_folder("electron-gun-vae"))
candidate = surrogate.simulate(other.condition, stream(2, "example"))

names = ("total_energy", "centre_x", "width_x", "sparsity", "peak_fraction")
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
for shift, (label, sample) in ((-0.1, ("surrogate", candidate)), (0.1, ("floor: Geant4", other))):
    found = [
        scores(["wasserstein"], *(OBSERVABLES[name].compute(e) for e in (sample, reference)), stream(0, name, label))["wasserstein"] for name in names
    ]
    axis.errorbar([i + shift for i in range(len(names))], [s.value for s in found], [s.error for s in found], fmt="o", label=label)
axis.set_xticks(range(len(names)), names)
axis.set(ylabel="Wasserstein distance / width", ylim=(0, None))
axis.legend()

# %%
# ``facsim evaluate`` does this for every observable and many distances, and adds classifiers that are trained to tell generated from true events.
