"""The lesson: texts of its steps in two languages, and what is computed while one reads."""
