"""The contract of Geant4's example extended/parameterisations/Par04, in which a network deposits showers on a cylindrical mesh.

Read from the example's sources (Geant4 11.2 to 11.3: Par04InferenceSetup.cc, .hh; Par04OnnxInference.cc):

* one float32 input [1, latent + 4]: standard normal numbers, kinetic energy / 1024 GeV (`fMaxEnergy`), angle to the z axis in degrees / 90
  (`fMaxAngle`), and two numbers that code one of two geometries, (0, 1) in the example; they play no part here, a surrogate knows one detector;
* one output: the cells' energies over the kinetic energy, which the example multiplies by that energy, so that visible MeV come out;
* cells in the order r (slowest), phi, z (fastest); phi from -pi in equal bins; r and z from 0 in equal steps.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from facsim.core import Detector, FacsimError, PolarLayers, Variable
from facsim.core.units import factor

MAX_ENERGY = 1_024_000.0  # MeV
MAX_ANGLE = 90.0  # degrees
CONDITIONS = 4
ANGLES = ("theta", "angle")  # what the angle to the axis may be called


class Mesh(NamedTuple):
    """Numbers of cells along r, phi and z, and their sizes along r and z in mm."""

    rings: int
    angles: int
    layers: int
    ring: float
    layer: float


class Par04Inputs:
    """Conditions and noise in one row as Par04 sends them, and back.

    Raises:
        FacsimError: if the detector is no regular cylindrical mesh, the noise is not normal, or a condition is none that Par04 sends.
    """

    def __init__(self, detector: Detector, variables: tuple[Variable, ...], noise: Tensor) -> None:
        self.mesh, self.variables = mesh_of(detector), variables
        self.shape, self.latent = noise.shape[1:], math.prod(noise.shape[1:])
        if "energy" not in [_sent(v) for v in variables]:
            raise FacsimError("Par04 needs a surrogate that knows the incident energy", expected="energy", got=[v.name for v in variables])

    def encode(self, condition: Tensor, noise: Tensor) -> Tensor:
        """The rows [n, latent + 4] for conditions [n, c] and noise [n, ...]."""
        told = {_sent(v): condition[:, i : i + 1] * _factor(v) for i, v in enumerate(self.variables) if _sent(v)}
        angle = told.get("angle", torch.full_like(told["energy"], MAX_ANGLE))
        zero = torch.zeros_like(angle)
        return torch.cat([noise.flatten(1), told["energy"] / MAX_ENERGY, angle / MAX_ANGLE, zero, zero + 1], dim=1)

    def decode(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Condition [n, c] in the units of the variables, noise [n, ...], kinetic energy [n, 1] in MeV."""
        energy, angle = rows[:, self.latent : self.latent + 1] * MAX_ENERGY, rows[:, self.latent + 1 : self.latent + 2] * MAX_ANGLE
        sent = {"energy": energy, "angle": angle}
        columns = [sent[_sent(v)] / _factor(v) if _sent(v) else torch.full_like(energy, v.low) for v in self.variables]
        return torch.cat(columns, dim=1), rows[:, : self.latent].reshape(-1, *self.shape), energy


def mesh_of(detector: Detector) -> Mesh:
    """The mesh that a polar detector is.

    Raises:
        FacsimError: if its layers differ, or its rings and layers are not of equal width from 0 on.
    """
    if not isinstance(detector, PolarLayers) or len(detector.shape) != 3:
        raise FacsimError(
            "Par04 has a cylindrical mesh", expected="PolarLayers, all alike", got=type(detector).__name__, remedy="export --contract plain"
        )
    edges, z = np.array([layer.edges for layer in detector.stack]), np.array([layer.z for layer in detector.stack])
    ring, layer = float(edges[0, 1]), float(2 * z[0])
    regular = np.allclose(edges, ring * np.arange(edges.shape[1]), rtol=1e-4) and np.allclose(z, layer * (np.arange(len(z)) + 0.5), rtol=1e-4)
    if not regular:
        raise FacsimError("Par04 has a regular mesh", expected="rings and layers of equal width from 0 on", got="others")
    layers, angles, rings = detector.shape
    return Mesh(rings, angles, layers, ring, layer)


def macro(model: str, coding: Par04Inputs) -> str:
    """A macro for the example: `./examplePar04 -m MODEL.mac` in the folder of the model."""
    mesh, energy = coding.mesh, next(v for v in coding.variables if v.name == "energy")
    cells = [
        f"setSizeOfRhoCells {mesh.ring:g} mm",
        f"setSizeOfZCells {mesh.layer:g} mm",
        f"setNbOfRhoCells {mesh.rings}",
        f"setNbOfPhiCells {mesh.angles}",
        f"setNbOfZCells {mesh.layers}",
    ]
    lines = [
        f"# {model} in Geant4's example Par04; trained from {energy.low:g} to {energy.high:g} {energy.unit}",
        "# the detector that the showers were trained on; fast showers land in both materials, so both are sensitive",
        "/Par04/detector/setDetectorInnerRadius 80 cm",
        "/Par04/detector/setDetectorLength 2 m",
        "/Par04/detector/setNbOfLayers 90",
        "/Par04/detector/setAbsorber 0 G4_W 1.4 mm true",
        "/Par04/detector/setAbsorber 1 G4_Si 0.3 mm true",
        *(f"/Par04/mesh/{line}" for line in cells),
        "/run/initialize",
        f"/gun/energy {energy.low * _factor(energy):g} MeV",
        "/gun/position 0 0 0",
        "/gun/direction 0 1 0",
        f"/Par04/inference/setSizeLatentVector {coding.latent}",
        f"/Par04/inference/setSizeConditionVector {CONDITIONS}",
        f"/Par04/inference/setModelPathName {model}",
        "/Par04/inference/setProfileFlag 0",
        "/Par04/inference/setOptimizationFlag 0",
        "/Par04/inference/setInferenceLibrary ONNX",
        *(f"/Par04/inference/{line}" for line in cells),
        "/analysis/setFileName facsim_fastsim.root",
        "/param/ActivateModel defineMesh",
        "/param/ActivateModel inferenceModel",
        "/run/beamOn 100",
    ]
    return "\n".join(lines) + "\n"


def _sent(variable: Variable) -> str:
    """Which number of Par04's input a condition is, energy or angle; none where it is constant."""
    if variable.name == "energy":
        return "energy"
    if variable.name in ANGLES:
        return "angle"
    if variable.low == variable.high and not variable.shape:
        return ""
    raise FacsimError(f"Par04 sends no {variable.name}", expected=f"energy, {' or '.join(ANGLES)}", got=variable.name)


def _factor(variable: Variable) -> float:
    """From the variable's unit into Par04's: MeV, or degrees."""
    return factor(variable.unit, "MeV" if variable.name == "energy" else "deg")
