"""Images: the base that everything runs in, and one for each model version, built from the Dockerfiles in compose/."""
