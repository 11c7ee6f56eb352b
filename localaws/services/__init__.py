"""The providers and guards, one folder per service. One not listed here does not exist."""

from __future__ import annotations

#: Dotted ``module:Class`` of every provider, imported when the server starts.
PROVIDERS = (
    "localaws.services.sts.provider:StsProvider",
    "localaws.services.athena.provider:AthenaProvider",
    "localaws.services.featurestore.provider:FeatureStoreRuntimeProvider",
    "localaws.services.sagemaker.provider:SageMakerProvider",
    "localaws.services.sagemaker_runtime.provider:SageMakerRuntimeProvider",
    "localaws.services.codebuild.provider:CodeBuildProvider",
    # After CodeBuild, which takes the builds it finds under way for those of a former server.
    "localaws.services.codepipeline.provider:CodePipelineProvider",
    "localaws.services.events.provider:EventsProvider",
    "localaws.services.cloudwatch.provider:CloudWatchProvider",
)

#: Dotted ``module:mapping`` of what services tell EventBridge, by kind of document.
NOTICES = (
    "localaws.services.sagemaker.notices:NOTICES",
    "localaws.services.codepipeline.notices:NOTICES",
    "localaws.services.codebuild.notices:NOTICES",
    "localaws.services.cloudwatch.notices:NOTICES",
)

#: Dotted ``module:Class`` of every guard of a service that moto performs, imported likewise.
GUARDS: tuple[str, ...] = (
    "localaws.services.s3.guard:S3Guard",
    "localaws.services.kms.guard:KmsGuard",
    "localaws.services.secretsmanager.guard:SecretsManagerGuard",
    "localaws.services.glue.guard:GlueGuard",
    "localaws.services.ssm.guard:SsmGuard",
    "localaws.services.sqs.guard:SqsGuard",
    "localaws.services.sns.guard:SnsGuard",
    "localaws.services.logs.guard:LogsGuard",
    "localaws.services.iam.guard:IamGuard",
)
