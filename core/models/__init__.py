"""The models: catalogue, layer tables, groupings, costs. Nothing here needs torch."""
