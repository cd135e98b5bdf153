"""Advice: what is left to do by hand after a set-up, in the user's own files."""

from __future__ import annotations

from mirror.checks.federation import Federation
from mirror.checks.setup import Wish

_GITLAB_JOB = """\
In the job of .gitlab-ci.yml (the token is good for the job only):

    id_tokens:
      GOOGLE_TOKEN: {{aud: {audience}}}
    variables:
      GOOGLE_APPLICATION_CREDENTIALS: {file}
    before_script:
      - printf %s "$GOOGLE_TOKEN" >{token_file}
"""
_GITHUB_JOB = """\
In the job of the workflow (permissions: id-token: write), before the mirror runs:

    export GOOGLE_APPLICATION_CREDENTIALS={file}
    curl -sSH "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
      "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}" | jq -r .value >{token_file}
"""
_GKE = """\
In the cluster:

    kubectl annotate serviceaccount --namespace {namespace} {name} iam.gke.io/gcp-service-account={email}
"""


def advice(wish: Wish) -> str:
    """The registry for config.yaml, and how the mirror gets its login."""
    home = wish.home
    place = "" if home.gcr else f"\n        repository: {home.repository}"
    text = f"""\
In config.yaml:

    registries:
      gcr:
        kind: google
        host: {home.host}
        project: {home.project}{place}
        credentials: {_credentials(wish)}
"""
    return "\n".join(filter(None, [text, _job(wish)]))


def _credentials(wish: Wish) -> str:
    if wish.keyless:
        return "{adc: true}"
    file = wish.key_file or "FILE"
    hint = "" if wish.key_file else "  # --key-file FILE makes a key; --keyless needs none"
    return f"{{json_key_file: {file}}}{hint}"


def _job(wish: Wish) -> str:
    match wish.keyless:
        case Federation(kind=kind, audience=audience):
            job = _GITLAB_JOB if kind == "gitlab" else _GITHUB_JOB
            file = wish.login_file or "FILE  # --login-file FILE writes it"
            return job.format(audience=audience, file=file, token_file=wish.token_file)
        case str(account):
            namespace, _, name = account.partition("/")
            return _GKE.format(namespace=namespace, name=name, email=wish.email)
        case None:
            return ""
