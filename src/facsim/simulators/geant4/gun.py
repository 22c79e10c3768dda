"""Geant4 as a simulator: each call is a process of its own, which may die without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, Variable
from facsim.core.variables import checked_condition
from facsim.simulators.geant4 import datasets
from facsim.simulators.geant4.card import PDG, Setup, read_card
from facsim.simulators.readout import accumulate

Array = NDArray[Any]

TRANSPORT = "transport"
PROCESS = (sys.executable, "-m", "facsim.simulators.geant4.process")
FIELDS = ("energy", "pdg", "x", "y", "tx", "ty")  # of a shot, as the process is told them


class Geant4:
    """Events of a card's calorimeter.

    Data sets and geant4-pybind are looked for before anything runs. `process` is the command that gets the folder with the shots.

    Raises:
        FacsimError: if something is missing, telling where to get it.
    """

    def __init__(self, setup: Setup, *, environment: Mapping[str, str] | None = None, process: Sequence[str] = PROCESS) -> None:
        environment = os.environ if environment is None else environment
        self.setup, self.process, self.detector = setup, tuple(process), setup.detector
        if self.process == PROCESS and find_spec("geant4_pybind") is None:
            raise FacsimError("Geant4 needs the library geant4-pybind", remedy="pip install 'facsim[geant4]'")
        data = {} if setup.physics == TRANSPORT else datasets.require(environment)
        self.environment = quiet_environment(environment, data)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Energy; particle code, place and slopes where they vary."""
        gun, values = self.setup, self.setup.energy.values
        low, high = (min(values), max(values)) if values else (gun.energy.low, gun.energy.high)
        codes = tuple(sorted(float(PDG[name]) for name in gun.particles))
        pdg = [Variable("pdg", "1", codes[0], codes[-1], codes)] if len(codes) > 1 else []
        place = [Variable(name, "mm", -gun.place_mm, gun.place_mm) for name in ("x", "y") if gun.place_mm]
        slopes = [Variable(name, "1", -gun.slope, gun.slope) for name in ("tx", "ty") if gun.slope]
        return (Variable("energy", "MeV", low, high), *pdg, *place, *slopes)

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions [n, c] as the card wants them, all independent."""
        columns = [self._energies(n, rng), *(_uniform(variable, n, rng) for variable in self.variables[1:])]
        return np.column_stack(columns).astype(np.float32)

    @property
    def about(self) -> dict[str, Any]:
        """The whole card, for the file's record."""
        return {"geant4": self.setup.model_dump(mode="json", exclude_defaults=True)}

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for the conditions [n, c].

        Raises:
            FacsimError: if the process ends badly; its last words are told.
        """
        condition = checked_condition(condition, self.variables)
        with TemporaryDirectory(prefix="facsim-geant4-") as name:
            folder = Path(name)
            (folder / "ENSDFSTATE.dat").touch()  # the table of nuclides that is read even where there is no nucleus; empty for straight lines
            (folder / "card.json").write_text(self.setup.model_dump_json())
            np.savez(folder / "shots.npz", seed=rng.integers(1, 2**31 - 1), **self._shots(condition))
            self._run(folder)
            with np.load(folder / "hits.npz") as hits:
                shape = (len(condition), self.detector.n_cells)
                response = accumulate(hits["event"], hits["cell"], hits["energy"], shape)
        return Events(condition, response.reshape(-1, *self.detector.shape), self.detector, self.variables)

    def _shots(self, condition: Array) -> dict[str, Any]:
        told = {v.name: column.astype(np.float64) for v, column in zip(self.variables, condition.T, strict=True)}
        constant = {"pdg": np.full(len(condition), float(PDG[self.setup.particles[0]]))}
        return {name: told.get(name, constant.get(name, np.zeros(len(condition)))) for name in FIELDS}

    def _run(self, folder: Path) -> None:
        """Without a terminal, so that nothing can ask; what it prints is kept for the case that it fails."""
        with (folder / "log").open("wb") as log:
            command = [*self.process, str(folder)]
            environment = {"G4ENSDFSTATEDATA": str(folder), **self.environment}
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, check=False)
        if done.returncode or not (folder / "hits.npz").is_file():
            how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
            raise FacsimError("Geant4 ended badly", got=f"{how}: {last_words((folder / 'log').read_text(errors='replace'))}")

    def _energies(self, n: int, rng: np.random.Generator) -> Array:
        energy = self.setup.energy
        if energy.values:
            return rng.choice(np.array(energy.values), n)
        if energy.spectrum == "flat":
            return rng.uniform(energy.low, energy.high, n)
        return np.exp(rng.uniform(np.log(energy.low), np.log(energy.high), n)).clip(energy.low, energy.high)


def _uniform(variable: Variable, n: int, rng: np.random.Generator) -> Array:
    return rng.choice(np.array(variable.choices), n) if variable.choices else rng.uniform(variable.low, variable.high, n)


def geant4(*, card: str = "electron_gun", particle: str = "", physics: str = "") -> Geant4:
    """The calorimeter of a card (a name of CARDS or a file); `particle` and `physics` win over the card's."""
    setup = read_card(card)
    given = {"particles": (particle,) if particle else (), "physics": physics}
    return Geant4(setup.model_copy(update={key: value for key, value in given.items() if value}).checked())


def last_words(log: str) -> str:
    """What Geant4 says of its last exception, else its last line.

    Examples:
        >>> last_words("*** G4Exception : PART70000\\n issued by : X\\nno data\\n*** Fatal Exception ***\\n")
        'PART70000, issued by : X, no data'
    """
    *_, told = log.rpartition("*** G4Exception : ")
    lines = [line.strip() for line in (told if told != log else log).splitlines() if line.strip(" *-\t")]
    if told == log:
        return lines[-1] if lines else "nothing said"
    return ", ".join(lines[: next((i for i, line in enumerate(lines) if line.startswith("***")), len(lines))])


def quiet_environment(environment: Mapping[str, str], data: Mapping[str, Path]) -> dict[str, str]:
    """The environment of the process: its data, and such that the library neither asks nor fetches (as without a data folder, or under CI)."""
    kept = {key: value for key, value in environment.items() if key != "CI"}
    folder = next(iter(data.values())).parent if data else Path(__file__).parent
    return {**kept, datasets.FOLDER: str(folder), **{key: str(path) for key, path in data.items()}}
