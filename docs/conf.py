"""The site: `sphinx-build -W --keep-going -b html docs docs/_build/html`. It fetches nothing and runs no notebook."""

import os
import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.environ["JAX_PLATFORMS"] = "cpu"

import gan_jax  # noqa: E402

project = "gan_jax"
author = "The gan_jax developers"
project_copyright = author
version = release = gan_jax.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
default_role = "literal"  # `name` in a docstring
highlight_language = "none"  # unless a block names its language
html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"gan_jax {version}"
html_static_path: list[str] = []

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks keep their outputs
nb_merge_streams = True
copybutton_exclude = ".linenos, .gp"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, as of `Args:`: the signature has the types

# Links into this package must lead somewhere. Other projects' names aren't links: no inventory is downloaded.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!gan_jax).*"),
    (r"py:class", r"gan_jax\.types\.T"),  # a type variable
]


class CommandHelp(SphinxDirective):
    """The `--help` of gan-jax, or of one of its commands, perhaps for an experiment."""

    optional_arguments = 2

    def run(self) -> list[nodes.Node]:
        command = [sys.executable, "-m", "gan_jax", *self.arguments, "--help"]
        variables = {**os.environ, "COLUMNS": "78", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
        text = subprocess.run(command, check=True, capture_output=True, text=True, env=variables, cwd=ROOT).stdout
        return [nodes.literal_block(text, text, language="none")]


def write_mathml(writer, node: nodes.math | nodes.math_block) -> None:
    """Writes an equation as MathML, which browsers draw by themselves: no script, and nothing to fetch."""
    block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def readable(app, what: str, name: str, value, options, signature: str | None, returns: str | None):
    """A class's signature without Linen's own fields, and functions by their names."""
    if what == "class" and signature:
        signature = re.sub(r", parent: .*", ")", signature).replace("(parent: ", "(")
        return re.sub(r"<function (\w+)(\.<locals>\.\w+)*( at 0x\w+)?>", r"\1", signature), returns


def has_no_docstring(app, what: str, name: str, value, skip: bool, options) -> bool | None:
    """Leaves out members with a generated docstring: a named tuple's fields, and Linen modules behind `generator`."""
    text = value.__doc__ or ""
    return True if text.startswith(("Alias for field number", f"{name}(")) else None


def link_to_notebooks(app, name: str, source: list[str]) -> None:
    """Turns links to notebooks, which work on GitHub, into links to their pages, which lie behind a symbolic link."""
    source[0] = re.sub(r"\[([^]]+)\]\((?:\.\./)+notebooks/(\w+)\.ipynb\)", r"{doc}`\1 </notebooks/\2>`", source[0])


def setup(app) -> None:
    app.add_directive("command-help", CommandHelp)
    app.add_html_math_renderer("mathml", (write_mathml, None), (write_mathml, None))
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-skip-member", has_no_docstring)
    app.connect("source-read", link_to_notebooks)
