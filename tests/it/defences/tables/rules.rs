//! The rules of the engine: design section 5.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const RULES: &[Defence] = &[
    Defence {
        against: "rule: the canary travels alone",
        by: "until the gate is open a batch has one command",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "let size = if self.canaries.is_open(kind) {",
            becomes: "let size = if true {",
        }],
        test: "rules::the_first_of_a_run_goes_alone_and_a_confirmed_one_opens_the_gate",
    },
    Defence {
        against: "rule: only confirmed opens the gate",
        by: "an unattributed canary opens nothing",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "            Outcome::Confirmed => {
                self.open",
            becomes: "            Outcome::Confirmed | Outcome::Unattributed => {
                self.open",
        }],
        test: "rules::a_canary_that_is_unattributed_leaves_its_place_to_the_next",
    },
    Defence {
        against: "rule: a presumed canary",
        by: "it is followed by one more, and not by a batch",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "            Outcome::Confirmed => {
                self.open",
            becomes: "            Outcome::Confirmed | Outcome::Presumed => {
                self.open",
        }],
        test: "rules::a_canary_that_is_only_presumed_is_followed_by_one_more",
    },
    Defence {
        against: "rule: a second presumed canary",
        by: "answers get lost: too blind to go on",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "const PRESUMED_MAX: u32 = 2;",
            becomes: "const PRESUMED_MAX: u32 = 3;",
        }],
        test: "rules::a_second_canary_that_is_only_presumed_stops_the_run",
    },
    Defence {
        against: "rule: a failed or survived canary",
        by: "it stops the run",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "Outcome::Failed | Outcome::Survived => Canary::Stops,",
            becomes: "Outcome::Failed | Outcome::Survived => Canary::Again,",
        }],
        test: "rules::a_canary_that_fails_or_survives_stops_the_run_and_the_rest_stays_planned",
    },
    Defence {
        against: "rule: a canary for each kind",
        by: "a gate is opened for its own kind",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "self.open.contains(&kind)",
            becomes: "!self.open.is_empty()",
        }],
        test: "rules::each_kind_of_a_job_with_both_has_a_canary_of_its_own",
    },
    Defence {
        against: "rule: more than half in error",
        by: "the breaker looks at the whole batch",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "self.errors_in_a_row >= ROW_MAX || failed * 2 > errors.len()",
            becomes: "self.errors_in_a_row >= ROW_MAX",
        }],
        test: "rules::more_than_half_of_a_batch_in_error_opens_the_breaker_and_the_rest_stays_planned",
    },
    Defence {
        against: "rule: five errors in a row",
        by: "the breaker looks at the last five",
        without: &[Removal {
            file: "src/run/breaker.rs",
            code: "self.errors_in_a_row >= ROW_MAX || failed * 2 > errors.len()",
            becomes: "failed * 2 > errors.len()",
        }],
        test: "rules::five_errors_at_the_end_of_a_batch_open_the_breaker_although_they_are_not_more_than_half",
    },
    Defence {
        against: "rule: after a failed",
        by: "the next batch has at most five",
        without: &[Removal {
            file: "src/run/batch.rs",
            code: "self.size = self.size.min(SIZE_AFTER_FAILED);",
            becomes: "",
        }],
        test: "rules::a_failed_action_makes_the_next_batch_small",
    },
    Defence {
        against: "rule: three new attempts",
        by: "a reopened action begins to count anew",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "                self.counted = 0;
",
            becomes: "",
        }],
        test: "engine::rules::a_reopened_action_has_three_new_attempts",
    },
    Defence {
        against: "rule: somebody new waits",
        by: "he was not asked",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "} else if !seen.waiting.is_subset(&action.participants) {",
            becomes: "} else if false {",
        }],
        test: "rules::after_a_pause_everything_is_looked_at_again_and_what_changed_in_it_is_left_alone",
    },
    Defence {
        against: "rule: fewer waiting",
        by: "is no drift",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "!seen.waiting.is_subset(&action.participants)",
            becomes: "seen.waiting != action.participants",
        }],
        test: "waiting::somebody_new_in_a_workflow_is_drift_and_fewer_waiting_is_not",
    },
    Defence {
        against: "rule: nobody of ours waits",
        by: "somebody else's now",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "} else if ours.is_empty() {",
            becomes: "} else if false {",
        }],
        test: "lib run::recheck::tests::every_change_but_fewer_waiting_is_drift",
    },
    Defence {
        against: "rule: hired again",
        by: "those who wait are still dismissed",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "} else if !ours.into_iter().all(|user| seen.dismissed.contains(user)) {",
            becomes: "} else if false {",
        }],
        test: "rules::somebody_who_was_hired_again_between_two_batches_keeps_what_is_left",
    },
    Defence {
        against: "rule: an old look",
        by: "is repeated",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "let fresh = now.saturating_sub(self.ready_since) <= READY_AGE_MAX;",
            becomes: "let fresh = true;",
        }],
        test: "engine::rules::a_look_that_is_too_old_is_repeated",
    },
    Defence {
        against: "rule: quiet",
        by: r#"what says "not destroyed" waits for 90 s"#,
        without: &[Removal {
            file: "src/run/action.rs",
            code: "self.unanswered_at.map_or(Duration::ZERO, |sent_at| sent_at + QUIET)",
            becomes: "Duration::ZERO",
        }],
        test: "answers::what_changed_at_the_re_check_after_an_unanswered_attempt_is_settled_ninety_seconds_after_it",
    },
    Defence {
        against: "rule: an attempt cut off by a crash",
        by: "an attempt without an answer on record went unanswered",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "if self.state == ActionState::Sent && self.pending == Pending::InDoubt {",
            becomes: "if false {",
        }],
        test: "engine::rules::what_another_job_left_in_doubt_is_settled_first",
    },
    Defence {
        against: "rule: another job's doubt, settled first",
        by: "a run asks about what any job left behind",
        without: &[Removal {
            file: "src/run/mod.rs",
            code: "for from in doubts.iter().copied().filter(|other| *other != job).chain([job]) {",
            becomes: "for from in [job] {",
        }],
        test: "rules::a_workflow_that_another_job_has_in_doubt_is_settled_before_anything_else_and_never_sent_twice",
    },
    Defence {
        against: "rule: another job's doubt, same workflow",
        by: "it waits until that is settled",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "!self.is_drifting(**key) && !unsettled.contains(&action.workflow)",
            becomes: "!self.is_drifting(**key) && (true || unsettled.contains(&action.workflow))",
        }],
        test: "engine::rules::a_workflow_that_another_job_has_in_doubt_waits",
    },
    Defence {
        against: "rule: held",
        by: "is never sent",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "key.job == self.job && action.state == ActionState::Planned",
            becomes: "key.job == self.job && matches!(action.state, ActionState::Planned | ActionState::Held)",
        }],
        test: "engine::rules::held_actions_are_never_sent_and_do_not_keep_a_run_from_ending",
    },
    Defence {
        against: "rule: authentication stops at once",
        by: "nothing more is asked of a portal that refuses us",
        without: &[
            Removal {
                file: "src/run/machine.rs",
                code: "                self.stop(StopReason::Auth);
",
                becomes: "",
            },
            Removal {
                file: "src/run/mod.rs",
                code: "if let Some(error) = sent.stop {",
                becomes: "if let Some(error) = sent.stop.filter(|_| false) {",
            },
        ],
        test: "answers::a_manual_block_or_a_refused_webhook_was_not_executed_and_stops_the_run",
    },
    Defence {
        against: "rule: batch sizes follow the duration",
        by: "a third of the sixty seconds",
        without: &[Removal {
            file: "src/run/batch.rs",
            code: "self.size.min(by_duration).clamp(1, SIZE_MAX)",
            becomes: "self.size.clamp(1, SIZE_MAX)",
        }],
        test: "lib run::batch::tests::a_slow_portal_gets_batches_of_one",
    },
    Defence {
        against: "rule: another job's plan",
        by: "what a confirmed job has left to do is held",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: "(HoldReason::OtherJob, found.is_claimed),",
            becomes: "(HoldReason::OtherJob, false),",
        }],
        test: "commands::a_later_job_leaves_what_a_confirmed_one_still_has_to_do",
    },
    Defence {
        against: "rule: one destroying request at a time",
        by: "they take turns",
        without: &[Removal {
            file: "src/portal/destroy.rs",
            code: "        let _alone = self.connection.destroying().lock().await;
",
            becomes: "",
        }],
        test: "lib portal::destroy::tests::destroying_batches_go_one_at_a_time",
    },
    Defence {
        against: "rule: intents first",
        by: "a batch is recorded before it is sent",
        without: &[Removal {
            file: "src/run/mod.rs",
            code: "        recorder.record(intents.clone())?;
",
            becomes: "",
        }],
        test: "main_job::the_journal_tells_the_story_in_order",
    },
];
