"""
Cells, points, files
====================

A shower in a deep calorimeter as cells and as points, and its way through three kinds of files.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from facsim.core import stream
from facsim.data import read, write
from facsim.data.cells import hits_of
from facsim.simulators import SIMULATORS

gun = SIMULATORS["gflash-lcd-ecal"].build()
events = gun.simulate(gun.prior(5, stream(0, "prior")), stream(0, "shower"))
hits = hits_of(events)
x, y, z = events.detector.centres[hits.cell[: hits.counts[0]]].T
energy = hits.energy[: hits.counts[0]]

figure = plt.figure(figsize=(5, 4), layout="constrained")
axis = figure.add_subplot(projection="3d")
axis.scatter(z, x, y, s=3 * np.sqrt(energy), c=np.log(energy))
axis.set(xlabel="depth [mm]", ylabel="x [mm]", zlabel="y [mm]")

# %%
# Point clouds of the library ShowerData hold (x, y, layer, energy in GeV), files in the style of EDM4hep hits with positions.
# Both give the events back.

with tempfile.TemporaryDirectory() as folder:
    for format, name in (("native", "a.h5"), ("showerdata", "b.h5"), ("edm4hep", "c.root")):
        path = Path(folder) / name
        write(events, path, format)
        print(format, path.stat().st_size, "bytes, largest difference", np.abs(read(path).response - events.response).max(), "MeV")
