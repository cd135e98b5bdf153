"""Every fault does what its name says, as often as it is told to."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead

import pytest
import requests

from mirror.demo import faults
from mirror.demo.messages import File, Request, Response
from mirror.demo.server import Server


class Letters(Server):
    """Answers with a hundred letters."""

    def answer(self, request: Request) -> Response:
        request.body.all(1_000_000)
        return Response(headers={"Docker-Content-Digest": "sha256:right", "Link": "<x>"}, body=b"a" * 100)


@pytest.fixture
def server() -> Iterator[Letters]:
    with Letters() as server:
        yield server


def get(server: Server, path: str = "/") -> requests.Response:
    return requests.get(server.url + path, timeout=10, allow_redirects=False)


def test_a_fault_happens_so_many_times_after_those_it_skips(server: Letters) -> None:
    fault = server.faults.add(faults.unavailable(), skip=1, times=2)
    assert [get(server).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    assert server.faults.happened(fault) == 2


def test_a_fault_without_end_lasts_until_it_is_removed(server: Letters) -> None:
    fault = server.faults.add(faults.unavailable(), times=None)
    assert [get(server).status_code for _ in range(4)] == [503] * 4
    assert server.faults.happened(fault) == 4
    server.faults.remove(fault)
    assert get(server).status_code == 200


def test_a_fault_meets_only_its_method_and_target(server: Letters) -> None:
    server.faults.add(faults.unavailable(), "HEAD|PUT", r"/b\?mount=", times=None)
    assert get(server, "/b?mount=1").status_code == 200
    assert requests.put(f"{server.url}/b?mount=1", timeout=10).status_code == 503
    assert requests.put(f"{server.url}/b", timeout=10).status_code == 200


def test_the_first_fault_stands_outermost(server: Letters) -> None:
    server.faults.add(faults.headers(A="outer"))
    server.faults.add(faults.headers(A="inner", B="inner"))
    answer = get(server)
    assert (answer.headers["A"], answer.headers["B"]) == ("outer", "inner")


def test_clear_ends_all_faults(server: Letters) -> None:
    server.faults.add(faults.reset(), times=None)
    server.faults.clear()
    assert get(server).status_code == 200


@pytest.mark.parametrize("retry_after", ["2", "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_too_many_requests(server: Letters, retry_after: str | None) -> None:
    server.faults.add(faults.too_many(retry_after))
    answer = get(server)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, retry_after)
    assert answer.json()["errors"][0]["code"] == "TOOMANYREQUESTS"


def test_a_refusal_has_its_code(server: Letters) -> None:
    server.faults.add(faults.refuse(403, "DENIED", "not you"))
    answer = get(server)
    assert (answer.status_code, answer.json()["errors"]) == (403, [{"code": "DENIED", "message": "not you"}])


def test_a_reset_is_a_reset(server: Letters) -> None:
    server.faults.add(faults.reset())
    connection = HTTPConnection(server.host, timeout=10)
    connection.request("GET", "/")
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.close()
    assert server.requests[-1].status == 0


def test_a_body_cut_by_a_reset_arrives_up_to_the_cut(server: Letters) -> None:
    server.faults.add(faults.cut(40, reset=True))
    connection = HTTPConnection(server.host, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read(40) == b"a" * 40
    with pytest.raises(ConnectionResetError):
        answer.read(1)
    connection.close()


def test_what_stands_before_a_late_cut_arrives_even_at_a_slow_client(server: Letters) -> None:
    server.faults.add(faults.cut(20_000_000, reset=True))
    server.faults.add(faults.answer_with(Response(body=b"b" * 20_000_001)))
    connection = HTTPConnection(server.host, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    got = 0
    while got < 20_000_000:
        got += len(answer.read(min(100_000, 20_000_000 - got)))
        time.sleep(0.001)
    with pytest.raises(ConnectionResetError):
        answer.read(1)
    connection.close()


def test_a_body_cut_by_a_close_is_shorter_than_promised(server: Letters) -> None:
    server.faults.add(faults.cut(40))
    connection = HTTPConnection(server.host, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    with pytest.raises(IncompleteRead) as caught:
        answer.read()
    assert caught.value.partial == b"a" * 40
    connection.close()


def test_a_body_cut_without_length_only_ends(server: Letters) -> None:
    server.faults.add(faults.cut(40, stated=False))
    answer = get(server)
    assert "Content-Length" not in answer.headers
    assert answer.content == b"a" * 40


def test_a_body_without_length_ends_with_its_connection(server: Letters) -> None:
    server.faults.add(faults.without_length())
    answer = get(server)
    assert "Content-Length" not in answer.headers
    assert answer.content == b"a" * 100
    assert get(server).headers["Content-Length"] == "100"


def test_wrong_bytes_have_the_right_length(server: Letters) -> None:
    server.faults.add(faults.wrong_bytes())
    assert get(server).content == b"a" * 99 + b"`"


def test_wrong_bytes_of_a_file(server: Letters, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("files") / "file"
    file.write_bytes(b"0123")
    server.faults.add(faults.wrong_bytes())
    server.faults.add(faults.answer_with(Response(body=File(file, 1, 2))))
    assert get(server).content == b"13"


def test_a_wrong_digest(server: Letters) -> None:
    server.faults.add(faults.wrong_digest())
    assert get(server).headers["Docker-Content-Digest"] == "sha256:" + "0" * 64


def test_a_redirect_goes_where_it_is_told(server: Letters) -> None:
    server.faults.add(faults.redirect("http://169.254.169.254{path}", 302))
    answer = get(server, "/latest")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://169.254.169.254/latest")


def test_pages_without_end(server: Letters) -> None:
    server.faults.add(faults.endless_pages())
    assert get(server, "/list?n=2").headers["Link"] == '</list?n=2>; rel="next"'
    server.faults.add(faults.endless_pages("http://elsewhere.example/"))
    assert get(server).headers["Link"] == '<http://elsewhere.example/>; rel="next"'


def test_a_list_that_ends_early_has_no_link(server: Letters) -> None:
    server.faults.add(faults.last_page())
    assert "Link" not in get(server).headers


def test_tags_that_are_null(server: Letters) -> None:
    server.faults.add(faults.null_tags())
    assert get(server).json()["tags"] is None


def test_something_is_done_before_the_answer(server: Letters) -> None:
    done: list[int] = []
    server.faults.add(faults.call(lambda: done.append(len(server.requests))))
    assert get(server).status_code == 200
    assert done == [0]


def test_an_upload_is_reset_in_the_middle(server: Letters) -> None:
    server.faults.add(faults.reset_upload(1000), "PUT")
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + b"x" * 1000)
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_crowd_is_refused_and_a_few_are_not(server: Letters) -> None:
    server.faults.add(faults.crowded(2, "1", seconds=0.2), times=None)
    with ThreadPoolExecutor(6) as pool:
        found = sorted(answer.status_code for answer in pool.map(lambda _: get(server), range(6)))
    assert (found[0], found[-1]) == (200, 429)
    assert server.busiest > 2
    assert [get(server).status_code for _ in range(2)] == [200, 200]


def test_a_hanging_request_ends_with_its_time(server: Letters) -> None:
    server.faults.add(faults.hang(server.stopping, 0.05))
    with pytest.raises(requests.ConnectionError):
        get(server)
    assert get(server).status_code == 200
