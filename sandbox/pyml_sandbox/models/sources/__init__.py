"""What a new package is made from: the columns of a file or a table, or a folder of MLflow."""
