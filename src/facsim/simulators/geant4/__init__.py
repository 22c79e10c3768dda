"""Geant4 itself, in a process of its own: layered calorimeters described by cards."""

from __future__ import annotations

from facsim.simulators.geant4.card import CARDS, Setup, read_card
from facsim.simulators.geant4.gun import Geant4, geant4

__all__ = ["CARDS", "Geant4", "Setup", "geant4", "read_card"]
