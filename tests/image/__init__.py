"""The image is built and run; `make test-image` names this folder."""
