"""Study `hcal-refinement`: full events in the LHCb hadronic calorimeter in two steps: single tracks summed, then refined from image to image.

The source (LHCb HCAL study of 2019, "calorimeter image refinement") makes every track by its network for single pions, sums, cuts at saturation (of
quarters of large cells at a quarter of it) and refines the image. Further see `hcal_events` and `overlay`; the direct step is study hcal-direct.

* First step: our tree of study hcal-single-track (`--set single=tree`, the default) or the source's network (`stp`), trained here on single pions of
  the same showers, or a trained surrogate (`--set single=FOLDER` of a bundle of that study). Tracks softer or harder than 2 to 30 GeV are made at the
  nearest energy and scaled.
* Second step: the source's kind of network, and ours, the tree; `unrefined` is the sum as it is. Each event is overlaid once, so
  that the two candidates made of it share the first step: their `spread` is that of the second step alone.
* Variety of one event: every generation overlays its tracks anew. The time is that of the second step; that of the first is in
  the row `first_step`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from facsim.core import Events, FacsimError, only, stream
from facsim.core.events import Array
from facsim.studies.calorimeter import Model, Sample
from facsim.studies.hcal import beside
from facsim.studies.hcal_direct import SHORTER, translations, tree
from facsim.studies.hcal_events import again, event_parts, event_study, sample_of, simulator_of, without_lists
from facsim.studies.overlay import OVERLAY, Overlay, kept_overlay, milliseconds, unrefined
from facsim.studies.study import Request

SINGLE_EPOCHS = {"tree": (3, 1), "stp": (3, 1)}  # full, quick
ENERGIES = (2e3, 3e4)  # MeV, of single tracks
TIMED = 100  # events whose overlay is timed

MODELS = {
    "unrefined": Model(what="the sum of single tracks as it is", family="", build=unrefined, full=0, quick=0),
    **translations("cir"),
    "tree": tree("the overlay", "TrackSums"),
}


def first_step(request: Request) -> tuple[Overlay, str]:
    """The surrogate of single tracks: a bundle, or one trained now on single pions; and which."""
    from facsim.studies.hcal_single_track import MODELS as SINGLE
    from facsim.studies.hcal_single_track import PARTS, sample
    from facsim.surrogate import load_bundle, read_manifest

    choice = str(request.settings.get("single", "tree"))
    if choice not in SINGLE:
        if not Path(choice).is_dir():
            raise FacsimError("there is no such model of single tracks", expected=f"{', '.join(SINGLE)} or the folder of a bundle", got=choice)
        return Overlay(load_bundle(Path(choice)), ENERGIES), read_manifest(Path(choice))["weights"]["sha256"][:16]
    epochs = SINGLE_EPOCHS[choice][0 if request.full else 1]
    settings, folder = {**request.settings, "epochs": epochs}, request.out and request.out / "single"
    own = Request((choice,), (0,), request.full, request.say, settings, {}, folder, request.fresh)
    request.say(f"hcal-refinement: {choice} of single tracks")
    surrogate, note = PARTS.trained(choice, 0, sample(own), own)
    return Overlay(surrogate, ENERGIES), f"{choice}, {note}"


def sample(request: Request) -> Sample:
    """The events with their overlays, which models see."""
    found, (overlay, which) = sample_of(request), first_step(request)
    parts = []
    for name, events in (("train", found.train), ("test", found.test)):
        request.say(f"hcal-refinement: overlays to {name}, {len(events)} events")
        path = None if request.out is None else request.out / "runs" / f"overlay-{name}.h5"
        make = partial(overlay.image, events.condition, stream(0, "overlay", name))
        parts.append(beside(events, OVERLAY, kept_overlay(path, f"{found.source}; {which}", make, events, request.fresh)))
    train, test = parts
    return Sample(
        without_lists(train),
        test,
        f"{found.source}; tracks by {which}",
        sees=lambda events: only(events, "overlay"),
        judged=found.judged,
        repeats=again(found, simulator_of(request), partial(_again, overlay)),
        before_ms=milliseconds(overlay, found.test.condition[:TIMED]),
    )


def _again(overlay: Overlay, event: Events, n: int, rng: np.random.Generator) -> Array:
    return overlay.image(event.condition.repeat(n, axis=0), rng)


PARTS = event_parts("hcal-refinement", MODELS, sample)
STUDY = event_study(
    PARTS,
    "in two steps: single tracks summed, then refined from image to image",
    appendix="C.2",
    settings={**SHORTER, "single": f"model of single tracks: {', '.join(SINGLE_EPOCHS)}, or a bundle's folder"},
)
