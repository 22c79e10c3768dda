"""`facsim demo`: the whole path in one command, on packaged Geant4 events."""

from __future__ import annotations

from pathlib import Path

from facsim.cli.evaluate import judge
from facsim.cli.fit import make_plan
from facsim.cli.options import Seed
from facsim.cli.show import say, show_scorecard, training_bar

EPOCHS = 30


def demo(*, out: Path = Path("demo"), seed: Seed = 0) -> None:
    """Learn a calorimeter from packaged Geant4 events, sample it, judge it, and write a report.

    Parameters
    ----------
    out
        Folder for the surrogate, scorecard.json and report.html.
    seed
        Seed of all random numbers.
    """
    from facsim.core import concatenate
    from facsim.data import load_sample, write
    from facsim.data.memory import InMemory
    from facsim.studies.workflow import train
    from facsim.surrogate import blocks, save_bundle
    from facsim.training import read_history

    training, truth = load_sample("electron-gun").split(2 / 3, seed)
    say(f"Geant4: {len(training)} showers of 800 MeV electrons to learn from, {len(truth)} others to judge by")
    with training_bar() as update:
        surrogate, _ = train(
            InMemory(training, "sample electron-gun"),
            make_plan("vae", {"epochs": EPOCHS}, seed),
            folder=out / "training",
            resume=True,
            on_progress=update,
        )
    save_bundle(surrogate, out / "bundle")
    events = concatenate(list(blocks(surrogate, len(truth), seed)))
    write(events, out / "sample.h5", about={"surrogate": str(out), "seed": seed})
    say("judging: observables, distances, and a classifier that tries to tell generated from true events")
    cards = judge({"vae": events}, truth, training, out, seed=seed, history=read_history(out / "training"))
    show_scorecard(cards["vae"], "VAE against Geant4 (floor: Geant4 against Geant4)")
    say(f"open {out / 'report.html'}; next: facsim sample {out} --n 1000 --out more.h5")
