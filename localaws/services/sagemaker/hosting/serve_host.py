"""The program that serves one model: /ping and /invocations, as the inference toolkit defines them.

Run by its path, in a process of its own, with nothing but the standard library: the model's code
decides what else is imported. Contract of the model's module (`SAGEMAKER_PROGRAM`):
`model_fn(model_dir)`, and either `transform_fn(model, body, content_type, accept)` or any of
`input_fn(body, content_type)`, `predict_fn(data, model)`, `output_fn(prediction, accept)`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JSON = "application/json"
TEXT_TYPES = {JSON, "text/csv", "application/jsonlines"}


class BadRequestError(Exception):
    """What the caller sent cannot be used; answered with 400."""


class Model:
    """The loaded model and the functions around it."""

    def __init__(self, module: Any, model_dir: str) -> None:
        self._module = module
        self._model = module.model_fn(model_dir)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Turn a request body into a response body and its content type.

        Raises:
            BadRequestError: input_fn (or transform_fn) refused the body by ValueError.
        """
        # The toolkit hands text formats over as str; everything else stays bytes.
        media = content_type.partition(";")[0].strip().lower()
        given: Any = body.decode() if media in TEXT_TYPES else body
        if hasattr(self._module, "transform_fn"):
            result = refusing(self._module.transform_fn, self._model, given, content_type, accept)
        else:
            result = self._steps(given, content_type, accept)
        output, kind = result if isinstance(result, tuple) else (result, accept)
        return output.encode() if isinstance(output, str) else bytes(output), kind

    def _steps(self, given: Any, content_type: str, accept: str) -> Any:
        data = refusing(getattr(self._module, "input_fn", default_input), given, content_type)
        predict = getattr(self._module, "predict_fn", default_predict)
        return getattr(self._module, "output_fn", default_output)(
            predict(data, self._model), accept
        )


def refusing(function: Any, *arguments: Any) -> Any:
    """Call a function that reads the request; its ValueError is the caller's fault."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise BadRequestError(str(error)) from error


def default_input(body: Any, content_type: str) -> Any:
    """Read JSON; other formats need an input_fn."""
    if content_type.partition(";")[0].strip() != JSON:
        raise ValueError(f"Content type {content_type!r} is not supported; send {JSON}.")
    return json.loads(body)


def default_predict(data: Any, model: Any) -> Any:
    """Ask the model itself."""
    return model.predict(data)


def default_output(prediction: Any, _accept: str) -> tuple[str, str]:
    """Write JSON; numpy arrays by their tolist."""
    plain = prediction.tolist() if hasattr(prediction, "tolist") else prediction
    return json.dumps(plain), JSON


class Handler(BaseHTTPRequestHandler):
    """Answers /ping and /invocations."""

    model: Model
    protocol_version = "HTTP/1.1"
    # One send per answer: headers and body apart would meet delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer /ping; it is up as soon as it answers, for the model is loaded before."""
        known = self.path == "/ping"
        self.reply(200 if known else 404, b"" if known else b"Not found", "text/plain")

    def do_POST(self) -> None:
        """Answer /invocations."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self.reply(404, b"Not found", "text/plain")
            return
        content_type = self.headers.get("Content-Type") or JSON
        accept = self.headers.get("Accept") or JSON
        accept = JSON if accept == "*/*" else accept
        try:
            output, kind = self.model.answer(body, content_type, accept)
        except BadRequestError as error:
            self.reply(400, str(error).encode(), "text/plain")
        except Exception as error:  # noqa: BLE001 - becomes the answer 500
            traceback.print_exc()
            self.reply(500, f"{type(error).__name__}: {error}".encode(), "text/plain")
        else:
            self.reply(200, output, kind)

    def reply(self, status: int, body: bytes, kind: str) -> None:
        """Send one answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of single requests: a log line each would outgrow the log."""


def end_with(parent: int) -> None:
    """End this process when the server that started it is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def main() -> None:
    """Load the model, listen, tell the port."""
    parser = argparse.ArgumentParser()
    for name in ("model", "code", "program", "port-file"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parent", type=int, required=True)
    given = parser.parse_args()
    threading.Thread(target=end_with, args=(given.parent,), daemon=True).start()
    sys.path.insert(0, given.code)
    Handler.model = Model(importlib.import_module(Path(given.program).stem), given.model)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # The name appears only when the content is complete.
    draft = Path(f"{given.port_file}.draft")
    draft.write_text(str(server.server_address[1]))
    draft.rename(given.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
