"""GFlash against the Geant4 sample sampling_calo/test.h5: `python benchmarks/compare_gflash.py FOLDER_OF_SAMPLES OUT.md`."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

from facsim.simulators import lcd_ecal, sampling_calo

BINS = ((1e3, 1e5), (1e3, 2e3), (2e3, 5e3), (5e3, 2e4), (2e4, 5e4), (5e4, 1e5))
SHOWN = (0, 1, 2, 4, 6, 8, 10, 15, 20, 25, 30, 35, 40, 44)
REPEATS = 5  # showers of ours for each of Geant4's, so that the latter's errors rule

TEXT = """# GFlash against Geant4

Made by `benchmarks/compare_gflash.py` from `sampling_calo/test.h5` ({n} electrons, log-uniform 1-100 GeV, 90 x (1.4 mm W + 0.3 mm Si)).
"printed" is the parameterisation as printed with its own sampling fraction; "tuned" has nine numbers set to `train.h5`: sampling fraction,
resolution, a factor on all radii, and lines in ln(E / Ec) for the depth of the start, that of the maximum and alpha (`Tuning`).
Ratios are ours / Geant4. The fits saw `train.h5` alone, but an earlier table of this kind was read before the last fit: no blind check.

{tables}
## Why it misses

The sizes are measured above; the reasons are what physics suggests and were not tested one by one.

* Scale: the printed e/mip = 1 / (1 + 0.007 dZ) is 0.70 for W/Si; the sample has visible / incident = {visible:.4f}, an e/mip of about
  {e_mip:.2f} with the mip fraction {mip:.4f}. The formula depends on Z alone, not on how thin the active plate is.
* First layers: the Gamma profile is zero at the front face, while an electron ionises from the first silicon plate on. The tuned
  profile of electrons starts before the front face instead, and is then too high in layers 1 and 2.
* First layers for photons: the profile after conversion is that of one electron of the full energy; a pair shares it and starts earlier.
* Last layers: photons of a few MeV, where the attenuation is least, make an exponential tail longer than the Gamma profile's.
* The very last layer of the LCD stack: GFlash cuts a shower in an endless medium; in Geant4 nothing comes back from behind.
* Radii: the lateral formulas are far from W/Si in plate thickness and dZ; Geant4's showers are wider by about {wider} (1.45 in the LCD stack).
"""


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Energies [n, 1] and responses [n, 45, 16, 9]."""
    with h5py.File(path) as file:
        return file["incident_energies"][:], file["showers"][:].reshape(-1, 45, 16, 9)


def ours(energy: np.ndarray, tuned: bool) -> np.ndarray:
    """Layer and ring energies of our showers for the same energies, [repeats, n, 45, 9]."""
    simulator, rng = sampling_calo(tuned=tuned), np.random.default_rng(7)
    return np.stack([simulator.simulate(energy, rng).response.sum(2) for _ in range(REPEATS)])


def row(name: str, numbers: list[str]) -> str:
    return f"| {name} | " + " | ".join(numbers) + " |\n"


def table(heading: str, columns: list[str]) -> str:
    return row(heading, columns) + row("---", ["---"] * len(columns))


def layer_table(energy: np.ndarray, truth: np.ndarray, made: np.ndarray) -> str:
    """Ratios of mean layer energies for each range of energies, and how much energy lies in layers within 10%."""
    text = table("E / GeV", [*(f"layer {i}" for i in SHOWN), "layers 1-30 within 10%", "energy in layers within 10%"])
    for low, high in BINS:
        chosen = ((energy >= low) & (energy <= high))[:, 0]
        expected, got = truth[chosen].sum((0, 2)), made[:, chosen].mean(0).sum((0, 2))
        ratio = got / np.where(expected > 0, expected, np.nan)
        good = np.abs(ratio - 1) <= 0.1
        counts = [f"{good[1:31].sum()} of 30", f"{100 * expected[good].sum() / expected.sum():.1f}%"]
        text += row(f"{low / 1e3:g}-{high / 1e3:g}", [*(f"{ratio[i]:.2f}" for i in SHOWN), *counts])
    return text


def total_row(name: str, energy: np.ndarray, layers: np.ndarray) -> str:
    """Response, its width, depth and rings of one sample [n, 45, 9]."""
    fraction = layers.sum((1, 2)) / energy[:, 0]
    c = np.sqrt(np.mean((fraction / fraction.mean() - 1) ** 2 * energy[:, 0] / 1e3))
    depth = layers.sum((0, 2)) @ (np.arange(45) + 0.5) / layers.sum()
    rings = layers.sum((0, 1)) / layers.sum()
    return row(name, [f"{fraction.mean():.4f}", f"{c:.3f}", f"{depth:.2f}", " ".join(f"{r:.3f}" for r in rings)])


def lcd_table(samples: Path) -> str:
    """Ratios of mean layer energies for photons of 10 to 100 GeV in the LCD stack."""
    with h5py.File(samples / "lcd_ecal" / "test.h5") as file:
        photon = file["incident_conditions"][:, 1] == 22
        energy, truth = file["incident_energies"][:][photon], file["showers"][:][photon]
    expected = truth.reshape(-1, 25, 625).mean(0).sum(1)
    shown = (0, 1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 21, 24)
    text = table("LCD, photons", [*(f"layer {i}" for i in shown), "visible / incident", "energy in layers within 10%"])
    for name, tuned in (("printed", False), ("tuned", True)):
        made = lcd_ecal(tuned=tuned).simulate(np.tile(energy, (REPEATS, 1)), np.random.default_rng(7)).response.mean(0).sum((1, 2))
        ratio = made / expected
        good = expected[np.abs(ratio - 1) <= 0.1].sum() / expected.sum()
        text += row(name, [*(f"{ratio[i]:.2f}" for i in shown), f"{made.sum() / energy.mean():.4f}", f"{100 * good:.1f}%"])
    return text + row("Geant4", ["1"] * len(shown) + [f"{expected.sum() / energy.mean():.4f}", ""])


def main(samples: Path, out: Path) -> None:
    energy, truth = load(samples / "sampling_calo" / "test.h5")
    layers = truth.sum(2)
    tables, totals = "", table("sample", ["visible / incident", "c", "mean layer", "share of the 9 rings"]) + total_row("Geant4", energy, layers)
    for name, tuned in (("printed", False), ("tuned", True)):
        made = ours(energy, tuned)
        tables += f"## Mean layer energies, {name}\n\n{layer_table(energy, layers, made)}\n"
        totals += total_row(name, energy, made[0])
    medium, visible = sampling_calo().medium, float((layers.sum((1, 2)) / energy[:, 0]).mean())
    text = TEXT.format(
        n=len(energy),
        tables=f"{tables}## Sums\n\n{totals}\n## Photons in 25 x (3 mm W + 0.5 mm Si), `lcd_ecal/test.h5`\n\n{lcd_table(samples)}",
        visible=visible,
        e_mip=visible / medium.mip_fraction,
        mip=medium.mip_fraction,
        wider=sampling_calo().tuning.wider,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
