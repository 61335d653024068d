"""Bundles: what they keep of a model, and what they refuse."""

import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from safetensors import numpy as safetensors
from tiny_models import MODELS, model

from gan_jax import latent, views
from gan_jax.errors import Missing, UserError
from gan_jax.models import bundle
from gan_jax.models.directions import directions_of, has_styles, space_of
from gan_jax.models.open import open_model
from gan_jax.models.programs import CALL
from gan_jax.nets import dcgan
from gan_jax.storage.provenance import hash_of
from gan_jax.trees import named
from gan_jax.types import Mode, Network


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Makes the bundle of a model once."""
    folder, made = tmp_path_factory.mktemp("bundles"), {}

    def of(name):
        if name not in made:
            made[name] = folder / f"{name}.ganjax"
            bundle.write(MODELS[name](), f"# {name}", made[name])
        return made[name]

    return of


@pytest.fixture
def members(bundles):
    return dict(bundle.members_of(bundles("images")))


def zipped(file, members, how=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


LONG = ("sounds", "text", "clips", "shapes", "images of styles")
each_model = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive if name in LONG else ()) for name in MODELS]
)


@each_model
def test_a_bundle_draws_the_samples_of_its_model_in_any_number(bundles, name):
    original, opened = MODELS[name](), bundle.read(bundles(name))
    for num in (1, 5):
        np.testing.assert_allclose(opened.sample(3, num), original.sample(3, num), atol=1e-5)
    np.testing.assert_allclose(opened.walk(3, 2, 3), original.walk(3, 2, 3), atol=1e-5)
    assert (opened.name, opened.step, opened.classes) == ("tiny", 7, original.classes)


@each_model
def test_a_bundle_has_the_same_variables_and_the_same_latents_to_the_bit(bundles, name):
    original, opened = MODELS[name](), bundle.read(bundles(name))
    assert hash_of(opened.variables) == hash_of(original.variables)
    keys = jax.random.split(jax.random.key(5), 4)
    np.testing.assert_array_equal(jax.vmap(opened.prior)(keys), jax.vmap(original.prior)(keys))
    np.testing.assert_array_equal(opened.prior(keys[2]), original.prior(keys[2]))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["text", "sounds"])
def test_a_bundle_writes_the_files_that_its_model_writes(bundles, tmp_path, name):
    original, opened = MODELS[name](), bundle.read(bundles(name))
    assert opened.view.single.keys() == original.view.single.keys()
    for view, file in ((original.view, "a.png"), (opened.view, "b.png")):
        view.together[".png"](original.sample(0, 3), tmp_path / file)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_same_model_gives_the_same_bytes(bundles, tmp_path):
    bundle.write(MODELS["images"](), "# images", tmp_path / "again.ganjax")
    assert (tmp_path / "again.ganjax").read_bytes() == bundles("images").read_bytes()


def test_a_bundle_of_a_bundle_is_the_same(bundles, tmp_path):
    bundle.write(bundle.read(bundles("images")), "# images", tmp_path / "again.ganjax")
    again = bundle.read(tmp_path / "again.ganjax")
    np.testing.assert_allclose(again.sample(0, 2), MODELS["images"]().sample(0, 2), atol=1e-6)
    np.testing.assert_array_equal(again.first_layer.vectors, bundle.read(bundles("images")).first_layer.vectors)


def test_half_precision_halves_the_variables_and_moves_samples_a_little(tmp_path):
    original = model(dcgan.generator(width=16, shape=(8, 8, 1)), views.images)
    for half, name in ((False, "whole"), (True, "half")):
        bundle.write(original, "", tmp_path / name, half=half)
    sizes = [len(bundle.members_of(tmp_path / name)["variables.safetensors"]) for name in ("whole", "half")]
    assert 1.9 < sizes[0] / sizes[1] < 2
    apart = np.abs(bundle.read(tmp_path / "half").sample(0, 4) - original.sample(0, 4)).max()
    assert 0 < apart < 2e-3


def test_what_half_precision_cannot_hold_is_refused(tmp_path):
    original = MODELS["points"]()
    large = original._replace(variables=jax.tree.map(lambda leaf: leaf + 1e5, original.variables))
    with pytest.raises(UserError, match="leave --half out"):
        bundle.write(large, "", tmp_path / "a.ganjax", half=True)
    assert not list(tmp_path.iterdir())


def test_styles_travel_and_lead_to_the_same_samples(bundles):
    original, opened = MODELS["images of styles"](), bundle.read(bundles("images of styles"))
    assert has_styles(original)
    assert has_styles(opened)
    keys = jax.random.split(jax.random.key(0), 2)
    styles = [space_of(each).draw(keys, None) for each in (original, opened)]
    np.testing.assert_allclose(styles[0], styles[1], atol=1e-6)
    images = [space_of(each).generate(styles[0] + 1, keys, None) for each in (original, opened)]
    np.testing.assert_allclose(images[0], images[1], atol=1e-5)


def test_the_first_layers_directions_travel(bundles):
    original, opened = MODELS["images of classes"](), bundle.read(bundles("images of classes"))
    found = [directions_of(each, "first_layer", 3) for each in (original, opened)]
    np.testing.assert_allclose(found[0].vectors, found[1].vectors, atol=1e-6)
    with pytest.raises(UserError, match="the bundle has 6 of the first layer"):
        directions_of(opened, "first_layer", 7)


def test_derivatives_travel_so_that_a_sample_of_a_bundle_is_inverted(bundles):
    opened = bundle.read(bundles("points"))
    space, keys = space_of(opened), jax.random.split(jax.random.key(0), 3)
    goal = opened.sample(1, 1)[0]
    *_, last = latent.invert(lambda z: space.generate(z, keys, None), goal, space.draw(keys, None), steps=300)
    assert last.losses.min() < 1e-3


def test_the_card_is_kept(bundles):
    assert bundle.card_of(bundles("text")) == "# text"


# What isn't a bundle


def test_a_truncated_file_is_refused_at_any_length(bundles, tmp_path):
    whole = bundles("points").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.ganjax").write_bytes(whole[:length])
        with pytest.raises(UserError, match="isn't a bundle, or isn't whole"):
            bundle.read(tmp_path / "cut.ganjax")


def test_a_changed_byte_is_noticed(bundles, tmp_path):
    whole = bytearray(bundles("points").read_bytes())
    start = whole.index(b"variables.safetensors") + 200
    whole[start] ^= 1
    (tmp_path / "changed.ganjax").write_bytes(whole)
    with pytest.raises(UserError):
        bundle.read(tmp_path / "changed.ganjax")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "experiment.py", "bundle.json/"])
def test_a_member_of_another_name_is_refused_and_nothing_is_unpacked(members, tmp_path, name):
    file = zipped(tmp_path / "evil.ganjax", members | {name: b"evil"})
    with pytest.raises(UserError, match="it holds"):
        bundle.read(file)
    assert [path.name for path in tmp_path.iterdir()] == ["evil.ganjax"]


@pytest.mark.parametrize("name", ["variables.safetensors", "bundle.json", "generator.jax", "README.md"])
def test_a_bomb_is_refused_before_it_is_unpacked(members, tmp_path, name):
    file = zipped(tmp_path / "bomb.ganjax", members | {name: bytes(bundle.LARGEST.get(name, 10_000_000) + 1)})
    with pytest.raises(UserError, match=f"{name} has .* bytes, where .* are many"):
        bundle.read(file)


def test_a_member_that_is_there_twice_is_refused(members, tmp_path):
    zipped(tmp_path / "twice.ganjax", members)
    with (
        zipfile.ZipFile(tmp_path / "twice.ganjax", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("README.md", b"another")
    with pytest.raises(UserError, match=r"it holds README.md twice"):
        bundle.read(tmp_path / "twice.ganjax")


@pytest.mark.parametrize("name", ["bundle.json", "prior.jax", "generator.jax", "variables.safetensors", "README.md"])
def test_a_member_that_lacks_is_named(members, tmp_path, name):
    del members[name]
    with pytest.raises(UserError, match=f"it lacks {name}"):
        bundle.read(zipped(tmp_path / "less.ganjax", members))


def facts(members, **changed):
    return members | {"bundle.json": json.dumps(json.loads(members["bundle.json"]) | changed).encode()}


BROKEN = {
    "facts that aren't JSON": lambda m: m | {"bundle.json": b"{"},
    "nested facts": lambda m: m | {"bundle.json": b"[" * 100_000 + b"]" * 100_000},
    "facts that are a list": lambda m: m | {"bundle.json": b"[]"},
    "no step": lambda m: facts(m, step=None),
    "a step before the first": lambda m: facts(m, step=-5),
    "an endless step": lambda m: facts(m, step=10**4000),
    "a view of shapes": lambda m: facts(m, view={"kind": "shapes"}),
    "a view of clips": lambda m: facts(m, view={"kind": "videos"}),
    "a view of points": lambda m: facts(m, view={"kind": "points"}),
    "a view of sounds": lambda m: facts(m, view={"kind": "sounds", "rate": 8000}),
    "a view of text": lambda m: facts(m, view={"kind": "text", "alphabet": "abc", "words": []}),
    "another format": lambda m: facts(m, format=99),
    "a name that is a path": lambda m: facts(m, name="/tmp/evil"),
    "a name that leads out": lambda m: facts(m, name="../evil"),
    "a name that controls a terminal": lambda m: facts(m, name="\x1b]0;evil"),
    "no name": lambda m: facts(m, name=""),
    "an unknown view": lambda m: facts(m, view={"kind": "__import__"}),
    "a strange rate": lambda m: facts(m, view={"kind": "sounds", "rate": -1}),
    "words that aren't": lambda m: facts(m, view={"kind": "text", "alphabet": "ab", "words": [1]}),
    "classes": lambda m: facts(m, classes=3),
    "endless classes": lambda m: facts(m, classes=10**12),
    "classes in words": lambda m: facts(m, classes="three"),
    "a program that isn't": lambda m: m | {"generator.jax": b"program"},
    "a cut program": lambda m: m | {"generator.jax": m["generator.jax"][:-500]},
    "the prior's program": lambda m: m | {"generator.jax": m["prior.jax"]},
    "the generator's program": lambda m: m | {"prior.jax": m["generator.jax"]},
    "variables that aren't": lambda m: m | {"variables.safetensors": b"\xff" * 100},
    "no variables": lambda m: m | {"variables.safetensors": safetensors.save({})},
    "variables of other shapes": lambda m: (
        m
        | {
            "variables.safetensors": safetensors.save(
                {k: v[:1] for k, v in safetensors.load(m["variables.safetensors"]).items()}
            )
        }
    ),
    "a variable more": lambda m: (
        m
        | {"variables.safetensors": safetensors.save(safetensors.load(m["variables.safetensors"]) | {"x": np.ones(1)})}
    ),
    "a variable inside another": lambda m: (
        m | {"variables.safetensors": safetensors.save({"params": np.ones(1), "params/a": np.ones(1)})}
    ),
    "directions that aren't finite": lambda m: (
        m
        | {
            "directions.safetensors": safetensors.save(
                {"vectors": np.full((1, 6), np.nan), "scales": np.ones(1), "shares": np.ones(1)}
            )
        }
    ),
    "directions of other shapes": lambda m: (
        m | {"directions.safetensors": safetensors.save({n: np.ones((2, 2)) for n in latent.Directions._fields})}
    ),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_bundle_is_refused_in_one_line(members, tmp_path, change):
    with pytest.raises(UserError, match=r"broken.ganjax") as error:
        bundle.read(zipped(tmp_path / "broken.ganjax", change(members)))
    assert "\n" not in str(error.value)


def test_a_program_that_cannot_be_read_names_the_jax_that_wrote_it(members, tmp_path):
    versions = json.loads(members["bundle.json"])["versions"] | {"jax": "9.9.9"}
    broken = facts(members, versions=versions) | {"generator.jax": b"newer"}
    with pytest.raises(UserError, match=f"it was written with jax 9.9.9, and this is {jax.__version__}"):
        bundle.read(zipped(tmp_path / "newer.ganjax", broken))


def test_a_program_that_calls_code_outside_itself_is_refused(members, tmp_path):
    keys = jax.ShapeDtypeStruct((1,), jax.eval_shape(jax.random.key, 0).dtype)
    draw = jax.jit(lambda keys: jax.ffi.ffi_call("evil", jax.ShapeDtypeStruct((1, 6), jnp.float32))())
    program = export.export(draw, disabled_checks=[export.DisabledSafetyCheck.custom_call("evil")])(keys)
    with pytest.raises(UserError, match="a program calls code outside itself: evil"):
        bundle.read(zipped(tmp_path / "calls.ganjax", members | {"prior.jax": bytes(program.serialize())}))


def test_a_program_that_waits_for_the_host_is_refused(members, tmp_path):
    assert [CALL.search(f"%0 = stablehlo.{name} %1") for name in ("infeed", "outfeed", "send", "recv")]
    assert CALL.search('stablehlo.custom_call @"a name"(%0)')[1] == '"a name"'
    assert not CALL.search("stablehlo.sender")


def test_a_program_of_a_fixed_number_of_samples_is_refused(members, tmp_path):
    tiny = MODELS["images"]()
    variables = named(tiny.variables)
    tree = jax.tree.structure(tiny.variables)

    def generate(variables, z, keys, condition):
        params, stats = jax.tree.unflatten(tree, list(variables.values()))
        return tiny.network.apply(params, stats, z, condition, Mode())[0], None

    keys = jax.random.split(jax.random.key(0), 2)
    program = export.export(jax.jit(generate))(variables, jnp.zeros((2, 6)), keys, None)
    with pytest.raises(UserError, match=r"a program makes a fixed number of samples, from float32\[2, 6\]"):
        bundle.read(zipped(tmp_path / "fixed.ganjax", members | {"generator.jax": bytes(program.serialize())}))


def test_a_bundle_without_directions_of_the_first_layer_says_so(members, tmp_path):
    without = {name: content for name, content in members.items() if name != "directions.safetensors"}
    with pytest.raises(UserError, match="this bundle has no directions of the first layer"):
        directions_of(bundle.read(zipped(tmp_path / "a.ganjax", without)), "first_layer", 1)


def test_programs_do_not_say_where_source_files_lie(members):
    for name in ("prior.jax", "generator.jax"):
        assert b".py" not in members[name]


def test_a_condition_picks_one_for_all_samples(bundles):
    model = bundle.read(bundles("images of classes"))
    of_2 = model.under(2)
    np.testing.assert_array_equal(of_2.sample(0, 4)[2], model.sample(0, 4)[2])
    np.testing.assert_array_equal(of_2.conditions, [2])
    with pytest.raises(UserError, match="condition 3: this generator has 3 conditions, from 0"):
        model.under(3)


def test_in_python_a_bundle_is_short_to_read_opens_by_a_string_and_returns_samples_as_its_run_does(bundles):
    model = open_model(str(bundles("images of classes")))
    assert repr(model) == "<tiny at step 7: latents float32[6]>"
    z, labels = jnp.zeros((2, 6)), jnp.zeros(2, jnp.int32)
    y, _ = model.network.apply(*model.variables, z, labels, Mode())
    assert y.shape == (2, *model.shape)
    with pytest.raises(UserError, match=r"a condition of None for each sample: this generator takes int32\[\]"):
        model.network.apply(*model.variables, z, None, Mode())


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Missing, match="gan-jax export RUN"):
        bundle.read(tmp_path / "none.ganjax")


# What can't travel


def test_a_view_of_the_users_own_is_refused(tmp_path):
    own = MODELS["points"]()._replace(view=views.part(lambda samples: samples, views.points))
    with pytest.raises(UserError, match="the view of tiny can't travel"):
        bundle.write(own, "", tmp_path / "a.ganjax")


def test_a_model_whose_bundle_could_not_be_opened_is_refused_and_leaves_no_file(tmp_path):
    original = MODELS["points"]()
    narrow = jax.tree.map(lambda leaf: leaf.astype(np.float16), original.variables)  # which is read as single precision
    with pytest.raises(UserError, match="can't be opened: a program isn't a generator of these variables"):
        bundle.write(original._replace(variables=narrow), "", tmp_path / "a.ganjax")
    assert not list(tmp_path.iterdir())


def test_a_network_that_depends_on_the_number_of_examples_is_refused(tmp_path):
    original = MODELS["points"]()

    def apply(params, stats, z, condition, mode):
        return original.network.apply(params, stats, z[: int(z.shape[0])], condition, mode)

    own = original._replace(network=Network(original.network.init, apply))
    with pytest.raises(UserError, match="the generator can't be exported") as error:
        bundle.write(own, "", tmp_path / "a.ganjax")
    assert "\n" not in str(error.value)


def test_a_bundles_generator_cannot_be_trained(bundles):
    opened = bundle.read(bundles("points"))
    with pytest.raises(UserError, match="can't be trained"):
        opened.network.init(jax.random.key(0), jnp.zeros((1, 6)), None)
    with pytest.raises(UserError, match=r"latents float32\[1, 7\]: this generator takes float32\[b, 6\]"):
        opened.network.apply(*opened.variables, jnp.zeros((1, 7)), None, Mode())
