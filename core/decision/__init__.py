"""From evidence to a verdict: predictors, calibration, decision, sentence."""
