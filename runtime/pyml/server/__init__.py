"""A model server: one model on a Unix socket.

The way of a request: gRPC's own thread takes the call, `ModelService.service` refuses it or lets it into the queue, the
main thread decodes it, predicts and encodes the answer. Probes have threads of their own, so that they are answered
during a slow predict too. Measured against `grpc.aio` with a thread for `predict`: a quarter more requests per second,
since a request changes threads less often.
"""
