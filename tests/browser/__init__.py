"""The app in a real browser: what a browser alone can tell."""
