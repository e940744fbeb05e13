"""Measures the quality of the answers: pictures with known truth are edited, used as queries and judged.

`quaid evaluate` runs it (run.py), and `quaid calibrate` fits calibrations to what it leaves
(recalibration.py).
"""
