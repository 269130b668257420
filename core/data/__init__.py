"""Images to train on: bundled, in folders, in uploaded zips, and how they look. No torch here."""
