"""Rules on data and on labels, shared by ExampleGen, the validation gate and the report; nothing here knows a node."""
