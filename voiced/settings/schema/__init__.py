"""JSON Schema of what people write, made of what checks it: for editors, which complete and explain by it."""
