"""message_filters: what comes out together, and what an exception leaves behind."""

from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("message_filters.matching", reason="needs this project's overlay")

from builtin_interfaces.msg import Time as TimeMsg
from message_filters import (
    ApproximateTimeSynchronizer,
    Cache,
    SimpleFilter,
    Subscriber,
    TimeSynchronizer,
)
from message_filters.matching import match
from rclpy.time import Time


def message(seconds, name=""):
    sec, nanosec = divmod(round(seconds * 1e9), 10**9)
    header = SimpleNamespace(stamp=TimeMsg(sec=sec, nanosec=nanosec))
    return SimpleNamespace(header=header, name=f"{name}{seconds:g}")


def synchronized(make, inputs):
    filters = [SimpleFilter() for _ in range(inputs)]
    synchronizer = make(filters)
    sets = []
    synchronizer.registerCallback(lambda *msgs: sets.append([msg.name for msg in msgs]))
    return filters, synchronizer, sets


def test_exact_synchronizer_outputs_equal_stamps_in_the_order_of_its_inputs():
    (a, b), _, sets = synchronized(lambda fs: TimeSynchronizer(fs, 10), 2)
    b.signalMessage(message(2, "b"))
    a.signalMessage(message(1, "a"))
    b.signalMessage(message(1, "b"))
    a.signalMessage(message(2, "a"))
    assert sets == [["a1", "b1"], ["a2", "b2"]]


def test_a_full_queue_drops_its_oldest_stamp():
    (a, b), _, sets = synchronized(lambda fs: TimeSynchronizer(fs, 2), 2)
    for seconds in (1, 2, 3):
        a.signalMessage(message(seconds, "a"))
    for seconds in (1, 2, 3):
        b.signalMessage(message(seconds, "b"))
    assert sets == [["a2", "b2"], ["a3", "b3"]]


def test_approximate_synchronizer_takes_the_nearest_messages():
    (a, b), _, sets = synchronized(lambda fs: ApproximateTimeSynchronizer(fs, 10, 0.1), 2)
    for seconds in (0.98, 1.01, 1.05):
        a.signalMessage(message(seconds, "a"))
    b.signalMessage(message(1.0, "b"))
    assert sets == [["a1.01", "b1"]]


def test_stamps_of_a_set_differ_by_less_than_slop():
    (a, b), _, sets = synchronized(lambda fs: ApproximateTimeSynchronizer(fs, 10, 0.1), 2)
    a.signalMessage(message(1.0, "a"))
    b.signalMessage(message(1.1, "b"))
    assert sets == []
    b.signalMessage(message(1.099, "b"))
    assert sets == [["a1", "b1.099"]]


@given(
    st.lists(
        st.lists(st.integers(-20, 20), min_size=1, max_size=4, unique=True), min_size=1, max_size=4
    ),
    st.integers(1, 15),
)
def test_the_match_is_the_first_of_all_combinations_that_fit(queues, slop):
    by_distance = [sorted(queue, key=abs) for queue in queues]
    fitting = (
        list(stamps)
        for stamps in itertools.product(*by_distance)
        if max(0, *stamps) - min(0, *stamps) < slop
    )
    assert match(0, queues, slop) == next(fitting, None)


def test_an_input_that_stalls_does_not_make_the_others_try_every_combination():
    dense = list(range(-400, 400))
    assert match(0, [dense, dense, dense, dense, [450]], 440) is None


@pytest.mark.parametrize(
    "make", [lambda fs: TimeSynchronizer(fs, 5), lambda fs: ApproximateTimeSynchronizer(fs, 5, 0.1)]
)
def test_an_exception_of_a_callback_goes_up_and_leaves_the_filter_usable(make):
    (a, b), synchronizer, sets = synchronized(make, 2)

    def fail(*_):
        raise ValueError("callback")

    synchronizer.callbacks[0] = (fail, ())
    a.signalMessage(message(1))
    with pytest.raises(ValueError, match="callback"):
        b.signalMessage(message(1))
    assert not any(synchronizer.queues)

    synchronizer.callbacks[0] = (lambda *msgs: sets.append(len(msgs)), ())

    def feed():
        a.signalMessage(message(2))
        b.signalMessage(message(2))

    thread = threading.Thread(target=feed, daemon=True)  # would block on a lock left behind
    thread.start()
    thread.join(timeout=5)
    assert sets == [2]


def test_a_callback_may_feed_the_filter_that_called_it():
    (a, b), synchronizer, sets = synchronized(lambda fs: TimeSynchronizer(fs, 5), 2)

    def feed(msg, _):
        if msg.name == "a1":
            a.signalMessage(message(2, "a"))
            b.signalMessage(message(2, "b"))

    synchronizer.registerCallback(feed)
    a.signalMessage(message(1, "a"))
    b.signalMessage(message(1, "b"))
    assert sets == [["a1", "b1"], ["a2", "b2"]]


def test_messages_without_header_are_dropped_unless_allowed(capfd):
    headerless = SimpleNamespace(name="x")
    (a,), _, sets = synchronized(lambda fs: ApproximateTimeSynchronizer(fs, 5, 0.1), 1)
    a.signalMessage(headerless)
    assert sets == []
    assert "allow_headerless" in capfd.readouterr().err
    (a,), _, sets = synchronized(
        lambda fs: ApproximateTimeSynchronizer(fs, 5, 0.1, allow_headerless=True), 1
    )
    a.signalMessage(headerless)
    assert sets == [["x"]]


def test_arrival_time_can_stand_in_for_stamps_that_do_not_agree():
    (a, b), _, sets = synchronized(
        lambda fs: ApproximateTimeSynchronizer(fs, 5, 10.0, sync_arrival_time=True), 2
    )
    a.signalMessage(message(1, "a"))
    b.signalMessage(message(1000, "b"))
    assert sets == [["a1", "b1000"]]


def test_callbacks_get_the_arguments_they_were_registered_with():
    source, got = SimpleFilter(), []
    assert source.registerCallback(lambda *args: got.append(args), "extra", 7) == 0
    source.signalMessage("message")
    assert got == [("message", "extra", 7)]


def test_cache_answers_by_time_whatever_the_order_of_arrival():
    source = SimpleFilter()
    cache = Cache(source, 4)
    for seconds in (9, 1, 3, 2, 4):  # the first falls out
        source.signalMessage(message(seconds))

    def at(seconds):
        return Time.from_msg(message(seconds).header.stamp)

    assert [msg.name for msg in cache.getInterval(at(2), at(3.5))] == ["2", "3"]
    assert cache.getElemAfterTime(at(2.5)).name == "3"
    assert cache.getElemBeforeTime(at(2.5)).name == "2"
    assert cache.getElemAfterTime(at(5)) is None
    assert (cache.getOldestTime(), cache.getLastestTime()) == (at(1), at(4))
    assert cache.getLast().name == "4"


def test_subscriber_passes_on_what_is_published(node, spinning):
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(String, "words", kept).publish(String(data="hello"))
    subscriber = Subscriber(node, String, "words", qos_profile=kept)
    assert subscriber.getTopic() == "words"
    assert subscriber.topic_name == "/words"  # of the rclpy subscription
    got, arrived = [], threading.Event()
    subscriber.registerCallback(lambda msg: (got.append(msg.data), arrived.set()))
    spinning(node)
    assert arrived.wait(10)
    assert got == ["hello"]
