"""Study `hcal-direct`: full events in the LHCb hadronic calorimeter, from the image of the tracks straight to the image of the calorimeter.

The source (LHCb HCAL study of 2019, "tracker image propagation") trains image-to-image networks against critics. Further see `hcal_events`.
Its learning rates are the printed ones, 1e-5 and 1e-6 for the critic; with 3,500 events they need hundreds of epochs (`--set epochs=N`).
Ours is the tree with the tracker image as condition: the total energy in the light of sums over the image, then its halves in the light of the tracks
in and around each block, down to single cells; a large cell is one pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facsim.core import Events
from facsim.core.events import Array
from facsim.studies.calorimeter import Model, Sample
from facsim.studies.hcal import SATURATION, wall_of
from facsim.studies.hcal_events import READ_OUT, again, event_parts, event_study, sample_of, simulator_of, without_lists
from facsim.studies.study import Request

MILLISECONDS = 4.0  # of one core for an image: 500 images per second on two

IMAGES = (("Pixels", {"size": [64, 64]}), ("Scale", {"by": SATURATION}))
PRINTED = {"learning_rate": {"critic": 1e-6, "generator": 1e-5}, "betas": (0.5, 0.999)}


def translations(network: str) -> dict[str, Model]:
    """The source's models on the printed networks `network`, and a smaller one of their kind."""
    encoded = {
        "vae-gan": "the source's: variational auto-encoder at the image, with a critic",
        "clr-gan": "the source's: conditional latent regressor",
        "bicycle-gan": "the source's best: both of these",
    }
    settings = {"images": 1, "network": network}
    return {
        "pix2pix": Model(
            what="the source's kind: a smaller U-Net with noise against a critic of patches, and L1",
            family="pix2pix",
            settings={"images": 1},
            response=IMAGES,
            batch=32,
            training={"learning_rate": 2e-4, "betas": (0.5, 0.999)},
            full=20,
        ),
        **{
            name: Model(what=what, family=name, settings=settings, response=IMAGES, batch=16, training=PRINTED, full=20, quick_events=16)
            for name, what in encoded.items()
        },
    }


MODELS = {
    **translations("tip"),
    "tree": Model(
        what="ours: the total energy, cut in halves in the light of the image down to single cells",
        family="tree",
        settings={"images": 1, "width": 48, "depth": 2, "reach": 1.5, "context": 2, "lines": 0, "sampled": 256},
        response=(("Threshold", {"at": READ_OUT}), ("Pixels", {"size": [64, 64], "corner": True}), ("Scale", {})),
        condition=(("TrackSums", {}),),
        batch=16,
        training={"learning_rate": 8e-3, "schedule": "onecycle", "clip": 10.0},
        full=5,
    ),
}


def sample(request: Request) -> Sample:
    """The events, of which models see the tracker image."""
    found = sample_of(request)
    return replace(found, train=without_lists(found.train), repeats=again(found, simulator_of(request), _same, blur=wall_of(found.test).pixel))


def _same(event: Events, n: int, rng: np.random.Generator) -> Array:
    return event.column("tracks").reshape(1, -1).repeat(n, axis=0)


PARTS = event_parts("hcal-direct", MODELS, sample)
STUDY = event_study(PARTS, "from the 64x64 image of the tracks to 1488 cells in one step", appendix="C.3", milliseconds=MILLISECONDS)
