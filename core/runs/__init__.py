"""Runs as folders: settings, events, status and the processes behind them. No torch here."""
