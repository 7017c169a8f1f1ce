"""The service as it is deployed; what these tests need is installed by the script of each folder."""
