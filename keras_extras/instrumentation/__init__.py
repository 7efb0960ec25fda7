"""How numbers leave a compiled training step.

The one place that touches train functions, `optimizer.apply` and `layer.call`.
"""
