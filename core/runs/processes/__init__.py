"""The processes of runs: starting, watching, stopping and ending them, and whose a run is."""
