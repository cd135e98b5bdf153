"""Mirror container images from a GitLab Container Registry to Google, digest for digest."""

__version__ = "0.1.0"
