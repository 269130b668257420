"""The generation of Python code: templates, the table of groups, and quoting."""
