"""Cards: a stack of slabs, what is shot at it, and what is read out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facsim.core import Detector, FacsimError, PolarLayers, RegularGrid
from facsim.core.table import unknown

FOLDER = Path(__file__).parent / "cards"
CARDS: dict[str, Path] = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
PDG = {"e-": 11, "e+": -11, "gamma": 22, "mu-": 13, "pi0": 111, "pi+": 211, "pi-": -211, "kaon+": 321, "kaon0L": 130, "proton": 2212, "neutron": 2112}
PDG |= {"geantino": 0}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slab(_Part):
    """A slab of one of Geant4's NIST materials; energy left in `scored` ones is read out."""

    material: str
    mm: float = Field(gt=0)
    scored: bool = False


class Energies(_Part):
    """Kinetic energies in MeV: from low to high, or some values."""

    low: float = Field(default=0.0, ge=0)
    high: float = Field(default=0.0, ge=0)
    spectrum: Literal["log", "flat"] = "log"
    values: tuple[float, ...] = ()


class Grid(_Part):
    """Cells (y, x) or (z, y, x) of `mm` along the same axes."""

    cells: tuple[int, ...]
    mm: tuple[float, ...]


class Polar(_Part):
    """Equal layers of rings and angles round the axis."""

    layers: int = Field(gt=0)
    angles: int = Field(gt=0)
    rings: int = Field(gt=0)
    ring_mm: float = Field(gt=0)
    layer_mm: float = Field(gt=0)


class Setup(_Part):
    """A calorimeter, its gun and its readout.

    The slabs stand behind one another, `repeats` times, the front face at z = 0; scored slabs are shared out evenly to the layers of the readout. A
    particle starts `distance_mm` in front, with slopes dx/dz and dy/dz up to `slope`, on a line that meets the face within `place_mm` of the axis.
    `physics` is a reference list of Geant4's, or `transport`: straight lines, nothing else, for which no data are needed.
    """

    simulator: Literal["geant4"] = "geant4"
    description: str = ""
    slabs: tuple[Slab, ...] = Field(min_length=1)
    repeats: int = Field(default=1, gt=0)
    width_mm: float = Field(gt=0)
    particles: tuple[str, ...] = Field(min_length=1)
    energy: Energies
    place_mm: float = Field(default=0.0, ge=0)
    slope: float = Field(default=0.0, ge=0)
    distance_mm: float = Field(default=1.0, gt=0)
    grid: Grid | None = None
    polar: Polar | None = None
    physics: str = "FTFP_BERT"
    range_cut_mm: float = Field(default=0.7, gt=0)
    score: Literal["energy", "length"] = "energy"  # MeV; or mm of the particles' ways, to see the geometry

    @property
    def detector(self) -> Detector:
        """What is read out."""
        if (self.grid is None) == (self.polar is None):
            raise FacsimError("a card has one readout", expected="grid or polar", got="none" if self.grid is None else "both")
        if self.grid is not None:
            return RegularGrid(self.grid.cells, self.grid.mm)
        polar: Polar = self.polar  # type: ignore[assignment]
        return PolarLayers.uniform(polar.layers, polar.angles, [polar.ring_mm * i for i in range(polar.rings + 1)], polar.layer_mm)

    @property
    def stack(self) -> list[Slab]:
        """All slabs from the front face on."""
        return list(self.slabs) * self.repeats

    def checked(self) -> Setup:
        """The card, if its parts fit together."""
        scored, layers = sum(slab.scored for slab in self.stack), self.detector.n_layers
        if scored == 0 or scored % layers:
            raise FacsimError("scored slabs cannot be shared out to the layers", expected=f"a multiple of {layers}", got=scored)
        for name in self.particles:
            if name not in PDG:
                raise unknown(name, PDG, "particle")
        if not self.energy.values and not 0 < self.energy.low <= self.energy.high:
            raise FacsimError(
                "a card's energies are empty", expected="0 < low <= high in MeV, or values", got=f"{self.energy.low} to {self.energy.high}"
            )
        return self


def read_card(card: str | Path) -> Setup:
    """The setup of a card: the name of one that comes with facsim, or a file.

    Raises:
        FacsimError: if there is none, or it is no such card.
    """
    path = CARDS.get(str(card).removesuffix(".yaml"), Path(card)) if not Path(card).is_file() else Path(card)
    if not path.is_file():
        raise unknown(str(card), CARDS, "card")
    try:
        content = yaml.safe_load(path.read_text())
        return Setup.model_validate(content).checked()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FacsimError(f"cannot read the card {path}", got=error, expected="a YAML file") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "all"
        raise FacsimError(f"the card {path} is not right at {where!r}", got=first["msg"]) from error
