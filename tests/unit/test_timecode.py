import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.timecode import deep_link, format_clock, format_cue, parse_clock, youtube_id


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:18:00", 1080),
        ("1:02:03", 3723),
        ("18:00", 1080),
        ("0:05", 5),
        ("00:00:01.250", 1.25),
        ("00:00:01,250", 1.25),
        ("120:00:00", 432000),
        (" 00:01:00 ", 60),
    ],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert parse_clock(text) == seconds


@pytest.mark.parametrize(
    "text", ["99:99:99", "N/A", "HH:MM:SS", "", "12", "1:2:3", "00:60:00", "-00:01:00", "٠٠:٠١:٠٠"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_clock(text) is None


@given(st.integers(0, 359_999_999))
def test_a_cue_time_survives_to_the_millisecond(milliseconds: int) -> None:
    assert parse_clock(format_cue(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-9)


def test_a_label_never_starts_late() -> None:
    assert format_clock(3723.999) == "01:02:03"
    with pytest.raises(ValueError, match="before the start"):
        format_clock(-0.001)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=relI7Q9A03g",
        "https://youtu.be/relI7Q9A03g?si=x",
        "https://m.youtube.com/watch?list=PL1&v=relI7Q9A03g",
        "https://www.youtube.com/shorts/relI7Q9A03g",
        "https://www.youtube.com/live/relI7Q9A03g",
    ],
)
def test_a_youtube_address_names_its_video(url: str) -> None:
    assert youtube_id(url) == "relI7Q9A03g"


@pytest.mark.parametrize(
    "url",
    [
        "https://youtube.com.evil.example/watch?v=relI7Q9A03g",
        "javascript:relI7Q9A03g",
        "https://[",
        "",
        "ftp://youtu.be/relI7Q9A03g",
    ],
)
def test_other_addresses_name_none(url: str) -> None:
    assert youtube_id(url) == ""


def test_links_open_at_the_second() -> None:
    assert deep_link("", "relI7Q9A03g", 62.9) == "https://www.youtube.com/watch?v=relI7Q9A03g&t=62s"
    assert deep_link("https://a.example/e.mp3?x=1", "", 5) == "https://a.example/e.mp3?x=1#t=5"
    assert deep_link("https://a.example/e", "", None) == "https://a.example/e"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//a.example", "http://", "https://["]
)
def test_no_link_is_made_of_an_unsafe_address(url: str) -> None:
    assert deep_link(url, "", 3) == ""
    assert deep_link(url, 'x" onclick="', 3) == ""


@given(st.text(max_size=40))
def test_no_address_breaks_out_of_an_attribute(tail: str) -> None:
    assert not set(deep_link(f"https://a.example/{tail}", "", 1)) & set("\"<> \n'") - set("'")
