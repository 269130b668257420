"""The plan of the frozen-part cache: which tensors a run stores, decided without torch."""
