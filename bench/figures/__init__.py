"""The figures: a module each. Its docstring says what is measured and how, and stands in the report as it is."""
