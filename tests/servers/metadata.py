"""MetadataServer: where a workload on GKE or Compute Engine gets its tokens.

https://cloud.google.com/compute/docs/metadata/overview
"""

from __future__ import annotations

from mirror.demo.messages import Request, Response, json_answer
from mirror.demo.server import Server


class MetadataServer(Server):
    """Gives `token` to whoever asks with the header that browsers cannot be made to send."""

    account = "gcr-mirror@arctic-goal-676703.iam.gserviceaccount.com"
    token = "ya29.from-the-machine-itself"

    def answer(self, request: Request) -> Response:
        """The few paths that google-auth asks for."""
        if request.headers.get("metadata-flavor") != "Google":
            return Response(403)
        path = request.path.removeprefix("/computeMetadata/v1/").strip("/")
        flavour = {"Metadata-Flavor": "Google", "Content-Type": "application/text"}
        if path.endswith("/token"):
            answer = {"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"}
            return json_answer(answer).having(Metadata_Flavor="Google")
        if path.startswith("instance/service-accounts"):
            return json_answer({"email": self.account, "scopes": [], "aliases": ["default"]}).having(
                Metadata_Flavor="Google"
            )
        known = {
            "": "",
            "project/project-id": "arctic-goal-676703",
            "universe/universe-domain": "googleapis.com",
        }
        return Response(200, flavour, known[path].encode()) if path in known else Response(404, flavour)
