"""CodeBuild's operations.

What runs inside a build belongs to ``build``, what a project may be to ``projects``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from localaws.core.errors import ServiceError
from localaws.core.paging import Paging
from localaws.core.provider import Provider
from localaws.core.store import DuplicateKeyError
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services.codebuild import projects, records
from localaws.services.codebuild.build import Build

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document

# "The token is ... valid for 5 minutes" (StartBuild API reference).
_START = TokenRule("idempotencyToken", "InvalidInputException", seconds=300.0)
_JOIN_SECONDS = 10.0
_PAGE = 100
_PAGING = Paging("nextToken", "", "InvalidInputException")  # the page size is not asked for


class CodeBuildProvider(Provider):
    """Projects, and builds that really run."""

    service: ClassVar[str] = "codebuild"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._records = records.Records(context)
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Build, threading.Thread]] = {}

    def start(self) -> None:
        """Close builds a former server left under way: their host is gone, so they are FAULT."""
        for key in self._records.unfinished():
            _kill_leftover(self._folder(key))
            self._records.change(key, _lost)

    def stop(self) -> None:
        """Kill the running builds and wait until they have noted their end."""
        with self._lock:
            running = list(self._running.values())
        for build, _ in running:
            build.stop()
        for _, thread in running:
            thread.join(_JOIN_SECONDS)

    # -- projects --------------------------------------------------------------------------------

    def create_project(self, call: Call, request: Document) -> Document:
        """Store a project that can be performed."""
        projects.check_project(request)
        now = self.context.now()
        project = request | {
            "arn": f"arn:aws:codebuild:{call.region}:{call.account_id}:project/{request['name']}",
            "created": now,
            "lastModified": now,
        }
        try:
            self._records.projects.insert(_key(call, request["name"]), project)
        except DuplicateKeyError:
            raise ServiceError(
                "ResourceAlreadyExistsException", f"Project already exists: {project['arn']}"
            ) from None
        return {"project": project}

    def update_project(self, call: Call, request: Document) -> Document:
        """Replace the members given; the others stay."""
        with self._lock:
            project = self._project(call, request["name"]) | request
            project["lastModified"] = self.context.now()
            projects.check_project(project)
            self._records.projects.put(_key(call, request["name"]), project)
        return {"project": project}

    def delete_project(self, call: Call, request: Document) -> Document:
        """Forget a project; its builds stay. Unknown names are no error, as on AWS."""
        self._records.projects.delete(_key(call, request["name"]))
        return {}

    def batch_get_projects(self, call: Call, request: Document) -> Document:
        """Return the projects found, and the names that were not."""
        found = {name: self._records.projects.get(_key(call, name)) for name in request["names"]}
        return {
            "projects": [project for project in found.values() if project is not None],
            "projectsNotFound": [name for name, project in found.items() if project is None],
        }

    def list_projects(self, call: Call, request: Document) -> Document:
        """Return project names; newest first unless asked otherwise."""
        names = [p["name"] for _, p in self._records.projects.scan(_key(call, ""))]
        if request.get("sortBy", "NAME") == "NAME":
            names.sort()
        return _page("projects", _sorted(names, request), request)

    # -- builds ----------------------------------------------------------------------------------

    def start_build(self, call: Call, request: Document) -> Document:
        """Start a build, or return the one that the same token started within five minutes."""
        token = ClientToken(self.context, call, request, _START)
        with self._lock:
            if (known := token.answer()) is None:
                project = self._project(call, request["projectName"])
                known, new = token.once(lambda: self._new_build(call, project, request))
                if new:
                    self._run(known["key"])
        record = self._records.builds.get(known["key"])
        if record is None:
            raise KeyError(known["key"])
        return {"build": record["build"]}

    def stop_build(self, call: Call, request: Document) -> Document:
        """Kill a running build; one that has ended stays as it ended."""
        key = _key(call, request["id"])
        record = self._records.builds.get(key)
        if record is None:
            raise ServiceError("ResourceNotFoundException", f"Build not found: {request['id']}")
        with self._lock:
            running = self._running.get(key)
        if running is not None:
            running[0].stop()
            running[1].join(_JOIN_SECONDS)
        return {"build": (self._records.builds.get(key) or record)["build"]}

    def batch_get_builds(self, call: Call, request: Document) -> Document:
        """Return the builds found, and the ids that were not."""
        found = {name: self._records.builds.get(_key(call, name)) for name in request["ids"]}
        return {
            "builds": [record["build"] for record in found.values() if record is not None],
            "buildsNotFound": [name for name, record in found.items() if record is None],
        }

    def list_builds(self, call: Call, request: Document) -> Document:
        """Return build ids, newest first unless asked otherwise."""
        return self._list(_key(call, ""), request)

    def list_builds_for_project(self, call: Call, request: Document) -> Document:
        """Return the ids of a project's builds, newest first unless asked otherwise."""
        self._project(call, request["projectName"])
        return self._list(_key(call, f"{request['projectName']}:"), request)

    # -- behind them -----------------------------------------------------------------------------

    def _list(self, prefix: str, request: Document) -> Document:
        ids = [record["build"]["id"] for _, record in self._records.builds.scan(prefix)]
        return _page("ids", _sorted(ids, {"sortOrder": "DESCENDING"} | request), request)

    def _project(self, call: Call, name: str) -> Document:
        project = self._records.projects.get(_key(call, name))
        if project is None:
            arn = f"arn:aws:codebuild:{call.region}:{call.account_id}:project/{name}"
            raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        return project

    def _new_build(self, call: Call, project: Document, request: Document) -> Document:
        number = self._records.next_number(_key(call, project["name"]))
        document = projects.new_build(project, request, call, number, str(uuid.uuid4()))
        key = _key(call, document["id"])
        self._records.builds.put(key, {"build": document})
        return {"key": key}

    def _run(self, key: str) -> None:
        build = Build(self.context, self._records, key, self._folder(key))

        def perform() -> None:
            try:
                build.execute()
            finally:
                with self._lock:
                    self._running.pop(key, None)

        thread = threading.Thread(target=perform, name=f"build {key}", daemon=True)
        self._running[key] = (build, thread)
        thread.start()

    def _folder(self, key: str) -> Path:
        account, _, build_id = key.split("/", 2)
        project, _, unique = build_id.partition(":")
        return self.context.folder("codebuild", account, project, unique)


def _key(call: Call, name: str) -> str:
    return f"{call.account_id}/{call.region}/{name}"


def _sorted(names: list[str], request: Document) -> list[str]:
    return names[::-1] if request.get("sortOrder") == "DESCENDING" else names


def _page(member: str, names: list[str], request: Document) -> Document:
    page, more = _PAGING.page(names, request, key=str, default=_PAGE)
    return {member: page, **more}


def _lost(build: Document) -> None:
    if "phaseStatus" not in build["phases"][-1]:
        records.end_phase(build, *records.HOST_GONE)
    records.complete(build, "FAULT")


def _kill_leftover(folder: Path) -> None:
    """End processes of a build whose server was killed: they would go on acting unseen."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            inside = (process / "cwd").resolve().is_relative_to(folder.resolve())
            if inside:
                os.kill(int(process.name), signal.SIGKILL)
