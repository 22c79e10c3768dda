"""`facsim simulate`: events from a built-in truth simulator."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from facsim.cli.options import Seed, Set, card, checked, positive, settings
from facsim.cli.show import counting_bar, say
from facsim.core import FacsimError, look_up, stream

GEANT4 = "geant4"
BLOCK = 1000  # events that share one random stream and are in memory together


def simulate(
    name: str,
    /,
    *,
    n: int,
    out: Path,
    card_file: Annotated[Path | None, Parameter(name="--card")] = None,
    set_: Set = (),
    format: str = "native",
    seed: Seed = 0,
) -> None:
    """Simulate events with a built-in truth simulator.

    Parameters
    ----------
    name
        A simulator of `facsim simulators list`, or a YAML card with `simulator: NAME` and its settings; cards of Geant4 come with facsim.
    n
        Number of events; their conditions are drawn from the simulator's own range.
    out
        File to write.
    card_file
        YAML card of the simulator.
    set_
        Settings of the simulator, such as energy_low=1e4.
    format
        Format to write.
    seed
        Seed of all random numbers.
    """
    from facsim.data import open_writer

    chosen = {**named(name, card_file), **settings(set_)}
    gun = build_simulator(chosen)
    about = {**chosen, "seed": seed, **getattr(gun, "about", {})}
    total = positive(n, "--n")
    with open_writer(out, gun.detector, gun.variables, format, about=about) as writer, counting_bar("events", total) as advance:
        for number, start in enumerate(range(0, total, BLOCK)):
            rng = stream(seed, "simulate", number)
            writer.append(gun.simulate(gun.prior(min(BLOCK, total - start), rng), rng))
            advance(min(BLOCK, total - start))
    say(f"{out}: {total} events")


def named(name: str, card_file: Path | None = None) -> dict[str, Any]:
    """The settings that a simulator's name or card asks for; a card of Geant4 is left to it, and may be one that comes with facsim."""
    from facsim.simulators.geant4 import CARDS

    if not name.endswith((".yaml", ".yml")):
        given = {} if card_file is None else {"card": str(card_file)} if name == GEANT4 else card(card_file)
        return {**given, "simulator": name}
    if card_file is not None:
        raise FacsimError("a simulation has one card", got=f"{name} and {card_file}")
    ours = not Path(name).is_file() and Path(name).stem in CARDS
    content = {"simulator": GEANT4} if ours else card(Path(name))
    return {"simulator": GEANT4, "card": name} if content.get("simulator") == GEANT4 else content


def build_simulator(chosen: dict[str, Any]) -> Any:
    """The simulator that a card's settings ask for."""
    from facsim.data import read_folder
    from facsim.simulators import SIMULATORS

    if "simulator" not in chosen:
        raise FacsimError("the card names no simulator", expected="a line such as simulator: gflash-pbwo4")
    entry = look_up(SIMULATORS, str(chosen["simulator"]), "simulator")
    hints = get_type_hints(entry.build.__init__ if inspect.isclass(entry.build) else entry.build)
    types = {key: (str if key in entry.folders else hints.get(key, Any), None) for key in inspect.signature(entry.build).parameters}
    values = checked({k: v for k, v in chosen.items() if k != "simulator"}, types, f"setting of {chosen['simulator']}")
    made = {key: make(read_folder(values[key])) for key, make in entry.folders.items() if values.get(key)}
    return entry.build(**{**values, **made})
