"""The schedule of a run: what is due after each step."""

from typing import NamedTuple

from gan_jax.runs.options import Options


class Due(NamedTuple):
    """What is due after a step. The last step calls for everything.

    Attributes:
      log: A line of the update's metrics.
      evaluate: Figures of the generator, if the run asks for any.
      show: A picture of samples.
      save: A checkpoint; an evaluation calls for one, as it may be the best so far.
    """

    log: bool
    evaluate: bool
    show: bool
    save: bool


def due(step: int, last: int, options: Options) -> Due:
    """Returns what is due after a step of a run that ends after the step `last`."""

    def every(steps: int) -> bool:
        return step == last or step % steps == 0

    evaluate = options.evaluate_every > 0 and every(options.evaluate_every)
    return Due(every(options.log_every), evaluate, every(options.sample_every), every(options.save_every) or evaluate)
