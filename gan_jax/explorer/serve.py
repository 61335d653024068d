"""The server of the page, on this machine alone by default."""

import os
import socket
import webbrowser
from pathlib import Path

import fastapi
import gradio as gr
import uvicorn
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from gan_jax.errors import UserError
from gan_jax.explorer.actions import Actions, found_by
from gan_jax.explorer.media import show_of
from gan_jax.explorer.nearest import nearest_of
from gan_jax.explorer.page import METHODS, build, script, theme
from gan_jax.explorer.state import explorer_of
from gan_jax.models.directions import load
from gan_jax.models.model import Model
from gan_jax.runs.trained import Which
from gan_jax.storage.provenance import Origin, hash_of

LOOPBACK = {"127.0.0.1", "localhost"}


def listening(host: str, port: int) -> socket.socket:
    """Opens the port.

    Raises:
      UserError: It is taken, or isn't this machine's.
    """
    if not 0 <= port < 2**16:
        raise UserError(f"port {port}: it must be from 0 to 65535")
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise UserError(
            f"{host}:{port} can't be opened ({error}): give another --port, or 0 for any; --host takes an IPv4 address"
        ) from error


def actions_of(
    model: Model, where: Path, checkpoint: Which, data: Path | None, directions: Path | None, folder: Path
) -> Actions:
    """What the page does with a model.

    Args:
      model: The model.
      where: Its run or bundle.
      checkpoint: The checkpoint of a run.
      data: Where the run's data lie now, if they were moved.
      directions: A file of `gan-jax directions`, or None.
      folder: For files to take away.
    """
    explorer = explorer_of(model)
    origin = Origin(model.name, hash_of(model.variables), model.step, 0)
    given = None if directions is None else load(directions, model)
    return Actions(
        explorer=explorer,
        origin=origin,
        show=show_of(model.view, origin),
        nearest=nearest_of(where, checkpoint, data),
        directions=found_by(explorer, given),
        folder=folder,
    )


def app_of(actions: Actions, directions: Path | None, port: socket.socket) -> fastapi.FastAPI:
    """The page as an app. It answers only to its own host and its own page's requests, so no other page can use it.

    Args:
      actions: What the page does.
      directions: The file that directions were read from, or None.
      port: The open port.
    """
    host = port.getsockname()[0]
    hosts = LOOPBACK if host in LOOPBACK else {"*"} if host == "0.0.0.0" else {host}
    methods = METHODS if directions is None else {"file": directions.name} | METHODS
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(hosts))
    app.add_middleware(BaseHTTPMiddleware, dispatch=refuse_strangers)
    return gr.mount_gradio_app(
        app,
        build(actions, methods),
        path="/",
        footer_links=[],
        run_history=False,
        max_file_size="1mb",
        ssr_mode=False,
        theme=theme(),
        css=script("style.css"),
    )


async def refuse_strangers(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Refuses what another page asks for in the user's browser, and uploads, which the page doesn't need."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        return Response("another page's request", 403)
    if request.url.path.endswith("/upload"):
        return Response("no uploads", 403)
    return await answer(request)


def serve(app: fastapi.FastAPI, model: Model, port: socket.socket, *, open_browser: bool = False) -> None:
    """Prints the page's address, and serves it until a signal ends it.

    Args:
      app: The page.
      model: Its model.
      port: The open port.
      open_browser: Whether to open the page in a browser.
    """
    host, number = port.getsockname()[:2]
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{number}/"
    print(f"{address} shows {model.name} at step {model.step}; Ctrl-C ends it", flush=True)
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[port])


def files_in(folder: str) -> Path:
    """Makes gradio keep its files in a folder; call it before the page is built."""
    os.environ["GRADIO_TEMP_DIR"] = folder
    return Path(folder) / "made"
