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
from facsim.data import read
from facsim.production import BLOCK, Maker, Plan, produce, read_manifest, verify
from facsim.production.blocks import add, content, make_block
from facsim.production.plan import Shard
from facsim.production.shards import Record
from facsim.production.workers import Make

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
