"""Proton collisions with a pair of b quarks from Pythia 8, of which one becomes the signal decay B0 -> D- mu+ nu, D- -> K+ pi- pi- (or conjugate).

Source: Bierlich et al., A comprehensive guide to the physics and usage of PYTHIA 8.3 (2022), arXiv:2203.11601.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.core import FacsimError

Array = NDArray[Any]

SETTINGS = (
    "Print:quiet = on",
    "Beams:eCM = 13000",
    "HardQCD:hardbbbar = on",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 1000",  # mm: K0S and hyperons decay, charged pions, kaons, K0L, neutrons and muons do not
    "511:onMode = off",
    "511:onIfMatch = 411 13 14",
    "411:onMode = off",
    "411:onIfMatch = 321 211 211",
    "Random:setSeed = on",
)
B_ZERO, D_PLUS, KAON = 511, 411, 321
UNSEEN = (12, 14, 16, 22)  # neutrinos; photons end in the electromagnetic calorimeter
ETA = (2.0, 4.5)  # of the spectrometer
TRIES = 1000  # collisions in a row without a signal before it is called impossible


class Particles(NamedTuple):
    """Stable particles with p_z > 0 of some collisions: event, PDG code, charge, momentum [k, 3] and energy in MeV, origin [k, 3] in mm.

    `signal` is 1 for the kaon and 2 for the pions of the signal decay, else 0.
    """

    event: Array
    code: Array
    charge: Array
    momentum: Array
    energy: Array
    origin: Array
    signal: Array


def collide(events: int, seed: int) -> Particles:
    """Collisions whose signal kaon and pions fly into 2 < eta < 4.5; those of the other hemisphere are mirrored into it.

    All D+ of an event decay to K pi pi, and all B0 to D mu nu: the first is the signal.

    Raises:
        FacsimError: without Pythia.
    """
    try:
        import pythia8mc
    except ImportError as error:
        raise FacsimError("collisions need Pythia 8", remedy="pip install 'facsim[pythia]'") from error
    pythia = pythia8mc.Pythia("", False)
    for line in (*SETTINGS, f"Random:seed = {1 + seed % 900_000_000}"):
        if not pythia.readString(line):
            raise FacsimError("Pythia refuses a setting", got=line)
    pythia.init()
    found = [np.column_stack([np.full(len(rows), number), rows]) for number, rows in zip(range(events), _signals(pythia), strict=False)]
    table = np.concatenate(found) if found else np.zeros((0, 11))
    event, code, signal = (table[:, i].astype(np.int64) for i in (0, 1, 10))
    return Particles(event, code, table[:, 2], table[:, 3:6] * 1e3, table[:, 6] * 1e3, table[:, 7:10], signal)


def _signals(pythia: Any) -> Iterator[Array]:
    """Tables of the particles of one event after the other: code, charge, momentum, energy (GeV), origin (mm), signal."""
    tries = 0
    while tries < TRIES:
        tries += 1
        if not pythia.next():
            continue
        event = pythia.event
        signal = _signal(event)
        if signal:
            tries = 0
            yield _table(event, signal)
    raise FacsimError("Pythia makes no signal decays", expected="one or more", got=f"none in {TRIES} collisions")


def _signal(event: Any) -> dict[int, int]:
    """Places in the event of the kaon (1) and pions (2) of the first signal decay whose three all fly into the spectrometer on one side."""
    for i in range(event.size()):
        if event[i].idAbs() == B_ZERO:
            mesons = [k for k in event[i].daughterList() if event[k].idAbs() == D_PLUS]
            hadrons = event[mesons[0]].daughterList() if mesons else []
            etas = [event[k].eta() for k in hadrons]
            if len(etas) == 3 and (all(ETA[0] < e < ETA[1] for e in etas) or all(ETA[0] < -e < ETA[1] for e in etas)):
                return {k: 1 if event[k].idAbs() == KAON else 2 for k in hadrons}
    return {}


def _table(event: Any, signal: dict[int, int]) -> Array:
    side = 1.0 if event[next(iter(signal))].pz() > 0 else -1.0
    rows = []
    for i in range(event.size()):
        p = event[i]
        if p.isFinal() and side * p.pz() > 0 and p.idAbs() not in UNSEEN:
            place = (p.xProd(), p.yProd(), side * p.zProd())
            rows.append((p.id(), p.charge(), p.px(), p.py(), side * p.pz(), p.e(), *place, signal.get(i, 0)))
    return np.array(rows)
