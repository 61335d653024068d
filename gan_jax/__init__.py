"""Generative adversarial networks in JAX: pure functions that compose.

    from gan_jax import Experiment, Players, add, data, losses, nets, penalties, priors, scale

Importing this package takes no time: JAX is imported when a name is first used.
"""

from typing import TYPE_CHECKING

from gan_jax.lazy import face

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gan_jax import (
        augment as augment,
        auxiliary as auxiliary,
        averages as averages,
        constraints as constraints,
        convert as convert,
        data as data,
        dynamics as dynamics,
        experiment as experiment,
        features as features,
        keys as keys,
        latent as latent,
        losses as losses,
        measures as measures,
        metrics as metrics,
        nets as nets,
        objectives as objectives,
        parallel as parallel,
        penalties as penalties,
        priors as priors,
        regularizers as regularizers,
        sample as sample,
        schedules as schedules,
        simultaneous as simultaneous,
        spectrum as spectrum,
        types as types,
        update as update,
        views as views,
    )
    from gan_jax.constraints import clip_weights as clip_weights, packed as packed, spectral_norm as spectral_norm
    from gan_jax.experiment import Experiment as Experiment
    from gan_jax.objectives import add as add, every as every, scale as scale
    from gan_jax.sample import make_sampler as make_sampler, make_walker as make_walker
    from gan_jax.simultaneous import (
        make_losses as make_losses,
        make_simultaneous_update as make_simultaneous_update,
    )
    from gan_jax.types import (
        Array as Array,
        Augment as Augment,
        Batch as Batch,
        Condition as Condition,
        Features as Features,
        Game as Game,
        Measure as Measure,
        Mode as Mode,
        Network as Network,
        Objective as Objective,
        Output as Output,
        Pair as Pair,
        Params as Params,
        Players as Players,
        Prior as Prior,
        Seen as Seen,
        State as State,
        Terms as Terms,
        TrainState as TrainState,
        Variables as Variables,
        View as View,
    )
    from gan_jax.update import deal as deal, make_init as make_init, make_update as make_update

NAMES = {
    __name__: "augment auxiliary averages constraints convert data dynamics experiment features keys latent "
    "losses measures metrics nets objectives parallel penalties priors regularizers sample schedules simultaneous "
    "spectrum types update views",
    "gan_jax.constraints": "clip_weights packed spectral_norm",
    "gan_jax.experiment": "Experiment",
    "gan_jax.objectives": "add every scale",
    "gan_jax.sample": "make_sampler make_walker",
    "gan_jax.simultaneous": "make_losses make_simultaneous_update",
    "gan_jax.types": "Array Augment Batch Condition Features Game Measure Mode Network Objective "
    "Output Pair Params Players Prior Seen State Terms TrainState Variables View",
    "gan_jax.update": "deal make_init make_update",
}
__all__, __getattr__, __dir__ = face(__name__, NAMES)
