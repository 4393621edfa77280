"""What serves a model on Kubernetes: Deployment, Service and NetworkPolicy; or KServe's InferenceService. Pure."""

from __future__ import annotations

from pyml_sandbox.export.pod import GRPC, HTTP, pod_spec
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.services.inside_paths import INSIDE
from pyml_sandbox.workspace.events import JSON

KSERVE_CONTAINER = "kserve-container"
"""KServe's name for the container that takes the requests."""
OWN_PODS = {"serving.kserve.io/deploymentMode": "RawDeployment"}
"""KServe makes a Deployment, and not a service of Knative, which takes no grace period and no group of a volume."""

SCRAPED = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(INSIDE.rest),
    "prometheus.io/path": "/metrics",
}
"""The annotations of a pod by which Prometheus' usual configuration finds its figures."""


def kubernetes(image: PromotedImage) -> list[dict[str, JSON]]:
    """Deployment, Service and NetworkPolicy."""
    labels, selector = dict(image.labels), dict(image.selector)
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _metadata(image),
            "spec": {
                "replicas": image.settings.serving.replicas,
                "selector": {"matchLabels": selector},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": {"metadata": {"labels": labels, "annotations": dict(SCRAPED)}, "spec": pod_spec(image)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _metadata(image),
            "spec": {
                "selector": selector,
                "ports": [
                    {"name": HTTP, "port": INSIDE.rest, "targetPort": HTTP, "appProtocol": "http"},
                    {"name": GRPC, "port": INSIDE.gateway, "targetPort": GRPC, "appProtocol": "kubernetes.io/h2c"},
                ],
            },
        },
        network_policy(image, selector),
    ]


def kserve(image: PromotedImage) -> list[dict[str, JSON]]:
    """An InferenceService whose predictor is the pod, and its NetworkPolicy.

    https://kserve.github.io/website/docs/reference/crd-api
    """
    serving = image.settings.serving
    spec = pod_spec(image, KSERVE_CONTAINER)
    spec["minReplicas"] = spec["maxReplicas"] = serving.replicas
    return [
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {**_metadata(image), "annotations": {**_annotations(image), **OWN_PODS}},
            "spec": {"predictor": {"annotations": dict(SCRAPED), **spec}},
        },
        network_policy(image, {"serving.kserve.io/inferenceservice": image.name}),
    ]


def network_policy(image: PromotedImage, selector: dict[str, str]) -> dict[str, JSON]:
    """Requests come in at the gateway's two ports; nothing goes out, as in the sandbox, where a model has no network.

    Args:
        image: the image of the pods.
        selector: labels of the pods.
    """
    ports: list[JSON] = [{"protocol": "TCP", "port": port} for port in (INSIDE.rest, INSIDE.gateway)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(image),
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": ports}],
            "egress": [],
        },
    }


def _metadata(image: PromotedImage) -> dict[str, JSON]:
    return {"name": image.name, "labels": dict(image.labels), "annotations": _annotations(image)}


def _annotations(image: PromotedImage) -> dict[str, str]:
    return {"io.pyml.model": image.version.model_id}
