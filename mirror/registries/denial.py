"""One refusal that registries are known to utter, what causes it, and what makes it go away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Side = Literal["Google", "GitLab", "any registry"]

# The words in the texts that stand for something of the reader's, and are filled in where it is known.
PLACEHOLDER = re.compile(
    r"\b(?:PROJECT|HOST|ENDPOINT|LOCATION|REPOSITORY|SERVICE|MEMBER|GITLAB|GROUP|TOKEN_(?:KIND|WISH|SAVED))\b"
)
# A new token of GitLab: what is asked for, and where it goes. GITLAB_TOKEN is that of an owner, whom the shell knows.
_TOKEN = {
    "TOKEN_KIND": "deploy_tokens",
    "TOKEN_WISH": '{"name": "gcr-mirror", "username": "gcr-mirror", "scopes": ["read_registry"]}',
    "TOKEN_SAVED": "# GITLAB_TOKEN: an owner's, with the scope api; write what it prints to where password_file says",
}


class Denial(NamedTuple):
    """A refusal, recognised by what it says. `says` is the vendor's text as people meet it.

    All of `words` must occur in the text (case does not matter; `a|b` is either of them); `status`, where given, must
    be the answer's.
    In `cause` and `fix`, capital words such as PROJECT are placeholders.
    """

    key: str
    side: Side
    says: str
    words: tuple[str, ...]
    cause: str
    fix: str
    status: int | None = None

    def matches(self, text: str, status: int) -> bool:
        """Whether `text` (lower case) with this status is this refusal."""
        fits = self.status is None or self.status == status
        return fits and all(any(form in text for form in word.lower().split("|")) for word in self.words)

    def explained(self, known: Mapping[str, str]) -> Explanation:
        """Its cause and fix, with the placeholders filled in as far as they are `known`."""
        project = known.get("PROJECT", "PROJECT")
        some = {"MEMBER": f"serviceAccount:NAME@{project}.iam.gserviceaccount.com", **_TOKEN, **known}

        def fill(text: str) -> str:
            return PLACEHOLDER.sub(lambda word: some.get(word[0], word[0]), text)

        return Explanation(self.key, fill(self.cause), fill(self.fix))


class Explanation(NamedTuple):
    """What to tell a person about an error."""

    key: str
    cause: str
    fix: str

    def __str__(self) -> str:
        """Two lines, fit to be printed under the error."""
        return f"cause: {self.cause}\nfix:   {self.fix}"
