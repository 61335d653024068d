"""WGAN-GP on 25 Gaussians with the paper's settings (Gulrajani et al. 2017, figure 1, and its gan_toy.py).

The paper shows only pictures, in which all 25 modes are covered. It makes 100,000 updates; 6,000 cover all 25
(docs/results.md).

Settings: examples of 2, latents of 2, width 512, 10,000 updates, batch 256, 5 critic turns, Adam 0.0001, b1 0.5, b2
0.9, λ 0.1, EMA 0.999.

gan-jax train experiments/wgan_gp_points.py
"""

from typing import Literal

import optax

from gan_jax import Experiment, Players, add, losses, measures, penalties, priors, scale, views
from gan_jax.data.packaged import points2d
from gan_jax.nets import mlp

DATA = {
    "gaussians8": (points2d.gaussians8, measures.mixture(points2d.CENTRES_8, points2d.SIGMA_8)),
    "gaussians25": (points2d.gaussians25, measures.mixture(points2d.CENTRES_25, points2d.SIGMA_25)),
    "swiss_roll": (points2d.swiss_roll, measures.plane()),
}


def experiment(
    *,
    steps: int = 10_000,
    batch_size: int = 256,
    data: Literal["gaussians8", "gaussians25", "swiss_roll"] = "gaussians25",
    width: int = 512,
    critic_steps: int = 5,
    learning_rate: float = 1e-4,
    penalty: float = 0.1,
) -> Experiment:
    """Train MLPs under WGAN-GP on points in the plane.

    Args:
      steps: Updates in all; the paper's is 100,000.
      batch_size: Examples per turn.
      data: The distribution to learn.
      width: Units of each of the three hidden layers of both players; 128 is 10 times faster and works well.
      critic_steps: Critic turns per update.
      learning_rate: Rate of both Adams.
      penalty: Weight of the gradient penalty.
    """
    source, measure = DATA[data]
    optimizer = optax.adam(learning_rate, b1=0.5, b2=0.9)
    return Experiment(
        data=source(),
        nets=Players(critic=mlp.critic(width=width), generator=mlp.generator((2,), width=width)),
        objective=add(
            adversarial=losses.wasserstein(),
            gradient_penalty=scale(penalties.gradient_penalty(), penalty),
        ),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        critic_steps=critic_steps,
        view=views.points,
        measure=measure,
    )
