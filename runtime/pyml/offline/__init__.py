"""The offline job: Spark predicts a query's rows, and the target table is swapped."""
