"""How one of several processes finds the others: words of the command line, without JAX, so that --help is quick."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Processes:
    """How this process finds the others that it trains with.

    Attributes:
      distributed: This is one of several processes that train together: each runs this same command.
      coordinator: HOST:PORT of the first process; JAX finds it and the next two by itself on TPU pods, SLURM, Open MPI
        and Kubernetes.
      num_processes: How many there are.
      process_id: Which one this is, from 0 on.
      start_timeout: Seconds to wait for the others.
    """

    distributed: bool = False
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    start_timeout: int = 300
