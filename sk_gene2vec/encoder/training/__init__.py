"""Training of the network: the only place that imports torch."""
