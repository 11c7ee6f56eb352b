"""SageMaker as the gateway sees it: all families of operations in one provider, started and ended.

No operation is written here; each family has a module of its own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localaws.services.sagemaker.feature_groups import FeatureGroups
from localaws.services.sagemaker.hosting.capture_writer import CaptureWriter
from localaws.services.sagemaker.hosting.configurations import EndpointConfigurations
from localaws.services.sagemaker.hosting.endpoints import Endpoints
from localaws.services.sagemaker.hosting.fleet import fleet_of
from localaws.services.sagemaker.hosting.models import Models
from localaws.services.sagemaker.jobs.processing import ProcessingJobs
from localaws.services.sagemaker.jobs.training import TrainingJobs
from localaws.services.sagemaker.monitoring.schedules import MonitoringSchedules
from localaws.services.sagemaker.pipelines.catalogue import PipelineCatalogue
from localaws.services.sagemaker.pipelines.executions import PipelineExecutions
from localaws.services.sagemaker.registry.groups import ModelPackageGroups
from localaws.services.sagemaker.registry.packages import ModelPackages
from localaws.services.sagemaker.tags import Tags

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

#: Job processes at a time, of all kinds together: more would only slow one another down.
JOB_SLOTS = 2


class SageMakerProvider(
    FeatureGroups,
    MonitoringSchedules,
    ProcessingJobs,
    TrainingJobs,
    PipelineCatalogue,
    PipelineExecutions,
    ModelPackageGroups,
    ModelPackages,
    Models,
    EndpointConfigurations,
    Endpoints,
    Tags,
):
    """All of SageMaker that is performed here."""

    service = "sagemaker"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        slots = threading.Semaphore(JOB_SLOTS)
        self._open_processing(context, slots)
        self._open_training(context, slots)
        self._open_endpoints(context)
        self._captures = CaptureWriter(context)
        self._benches = {"processing-job": self.processing, "training-job": self.training}
        self._executors = {}

    def start(self) -> None:
        """Resume endpoints, jobs and executions, in the order in which they need one another."""
        super().start()
        self.rollout.resume()
        self.processing.resume()
        self.training.resume()
        self._resume_executions()
        self._captures.start()

    def stop(self) -> None:
        """End every process; the records say what to take up again."""
        self.processing.stop_all()
        self.training.stop_all()
        fleet_of(self.context).stop_all()
        self._captures.stop()
        super().stop()
