"""A source may do something so often; others are not held up, and the memory is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from plugin.rate_limit import RateLimit, source_of


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_burst_passes_then_one_has_to_wait():
    clock = Clock()
    limit = RateLimit(count=3, seconds=60, clock=clock)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == limit.wait("a") == 20
    assert limit.take("b") == 0
    clock.now += 20
    assert limit.take("a") == 0
    assert limit.take("a") == 20


def test_waiting_does_not_lengthen_the_wait():
    limit = RateLimit(count=1, seconds=60, clock=Clock())
    limit.take("a")
    assert {limit.take("a") for _ in range(100)} == {60}


def test_a_source_that_succeeded_begins_anew():
    limit = RateLimit(count=1, seconds=60, clock=Clock())
    limit.take("a")
    limit.forget("a")
    assert limit.take("a") == 0


def test_the_memory_is_bounded_by_the_sources_seen_last():
    limit = RateLimit(count=1, seconds=60, sources=100, clock=Clock())
    for number in range(10_000):
        limit.take(str(number))
    assert limit.wait("9999") > 0
    assert limit.wait("0") == 0


@given(st.integers(1, 20), st.lists(st.floats(0, 100), max_size=60))
def test_no_window_lets_more_than_a_burst_and_its_share_pass(count, pauses):
    clock = Clock()
    limit = RateLimit(count=count, seconds=60, clock=clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += limit.take("a") == 0
    assert passed <= count + (clock.now - 1000) * count / 60 + 1e-6


def test_a_peer_is_its_address_or_its_ipv6_network():
    assert source_of("203.0.113.9") == "203.0.113.9"
    assert source_of("::ffff:203.0.113.9") == "203.0.113.9"
    assert source_of("2001:db8:1:2:3::4") == source_of("2001:db8:1:2:ffff::1")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of(None) == source_of("nonsense") == "unknown"
