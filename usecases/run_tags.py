"""The tags that tie a Dagster run to what it was started for. Names only."""

#: Value: the use case. On every training run, however it was launched.
RETRAIN = "perennial/retrain"
#: Value: the use case. On every run that starts a release.
RELEASE = "perennial/release"
#: Value: the use case. On every run that brings its features up to date by itself.
REFRESH = "perennial/refresh"
#: Value: the use case. On every run that makes its datasets: the queue lets in one at a time.
DATA = "perennial/data"
#: Value: digest of the sources' versions that such a run was started for.
LANDED = "perennial/landed"
EPISODE = "perennial/episode"
ATTEMPT = "perennial/attempt"
REASON = "perennial/reason"
PLAN = "perennial/plan"
#: Written by the training asset: "refused" when a gate refused the challenger.
OUTCOME = "perennial/outcome"
#: Written by the training asset: data time up to which its training set goes (ISO 8601).
TRIED_THROUGH = "perennial/tried_through"
#: Feature records written later are left out of the training set (ISO 8601, naive UTC). On a run.
WRITTEN_BY = "perennial/written_by"
#: Written by the training asset when it begins: from here on the run costs what instances cost.
SPENDING = "perennial/spending"
#: Written by the training asset: what the run cost by list price, USD.
COST = "perennial/cost_usd"
