"""`perennial backtest`: what each retraining policy would have been worth over a past span.

Gather, decide, act, as in production, with the moment of the decision moved into the past: the same
SQL, training code, gates, drift judge and governor. Nothing here registers or releases a model.
"""
