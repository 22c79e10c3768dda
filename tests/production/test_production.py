"""Productions: the same events whatever the shards, the workers and the interruptions; none lost, none twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from facsim.cli.main import run
from facsim.cli.produce import of_simulator, of_surrogate
from facsim.core import Events, FacsimError, concatenate, stream
from facsim.data import Reader, load_sample, read, write
from facsim.production import BLOCK, Maker, Plan, produce, read_manifest, verify
from facsim.production.blocks import add, content, make_block
from facsim.production.plan import Shard
from facsim.production.shards import Record
from facsim.production.workers import Make
from facsim.surrogate.refinement import load_refinement

ZOO = "zoo:electron-gun-vae"


def gaussian() -> Maker:
    return of_simulator({"simulator": "gaussian"})


def plan(n: int = 3500, shard_size: int = 1000, seed: int = 5) -> Plan:
    return Plan({"simulator": "gaussian"}, seed, n, shard_size)


def events_of(folder: Path) -> Events:
    """All events of a production, in the order of its manifest."""
    return concatenate([read(folder / shard["file"]) for shard in read_manifest(folder)["shards"]])


def test_events_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    """The slow twin: block after block in memory, no shards, no files."""
    expected = concatenate([make_block(gaussian(), 5, number) for number in range(4)])
    for shard_size in (1000, 2000, 5000):
        folder = tmp_path / str(shard_size)
        manifest = produce(plan(shard_size=shard_size), gaussian, folder)
        found = events_of(folder)
        assert len(found) == manifest["events"] == 3500
        assert np.array_equal(found.response, expected.response[:3500])
        assert np.array_equal(found.condition, expected.condition[:3500])
        assert manifest["content"] == verify(folder)["content"]
    assert len({read_manifest(tmp_path / str(size))["content"] for size in (1000, 2000, 5000)}) == 1
    other = produce(plan(seed=6), gaussian, tmp_path / "other")
    assert other["content"] != manifest["content"]


def test_a_surrogate_is_computed_in_whole_blocks_also_at_the_end(tmp_path: Path) -> None:
    maker = of_surrogate(ZOO)
    produce(Plan({"surrogate": ZOO}, 1, 1100, 1000), lambda: maker, tmp_path / "p")
    rng = stream(1, "produce", 1)
    alone = maker.simulator.simulate(maker.draw(BLOCK, rng), rng)
    assert np.array_equal(read(tmp_path / "p" / "shard-000001.h5").response, alone.response[:100])


def test_content_sees_order_values_and_doubles() -> None:
    first, second = (make_block(gaussian(), 0, number) for number in range(2))
    right = add(content(first, 0), content(second, 1))
    assert right == add(content(second, 1), content(first, 0))
    assert right != add(content(first, 1), content(second, 0))
    assert right != add(content(first, 0), content(second, 1), content(second, 1))
    assert content(first[::-1], 0) != content(first, 0)


def test_resume_makes_what_is_missing_or_damaged_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    whole = produce(plan(6000), gaussian, folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.h5")}
    (folder / "shard-000001.h5").unlink()
    (folder / "shard-000002.h5.json").unlink()
    with h5py.File(folder / "shard-000003.h5", "r+") as file:
        file["response"][7] += 1
    (folder / "shard-000004.h5").write_bytes(before["shard-000004.h5"][:-100])
    (folder / ".shard-000001.h5.77.partial").write_bytes(b"half")
    kept = (folder / "shard-000000.h5").stat().st_mtime_ns
    with pytest.raises(FacsimError, match="is not as it was made"):
        verify(folder)
    again = produce(plan(6000), gaussian, folder, resume=True)
    assert again == whole
    assert {path.name: path.read_bytes() for path in folder.glob("*.h5")} == before
    assert (folder / "shard-000000.h5").stat().st_mtime_ns == kept
    assert not list(folder.glob(".*"))
    verify(folder)


def test_doubled_and_missing_events_are_seen(tmp_path: Path) -> None:
    produce(plan(3000), gaussian, tmp_path)
    good = read_manifest(tmp_path)
    for shards in (good["shards"][:2], [*good["shards"], good["shards"][2]], good["shards"][::-1]):
        (tmp_path / "manifest.json").write_text(json.dumps({**good, "shards": shards}))
        with pytest.raises(FacsimError, match=r"not as it was made|not complete"):
            verify(tmp_path)


def test_productions_are_never_mixed(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    produce(plan(), gaussian, folder)
    with pytest.raises(FacsimError, match="holds a production already"):
        produce(plan(), gaussian, folder)
    for other in (plan(seed=1), plan(n=3600), plan(shard_size=2000)):
        with pytest.raises(FacsimError, match="holds another production"):
            produce(other, gaussian, folder, resume=True)
    (folder / "manifest.json").unlink()
    with pytest.raises(FacsimError, match="no manifest"):
        produce(plan(), gaussian, folder, resume=True)


def test_workers_of_another_kind_are_refused(tmp_path: Path) -> None:
    """Planted: a worker with another torch."""

    def workers(make: Make, shards: Sequence[Shard]) -> Iterator[Record]:
        for shard in shards:
            record = make(shard)
            yield {**record, "versions": {**record["versions"], "torch": "1.0"}}

    with pytest.raises(FacsimError, match="made by other software"):
        produce(plan(), gaussian, tmp_path, workers=workers)
    assert not read_manifest(tmp_path)["complete"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([ZOO, "--n", "10", "--shard-size", "1500"], "a multiple of 1000"),
        ([ZOO, "--n", "0"], "--n must be positive"),
        (["--n", "10"], "one source"),
        ([ZOO, "--simulator", "gaussian", "--n", "10"], "one source"),
        (["--simulator", "gausian", "--n", "10"], "did you mean 'gaussian'"),
        (["nowhere", "--n", "10"], "is no surrogate"),
        ([ZOO, "--n", "10", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["produce", *arguments, "--out", str(tmp_path / "p")]) == 1
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.glob("p/shard*"))


def test_simulated_truth_from_the_command_line(tmp_path: Path) -> None:
    truth = ["produce", "--simulator", "gflash-pbwo4", "--set", "energy_low=5e3", "--n", "30", "--out", str(tmp_path / "p"), "--seed", "3"]
    assert run(truth) == 0
    assert len(events_of(tmp_path / "p")) == verify(tmp_path / "p")["events"] == 30
    assert run([*truth, "--resume"]) == 0


@contextmanager
def producing(folder: Path, *options: str, n: int = 16_000) -> Iterator[subprocess.Popen[bytes]]:
    """A production in a process group of its own."""
    command = [sys.executable, "-c", "from facsim.cli.main import main; main()", "produce", ZOO, "--n", str(n), "--shard-size", "1000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--out", str(folder), *options], start_new_session=True, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_shards(folder: Path, n: int, process: subprocess.Popen[bytes]) -> None:
    while len(list(folder.glob("*.h5.json"))) < n and process.poll() is None:
        time.sleep(0.02)


@contextmanager
def dask(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address and process of a scheduler that has one worker."""
    told, quiet = folder / "scheduler.json", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = [sys.executable, "-m", "dask"]
    scheduler = subprocess.Popen([*start, "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(told)], **quiet)
    worker = subprocess.Popen([*start, "worker", "--scheduler-file", str(told), "--nthreads", "1", "--no-nanny", "--no-dashboard"], **quiet)
    try:
        while not told.is_file() or not told.read_text().rstrip().endswith("}"):
            assert scheduler.poll() is None
            time.sleep(0.1)
        yield json.loads(told.read_text())["address"], scheduler
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("undisturbed") / "p"
    assert run(["produce", ZOO, "--n", "16000", "--shard-size", "4000", "--out", str(folder)]) == 0
    return str(read_manifest(folder)["content"])


def test_workers_killed_at_random_change_nothing(undisturbed: str, tmp_path: Path) -> None:
    chance, folder, killed = random.Random(0), tmp_path / "p", 0
    with producing(folder, "--workers", "2") as process:
        for shards in (2, 5, 8, 11):
            wait_for_shards(folder, shards, process)
            workers = [p for p in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
            if workers:
                chance.choice(workers).kill()
                killed += 1
        assert process.wait(timeout=600) == 0
    assert killed >= 3
    manifest = verify(folder)
    assert (manifest["events"], manifest["content"]) == (16_000, undisturbed)
    assert not list(folder.glob(".*"))


def test_killed_whole_and_resumed(undisturbed: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    with producing(folder) as process:
        wait_for_shards(folder, 5, process)
    assert process.returncode == -signal.SIGKILL
    assert not read_manifest(folder)["complete"]
    with pytest.raises(FacsimError, match="not complete"):
        verify(folder)
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.h5.json")}
    assert run(["produce", ZOO, "--n", "16000", "--shard-size", "1000", "--out", str(folder), "--resume"]) == 0
    assert verify(folder)["content"] == undisturbed
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def test_scheduler_killed_and_resumed(undisturbed: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    with dask(tmp_path) as (address, scheduler), producing(folder, "--scheduler", address) as process:
        wait_for_shards(folder, 3, process)
        scheduler.kill()
        assert process.wait(timeout=600) == 1
    assert not read_manifest(folder)["complete"]
    assert run(["produce", ZOO, "--n", "16000", "--shard-size", "1000", "--out", str(folder), "--resume"]) == 0
    assert verify(folder)["content"] == undisturbed


def test_a_production_is_judged_shard_by_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shards and workers the same scorecard, that of all events at once; never more than some events in memory."""
    from facsim.cli import evaluate_production
    from facsim.evaluation.bootstrap import scores
    from facsim.evaluation.observables import features
    from facsim.evaluation.rounding import round_significant
    from facsim.evaluation.scorecard import Scorecard

    truth = load_sample("electron-gun")[:1500]
    write(truth, tmp_path / "truth.h5")
    largest: list[int] = []
    read_rows = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, start=0, stop=None: largest.append(len(e := read_rows(self, start, stop))) or e)
    drawn: list[int] = []
    monkeypatch.setattr("facsim.report.write_report", lambda path, truth, samples, cards: drawn.extend(map(len, samples.values())))
    monkeypatch.setattr(evaluate_production, "BLOCK", 700)
    monkeypatch.setattr(evaluate_production, "DRAWN", 500)
    for name, size, workers in (("a", 1000, 1), ("b", 3000, 2)):
        folder, out = tmp_path / name, tmp_path / f"{name}-judged"
        assert run(["produce", ZOO, "--n", "3500", "--shard-size", str(size), "--out", str(folder)]) == 0
        largest.clear()
        assert run(["evaluate", str(folder), "--truth", str(tmp_path / "truth.h5"), "--out", str(out), "--workers", str(workers)]) == 0
        assert sorted(largest)[-2] <= 700  # but for the truth
    assert drawn == [500, 500]
    cards = [Scorecard.from_json((tmp_path / f"{name}-judged" / "scorecard.json").read_text()) for name in "ab"]
    for one, other in zip(cards[0].rows, cards[1].rows, strict=True):  # equal but for the order in which sums are made
        assert (one.observable, one.distance) == (other.observable, other.distance)
        assert (one.value, one.error, one.floor) == pytest.approx((other.value, other.error, other.floor), rel=1e-9, abs=1e-12)
    assert cards[0].about["sizes"] == {"candidate": 3500, "truth": len(truth)}
    candidate = round_significant(events_of(tmp_path / "a"))
    columns = dict(zip(features(truth)[1], zip(features(candidate)[0].T, features(truth)[0].T, strict=True), strict=True))
    for observable in ("total_energy", "sparsity", "centre_x", "width_x"):
        direct = scores(["wasserstein", "ks", "mean_shift", "width_difference", "upper_tail"], *columns[observable], stream(0))
        for name, score in direct.items():
            assert cards[0].find(observable, name).value == pytest.approx(score.value, abs=2e-3), (observable, name)


def test_a_defect_of_a_production_is_seen_and_the_truth_is_at_its_floor() -> None:
    """Planted: one event in two has 15 % too much energy."""
    from facsim.evaluation.binned import binning, compare
    from facsim.evaluation.observables import columns

    truth, same = load_sample("electron-gun").split(0.5, 0)
    wrong = Events(same.condition, same.response * np.where(np.arange(len(same)) % 2, 1.15, 1.0)[:, None, None], same.detector, same.variables)
    found = {}
    for name, candidate in (("same", same), ("wrong", wrong)):
        bins, true, _ = binning(truth, candidate[:10])
        parts = [bins.fill(part) for part in (candidate[:700], candidate[700:])]
        found[name] = compare(bins, parts[1].plus(parts[0]), true, columns(truth)).find("total_energy", "wasserstein")
    assert abs(found["same"].excess) < 4
    assert found["wrong"].excess > 8


def test_bad_evaluations_of_productions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    produce(plan(3000), gaussian, tmp_path / "p")
    truth = tmp_path / "t.h5"
    write(make_block(gaussian(), 9, 0), truth)
    told = json.loads((tmp_path / "p" / "manifest.json").read_text())
    arguments = ["--truth", str(truth), "--out", str(tmp_path / "o")]
    assert run(["evaluate", str(tmp_path / "p"), str(truth), *arguments]) == 1
    assert "is judged alone" in capsys.readouterr().err
    write(load_sample("electron-gun")[:100], truth)
    assert run(["evaluate", str(tmp_path / "p"), *arguments]) == 1
    assert "different" in capsys.readouterr().err
    (tmp_path / "p" / "manifest.json").write_text(json.dumps({**told, "complete": False}))
    assert run(["evaluate", str(tmp_path / "p"), *arguments]) == 1
    assert "is not complete" in capsys.readouterr().err


def test_refined_productions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Simulated, then refined: each event is the refiner's of the simulated one, in blocks as ever, and the manifest tells the refiner."""
    gun = of_simulator({"simulator": "gflash-pbwo4"})
    simulated = gun.simulator.simulate(gun.draw(400, stream(1)), stream(2))
    data = Events(simulated.condition, simulated.response * 1.2, simulated.detector, simulated.variables)
    for name, events in (("sim", simulated), ("data", data)):
        write(events, tmp_path / f"{name}.h5")
    run_folder = tmp_path / "refiner"
    assert run(["refine", str(tmp_path / "sim.h5"), "--data", str(tmp_path / "data.h5"), "--out", str(run_folder)]) == 0
    command = ["produce", "--simulator", "gflash-pbwo4", "--refine", str(run_folder), "--n", "30", "--seed", "4", "--out", str(tmp_path / "p")]
    assert run(command) == 0
    assert run([*command, "--resume"]) == 0
    assert "refiner_weights" in verify(tmp_path / "p")["plan"]["source"]
    rng = stream(4, "produce", 0)
    plain = gun.simulator.simulate(gun.draw(BLOCK, rng), rng)
    expected = load_refinement(run_folder).refine(plain, rng)[:30]
    assert np.array_equal(events_of(tmp_path / "p").response, expected.response)
    assert not np.array_equal(expected.response, plain[:30].response)
    assert run(["produce", "--simulator", "gaussian", *command[3:-1], str(tmp_path / "q")]) == 1
    assert "different detectors" in capsys.readouterr().err
