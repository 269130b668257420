"""The lesson: texts of its steps in two languages, and computed numbers and figures."""
