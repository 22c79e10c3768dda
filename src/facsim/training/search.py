"""Search for good settings: trials in a storage that any number of processes share, and that a later run goes on with.

Source: Akiba et al., Optuna (2019), arXiv:1907.10902; random search: Bergstra and Bengio (2012), JMLR 13, 281.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import FacsimError
from facsim.core.table import look_up

if TYPE_CHECKING:
    import optuna

Score = Callable[[dict[str, Any], int], float]  # of settings and the trial's number; the smaller the better
RANGE = {"low", "high", "log"}


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, its score (None where the training failed), and why it failed."""

    number: int
    settings: dict[str, Any]
    score: float | None
    failure: str = ""


def checked_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space to search, each setting a list of choices or a range {low, high, log}.

    Raises:
        FacsimError: for an entry that is neither.

    Examples:
        >>> checked_space({"width": [64, 128], "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}})["width"]
        [64, 128]
    """
    if not space:
        raise FacsimError("there is nothing to search", expected="search: with a line for each setting", got="none")
    for name, entry in space.items():
        choices = isinstance(entry, list) and entry
        ends = isinstance(entry, Mapping) and {"low", "high"} <= set(entry) <= RANGE and entry["low"] < entry["high"]
        if not (choices or (ends and not (entry.get("log") and entry["low"] <= 0))):
            raise FacsimError(f"cannot search {name!r}", expected="a list of choices, or low < high with log: true or false", got=entry)
    return dict(space)


def with_parts(card: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The card with the chosen settings; `learning_rate.critic` is the part `critic` of the setting `learning_rate`, whose other parts stay.

    Examples:
        >>> with_parts({"learning_rate": {"generator": 0.1}}, {"learning_rate.critic": 0.2, "latent": 8})
        {'learning_rate': {'generator': 0.1, 'critic': 0.2}, 'latent': 8}
    """
    made = dict(card)
    for name, value in chosen.items():
        whole, _, part = name.partition(".")
        parts = made[whole] if isinstance(made.get(whole), Mapping) else {}
        made[whole] = {**parts, part: value} if part else value
    return made


def suggested(trial: optuna.Trial, space: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each setting; whole numbers where both ends of a range are."""
    found: dict[str, Any] = {}
    for name, entry in space.items():
        if isinstance(entry, list):
            found[name] = entry[trial.suggest_categorical(name, range(len(entry)))]  # by number: a choice may be a list
        elif isinstance(entry["low"], int) and isinstance(entry["high"], int):
            found[name] = trial.suggest_int(name, entry["low"], entry["high"], log=bool(entry.get("log")))
        else:
            found[name] = trial.suggest_float(name, entry["low"], entry["high"], log=bool(entry.get("log")))
    return found


def search(
    space: Mapping[str, Any], score: Score, *, trials: int, storage: str, name: str, sampler: str = "tpe", seed: int = 0, worker: int = 0
) -> None:
    """Try settings until the storage holds `trials` finished trials of this name, failed trainings among them.

    Neither another `worker` nor a later run draws the same settings again.

    Raises:
        FacsimError: for an unknown sampler, or a storage that cannot be opened or holds another space under this name.
    """
    optuna = require_optuna()
    make_sampler = look_up(SAMPLERS, sampler, "sampler")
    study = opened(storage, name, space)
    study.sampler = make_sampler(_seed(seed, worker, len(study.get_trials(deepcopy=False))))
    done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL)

    def objective(trial: Any) -> float:
        try:
            return score(suggested(trial, space), trial.number)
        except FacsimError as error:
            trial.set_user_attr("failure", str(error))
            raise

    if len(study.get_trials(deepcopy=False, states=done)) < trials:
        study.optimize(objective, catch=(FacsimError,), callbacks=[optuna.study.MaxTrialsCallback(trials, states=done)])


def _seed(seed: int, worker: int, begun: int) -> int:
    """The sampler's seed, another for each worker and each number of trials begun before."""
    return int(np.random.SeedSequence((seed, worker, begun)).generate_state(1)[0])


def finished(storage: str, name: str, space: Mapping[str, Any]) -> list[Trial]:
    """All finished trials, the best first, failed ones last."""
    optuna = require_optuna()
    study, made = opened(storage, name, space), []
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished():
            settings = {key: space[key][value] if isinstance(space[key], list) else value for key, value in trial.params.items()}
            score = trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None
            made.append(Trial(trial.number, settings, score, str(trial.user_attrs.get("failure", ""))))
    return sorted(made, key=lambda t: (t.score is None, t.score, t.number))


def opened(storage: str, name: str, space: Mapping[str, Any]) -> Any:
    """The study of the storage, made if it is not there.

    Raises:
        FacsimError: if the storage cannot be opened, or its study of this name searched another space.
    """
    optuna = require_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)
    except Exception as error:
        raise FacsimError(f"cannot open the storage {storage}", got=error, expected="a URL such as sqlite:///search.db") from error
    known = study.user_attrs.get("space")
    if known is None:
        study.set_user_attr("space", dict(space))
    elif known != dict(space):
        raise FacsimError(f"{storage} searched another space under the name {name!r}", got=known, remedy="choose another --storage")
    return study


def require_optuna() -> Any:
    """The library.

    Raises:
        FacsimError: if it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise FacsimError("searching needs optuna", remedy="pip install 'facsim[search]'") from error
    return optuna


SAMPLERS: dict[str, Callable[[int], Any]] = {
    "tpe": lambda seed: require_optuna().samplers.TPESampler(seed=seed),
    "random": lambda seed: require_optuna().samplers.RandomSampler(seed=seed),
}
