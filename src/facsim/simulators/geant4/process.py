"""The process in which Geant4 runs: `python -m facsim.simulators.geant4.process FOLDER`, with card.json and shots.npz there; writes hits.npz."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.detectors.locate import locator
from facsim.simulators.geant4.card import PDG, Setup

Array = NDArray[Any]
TRANSPORT = "transport"
MARGIN = 100.0  # mm of vacuum round the calorimeter
NAMES = {code: name for name, code in PDG.items()}


class Score:
    """What is left in the scored slabs, event by event, added up in the cells of the readout."""

    def __init__(self, setup: Setup) -> None:
        self.find = locator(setup.detector)
        self.slabs_of_layer = sum(slab.scored for slab in setup.stack) // setup.detector.n_layers
        self.parts: list[tuple[Array, Array]] = []
        self.steps: list[tuple[float, float, int, float]] = []

    def add(self, x: float, y: float, slab: int, amount: float) -> None:
        """A step in a scored slab, by its number from the front."""
        self.steps.append((x, y, slab, amount))

    def end_event(self) -> None:
        """Add up the steps since the last call."""
        x, y, slab, amount = np.array(self.steps, dtype=np.float64).reshape(-1, 4).T
        cell = self.find(x, y, slab.astype(np.int64) // self.slabs_of_layer)
        cells, index = np.unique(cell, return_inverse=True)
        self.parts.append((cells, np.bincount(index, weights=amount, minlength=len(cells))))
        self.steps = []

    def hits(self) -> dict[str, Any]:
        """Event, cell (-1: beside the readout) and sum of all hits."""
        event = np.repeat(np.arange(len(self.parts)), [len(cells) for cells, _ in self.parts])
        cell, energy = (np.concatenate([part[i] for part in self.parts]) for i in range(2))
        return {"event": event, "cell": cell.astype(np.int64), "energy": energy}


def run(folder: Path) -> None:
    """Shoot all shots and write the hits."""
    import geant4_pybind as g4

    setup = Setup.model_validate(json.loads((folder / "card.json").read_text()))
    with np.load(folder / "shots.npz") as file:
        shots = {name: file[name] for name in file.files}
    score = Score(setup)
    manager = g4.G4RunManagerFactory.CreateRunManager(g4.G4RunManagerType.SerialOnly)
    manager.SetVerboseLevel(0)
    detector, actions = _detector(g4, setup, score), _actions(g4, setup, shots, score)
    manager.SetUserInitialization(detector)
    manager.SetUserInitialization(_physics(g4, setup))
    manager.SetUserInitialization(actions)
    g4.G4Random.setTheSeed(int(shots["seed"]))
    manager.Initialize()
    manager.BeamOn(len(shots["energy"]))
    np.savez(folder / "partial.npz", **score.hits())
    (folder / "partial.npz").replace(folder / "hits.npz")


def _detector(g4: Any, setup: Setup, score: Score) -> Any:
    """Slabs behind one another; z = 0 is the front face."""

    class Stack(g4.G4VUserDetectorConstruction):  # type: ignore[misc]
        def Construct(self) -> Any:  # noqa: N802 - Geant4's name
            nist, depth = g4.G4NistManager.Instance(), sum(slab.mm for slab in setup.stack)
            half = (setup.width_mm / 2 + MARGIN, max(depth, setup.distance_mm) + MARGIN)
            world = g4.G4LogicalVolume(g4.G4Box("World", half[0], half[0], half[1]), nist.FindOrBuildMaterial("G4_Galactic"), "World")
            self.kept = [_volume(g4, nist, setup, number) for number in range(len(setup.slabs))]
            front, scored = 0.0, 0
            for number, slab in enumerate(setup.stack):
                place, volume = g4.G4ThreeVector(0, 0, front + slab.mm / 2), self.kept[number % len(setup.slabs)]
                g4.G4PVPlacement(None, place, volume, volume.GetName(), world, False, scored)
                front, scored = front + slab.mm, scored + slab.scored
            return g4.G4PVPlacement(None, g4.G4ThreeVector(), world, "World", None, False, 0)

        def ConstructSDandField(self) -> None:  # noqa: N802
            self.sensor = _sensor(g4, setup, score)
            g4.G4SDManager.GetSDMpointer().AddNewDetector(self.sensor)
            for number, slab in enumerate(setup.slabs):
                if slab.scored:
                    self.SetSensitiveDetector(f"slab{number}", self.sensor, False)

    return Stack()


def _volume(g4: Any, nist: Any, setup: Setup, number: int) -> Any:
    slab, name = setup.slabs[number], f"slab{number}"
    material = nist.FindOrBuildMaterial(slab.material)
    if material is None:
        sys.exit(f"Geant4 knows no material {slab.material}")
    return g4.G4LogicalVolume(g4.G4Box(name, setup.width_mm / 2, setup.width_mm / 2, slab.mm / 2), material, name)


def _sensor(g4: Any, setup: Setup, score: Score) -> Any:
    def amount(step: Any) -> float:
        return float(step.GetTotalEnergyDeposit() if setup.score == "energy" else step.GetStepLength())

    class Sensor(g4.G4VSensitiveDetector):  # type: ignore[misc]
        def ProcessHits(self, step: Any, history: Any) -> bool:  # noqa: N802
            left = amount(step)
            if left > 0:
                before, after = step.GetPreStepPoint(), step.GetPostStepPoint()
                middle = (before.GetPosition() + after.GetPosition()) / 2
                score.add(middle.x, middle.y, before.GetTouchable().GetCopyNumber(), left)
            return True

    return Sensor("slabs")


def _physics(g4: Any, setup: Setup) -> Any:
    """A reference list, or straight lines."""
    kind = None if setup.physics == TRANSPORT else getattr(g4, setup.physics, None)
    if setup.physics != TRANSPORT and not (isinstance(kind, type) and issubclass(kind, g4.G4VModularPhysicsList)):
        sys.exit(f"geant4-pybind has no list of physics {setup.physics}")
    physics = _transport(g4) if kind is None else kind()
    physics.SetVerboseLevel(0)
    physics.SetDefaultCutValue(setup.range_cut_mm)
    return physics


def _transport(g4: Any) -> Any:
    class Straight(g4.G4VModularPhysicsList):  # type: ignore[misc]
        def ConstructParticle(self) -> None:  # noqa: N802
            for kind in (g4.G4Geantino, g4.G4Gamma, g4.G4Electron, g4.G4Positron, g4.G4Proton):
                kind.Definition()

    return Straight()


def _actions(g4: Any, setup: Setup, shots: dict[str, Array], score: Score) -> Any:
    class Shoot(g4.G4VUserPrimaryGeneratorAction):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gun, self.table = g4.G4ParticleGun(1), g4.G4ParticleTable.GetParticleTable()

        def GeneratePrimaries(self, event: Any) -> None:  # noqa: N802
            shot = {name: float(shots[name][event.GetEventID()]) for name in ("energy", "pdg", "x", "y", "tx", "ty")}
            back = setup.distance_mm
            self.gun.SetParticleDefinition(self.table.FindParticle(NAMES[int(shot["pdg"])]))
            self.gun.SetParticleEnergy(shot["energy"])
            self.gun.SetParticlePosition(g4.G4ThreeVector(shot["x"] - back * shot["tx"], shot["y"] - back * shot["ty"], -back))
            self.gun.SetParticleMomentumDirection(g4.G4ThreeVector(shot["tx"], shot["ty"], 1).unit())
            self.gun.GeneratePrimaryVertex(event)

    class End(g4.G4UserEventAction):  # type: ignore[misc]
        def EndOfEventAction(self, event: Any) -> None:  # noqa: N802
            score.end_event()

    class Actions(g4.G4VUserActionInitialization):  # type: ignore[misc]
        def Build(self) -> None:  # noqa: N802
            self.kept = (Shoot(), End())
            for action in self.kept:
                self.SetUserAction(action)

    return Actions()


if __name__ == "__main__":
    run(Path(sys.argv[1]))
