"""Several processes that play one game: how they meet, agree and end. JAX's own runtime does the work.

Each process runs the same commands on its own devices and its own part of the data. Only the first one writes logs and
samples. With a single process all of this is trivial.
"""

import contextlib
import dataclasses
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gan_jax.data.source import Source
from gan_jax.errors import UserError
from gan_jax.runs.options import Options, Processes
from gan_jax.storage.files import sha256_of
from gan_jax.storage.versions import versions

HEARTBEAT = 20  # seconds without a sign of life from a peer, after which JAX ends this process too
LONG = 10**6  # seconds: our own time-out ends first, with a line that says why


def join(processes: Processes) -> None:
    """Meets the other processes; call it before JAX's first use.

    A process whose peers don't come in time ends with a line on stderr.

    Raises:
      UserError: No cluster is found, the options are incomplete, or JAX has been used.
    """
    named = processes.coordinator, processes.num_processes, processes.process_id
    if not processes.distributed:
        if named != (None, None, None):
            raise UserError("--coordinator, --num-processes and --process-id go with --distributed: add it")
        return
    if processes.coordinator and not processes.coordinator.rpartition(":")[2].isdigit():
        raise UserError(f"coordinator {processes.coordinator!r}: give the host and a port, as 10.0.0.1:1234")
    if processes.start_timeout < 1:
        raise UserError(f"start_timeout {processes.start_timeout}: it must be 1 or more")

    def give_up() -> None:
        who = "" if processes.process_id is None else f" {processes.process_id} of {processes.num_processes}"
        at = processes.coordinator or "the cluster's coordinator"
        leave(
            f"process{who}: not all came together at {at} within {processes.start_timeout} s; see that each is started "
            "and reaches that address, or give a longer --start-timeout",
            2,
        )

    alarm = threading.Timer(processes.start_timeout, give_up)  # JAX's own time-out aborts with a stack trace
    alarm.daemon = True
    alarm.start()
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM, which the loop handles
    try:
        jax.distributed.initialize(*named, initialization_timeout=LONG, heartbeat_timeout_seconds=HEARTBEAT)
        jax.devices()  # waits for the others once more
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"the processes can't meet ({next(iter(str(error).splitlines()), '')}): give --coordinator HOST:PORT, "
            "--num-processes and --process-id where JAX finds no cluster, and use no JAX while the experiment is loaded"
        ) from error
    finally:
        alarm.cancel()


def is_first() -> bool:
    """Whether this is the process that writes."""
    return jax.process_index() == 0


def everyone(text: str) -> list[str]:
    """Returns the texts that all processes give, in their order; all must call this."""
    if jax.process_count() == 1:
        return [text]
    own = np.frombuffer(text.encode(), np.uint8)
    longest = int(np.max(gathered(np.array([len(own)], np.int32))))
    row = np.zeros(longest + 1, np.uint8)  # one byte at least
    row[: len(own)] = own
    return [bytes(said).rstrip(b"\0").decode() for said in gathered(row)]


def gathered(row: np.ndarray) -> np.ndarray:
    """Gathers a row [N] from each process: [processes, N]. All must call this, with rows of one length."""
    each, whole = over_all_devices()
    rows = np.broadcast_to(row, (jax.local_device_count(), len(row)))
    everywhere = jax.jit(lambda x: x, out_shardings=whole)(jax.make_array_from_process_local_data(each, rows))
    first_device = np.unique([device.process_index for device in each.mesh.devices.flat], return_index=True)[1]
    return np.asarray(everywhere)[first_device]


def over_all_devices() -> tuple[NamedSharding, NamedSharding]:
    """Returns the shardings of one row per device, in the order of processes, and of a whole copy on each device."""
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    mesh = jax.sharding.Mesh(np.array(devices), ("all",), axis_types=(AxisType.Auto,))
    return NamedSharding(mesh, PartitionSpec("all")), NamedSharding(mesh, PartitionSpec())


def of_first(text: str) -> str:
    """Returns the text that the first process gives; all must call this."""
    return everyone(text)[0]


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Wraps what each process does by itself: an error in one is raised in all, which would otherwise wait for it.

    Raises:
      UserError: Another process failed.
    """
    try:
        yield
    except Exception as error:
        if not lost_a_peer(error):
            everyone(str(error) or type(error).__name__)
        raise
    for number, wrong in enumerate(everyone("")):
        if wrong:
            raise UserError(f"process {number}: {wrong}")


def check_alike(given: dict[str, Any]) -> None:
    """Raises UserError, naming the difference, unless all processes have the same settings and number of devices."""
    own = as_lines(given | {"devices": jax.local_device_count()})
    said = [dict(line.split("=", 1) for line in text.splitlines()) for text in everyone(own)]
    for number, other in enumerate(said):
        for name in said[0] | other:
            if said[0].get(name) != other.get(name):
                raise UserError(
                    f"process {number} has {name} {other.get(name)}, process 0 has {said[0].get(name)}: start all alike"
                )


def shared_settings(
    command: str, file: Path, arguments: dict[str, Any], options: Options, data: Source
) -> dict[str, Any]:
    """What processes that train together must have in common."""
    code = sha256_of(file)[:12]
    same = {"command": command, "experiment": code, **arguments, **dataclasses.asdict(options), **versions()}
    found = data.found.line() if data.found else f"{data.size} examples"
    return same | {"data": f"{data.name} ({found}; {data.classes} classes)"}


def as_lines(given: dict[str, Any]) -> str:
    return "\n".join(f"{name}={str(value).encode('unicode_escape').decode()}" for name, value in given.items())


def make_anyone() -> Callable[[int], int]:
    """Returns a function that every process calls at each step with a number, and that returns the largest of all.

    With several processes the result is that of the previous call, so that no device waits for the host. All get the
    same result.
    """
    if jax.process_count() == 1:
        return lambda number: number
    each, whole = over_all_devices()
    largest = jax.jit(jnp.max, out_shardings=whole)
    before: jax.Array | None = None

    def anyone(number: int) -> int:
        nonlocal before
        known = 0 if before is None else int(before)
        own = np.full(jax.local_device_count(), number, np.int32)
        before = largest(jax.make_array_from_process_local_data(each, own))
        return known

    return anyone


def lost_a_peer(error: BaseException | None) -> bool:
    """Whether an error means that a peer was lost, as JAX or code that waited for the peer raises it."""
    if error is None or jax.process_count() == 1:
        return False
    return isinstance(error, (jax.errors.JaxRuntimeError, TimeoutError)) or lost_a_peer(error.__cause__)


@contextlib.contextmanager
def or_leave() -> Iterator[None]:
    """Ends one of several processes at once if it alone fails or it loses a peer.

    In an ordinary exit JAX would wait for the others, and they for this one.
    """
    try:
        yield
    except Exception as error:
        if jax.process_count() == 1:
            raise
        if not lost_a_peer(error):
            traceback.print_exc()
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        leave(
            f"process {jax.process_index()} of {jax.process_count()}: a peer was lost, or this process failed alone "
            f"({reason}); `gan-jax resume` goes on from what is saved",
            1,
        )


def leave(message: str, code: int) -> NoReturn:
    """Prints a line on stderr and exits without waiting for the other processes."""
    print(f"gan-jax: {' '.join(message.split())}", file=sys.stderr, flush=True)
    os._exit(code)
