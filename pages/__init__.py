"""The pages, a file each. A file that the server starts by itself hands over to app.py."""
