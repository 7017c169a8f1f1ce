"""The manifests are valid, and speak of the service as it is; `make test-manifests` names this folder."""
