//! Design section 5, rule by rule.

use offboard24::domain::ActionKind::{Kill, Terminate};
use offboard24::domain::ActionState::{Ended, Held, Planned, Sent};
use offboard24::domain::{ActionState, Outcome, StopReason};
use offboard24::portal::{Answer, Method, NotExecuted};
use offboard24::run::machine::{Lull, Step};

use super::hand::{
    Hand, OTHER, OURS, as_planned, blocked, changed, doubt, gone, held, not_executed, planned, refused, yes,
};

/// The numbers from … to.
fn range(from: u32, to: u32) -> Vec<u32> {
    (from..=to).collect()
}

/// An answer for some of the actions, and another for the others.
fn some(numbers: &[u32], answer: impl Fn(u32) -> Answer, others: impl Fn(u32) -> Answer) -> impl Fn(u32) -> Answer {
    move |number| {
        if numbers.contains(&number) {
            answer(number)
        } else {
            others(number)
        }
    }
}

// The canary.

#[test]
fn nothing_of_a_kind_is_sent_before_its_canary_is_settled() {
    let mut hand = Hand::kills(6);
    assert_eq!(hand.look_and_send(yes), [1]);
    assert_eq!(hand.ask(&[1]), [1]);
    assert_eq!(
        hand.waits(),
        90,
        "answered with true and still listed: nothing else is sent"
    );
    hand.later(90);
    assert_eq!(hand.ask(&[]), [1]);
    assert_eq!(hand.state(1), Ended(Outcome::Confirmed));
    assert_eq!(hand.look(as_planned), range(2, 6));
}

#[test]
fn each_kind_has_its_own_canary_and_one_does_not_open_the_gate_of_the_other() {
    let kinds = [Kill, Terminate, Terminate, Kill, Terminate];
    let mut hand = Hand::of((1..).zip(kinds).map(|(number, kind)| planned(OURS, number, kind)));
    assert_eq!(hand.look_and_send(yes), [1]);
    assert_eq!(hand.ask(&[1]), [1], "the kill is not settled");
    assert_eq!(
        hand.look_and_send(yes),
        [2],
        "the first terminate goes meanwhile, alone"
    );
    assert_eq!(hand.ask(&[]), [2]);
    assert_eq!(hand.look_and_send(yes), [3, 5], "the gate for terminate is open");
    assert_eq!(hand.ask(&[]), [3, 5]);
    assert_eq!(hand.waits(), 90, "the other kill waits for the canary");
}

#[test]
fn a_canary_that_was_gone_or_had_changed_before_it_was_sent_leaves_its_place_to_the_next() {
    for (seen, outcome) in [(gone(1), Outcome::AlreadyGone), (changed(1), Outcome::Drifted)] {
        let mut hand = Hand::kills(4);
        hand.look(|_| seen.clone());
        assert_eq!(hand.state(1), Ended(outcome));
        assert_eq!(hand.look_and_send(yes), [2]);
    }
}

#[test]
fn a_canary_that_is_unattributed_leaves_its_place_to_the_next() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(refused);
    hand.ask(&[]);
    assert_eq!(hand.state(1), Ended(Outcome::Unattributed));
    assert_eq!(hand.look_and_send(yes), [2]);
}

#[test]
fn a_canary_that_is_only_presumed_gets_one_more_chance() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(doubt);
    hand.ask(&[]);
    assert_eq!(hand.state(1), Ended(Outcome::Presumed));
    assert_eq!(hand.look_and_send(doubt), [2]);
    hand.ask(&[]);
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Breaker))
    );
    assert_eq!((hand.state(3), hand.state(4)), (Planned, Planned));
}

#[test]
fn a_canary_that_was_asked_about_too_early_and_is_gone_at_the_next_look_was_presumed_all_the_same() {
    let mut hand = Hand::kills(4);
    for number in 1..=2 {
        assert_eq!(hand.look_and_send(doubt), [number]);
        hand.ask(&[number]);
        hand.look(gone);
        assert_eq!(hand.state(number), Ended(Outcome::Presumed));
    }
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Breaker))
    );
}

#[test]
fn a_canary_that_fails_stops_the_run_and_the_rest_stays_planned() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(refused);
    hand.ask(&[1]);
    assert_eq!(hand.state(1), Ended(Outcome::Failed));
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Breaker))
    );
    assert_eq!(hand.state(2), Planned);
}

#[test]
fn a_canary_that_survives_stops_the_run() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(yes);
    hand.ask(&[1]);
    hand.later(90);
    hand.ask(&[1]);
    assert_eq!(hand.state(1), Ended(Outcome::Survived));
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Breaker))
    );
}

#[test]
fn a_canary_that_was_not_executed_is_sent_again_alone() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(not_executed);
    hand.later(hand.waits() + 1);
    assert_eq!(hand.look_and_send(yes), [1]);
}

#[test]
fn each_run_has_its_own_canary() {
    let mut hand = Hand::kills_after_canary(9).resume();
    assert_eq!(hand.look_and_send(yes), [2]);
}

#[test]
fn what_an_earlier_run_left_in_doubt_opens_no_gate() {
    let mut hand = Hand::kills(4);
    hand.look_and_send(yes);
    let mut hand = hand.resume();
    assert_eq!(hand.ask(&[]), [1]);
    assert_eq!(hand.state(1), Ended(Outcome::Confirmed));
    assert_eq!(hand.look_and_send(yes), [2]);
}

// The breaker.

#[test]
fn the_breaker_stops_after_five_errors_in_a_row_or_more_than_half() {
    for (errors, stops) in [
        (&[2, 3][..], false),
        (&[2, 3, 4], true),
        (&[2, 4, 6], true),
        (&[7, 8, 9, 10, 11], false),
        (&[22, 23, 24, 25, 26], true),
        (&[8, 9, 10, 11, 12], false),
    ] {
        let mut hand = Hand::kills_after_canary(40);
        let mut sent = hand.look_and_send(some(errors, refused, yes));
        assert_eq!(sent, range(2, 6));
        hand.ask(&[]);
        if hand.stop_reason().is_none() {
            sent = hand.look_and_send(some(errors, refused, yes));
            assert_eq!(sent, range(7, 26));
            hand.ask(&[]);
        }
        assert_eq!(hand.stop_reason(), stops.then_some(StopReason::Breaker), "{errors:?}");
    }
}

#[test]
fn errors_are_counted_across_batches_in_command_order() {
    let mut hand = Hand::kills_after_canary(80);
    hand.look_and_send(some(&[5, 6], refused, yes));
    hand.ask(&[]);
    hand.look_and_send(some(&[7, 8, 9], refused, yes));
    assert_eq!(hand.stop_reason(), None, "five in a row in the middle, and yes since");
    hand.ask(&[]);
    let sent = hand.look_and_send(some(&[69, 70, 71, 72, 73], refused, yes));
    assert_eq!(sent, range(27, 73));
    assert_eq!(hand.stop_reason(), Some(StopReason::Breaker));
}

#[test]
fn what_is_in_doubt_or_was_not_executed_is_no_error() {
    let mut hand = Hand::kills_after_canary(40);
    hand.look_and_send(some(&[2, 3], doubt, some(&[4, 5], not_executed, yes)));
    assert_eq!(hand.stop_reason(), None);
}

#[test]
fn the_breaker_settles_what_was_sent_before_the_run_leaves() {
    let mut hand = Hand::kills_after_canary(9);
    hand.look_and_send(some(&[2, 3, 4], refused, yes));
    assert_eq!(hand.stop_reason(), Some(StopReason::Breaker));
    assert_eq!(hand.ask(&[2, 5]), range(2, 6));
    assert_eq!(hand.state(2), Ended(Outcome::Failed));
    assert_eq!(hand.waits(), 90, "for the one that said yes and is still listed");
    hand.later(90);
    hand.ask(&[5]);
    assert_eq!(hand.state(5), Ended(Outcome::Survived));
    assert_eq!(hand.next(), Step::Finish);
}

#[test]
fn a_breaker_that_opens_on_the_last_batch_stopped_nothing() {
    let mut hand = Hand::kills_after_canary(4);
    assert_eq!(hand.look_and_send(refused), range(2, 4));
    assert_eq!(hand.stop_reason(), Some(StopReason::Breaker));
    hand.ask(&[2, 3, 4]);
    assert_eq!((hand.next(), hand.stop_reason()), (Step::Finish, None));
    let mut hand = Hand::kills(0);
    hand.stop(StopReason::Signal);
    assert_eq!(hand.stop_reason(), Some(StopReason::Signal), "whoever asked is told so");
}

#[test]
fn a_person_does_not_wait_for_the_breaker() {
    let mut hand = Hand::kills_after_canary(9);
    hand.look_and_send(some(&[2, 3, 4], refused, yes));
    hand.ask(&[5]);
    assert_eq!(hand.waits(), 90);
    hand.stop(StopReason::Signal);
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Breaker))
    );
    assert_eq!(hand.state(5), Sent);
}

// The size of a batch.

#[test]
fn batches_start_small_and_grow() {
    let mut hand = Hand::kills_after_canary(160);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.push(hand.look_and_send(yes).len());
        hand.ask(&[]);
    }
    assert_eq!(sizes, [5, 20, 47, 47]);
}

#[test]
fn after_a_failed_the_next_batch_has_at_most_five() {
    let mut hand = Hand::kills_after_canary(60);
    hand.look_and_send(yes);
    hand.ask(&[]);
    hand.look_and_send(some(&[7], refused, yes));
    hand.ask(&[7]);
    assert_eq!(hand.state(7), Ended(Outcome::Failed));
    assert_eq!(hand.look_and_send(yes).len(), 5);
    hand.ask(&[]);
    assert_eq!(hand.look_and_send(yes).len(), 20);
}

#[test]
fn a_failed_that_comes_late_also_binds_a_batch_that_was_already_looked_at() {
    let mut hand = Hand::kills_after_canary(160);
    assert_eq!(hand.look_and_send(some(&[2], doubt, yes)), range(2, 6));
    hand.ask(&[2]);
    assert_eq!(hand.look_and_send(some(&[2], refused, yes)), [2, 7]);
    hand.ask(&[2]);
    assert_eq!(
        hand.state(2),
        Sent,
        "refused, but its first attempt may still take effect"
    );
    for size in [8, 32] {
        assert_eq!(hand.look_and_send(yes).len(), size);
        hand.ask(&[]);
    }
    hand.later(80);
    assert_eq!(hand.look(as_planned).len(), 47);
    hand.later(10);
    assert_eq!(hand.ask(&[2]), [2]);
    assert_eq!(hand.state(2), Ended(Outcome::Failed));
    assert_eq!(hand.send(yes).len(), 5);
}

#[test]
fn doubt_halves_the_next_batch() {
    let mut hand = Hand::kills_after_canary(60);
    hand.look_and_send(yes);
    hand.ask(&[]);
    assert_eq!(hand.look_and_send(some(&[9], doubt, yes)).len(), 20);
    hand.ask(&[]);
    assert_eq!(hand.look_and_send(yes).len(), 10);
}

#[test]
fn slow_commands_make_small_batches() {
    let mut hand = Hand::kills_after_canary(60);
    hand.commands_take(7);
    hand.look_and_send(yes);
    hand.ask(&[]);
    assert_eq!(hand.look_and_send(yes).len(), 2, "20 s for a batch, 7 s a command");
}

// Attempts.

#[test]
fn after_three_unanswered_attempts_a_listed_workflow_has_survived_but_not_before_ninety_seconds() {
    let mut hand = Hand::kills_after_canary(2);
    for _ in 0..3 {
        assert_eq!(hand.state(2), Planned);
        assert_eq!(hand.look_and_send(doubt), [2]);
        hand.ask(&[2]);
    }
    assert_eq!(hand.waits(), 90);
    hand.later(90);
    hand.ask(&[2]);
    assert_eq!(hand.state(2), Ended(Outcome::Survived));
}

#[test]
fn an_attempt_whose_answer_was_lost_in_a_crash_counts() {
    let mut hand = Hand::kills(1);
    for _ in 0..3 {
        hand.look(as_planned);
        hand.send_only();
        hand = hand.resume();
        assert_eq!(hand.state(1), Sent, "not sent again before anybody asked");
        hand.ask(&[1]);
    }
    assert_eq!((hand.state(1), hand.waits()), (Sent, 90));
}

#[test]
fn an_attempt_that_was_not_executed_does_not_count() {
    let mut hand = Hand::kills_after_canary(2);
    for answer in [
        doubt as fn(u32) -> Answer,
        not_executed,
        not_executed,
        doubt,
        not_executed,
    ] {
        hand.look_and_send(answer);
        match hand.next() {
            Step::Ask(_) => assert_eq!(hand.ask(&[2]), [2]),
            _ => hand.later(hand.waits() + 1),
        }
        assert_eq!(hand.state(2), Planned);
    }
    hand.look_and_send(doubt);
    hand.ask(&[2]);
    assert_eq!((hand.state(2), hand.waits()), (Sent, 90), "the third that counts");
}

#[test]
fn a_reopened_action_has_three_new_attempts() {
    let mut hand = Hand::kills(1);
    hand.look_and_send(refused);
    hand.ask(&[1]);
    let mut hand = hand.reopen(1);
    for _ in 0..3 {
        hand.look_and_send(doubt);
        hand.ask(&[1]);
    }
    assert_eq!(hand.waits(), 90);
}

#[test]
fn an_answered_true_is_never_sent_again() {
    let mut hand = Hand::kills_after_canary(2);
    hand.look_and_send(yes);
    hand.ask(&[2]);
    assert_eq!(hand.waits(), 90);
    let mut hand = hand.resume();
    assert_eq!(hand.ask(&[2]), [2]);
    assert_eq!(hand.waits(), 90, "a new process cannot know how long ago it was sent");
}

// Limits and pauses.

#[test]
fn a_blocked_method_rests_and_the_others_go_on() {
    let kinds = [Kill, Terminate, Kill, Terminate];
    let mut hand = Hand::of((1..).zip(kinds).map(|(number, kind)| planned(OURS, number, kind)));
    assert_eq!(hand.look_and_send(blocked(Method::Kill, 240)), [1]);
    assert_eq!(hand.look_and_send(yes), [2]);
    hand.ask(&[]);
    assert_eq!(hand.look_and_send(yes), [4]);
    hand.ask(&[]);
    assert_eq!(hand.waits(), 240);
    hand.later(240);
    assert_eq!(hand.look_and_send(yes), [1]);
}

#[test]
fn where_batch_is_blocked_nothing_is_sent_but_what_was_sent_is_asked_about() {
    let kinds = [Kill, Kill, Terminate];
    let mut hand = Hand::of((1..).zip(kinds).map(|(number, kind)| planned(OURS, number, kind)));
    hand.look_and_send(yes);
    hand.ask(&[1]);
    assert_eq!(hand.look_and_send(blocked(Method::Batch, 240)), [3]);
    assert_eq!(hand.waits(), 90);
    hand.later(90);
    assert_eq!(hand.ask(&[]), [1]);
    assert_eq!(hand.state(1), Ended(Outcome::Confirmed));
    assert_eq!(hand.waits(), 150);
}

#[test]
fn a_limit_inside_a_batch_returns_only_its_own_commands() {
    let mut hand = Hand::kills_after_canary(9);
    hand.look_and_send(some(&[5, 6], blocked(Method::Kill, 60), yes));
    assert_eq!(hand.ask(&[]), [2, 3, 4]);
    assert_eq!((hand.state(5), hand.waits()), (Planned, 60));
}

#[test]
fn a_portal_that_executes_nothing_is_left_alone_for_longer_and_longer_and_then_for_good() {
    let mut hand = Hand::kills_after_canary(9);
    let mut pauses = Vec::new();
    while hand.stop_reason().is_none() {
        hand.look_and_send(not_executed);
        if hand.stop_reason().is_none() {
            pauses.push(hand.waits());
            assert!(pauses.len() < 100, "the run never ends");
            hand.later(hand.waits() + 1);
        }
    }
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Limit))
    );
    assert_eq!(pauses.len(), 9);
    assert!(pauses[0] <= 1 && pauses[8] >= 45, "{pauses:?}");
}

#[test]
fn authentication_permission_and_the_manual_block_stop_at_once() {
    let code = || "code".to_owned();
    for why in [
        NotExecuted::Auth { code: code() },
        NotExecuted::Permission { code: code() },
        NotExecuted::Overload,
    ] {
        let mut hand = Hand::kills_after_canary(9);
        let answer = |_| Answer::NotExecuted { why: why.clone() };
        hand.look_and_send(some(&[3], answer, yes));
        assert_eq!(hand.stop_reason(), Some(StopReason::Auth));
        assert_eq!(hand.ask(&[]), [2, 4, 5, 6]);
        assert_eq!(hand.next(), Step::Finish);
    }
}

// Stopping.

#[test]
fn whoever_is_asked_to_stop_asks_once_about_what_was_sent_and_leaves() {
    for reason in [StopReason::Signal, StopReason::Requested, StopReason::Limit] {
        let mut hand = Hand::kills_after_canary(9);
        hand.look_and_send(some(&[2], doubt, yes));
        hand.stop(reason);
        assert_eq!(hand.ask(&[2, 3]), range(2, 6));
        assert_eq!((hand.next(), hand.stop_reason()), (Step::Finish, Some(reason)));
        assert_eq!(
            (hand.state(2), hand.state(3), hand.state(4)),
            (Planned, Sent, Ended(Outcome::Confirmed))
        );
    }
}

#[test]
fn whoever_is_asked_to_stop_sends_nothing_that_was_looked_at() {
    let mut hand = Hand::kills_after_canary(9);
    hand.look(as_planned);
    hand.stop(StopReason::Signal);
    assert_eq!(hand.next(), Step::Finish);
}

#[test]
fn whoever_waits_is_told_for_what() {
    let mut hand = Hand::kills(3);
    hand.look_and_send(yes);
    hand.ask(&[1]);
    assert_eq!((hand.waits(), hand.lull()), (90, Lull::Unsettled));
    let mut hand = Hand::kills_after_canary(3);
    hand.look_and_send(not_executed);
    assert!(matches!((hand.next(), hand.lull()), (Step::Wait(_), Lull::Refused)));
    let mut hand = Hand::kills_after_canary(3);
    hand.look_and_send(blocked(Method::Batch, 60));
    assert_eq!((hand.waits(), hand.lull()), (60, Lull::Blocked(Method::Batch)));
    hand.later(60);
    assert_eq!(hand.look_and_send(not_executed), [2, 3]);
    assert_eq!(hand.lull(), Lull::Refused, "the block is over");
}

#[test]
fn whoever_leaves_does_not_ask_a_second_time_about_what_was_still_listed() {
    let mut hand = Hand::kills(3);
    hand.look_and_send(yes);
    hand.ask(&[1]);
    hand.later(90);
    assert!(matches!(hand.next(), Step::Ask(_)));
    hand.stop(StopReason::Signal);
    assert_eq!((hand.next(), hand.state(1)), (Step::Finish, Sent));
}

#[test]
fn when_the_portal_cannot_be_asked_the_run_leaves_everything_as_it_is() {
    let mut hand = Hand::kills_after_canary(9);
    hand.look_and_send(yes);
    hand.stop_blind(StopReason::Limit);
    assert_eq!((hand.next(), hand.state(2)), (Step::Finish, Sent));
}

#[test]
fn the_first_reason_to_stop_stays() {
    let mut hand = Hand::kills(1);
    hand.stop(StopReason::Requested);
    hand.stop(StopReason::Signal);
    assert_eq!(hand.stop_reason(), Some(StopReason::Requested));
}

// Quiet time.

/// Action 2 has an unanswered attempt from just now, and is planned again.
fn with_an_unanswered_attempt() -> Hand {
    let mut hand = Hand::kills_after_canary(2);
    hand.look_and_send(doubt);
    hand.ask(&[2]);
    assert_eq!(hand.state(2), Planned);
    hand.later(10);
    hand
}

#[test]
fn failed_survived_and_drifted_wait_until_no_attempt_can_take_effect_and_ask_once_more() {
    type Happens = fn(&mut Hand) -> u64;
    let refuse: Happens = |hand| {
        hand.look_and_send(refused);
        hand.ask(&[2]);
        80
    };
    let say_yes: Happens = |hand| {
        hand.look_and_send(yes);
        hand.ask(&[2]);
        90
    };
    let change: Happens = |hand| {
        hand.look(changed);
        80
    };
    let cases = [
        (refuse, Outcome::Failed, Outcome::Presumed),
        (say_yes, Outcome::Survived, Outcome::Confirmed),
        (change, Outcome::Drifted, Outcome::Presumed),
    ];
    for (happens, when_listed, when_gone) in cases {
        for (listed, outcome) in [(&[2][..], when_listed), (&[], when_gone)] {
            let mut hand = with_an_unanswered_attempt();
            let left = happens(&mut hand);
            assert_eq!(hand.waits(), left, "{outcome}");
            hand.later(left - 1);
            assert_eq!(hand.waits(), 1, "{outcome}");
            hand.later(1);
            assert_eq!(hand.ask(listed), [2]);
            assert_eq!((hand.state(2), hand.next()), (Ended(outcome), Step::Finish));
        }
    }
}

#[test]
fn failed_and_drifted_do_not_wait_when_every_attempt_was_answered() {
    let mut hand = Hand::kills_after_canary(3);
    hand.look_and_send(some(&[2], refused, not_executed));
    hand.ask(&[2]);
    assert_eq!(hand.state(2), Ended(Outcome::Failed));
    let mut hand = Hand::kills_after_canary(2);
    hand.look(changed);
    assert_eq!(hand.state(2), Ended(Outcome::Drifted));
}

#[test]
fn quiet_time_starts_over_in_a_new_process() {
    let mut hand = with_an_unanswered_attempt().resume();
    hand.look(changed);
    assert_eq!(hand.waits(), 90);
}

#[test]
fn what_is_gone_is_named_by_what_is_true_of_all_attempts() {
    type Answered = fn(u32) -> Answer;
    let cases: [(&[Answered], Outcome); 9] = [
        (&[], Outcome::AlreadyGone),
        (&[not_executed], Outcome::AlreadyGone),
        (&[doubt], Outcome::Presumed),
        (&[doubt, not_executed], Outcome::Presumed),
        (&[refused], Outcome::Unattributed),
        (&[refused, doubt], Outcome::Presumed),
        (&[yes], Outcome::Confirmed),
        (&[yes, not_executed], Outcome::Confirmed),
        (&[yes, doubt], Outcome::Presumed),
    ];
    for (answers, outcome) in cases {
        let mut hand = Hand::kills_after_canary(2);
        for answer in answers {
            hand.look_and_send(answer);
            while hand.state(2) != Planned {
                match hand.next() {
                    Step::Ask(_) => assert_eq!(hand.ask(&[2]), [2]),
                    Step::Wait(_) => hand.later(hand.waits()),
                    _ => hand = hand.reopen(2),
                }
            }
            hand = hand.resume();
        }
        hand.look(gone);
        assert_eq!(hand.state(2), Ended(outcome), "after {} attempts", answers.len());
    }
}

// The re-check.

#[test]
fn a_look_that_is_too_old_is_repeated() {
    let mut hand = Hand::kills(1);
    hand.look(as_planned);
    hand.later(45);
    assert_eq!(hand.next(), Step::Send);
    hand.later(1);
    assert_eq!(hand.look(changed), [1]);
    assert_eq!(hand.state(1), Ended(Outcome::Drifted));
}

#[test]
fn a_portal_so_slow_that_every_look_is_too_old_ends_the_run() {
    let mut hand = Hand::kills(1);
    let mut looks = 0;
    while hand.stop_reason().is_none() {
        hand.look(as_planned);
        hand.later(50);
        looks += 1;
        assert!(looks < 100, "the run never ends");
    }
    assert_eq!(
        (hand.next(), hand.stop_reason()),
        (Step::Finish, Some(StopReason::Limit))
    );
    assert_eq!((hand.state(1), looks), (Planned, 6));
}

#[test]
fn what_changed_stays_and_the_rest_of_the_batch_goes() {
    let mut hand = Hand::kills_after_canary(6);
    assert_eq!(
        hand.look(|number| if number == 3 { changed(3) } else { as_planned(number) }),
        range(2, 6)
    );
    assert_eq!(hand.send(yes), [2, 4, 5, 6]);
}

#[test]
fn held_actions_are_never_sent_and_do_not_keep_a_run_from_ending() {
    let mut hand = Hand::of([planned(OURS, 1, Kill), held(OURS, 2, Kill)]);
    hand.look_and_send(yes);
    hand.ask(&[]);
    assert_eq!((hand.next(), hand.state(2)), (Step::Finish, Held));
}

// Other jobs, and settling only.

/// Job 1 has actions 1 and 2, job 2 has 2 and 3: both have workflow `w.2`. A run of job 1 died while 1 and 2 were under way.
fn two_jobs_in_doubt() -> Hand {
    let journal = [
        planned(OTHER, 1, Kill),
        planned(OTHER, 2, Kill),
        planned(OURS, 2, Kill),
        planned(OURS, 3, Kill),
    ];
    let mut hand = Hand::of(journal).resume_other();
    hand.look_and_send(yes);
    hand.ask(&[]);
    hand.look(as_planned);
    hand.send_only();
    hand.resume()
}

#[test]
fn what_another_job_left_in_doubt_is_settled_first() {
    let mut hand = two_jobs_in_doubt();
    assert_eq!(hand.ask(&[]), [2]);
    assert_eq!(hand.state_in(OTHER, 2), Ended(Outcome::Presumed));
    hand.look(gone);
    assert_eq!(hand.state(2), Ended(Outcome::AlreadyGone));
    assert_eq!(hand.look_and_send(yes), [3]);
}

#[test]
fn what_another_job_has_left_to_do_is_not_done() {
    let mut hand = two_jobs_in_doubt();
    assert_eq!(hand.ask(&[2]), [2]);
    assert_eq!(hand.state_in(OTHER, 2), Planned);
    for number in [2, 3] {
        assert_eq!(hand.look_and_send(yes), [number]);
        hand.ask(&[]);
    }
    assert_eq!((hand.next(), hand.state_in(OTHER, 2)), (Step::Finish, Planned));
}

#[test]
fn a_late_failed_of_another_job_says_nothing_about_the_batches_of_this_one() {
    let ours = (1..=140).map(|number| planned(OURS, number, Kill));
    let journal = [planned(OTHER, 150, Kill), planned(OTHER, 151, Kill)]
        .into_iter()
        .chain(ours);
    let mut hand = Hand::of(journal).resume_other();
    hand.look_and_send(doubt);
    hand.ask(&[150]);
    hand.look_and_send(refused);
    let mut hand = hand.resume();
    assert_eq!(
        hand.ask(&[150]),
        [150],
        "refused, but an earlier attempt may still take effect"
    );
    assert_eq!(hand.look_and_send(yes), [1]);
    for size in [5, 20] {
        hand.ask(&[]);
        assert_eq!(hand.look_and_send(yes).len(), size);
    }
    hand.ask(&[]);
    hand.later(90);
    hand.ask(&[150]);
    assert_eq!(hand.state_in(OTHER, 150), Ended(Outcome::Failed));
    assert_eq!(hand.look(as_planned).len(), 47);
}

#[test]
fn a_workflow_that_another_job_has_in_doubt_waits() {
    let journal = [planned(OTHER, 2, Kill), planned(OURS, 2, Kill), planned(OURS, 3, Kill)];
    let mut hand = Hand::of(journal).resume_other();
    hand.look_and_send(yes);
    let mut hand = hand.resume();
    assert_eq!(hand.ask(&[2]), [2]);
    assert_eq!(
        hand.look_and_send(yes),
        [3],
        "2 is answered with true there, and still listed"
    );
    hand.ask(&[]);
    assert_eq!(hand.waits(), 90);
    hand.later(90);
    hand.ask(&[2]);
    assert_eq!(hand.state_in(OTHER, 2), Ended(Outcome::Survived));
    assert_eq!(hand.look_and_send(yes), [2]);
}

#[test]
fn a_run_that_only_settles_sends_nothing() {
    let mut hand = Hand::kills(3);
    hand.look(as_planned);
    hand.send_only();
    let mut hand = hand.settle_only();
    hand.ask(&[1]);
    let states: [ActionState; 3] = [hand.state(1), hand.state(2), hand.state(3)];
    assert_eq!(
        (hand.next(), hand.stop_reason(), states),
        (Step::Finish, None, [Planned; 3])
    );
}
