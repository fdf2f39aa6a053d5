"""The service's half of a stream: the table, the order, the limits; and any conversation at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.limits import (
    DEVICE_SILENCE_MS_MAX,
    HANDSHAKE_MS_MAX,
    HEARTBEAT_MS,
    PLACE_MS,
    UNSENT_FRAMES_MAX,
)
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Acknowledged,
    Applied,
    Bye,
    Compare,
    Compared,
    Current,
    Delivered,
    Digests,
    Ended,
    Hello,
    HubEffects,
    HubEvent,
    HubSession,
    HubState,
    Looking,
    Moment,
    Ping,
    Pong,
    Received,
    Registered,
    Staged,
    Tick,
    Told,
    Unchanged,
    Up,
    Upload,
    Uploaded,
    Welcome,
    encode_frame,
)
from electricsql.protocol.hub_session import TRANSITIONS
from electricsql.protocol.messages import HEARTBEAT
from electricsql.replication import Cursor, Snapshot

DEVICE = "d" * 32
HELLO = Hello(PROTOCOL_VERSION, DEVICE, None, None, 0)


def at(xmax: int, epoch: str = "epoch") -> Cursor:
    return Cursor(epoch, Snapshot(1, xmax))


def says(frame: Up) -> Received:
    return Received(encode_frame(frame))


def streaming(cursor: str | None = None, acknowledged: int = 0) -> HubSession:
    session = HubSession(0)
    session.step(says(Hello(PROTOCOL_VERSION, DEVICE, cursor, "v", 0)), 0)
    session.step(Registered(7, "epoch", acknowledged), 0)
    return session


def ended(effects: HubEffects) -> str:
    """The code that the stream ended with."""
    last = effects.send[-1]
    assert isinstance(last, Bye)
    assert effects.close
    return last.code


def test_what_a_device_has_staged_counts_until_its_first_delta() -> None:
    session = HubSession(0)
    staged = Staged("epoch/5:5:", True, 3, "notes", ("a",))
    session.step(says(Hello(PROTOCOL_VERSION, DEVICE, None, None, 0, staged)), 0)
    session.step(Registered(7, "epoch", 0), 0)
    assert session.staged == staged
    session.step(Delivered(at(9), 0), 0)
    assert session.staged is None


def test_hello_then_welcome() -> None:
    session = HubSession(0)
    assert session.step(says(HELLO), 5).register == HELLO
    effects = session.step(Registered(7, "epoch", 3, 44, horizon=99), 6)
    assert effects.send == (Welcome(7, "epoch", 3, 44, 6, HEARTBEAT_MS, horizon=99),)
    assert effects.wake
    assert (session.state, session.origin, session.cursor) == (HubState.STREAMING, 7, None)


@pytest.mark.parametrize("state", HubState)
@pytest.mark.parametrize("kind", [Hello, Upload, Applied, Ping, Pong, Compare])
def test_what_the_table_does_not_have_is_a_violation(state: HubState, kind: type[Up]) -> None:
    session = streaming("epoch/1:9:", 4)
    session.state = state
    frames: dict[type[Up], Up] = {
        Hello: HELLO,
        Upload: Upload(5, 0, True, b"x"),
        Applied: Applied("epoch/1:9:"),
        Ping: Ping(1),
        Compare: Compare(),
        Pong: Pong(1),
    }
    effects = session.step(says(frames[kind]), 1)
    if state is HubState.CLOSED:
        assert effects == HubEffects()
    elif kind in TRANSITIONS[state]:
        assert not effects.close
        assert session.state is TRANSITIONS[state][kind]
    else:
        assert ended(effects) == "protocol"


@pytest.mark.parametrize(
    "hello",
    [
        Hello(PROTOCOL_VERSION + 1, DEVICE, None, None, 0),
        Hello(PROTOCOL_VERSION, "short", None, None, 0),
        Hello(PROTOCOL_VERSION, "x" * 65, None, None, 0),
        Hello(PROTOCOL_VERSION, "ü" * 32, None, None, 0),
        Hello(PROTOCOL_VERSION, DEVICE, "no cursor", None, 0),
        Hello(PROTOCOL_VERSION, DEVICE, "epoch/9:1:", None, 0),
        Hello(PROTOCOL_VERSION, DEVICE, None, None, 0, Staged("no cursor", True, 1, "t", ())),
        Hello(PROTOCOL_VERSION, DEVICE, None, None, 0, Staged("epoch/5:5:", True, -1, "t", ())),
        Hello(PROTOCOL_VERSION, DEVICE, None, None, 0, Staged("e/5:5:", True, 1, "t", (True,))),
        Hello(PROTOCOL_VERSION, DEVICE, None, None, 0, Staged("e/5:5:", True, 1, "t", ([],))),
    ],
)
def test_a_bad_hello_is_refused(hello: Hello) -> None:
    assert ended(HubSession(0).step(says(hello), 0)) == "protocol"


def test_a_device_of_another_epoch_is_told_and_may_start_over() -> None:
    session, states = HubSession(0), []
    for hello in (Hello(PROTOCOL_VERSION, DEVICE, "other/1:9:", "v", 0), HELLO):
        session.step(says(hello), 0)
        effects = session.step(Registered(7, "epoch", 0), 0)
        states.append((session.state, session.has_room, effects.wake))
    assert states == [(HubState.STRANDED, False, False), (HubState.STREAMING, True, True)]
    assert session.cursor is None


def test_a_device_that_is_upgrading_is_told_what_is_in_and_says_hello_again() -> None:
    session = HubSession(0)
    hello = Hello(PROTOCOL_VERSION, DEVICE, None, "v", 2, upgrading=True)
    session.step(says(hello), 0)
    assert session.step(Registered(7, "epoch", 0), 0).wake
    assert (session.is_upgrading, session.has_room) == (True, False)
    assert session.step(says(Upload(1, 0, True, b"x")), 0).submit == Uploaded(1, b"x")
    told = Acknowledged(1)
    assert session.step(Told(told), 0).send == (told,)
    assert (session.acknowledged, session.has_uploads) == (1, False)
    session.step(says(HELLO), 0)
    session.step(Registered(7, "epoch", 1), 0)
    assert (session.is_upgrading, session.has_room) == (False, True)
    assert session.step(Told(told), 0) == HubEffects()


def test_an_upload_is_handed_on_whole() -> None:
    session = streaming(acknowledged=4)
    assert session.step(says(Upload(5, 0, False, b"ab")), 0).submit is None
    assert session.step(says(Upload(5, 1, True, b"c")), 0).submit == Uploaded(5, b"abc")
    before = session.has_uploads
    session.step(Delivered(at(9), 5), 0)
    assert (before, session.has_uploads, session.acknowledged) == (True, False, 5)


def test_a_gap_ends_the_stream() -> None:
    assert ended(streaming(acknowledged=4).step(says(Upload(6, 0, True, b"x")), 0)) == "protocol"


def test_applied_frees_the_window_and_is_passed_on() -> None:
    session = streaming()
    rooms = []
    for xmax in range(2, 2 + UNSENT_FRAMES_MAX):
        rooms.append(session.has_room)
        session.step(Delivered(at(xmax), 0), 0)
    rooms.append(session.has_room)
    effects = session.step(says(Applied(str(at(4)))), 0)
    assert rooms == [True] * UNSENT_FRAMES_MAX + [False]
    assert effects.applied == Applied(str(at(4)))
    assert effects.wake
    assert session.has_room
    assert session.has_applied(at(3))
    assert not session.has_applied(at(5))


def test_applied_twice_is_fine_and_what_was_not_sent_is_not() -> None:
    session = streaming()
    session.step(Delivered(at(5), 0), 0)
    session.step(says(Applied(str(at(5)))), 0)
    assert session.step(says(Applied(str(at(5)))), 0) == HubEffects()
    assert ended(session.step(says(Applied(str(at(6)))), 0)) == "protocol"


def test_a_ping_is_answered_after_what_was_there_when_it_came() -> None:
    session = streaming()
    assert session.step(says(Ping(11)), 0).wake
    asked = session.asked
    session.step(says(Ping(12)), 0)
    assert session.step(Current(asked), 0).send == (Pong(11),)
    assert session.is_waiting
    assert session.step(Current(asked), 0).send == ()
    assert session.step(Current(session.asked), 0).send == (Pong(12),)
    assert session.step(Current(session.asked), 0) == HubEffects()


def test_pings_have_a_limit() -> None:
    session = streaming()
    for nonce in range(UNSENT_FRAMES_MAX):
        session.step(says(Ping(nonce)), 0)
    assert ended(session.step(says(Ping(0)), 0)) == "protocol"


def test_no_hello_in_time() -> None:
    session = HubSession(0)
    done = ticks(session, HANDSHAKE_MS_MAX)
    assert ended(done[HANDSHAKE_MS_MAX]) == "protocol"


def ticks(session: HubSession, until_ms: int, tick: Tick | None = None) -> dict[int, HubEffects]:
    """What it does as time goes by, by the time when it does something."""
    done = {n: session.step(tick or Tick(), n) for n in range(0, until_ms + 1, 1_000)}
    return {now_ms: effects for now_ms, effects in done.items() if effects != HubEffects()}


def test_a_silent_device_hears_from_us_and_is_given_up_after_a_while() -> None:
    done = ticks(streaming(), 2 * DEVICE_SILENCE_MS_MAX)
    assert ended(done.pop(DEVICE_SILENCE_MS_MAX)) == "silent"
    times = list(range(HEARTBEAT_MS, DEVICE_SILENCE_MS_MAX, HEARTBEAT_MS))
    assert done == dict.fromkeys(times, HubEffects(send=(HEARTBEAT,)))


def test_a_device_that_says_nothing_is_given_up_in_time_for_all_to_be_equal_after_10_s() -> None:
    done = ticks(streaming(), 10_000)
    assert min(n for n, effects in done.items() if effects.close) <= 8_000


def test_a_device_whose_frames_are_not_taken_is_not_silent() -> None:
    done = ticks(streaming(), 3 * DEVICE_SILENCE_MS_MAX, Tick(listening=False))
    assert {effects.send for effects in done.values()} == {(HEARTBEAT,)}


def test_a_device_that_is_being_sent_something_needs_no_heartbeat() -> None:
    assert ticks(streaming(), DEVICE_SILENCE_MS_MAX - 1, Tick(speaking=True)) == {}


def test_time_in_which_nobody_listened_does_not_count() -> None:
    session = streaming()
    assert session.step(Tick(), 10 * DEVICE_SILENCE_MS_MAX).send == (HEARTBEAT,)


def test_a_cursor_that_moved_unseen_is_told_after_a_while() -> None:
    session = streaming("epoch/1:5:")
    assert not session.lags(PLACE_MS)
    session.step(Unchanged(at(6)), 1)
    assert session.cursor == at(6)
    assert not session.lags(PLACE_MS - 1)
    assert session.lags(PLACE_MS)
    session.step(Delivered(at(6), 0), PLACE_MS)
    assert not session.lags(3 * PLACE_MS)


def test_a_question_is_answered_before_the_next_one_is_taken() -> None:
    session = streaming()
    assert session.step(says(Compare()), 0).wake
    assert session.question == Compare()
    assert session.step(Looking(), 0).send == (Moment(),)
    assert session.step(Compared(Digests(())), 0).send == (Digests(()),)
    assert session.step(says(Compare()), 0).wake
    session.step(Looking(), 0)
    assert ended(session.step(says(Compare()), 0)) == "protocol"


def test_who_waits_long_for_an_answer_hears_that_somebody_is_there() -> None:
    session = streaming()
    heard: list[object] = []
    for now_ms in range(0, 10 * HEARTBEAT_MS, 1_000):
        if now_ms % HEARTBEAT_MS == 0:
            session.step(says(Ping(1 + now_ms)), now_ms)
        heard += session.step(Tick(), now_ms).send
    assert heard == [HEARTBEAT] * 9


FRAMES = st.one_of(
    st.builds(
        Hello,
        st.sampled_from([0, PROTOCOL_VERSION]),
        st.sampled_from([DEVICE, ""]),
        st.sampled_from([None, "epoch/1:5:", "other/1:5:", "?"]),
        st.none(),
        st.integers(0, 3),
        upgrading=st.booleans(),
    ),
    st.builds(Upload, st.integers(0, 4), st.integers(0, 2), st.booleans(), st.binary(max_size=3)),
    st.builds(Applied, st.sampled_from(["epoch/1:5:", "epoch/1:6:", "?"])),
    st.builds(Ping, st.integers(1, 9)),
    st.builds(Pong, st.integers(0, 9)),
    st.just(Compare()),
)
EVENTS: st.SearchStrategy[HubEvent | None] = st.one_of(
    FRAMES.map(says),
    st.binary(max_size=20).map(Received),
    st.builds(Current, st.integers(0, 9)),
    st.builds(Told, st.builds(Acknowledged, st.integers(0, 2))),
    st.just(Looking()),
    st.just(Compared(Digests(()))),
    st.just(Unchanged(at(6))),
    st.just(Ended(Bye("draining", "Bye."))),
    st.just(Tick()),
    st.none(),
)


@given(st.lists(st.tuples(EVENTS, st.integers(0, DEVICE_SILENCE_MS_MAX)), max_size=60))
def test_any_conversation_keeps_the_rules(steps: list[tuple[HubEvent | None, int]]) -> None:
    """The service plays its part (None: it sends a delta if it may); the device says anything."""
    session, now, said_bye, pings, pongs = HubSession(0), 0, False, 0, 0
    xmax, last = 5, 0
    for given_event, pause in steps:
        now += pause if isinstance(given_event, Tick) else 1
        if given_event is None and not session.has_room:
            continue
        xmax += 1
        event = given_event or Delivered(at(xmax), last)
        was, asked = session.state, session.asked
        effects = session.step(event, now)
        pings += session.asked - asked
        pongs += sum(isinstance(frame, Pong) and frame != HEARTBEAT for frame in effects.send)
        if effects.register is not None:
            effects = session.step(Registered(7, "epoch", last), now)
        if effects.submit is not None:
            assert 0 < effects.submit.number <= last + 1, "numbers come without a gap"
            last = max(last, effects.submit.number)
        assert pongs <= pings, "only what was asked is answered"
        assert not said_bye or effects == HubEffects(), "after the end there is silence"
        if effects.close:
            said_bye = True
            assert isinstance(effects.send[-1], Bye)
            assert was is not HubState.CLOSED
        assert (session.state is HubState.CLOSED) is said_bye
