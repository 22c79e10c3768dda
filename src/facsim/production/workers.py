"""Who makes the shards: this process, workers on this machine, or those of a Dask scheduler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from facsim.core import FacsimError
from facsim.production.plan import Shard
from facsim.production.shards import Record

Make = Callable[[Shard], Record]
Workers = Callable[[Make, Sequence[Shard]], Iterator[Record]]  # makes all shards, gives their records in whatever order

TRIES = 20  # times that a shard may lose its worker


def in_process(make: Make, shards: Sequence[Shard]) -> Iterator[Record]:
    """One shard after the other."""
    return map(make, shards)


def local_workers(n: int) -> Workers:
    """`n` processes on this machine; one that dies is replaced."""
    return partial(_local, n)


def scheduled(address: str) -> Workers:
    """The workers of the Dask scheduler at an address; they must see the same folders."""
    return partial(_scheduled, address)


def _local(n: int, make: Make, shards: Sequence[Shard]) -> Iterator[Record]:
    distributed = _distributed()
    import dask

    options: dict[str, Any] = {"n_workers": n, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": logging.CRITICAL}
    patient = dask.config.set({"distributed.scheduler.allowed-failures": TRIES})
    with patient, _cluster(**options) as cluster, distributed.Client(cluster) as client:
        yield from _results(client, make, shards)


def _cluster(**options: Any) -> Any:
    try:
        return _distributed().LocalCluster(**options)
    except (RuntimeError, TimeoutError) as error:
        raise FacsimError("the local workers do not start", got=error, remedy="use fewer --workers, or try again when less else runs") from error


def _scheduled(address: str, make: Make, shards: Sequence[Shard]) -> Iterator[Record]:
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=5)
    except (OSError, TimeoutError, ValueError) as error:
        raise FacsimError(f"no Dask scheduler at {address}", got=error, remedy="start one with: dask scheduler") from error
    with closing(client):
        yield from _results(client, make, shards)


def _results(client: Any, make: Make, shards: Sequence[Shard]) -> Iterator[Record]:
    """Records as they come; a shard whose worker died is sent out again."""
    distributed = _distributed()
    lost = dict.fromkeys(shards, 0)
    futures = {_submit(client, make, shard): shard for shard in shards}
    queue = distributed.as_completed(futures)
    for future in queue:
        shard = futures.pop(future)
        try:
            record: Record = future.result()
        except (distributed.KilledWorker, distributed.CancelledError, OSError) as error:
            lost[shard] += 1
            if lost[shard] > TRIES or client.status != "running":
                remedy = "look at the workers, then go on with --resume; shards that are whole are kept"
                raise FacsimError(f"shard {shard.number} lost its workers", got=type(error).__name__, remedy=remedy) from error
            again = _submit(client, make, shard)
            futures[again] = shard
            queue.add(again)
            continue
        yield record


def _submit(client: Any, make: Make, shard: Shard) -> Any:
    return client.submit(make, shard, pure=False)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise FacsimError("several workers need Dask", remedy="install the extra: pip install 'facsim[distributed]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told in one line
    return distributed
