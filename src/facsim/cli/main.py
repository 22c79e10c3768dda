"""The `facsim` command: sub-commands are imported when they run, so that --help is instant."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from facsim import __version__

USAGE, FAULT, INTERRUPTED = 2, 1, 130

app = App(name="facsim", help="Learned fast simulation of particle detectors, with a proof of how good it is.", version=__version__)

COMMANDS = {
    "demo": "Learn a calorimeter from packaged Geant4 events, sample it, judge it, and write a report.",
    "simulate": "Simulate events with a built-in truth simulator.",
    "fit": "Train a surrogate on the events of a file.",
    "sample": "Generate events with a trained surrogate.",
    "refine": "Learn to make simulated events look like data.",
    "search": "Look for good settings of a model and its training.",
    "evaluate": "Judge generated events against the truth.",
    "bench": "Time a surrogate.",
    "splot": "Weigh events so that background in a mass cancels.",
    "convert": "Convert a file of events to another format.",
    "produce": "Produce any number of events in shards, by many workers.",
    "export": "Write a surrogate as an ONNX graph for other software.",
}
STUDY = {"list": "list_", "show": "show", "run": "run"}
LISTS = ("models", "metrics", "detectors", "simulators", "zoo")

for command, purpose in COMMANDS.items():
    app.command(f"facsim.cli.{command}:{command}", name=command, help=purpose)
for table in LISTS:
    sub = App(name=table, help=f"`facsim {table} list` shows what {table} there are.")
    sub.command(f"facsim.cli.lists:{table}", name="list", help=f"List the {table}.")
    if table == "zoo":
        sub.command("facsim.cli.zoo:show", name="show", help="The model card of a surrogate.")
    app.command(sub)
study = App(name="study", help="Run published studies again: what was published against ours.")
for command, function in STUDY.items():
    study.command(f"facsim.cli.study:{function}", name=command)
app.command(study)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a fault of the input, 2 wrong usage, 130 interrupted. `--debug` shows the traceback."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    debug = "--debug" in arguments
    try:
        app([a for a in arguments if a != "--debug"], exit_on_error=False, print_error=False, result_action="return_none")
        sys.stdout.flush()
    except BrokenPipeError:  # who reads the output has seen enough: facsim zoo show NAME | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except CycloptsError as error:
        return _fail(USAGE, str(error), debug, "see facsim --help")
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, "interrupted", debug)
    except Exception as error:
        return _fail(FAULT, _told(error), debug)
    return 0


def _told(error: Exception) -> str:
    """The error's one line; an error that is not facsim's own is a bug, and says so."""
    from facsim.core import FacsimError

    return (
        str(error) if isinstance(error, FacsimError) else f"{type(error).__name__}: {error} (a bug in facsim: run again with --debug and report it)"
    )


def _fail(code: int, message: str, debug: bool, hint: str = "") -> int:
    if debug:
        traceback.print_exc()
    line = " ".join(message.split()) + (f"; {hint}" if hint else "")
    print(f"facsim: {line}", file=sys.stderr)
    return code
