"""The random numbers of a training: its own generator, and torch's global one for layers such as dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from facsim.core import stream


def make_generator(seed: int, device: torch.device, rank: int = 0) -> torch.Generator:
    """The generator that losses draw from, in each of the processes another."""
    return torch.Generator(device).manual_seed(_number(seed, "losses", rank))


@contextmanager
def seeded(seed: int, device: torch.device, rank: int = 0) -> Iterator[None]:
    """Within this context torch's global generators run from the seed; afterwards they are as they were."""
    before = global_states(device)
    torch.manual_seed(_number(seed, "layers", rank))
    try:
        yield
    finally:
        restore_global_states(before, device)


def global_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's global generators, of the cpu and of the device."""
    states = {"cpu": torch.get_rng_state()}
    return states if device.type == "cpu" else {**states, device.type: torch.get_device_module(device).get_rng_state()}


def restore_global_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Put back what `global_states` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(states[device.type])


def _number(seed: int, name: str, rank: int) -> int:
    """A seed for one of the generators, so that no two run alike."""
    return int(stream(seed, "fit", name, *([rank] if rank else [])).integers(2**63))
