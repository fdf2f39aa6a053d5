"""The device's half of a stream: the table, the order, the window; and any conversation at all."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from electricsql.errors import ProtocolError
from electricsql.limits import (
    HEARTBEAT_MS,
    IN_FLIGHT_BYTES_MAX,
    IN_FLIGHT_TRANSACTIONS_MAX,
    SERVICE_SILENCE_MS_MAX,
    STUCK_MS_MAX,
    UPLOAD_PART_BYTES,
)
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Acknowledged,
    Applied,
    Asked,
    Bye,
    Came,
    Clocked,
    Compare,
    DeltaPart,
    Details,
    DeviceEffects,
    DeviceSession,
    Digests,
    Down,
    Hello,
    Loaded,
    Lost,
    Moment,
    Opened,
    Ping,
    Pong,
    Questioned,
    Sealed,
    Staged,
    Took,
    Upload,
    Welcome,
    device_session,
    uploads,
)
from electricsql.protocol.device_session import TRANSITIONS, DeviceState
from electricsql.protocol.messages import HEARTBEAT
from electricsql.replication import Fork, Standing
from tests.protocol.conversations import Conversation

DEVICE = "d" * 32
SEEDS = st.integers(0, 1 << 32)
STEPS = st.integers(0, 400)


def welcome(acknowledged: int = 0, mark: int = 0, epoch: str = "epoch") -> Welcome:
    return Welcome(7, epoch, acknowledged, mark, 0, HEARTBEAT_MS)


def part(number: int, last: bool) -> DeltaPart:
    return DeltaPart(number, last, False, "epoch/5:5:", 0, 0, 0)


def streaming(sealed: int = 0, acknowledged: int = 0) -> DeviceSession:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, sealed), 0)
    session.step(Came(welcome(acknowledged)), 0)
    return session


def upgrading(sealed: int, older: int, acknowledged: int = 0) -> DeviceSession:
    session = DeviceSession()
    session.step(Opened(DEVICE, "epoch/5:5:", "v", sealed, wants_all=True, older=older), 0)
    session.step(Came(welcome(acknowledged)), 0)
    return session


def in_state(state: DeviceState) -> DeviceSession:
    session = DeviceSession() if state is DeviceState.CLOSED else streaming()
    if state is DeviceState.UPGRADING:
        session = upgrading(sealed=2, older=2)
    if state in (DeviceState.GREETING, DeviceState.STRANDED):
        session.step(Opened(DEVICE, "epoch/5:5:", None, 0), 0)
    if state is DeviceState.STRANDED:
        session.step(Came(welcome(epoch="another")), 0)
    assert session.state is state
    return session


STAGED = Staged("epoch/5:5:", True, 3, "notes", ("a",))


def test_what_is_staged_is_said_once_and_may_be_gone_on_with() -> None:
    session = DeviceSession()
    effects = session.step(Opened(DEVICE, None, "v", 0, staged=STAGED), 0)
    assert effects.send == (Hello(PROTOCOL_VERSION, DEVICE, None, "v", 0, STAGED),)
    session.step(Came(welcome()), 0)
    follows = replace(part(0, False), follows=True)
    assert session.step(Came(follows), 0).stage == follows
    assert session.step(Came(part(1, True)), 0).apply == part(1, True)
    with pytest.raises(ProtocolError, match="not staged"):
        session.step(Came(follows), 0)


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_follows_where_nothing_is_staged(number: int) -> None:
    session = streaming()
    if number:
        session.step(Came(part(0, False)), 0)
    with pytest.raises(ProtocolError, match="not staged"):
        session.step(Came(replace(part(number, False), follows=True)), 0)


def uploaded(effects: DeviceEffects) -> list[int]:
    return [frame.number for frame in effects.send if isinstance(frame, Upload) and frame.last]


def send_all(session: DeviceSession, effects: DeviceEffects, size: int = 1) -> list[int]:
    """Load whatever the session asks for; gives the numbers that it sent."""
    sent: list[int] = []
    while effects.load is not None:
        effects = session.step(Loaded(effects.load, b"x" * size), 0)
        sent += uploaded(effects)
    return sent


def test_a_device_says_who_it_is_and_what_it_has() -> None:
    opened = Opened(DEVICE, "epoch/5:5:", "v", 3, origin=7, acknowledged=2)
    effects = DeviceSession().step(opened, 0)
    hello = Hello(PROTOCOL_VERSION, DEVICE, "epoch/5:5:", "v", 3, origin=7, acknowledged=2)
    assert effects == DeviceEffects(send=(hello,))


@pytest.mark.parametrize("state", DeviceState)
@pytest.mark.parametrize(
    "frame",
    [welcome(), part(0, True), Acknowledged(1), Pong(1), Bye("x", "y"), Moment()],
)
def test_a_frame_that_is_not_in_the_table_is_a_violation(state: DeviceState, frame: Down) -> None:
    session = in_state(state)
    if type(frame) in TRANSITIONS[state]:
        session.step(Came(frame), 0)
        assert session.state is TRANSITIONS[state][type(frame)]
    else:
        with pytest.raises(ProtocolError) as violation:
            session.step(Came(frame), 0)
        assert violation.value.code == "unexpected-frame"


@pytest.mark.parametrize("numbers", [(1,), (0, 0), (0, 2), (0, 1, 1)])
def test_a_part_of_a_delta_out_of_order_is_a_violation(numbers: tuple[int, ...]) -> None:
    session = streaming()
    for number in numbers[:-1]:
        session.step(Came(part(number, False)), 0)
    with pytest.raises(ProtocolError) as violation:
        session.step(Came(part(numbers[-1], True)), 0)
    assert violation.value.code == "unexpected-part"


def test_a_delta_of_a_connection_that_is_gone_is_begun_again() -> None:
    session = streaming()
    assert session.step(Came(part(0, False)), 0).stage == part(0, False)
    session.step(Lost(), 0)
    session.step(Opened(DEVICE, None, None, 0), 0)
    session.step(Came(welcome()), 0)
    assert session.step(Came(part(0, False)), 0).stage == part(0, False)
    assert session.step(Came(part(1, True)), 0).apply == part(1, True)


def test_what_is_applied_is_told_the_hub() -> None:
    effects = streaming().step(Took("epoch/5:5:", 0), 0)
    assert effects.send == (Applied("epoch/5:5:"),)


def test_transactions_go_up_from_the_first_that_is_not_acknowledged() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 5), 0)
    effects = session.step(Came(welcome(acknowledged=2)), 0)
    assert send_all(session, effects) == [3, 4, 5]
    assert session.step(Sealed(5), 0).load is None
    assert send_all(session, session.step(Sealed(6), 0)) == [6]


def test_a_large_transaction_goes_up_in_parts() -> None:
    session = streaming()
    session.step(Sealed(1), 0)
    data = bytes(range(251)) * (3 * UPLOAD_PART_BYTES // 251)
    frames = session.step(Loaded(1, data), 0).send
    parts = [frame for frame in frames if isinstance(frame, Upload)]
    assert b"".join(frame.data for frame in parts) == data
    assert [(frame.part, frame.last) for frame in parts] == [(0, False), (1, False), (2, True)]


def test_no_more_transactions_than_the_window_holds_are_under_way() -> None:
    session = streaming()
    sent = send_all(session, session.step(Sealed(2 * IN_FLIGHT_TRANSACTIONS_MAX), 0))
    assert sent == list(range(1, IN_FLIGHT_TRANSACTIONS_MAX + 1))
    more = send_all(session, session.step(Took("epoch/5:5:", 10), 0))
    assert more == list(range(sent[-1] + 1, sent[-1] + 11))


def test_no_more_bytes_than_the_window_holds_are_under_way_and_one_transaction() -> None:
    session = streaming()
    size = IN_FLIGHT_BYTES_MAX // 2
    assert send_all(session, session.step(Sealed(9), 0), size) == [1, 2, 3]
    assert send_all(session, session.step(Took("epoch/5:5:", 2), 0), size) == [4, 5]


def test_what_was_read_for_a_connection_that_is_gone_is_read_again() -> None:
    session = streaming()
    assert session.step(Sealed(1), 0).load == 1
    session.step(Lost(), 0)
    assert session.step(Loaded(1, b"x"), 0) == DeviceEffects()
    session.step(Opened(DEVICE, None, None, 1), 0)
    assert session.step(Loaded(1, b"x"), 0) == DeviceEffects()
    assert session.step(Came(welcome()), 0).load == 1


def test_another_history_of_the_hub_means_to_start_over() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, "old/5:5:", "v", 9), 0)
    effects = session.step(Came(welcome(epoch="new")), 0)
    assert effects == DeviceEffects(start_over="new")
    session.step(Opened(DEVICE, None, None, 0), 0)
    assert session.step(Came(welcome(epoch="new")), 0).place is not None


@pytest.mark.parametrize(
    ("acknowledged", "mark", "renewed"),
    [(2, 20, False), (3, 30, False), (3, 31, True), (3, 0, False), (4, 40, False), (5, 50, True)],
)
def test_a_hub_that_knows_other_transactions_of_this_device_makes_it_another(
    acknowledged: int, mark: int, renewed: bool
) -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 4, {3: 30, 4: 40}), 0)
    assert session.step(Came(welcome(acknowledged, mark)), 0).renew is renewed


def test_what_was_sealed_since_hello_is_not_taken_for_what_the_hub_knows() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 4), 0)
    session.step(Sealed(5), 0)
    assert session.step(Came(welcome(acknowledged=5, mark=50)), 0).renew


def test_a_stream_that_another_one_of_this_device_took_over_makes_it_another() -> None:
    assert streaming().step(Came(Bye("superseded", "Two of you.")), 0).renew


def test_it_stays_what_it_is_while_something_is_on_its_way() -> None:
    """As another device it would send that once more."""
    session, bye = streaming(), Bye("superseded", "Two of you.")
    session.step(Sealed(1), 0)
    session.step(Loaded(1, b"data"), 0)
    effects = session.step(Came(bye), 0)
    assert (effects.renew, effects.close) == (False, bye)


def test_the_reason_why_the_service_closes_is_kept() -> None:
    session, bye = streaming(), Bye("drained", "The service stops.")
    assert session.step(Came(bye), 0).close == bye
    assert session.state is DeviceState.CLOSED


def test_a_question_is_asked_once_there_is_a_stream_and_answered_with_its_number() -> None:
    session = DeviceSession()
    assert session.step(Asked(3), 0) == DeviceEffects()
    session = streaming()
    assert session.step(Asked(4), 0).send == (Ping(4),)
    assert session.step(Came(Pong(4)), 0).answered == (4,)


def test_what_the_hub_has_is_asked_in_a_stream_and_its_answer_is_compared() -> None:
    assert in_state(DeviceState.GREETING).step(Questioned(Compare()), 0) == DeviceEffects()
    session = streaming()
    assert session.step(Questioned(Compare()), 0).send == (Compare(),)
    for answer in (Digests(()), Details(())):
        assert session.step(Came(Moment()), 0).look
        assert session.step(Came(answer), 0).compare == answer
    with pytest.raises(ProtocolError, match="of no moment"):
        session.step(Came(Details(())), 0)


def test_a_moment_is_gone_with_its_connection() -> None:
    session = streaming()
    session.step(Came(Moment()), 0)
    session.step(Opened(DEVICE, None, None, 0), 0)
    session.step(Came(welcome()), 0)
    with pytest.raises(ProtocolError):
        session.step(Came(Digests(())), 0)


def test_who_wants_all_says_no_cursor_and_still_knows_another_history() -> None:
    session = DeviceSession()
    effects = session.step(Opened(DEVICE, "epoch/5:5:", "v", 3, wants_all=True), 0)
    assert effects.send == (Hello(PROTOCOL_VERSION, DEVICE, None, "v", 3, reached="epoch/5:5:"),)
    assert session.step(Came(welcome(epoch="another")), 0).start_over == "another"


def test_who_has_received_more_than_the_hub_has_offers_it_and_goes_away() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, "epoch/5:5:", "v", 3, unsent={3: 8}), 0)
    lost = replace(welcome(acknowledged=1), standing=Standing.LOST, fork=Fork(4, 9))
    assert session.step(Came(lost), 0) == DeviceEffects(put_back=lost)
    assert session.state is DeviceState.CLOSED


def test_what_is_from_before_an_upgrade_goes_up_first_and_then_everything_is_asked_for() -> None:
    session = DeviceSession()
    opened = Opened(DEVICE, "epoch/5:5:", "v", 3, wants_all=True, older=2)
    hello = Hello(PROTOCOL_VERSION, DEVICE, None, "v", 3, reached="epoch/5:5:", upgrading=True)
    assert session.step(opened, 0).send == (hello,)
    effects = session.step(Came(welcome()), 0)
    assert effects.place is not None
    assert send_all(session, effects) == [1, 2]
    assert session.step(Sealed(4), 0).load is None
    frame = Acknowledged(1)
    assert session.step(Came(frame), 0).acknowledge == frame
    assert session.step(Came(Acknowledged(2)), 0).reopen
    effects = session.step(replace(opened, older=0, sealed=4, acknowledged=2), 0)
    assert effects.send == (replace(hello, sealed=4, acknowledged=2, upgrading=False),)
    assert send_all(session, session.step(Came(welcome(acknowledged=2)), 0)) == [3, 4]


def test_a_hub_that_has_it_all_from_before_the_upgrade_says_so_once_more() -> None:
    """Maybe some of it was refused."""
    session = upgrading(sealed=3, older=2, acknowledged=2)
    assert session.step(Sealed(4), 0).load is None
    effects = session.step(Came(Acknowledged(2)), 0)
    assert (effects.acknowledge, effects.reopen) == (Acknowledged(2), True)


def test_who_is_upgrading_asks_later() -> None:
    assert upgrading(sealed=1, older=1).step(Asked(4), 0) == DeviceEffects()


TICK_MS = 1_000


def ticks(session: DeviceSession, until_ms: int, start_ms: int = 0) -> dict[int, DeviceEffects]:
    """What it does as time goes by, by the time when it does something."""
    done = {n: session.step(Clocked(), n) for n in range(start_ms, until_ms + 1, TICK_MS)}
    return {now_ms: effects for now_ms, effects in done.items() if effects != DeviceEffects()}


def reason(effects: DeviceEffects) -> str | None:
    return effects.close.code if effects.close else None


def test_a_service_that_does_not_welcome_in_time_is_left() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 0), 0)
    done = ticks(session, 2 * SERVICE_SILENCE_MS_MAX)
    assert reason(done.pop(SERVICE_SILENCE_MS_MAX)) == "silent"
    assert list(done) == list(range(HEARTBEAT_MS, SERVICE_SILENCE_MS_MAX, HEARTBEAT_MS))


def test_a_service_that_is_slow_to_welcome_and_says_that_it_is_there_is_waited_for() -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 0), 0)
    for now_ms in range(0, 10 * SERVICE_SILENCE_MS_MAX, HEARTBEAT_MS):
        assert session.step(Came(HEARTBEAT), now_ms) == DeviceEffects()
        assert reason(session.step(Clocked(), now_ms)) is None
    assert session.step(Came(welcome()), now_ms).place is not None


def test_a_silent_service_hears_from_us_and_is_left_within_two_heartbeats() -> None:
    done = ticks(streaming(), 2 * SERVICE_SILENCE_MS_MAX)
    assert reason(done.pop(SERVICE_SILENCE_MS_MAX)) == "silent"
    times = range(HEARTBEAT_MS, SERVICE_SILENCE_MS_MAX, HEARTBEAT_MS)
    assert done == dict.fromkeys(times, DeviceEffects(send=(HEARTBEAT,)))


def test_who_says_something_needs_no_heartbeat() -> None:
    session = streaming()
    ticks(session, HEARTBEAT_MS - TICK_MS)
    session.step(Asked(1), HEARTBEAT_MS - TICK_MS)
    assert ticks(session, HEARTBEAT_MS, HEARTBEAT_MS) == {}


def test_a_service_that_says_anything_is_not_silent() -> None:
    session = streaming()
    for now_ms in range(0, 10 * SERVICE_SILENCE_MS_MAX, TICK_MS):
        heard = now_ms % HEARTBEAT_MS == 0
        assert reason(session.step(Clocked(heard), now_ms)) is None


def test_time_in_which_we_did_not_listen_does_not_count() -> None:
    session = streaming(sealed=1)
    session.step(Loaded(1, b"x"), 0)
    assert reason(session.step(Clocked(), 10 * STUCK_MS_MAX)) is None
    done = ticks(session, 10 * STUCK_MS_MAX + SERVICE_SILENCE_MS_MAX, 10 * STUCK_MS_MAX)
    assert [reason(effects) for effects in done.values()][-1] == "silent"


@pytest.mark.parametrize("owes", ["upload", "question", "delta", "acknowledgement", None])
def test_a_service_that_is_there_and_does_not_get_on_is_left_in_the_end(owes: str | None) -> None:
    session = streaming(sealed=int(owes == "upload"))
    match owes:
        case "upload":
            session.step(Loaded(1, b"x"), 0)
        case "question":
            session.step(Asked(1), 0)
        case "delta":
            session.step(Came(part(0, False)), 0)
        case "acknowledgement":
            session = upgrading(sealed=1, older=1, acknowledged=1)
        case _:
            pass
    closed = []
    for now_ms in range(0, 2 * STUCK_MS_MAX, TICK_MS):
        heard = now_ms % HEARTBEAT_MS == 0
        if heard and session.state is not DeviceState.CLOSED:
            session.step(Came(HEARTBEAT), now_ms)
        if session.step(Clocked(heard), now_ms).close is not None:
            closed.append(now_ms)
    assert closed == ([STUCK_MS_MAX] if owes else [])


def test_a_large_frame_that_comes_slowly_is_progress() -> None:
    session = streaming()
    session.step(Came(part(0, False)), 0)
    for now_ms in range(0, 3 * STUCK_MS_MAX, TICK_MS):
        assert session.step(Clocked(heard=True), now_ms).close is None


@pytest.fixture(scope="module")
def tight() -> Iterator[None]:
    """Limits that a short conversation reaches. The hub's half ends a stream that breaks them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_session, "UPLOAD_PART_BYTES", 10)
        for module in (device_session, uploads):
            patch.setattr(module, "IN_FLIGHT_TRANSACTIONS_MAX", 4)
            patch.setattr(module, "IN_FLIGHT_BYTES_MAX", 60)
        yield


def converse(seed: int, steps: int, faults: tuple[str, ...]) -> Conversation:
    """Anything that can happen, in any order; then everything goes well."""
    random = Random(seed)
    conversation = Conversation(random)
    usual = ("write", "direct", "ask", "wait", *3 * ("carry_up", "carry_down", "merge", "deliver"))
    conversation.connect()
    for _ in range(steps):
        act = random.choice(faults) if random.random() < 0.05 else random.choice(usual)
        getattr(conversation, act)()
    conversation.heal()
    return conversation


@given(SEEDS, STEPS)
@pytest.mark.usefixtures("tight")
def test_each_transaction_arrives_once_and_in_order_over_any_connection(
    seed: int, steps: int
) -> None:
    conversation = converse(seed, steps, ("connect", "disconnect"))
    written = list(conversation.file.transactions)
    assert conversation.hub.taken == {conversation.file.device: written}
    assert (conversation.renewed, conversation.started_over) == (0, 0)


@given(SEEDS, STEPS)
@pytest.mark.usefixtures("tight")
def test_a_restored_file_loses_nothing_that_is_in_it_and_takes_no_number_twice(
    seed: int, steps: int
) -> None:
    faults = ("connect", "connect", "disconnect", "back_up", "restore")
    conversation = converse(seed, steps, faults)
    taken = conversation.hub.taken
    assert all(len(each) == len(set(each)) for each in taken.values())
    everything = {each for transactions in taken.values() for each in transactions}
    assert everything.issuperset(conversation.file.transactions)


@given(SEEDS, STEPS)
@pytest.mark.usefixtures("tight")
def test_upgrades_in_the_middle_lose_nothing_and_no_rows_are_taken_before_their_time(
    seed: int, steps: int
) -> None:
    faults = ("connect", "disconnect", "upgrade", "upgrade", "back_up", "restore")
    conversation = converse(seed, steps, faults)
    taken = conversation.hub.taken
    assert all(len(each) == len(set(each)) for each in taken.values())
    everything = {each for transactions in taken.values() for each in transactions}
    assert everything.issuperset(conversation.file.transactions)


@given(SEEDS, STEPS)
@pytest.mark.usefixtures("tight")
def test_a_hub_that_was_reset_gets_what_is_written_from_then_on(seed: int, steps: int) -> None:
    conversation = converse(seed, steps, ("connect", "connect", "disconnect", "reset"))
    assert conversation.hub.taken[conversation.file.device] == list(conversation.file.transactions)
    assert conversation.file.cursor == conversation.hub.cursor
