"""How a plan comes to the server: at start, or by admin calls on loopback, never from a web page.

What a plan does belongs to ``injector``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localaws.core.faults.injector import Injector
from localaws.core.faults.nodes import PlanError
from localaws.core.faults.reading import read_plan
from localaws.core.http import Response

if TYPE_CHECKING:
    import threading

    from localaws.core.faults.plan import Plan
    from localaws.core.http import Request

_SOURCE = "PUT /_localaws/faults"


class Faults:
    """The plan in force, if any.

    Attributes:
        active: None while no plan is set; that check is all a request then costs.
    """

    PATH = "/_localaws/faults"

    def __init__(self, stopping: threading.Event, plan: Plan | None = None) -> None:
        self._stopping = stopping
        self.active: Injector | None = None
        if plan is not None:
            self.set(plan)

    def set(self, plan: Plan) -> None:
        """Put a plan in force; counters, log and expired credentials of the last one are gone."""
        self.active = Injector(plan, self._stopping)

    def answer(self, request: Request) -> Response:
        """Answer an admin call."""
        if _from_a_web_page(request.headers):
            return _json(403, error="A web page has no business here; call this without a browser.")
        if request.method == "PUT":
            return self._put(request.body)
        if request.method == "GET":
            return _json(200, **(self.active.report() if self.active else {"plan": None}))
        if request.method == "DELETE":
            self.active = None
            return _json(200, plan=None)
        return _json(405, error=f"{request.method} is not GET, PUT or DELETE.")

    def _put(self, body: bytes) -> Response:
        try:
            plan = read_plan(body.decode("utf-8"), _SOURCE)
        except UnicodeDecodeError:
            return _json(400, error=f"{_SOURCE}:1: plan: expected UTF-8. Encode it so.")
        except PlanError as error:
            return _json(400, error=str(error))
        self.set(plan)
        return _json(200, seed=plan.seed, rules=[rule.name for rule in plan.rules])


def _from_a_web_page(headers: dict[str, str]) -> bool:
    return "origin" in headers or headers.get("sec-fetch-site", "none") != "none"


def _json(status: int, **body: object) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
