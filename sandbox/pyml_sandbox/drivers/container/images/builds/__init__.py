"""One build of an image: inputs, context, output, and why it was refused."""
