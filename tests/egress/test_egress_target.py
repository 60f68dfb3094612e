import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.egress.errors import InvalidUrl
from muelle.egress.target import MAX_URL, read_target


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://a.example", "https://a.example/"),
        ("HTTPS://A.Example:443/x", "https://a.example/x"),
        ("http://a.example.:80", "http://a.example/"),
        ("http://a.example:8080/x?y=1#z", "http://a.example:8080/x?y=1"),
        ("https://a.example/a/./b/../c", "https://a.example/a/c"),
        ("https://a.example/a/%2e%2e/c/.", "https://a.example/c/"),
        ("https://a.example/../../c", "https://a.example/c"),
        ("https://a.example//a///b/", "https://a.example/a/b/"),
        ("https://a.example/%7euser/%c3%a9", "https://a.example/~user/%C3%A9"),
        ("https://a.example/é b", "https://a.example/%C3%A9%20b"),
        ("https://a.example/100%", "https://a.example/100%25"),
        ("https://a.example/.well-known/x", "https://a.example/.well-known/x"),
        ("https://a.example/?q=ü x&r=%zz", "https://a.example/?q=%C3%BC%20x&r=%25zz"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[0:0::1]:81/", "http://[::1]:81/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.0.0.1/", "http://127.0.0.1/"),
        ("http://①②⑦.0.0.1/", "http://127.0.0.1/"),
        ("http://1and1.example/", "http://1and1.example/"),
    ],
)
def test_a_url_is_read_as_what_is_sent(url: str, read: str) -> None:
    assert read_target(url).url == read


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example", "/path", "//a.example", "http:a.example", "http://", "http:///x", "javascript:alert(1)"),
        *("http://a@b.example/", "http://a:b@b.example/", "http://@b.example/", "http://a b.example/", "http://a..b/"),
        *("http://a.example:0/", "http://a.example:65536/", "http://a.example:\uff18\uff10/", "http://a.example:+1"),
        *("http://a:80:80/", "http://[::1", "http://::1/", "http://[::1]a/", "http://[fe80::1%25lo]/"),
        *("http://[127.0.0.1]/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://0x100000000/", "http://09.0.0.1/"),
        *(
            "http://a%2eb/",
            "http://-a/",
            "http://a\\b/",
            "http://a/\\b",
            "http://a/\tb",
            "http://a/\nb",
            "http://a/\x7f",
        ),
        *("http://a/\ud800", "http://a/..%2fb", "http://a/%252e%252e/b", "http://a/..;/b", "http://a/.;x/b"),
        *("http://a/%00", "http://a/x%0d%0ay", "http://a/..%5cb", "http://a/%2525252525252e"),
        *(f"http://{'a' * 64}.example/", f"http://{'a.' * 127}example/"),
    ],
)
def test_a_url_that_means_different_things_to_different_readers_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl) as error:
        read_target(url)

    assert error.value.facts["field"] == "url"


def test_a_url_may_be_as_long_as_allowed_and_no_longer() -> None:
    url = "http://a/" + "x" * (MAX_URL - len("http://a/"))

    assert read_target(url).url == url
    with pytest.raises(InvalidUrl):
        read_target(f"{url}x")


@given(st.text(max_size=40))
def test_reading_twice_changes_nothing(text: str) -> None:
    try:
        target = read_target(f"https://a.example/{text}")
    except InvalidUrl:
        return

    again = read_target(target.url)

    assert (again, target.url.isascii(), "//" in target.path) == (target, True, False)
    assert not {".", ".."} & set(target.path.split("/"))
    assert not {".", ".."} & set(target.reading.split("/"))


@given(st.text(alphabet="abc019.x:[]@%/\\é。", max_size=30))
def test_no_host_surprises_the_reader(text: str) -> None:
    try:
        target = read_target(f"http://{text}")
    except InvalidUrl:
        return

    assert target.host.isascii()
    assert read_target(target.url) == target
