"""A model server: one model on a Unix socket.

The path of a request: gRPC's own thread receives the call, `ModelService.service` refuses it or puts it into the queue,
the main thread decodes it, predicts and encodes the response. Probes have separate threads, so that they are answered
during a slow predict too. Measured against `grpc.aio` with a thread for `predict`: a quarter more requests per second,
since a request needs fewer thread switches.
"""
