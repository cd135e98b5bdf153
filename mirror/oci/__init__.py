"""The words of the OCI image and distribution specifications.

Contract: nothing here knows a vendor, a clock, a database or a configuration file. Values are frozen;
manifests keep the bytes they came in. https://github.com/opencontainers/distribution-spec, image-spec.
"""
