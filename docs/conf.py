"""The site: `sphinx-build -W --keep-going -b html docs docs/_build/html`. It fetches nothing and runs no notebook."""

import os
import subprocess
import sys
from pathlib import Path

from docutils import nodes
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

# Links into this package must lead somewhere. Other projects' names aren't links: no inventory is downloaded.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!gan_jax).*"),
    (r"py:.*", r"gan_jax\.(types|update|losses|penalties|nets|data|views|measures|runs)(\.\w+)*\.[A-Z]\w*"),
]


class CommandHelp(SphinxDirective):
    """The `--help` of one command of gan-jax; of gan-jax itself without an argument."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        command = [sys.executable, "-m", "gan_jax", *self.arguments, "--help"]
        variables = {**os.environ, "COLUMNS": "96", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
        text = subprocess.run(command, check=True, capture_output=True, text=True, env=variables, cwd=ROOT).stdout
        return [nodes.literal_block(text, text, language="text")]


def setup(app) -> None:
    app.add_directive("command-help", CommandHelp)
