# An image with further labels: what a model declares is known only once it was loaded in its own image.
ARG IMAGE
FROM ${IMAGE}
