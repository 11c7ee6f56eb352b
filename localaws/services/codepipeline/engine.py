"""Moves executions through stages: level-triggered, from the durable state alone.

``advance`` looks at what is stored, takes every step that is possible now, and stops; it is called
whenever something ended or was asked for, and after a restart. Performing a single action belongs
to ``actions``; each attempt runs in a thread of its own and ends by calling ``advance`` again.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from localaws.services.codepipeline import actions
from localaws.services.codepipeline.state import State, current_stage, transition

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.codepipeline.actions import Outcome

_log = logging.getLogger(__name__)

_CLOCK_SECONDS = 5.0
# "Manual approval actions time out after seven days" (CodePipeline user guide, quotas).
_APPROVAL_SECONDS = 7 * 24 * 3600.0


class Engine:
    """Runs all executions of a server.

    Attributes:
        lock: Held while state is read and changed; operations that change state take it too.
    """

    def __init__(self, context: ServerContext, state: State) -> None:
        self.lock = threading.RLock()
        self._context = context
        self._state = state
        self._performing: dict[str, threading.Thread] = {}
        self._clock = threading.Thread(
            target=self._watch_approvals, name="approvals expire", daemon=True
        )

    def resume(self) -> None:
        """Take up whatever a former server left in flight, and watch approvals expire."""
        for pipeline, _ in self._state.pipelines.scan():
            for key, execution in self._state.in_flight(pipeline):
                self._resume_actions(key, execution)
            self.advance(pipeline)
        self._clock.start()

    def join(self, timeout: float) -> None:
        """Wait for the threads to notice that the server stops; they leave no mark."""
        for thread in [*self._performing.values(), self._clock]:
            if thread.is_alive():
                thread.join(timeout)

    def advance(self, pipeline: str) -> None:
        """Take every step that the stored state allows now."""
        with self.lock:
            document = self._state.pipelines.get(pipeline)
            while document is not None and self._step_all(pipeline, document):
                pass

    def finish_action(self, key: str, outcome: Outcome) -> None:
        """Store how an attempt ended, unless it was abandoned meanwhile, and go on."""
        execution_key = key.rpartition("/")[0]
        with self.lock:
            action = self._state.actions.get(key)
            if action is None or action["status"] != "InProgress":
                return
            changes = outcome.changes(self._state.now())
            # Together: a successor counts on the artifacts of what has succeeded.
            with self._context.store.transaction():
                self._state.actions.update(key, lambda found: found.update(changes))
                self._state.executions.update(execution_key, outcome.contribute(action["declared"]))
        self.advance(execution_key.rpartition("/")[0])

    # -- steps -----------------------------------------------------------------------------------

    def _step_all(self, pipeline: str, document: Document) -> bool:
        stepped = [self._step(key, execution) for key, execution in self._state.in_flight(pipeline)]
        return self._admit(pipeline, document) or any(stepped)

    def _step(self, key: str, execution: Document) -> bool:
        if not execution["inside"]:
            return execution["status"] == "Stopping" and self._close(key, execution, "Stopped")
        stage = current_stage(execution)
        if execution["status"] == "Stopping":
            busy = "InProgress" in self._statuses(key, execution, stage["actions"])
            return not busy and self._close(key, execution, "Stopped")
        for order in sorted({int(action["runOrder"]) for action in stage["actions"]}):
            group = [action for action in stage["actions"] if int(action["runOrder"]) == order]
            statuses = self._statuses(key, execution, group)
            if "" in statuses:
                return self._begin(key, execution, stage["name"], group)
            if "InProgress" in statuses:
                return False
            if set(statuses) != {"Succeeded"}:
                return self._close(key, execution, "Failed")
        return self._leave(key, execution)

    def _statuses(self, key: str, execution: Document, group: list[Document]) -> list[str]:
        attempts = execution["stages"][current_stage(execution)["name"]]["actions"]
        return [
            str(self._state.action(key, attempts[action["name"]])["status"])
            if action["name"] in attempts
            else ""
            for action in group
        ]

    def _begin(self, key: str, execution: Document, stage: str, group: list[Document]) -> bool:
        attempts = execution["stages"][stage]["actions"]
        fresh = [action for action in group if action["name"] not in attempts]
        # Together: an attempt that its execution does not know of would be in progress for ever.
        with self._context.store.transaction():
            keys = {action["name"]: self._state.new_action(key, stage, action) for action in fresh}
            attempts |= {name: action_key.rpartition("/")[2] for name, action_key in keys.items()}
            self._save(key, execution)
        for action in fresh:
            self._launch(keys[action["name"]], action)
        return True

    def _leave(self, key: str, execution: Document) -> bool:
        self._mark_stage(execution, "Succeeded")
        if execution["stage"] + 1 == len(execution["declaration"]["stages"]):
            execution["inside"] = False
            execution["status"] = "Succeeded"
        else:
            execution["stage"] += 1
            execution["inside"] = False
        self._save(key, execution)
        return True

    def _close(self, key: str, execution: Document, status: str) -> bool:
        if execution["inside"]:
            self._mark_stage(execution, status)
        execution["inside"] = False
        execution["status"] = status
        self._save(key, execution)
        return True

    def _admit(self, pipeline: str, document: Document) -> bool:
        """Let waiting executions into free stages; of several waiting, the newest supersedes."""
        flying = self._state.in_flight(pipeline)
        occupied = {current_stage(e)["name"] for _, e in flying if e["inside"]}
        waiting: dict[str, list[tuple[str, Document]]] = {}
        for key, execution in flying:
            if not execution["inside"] and execution["status"] == "InProgress":
                waiting.setdefault(current_stage(execution)["name"], []).append((key, execution))
        changed = False
        for stage, queue in waiting.items():
            if document["declaration"]["executionMode"] == "SUPERSEDED":
                for key, execution in queue[:-1]:
                    changed = self._close(key, execution, "Superseded")
                del queue[:-1]
            if stage not in occupied and _is_open(document, queue[0][1]):
                self._enter(*queue[0])
                changed = True
        return changed

    def _enter(self, key: str, execution: Document) -> None:
        execution["inside"] = True
        name = current_stage(execution)["name"]
        now = self._state.now()
        execution["stages"][name] = {"status": "InProgress", "entered": now, "actions": {}}
        self._save(key, execution)

    def _mark_stage(self, execution: Document, status: str) -> None:
        execution["stages"][current_stage(execution)["name"]]["status"] = status

    def _save(self, key: str, execution: Document) -> None:
        execution["updated"] = self._state.now()
        self._state.executions.put(key, execution)

    # -- attempts --------------------------------------------------------------------------------

    def _resume_actions(self, key: str, execution: Document) -> None:
        for stage in execution["stages"].values():
            for action_id in stage["actions"].values():
                action = self._state.action(key, action_id)
                if action["status"] == "InProgress":
                    self._launch(f"{key}/{action_id}", action["declared"])

    def _launch(self, key: str, declared: Document) -> None:
        if declared["actionTypeId"]["category"] == "Approval":
            return  # a person performs it, by put_approval_result
        thread = threading.Thread(target=self._perform, args=(key,), name=key, daemon=True)
        self._performing[key] = thread
        thread.start()

    def _perform(self, key: str) -> None:
        try:
            outcome = actions.perform(self._context, self._state, key)
        except actions.ServerStopsError:
            return  # still in progress in the store: the next server takes it up
        except Exception as error:  # noqa: BLE001 - else the action would be in progress for ever
            _log.exception("Action %s failed inside the embedded CodePipeline", key)
            outcome = actions.failed("SystemUnavailable", repr(error))
        finally:
            self._performing.pop(key, None)
        self.finish_action(key, outcome)

    def _watch_approvals(self) -> None:
        while not self._context.stopping.wait(_CLOCK_SECONDS):
            limit = self._state.now() - _APPROVAL_SECONDS
            for key, action in list(self._state.actions.scan()):
                if (
                    "token" in action
                    and action["status"] == "InProgress"
                    and action["started"] < limit
                ):
                    text = "The approval was not answered within seven days."
                    self.finish_action(key, actions.failed("JobFailed", text))


def _is_open(pipeline: Document, execution: Document) -> bool:
    stages = execution["declaration"]["stages"]
    number = execution["stage"]
    before = stages[number - 1]["name"] if number else None
    return bool(
        transition(pipeline, stages[number]["name"], "Inbound")["enabled"]
        and (before is None or transition(pipeline, before, "Outbound")["enabled"])
    )
