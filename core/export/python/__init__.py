"""What turns a schedule into code: templates, the table of groups, and quoting."""
