//! The lines of the classification of answers: `audit-and-durability`, section 2.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const ANSWERS: &[Defence] = &[
    Defence {
        against: "answer: no connection",
        by: "without a connection nothing was sent",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Err(Failure::NotConnected) => return all(not_executed(NotExecuted::NotConnected), None),",
            becomes: "Err(Failure::NotConnected) => return all(doubt(Doubt::NoAnswer), None),",
        }],
        test: "answers::without_a_connection_nothing_was_sent_and_the_actions_are_planned_again",
    },
    Defence {
        against: "answer: none",
        by: "a request without an answer may have been executed",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Err(Failure::NoAnswer) => return all(doubt(Doubt::NoAnswer), None),",
            becomes: "Err(Failure::NoAnswer) => return all(not_executed(NotExecuted::NotConnected), None),",
        }],
        test: "answers::an_answer_that_is_none_leaves_every_action_of_the_batch_in_doubt",
    },
    Defence {
        against: "answer: broke off",
        by: "an answer that broke off says nothing",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Err(Failure::Truncated) => return all(doubt(Doubt::Truncated), None),",
            becomes: "Err(Failure::Truncated) => return all(not_executed(NotExecuted::NotConnected), None),",
        }],
        test: "answers::an_answer_that_is_none_leaves_every_action_of_the_batch_in_doubt",
    },
    Defence {
        against: "answer: HTML, 5xx, not JSON",
        by: "what is no answer of the portal's says nothing",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Err(why) => all(doubt(why), None),",
            becomes: "Err(_) => all(not_executed(NotExecuted::NotConnected), None),",
        }],
        test: "answers::an_answer_that_is_none_leaves_every_action_of_the_batch_in_doubt",
    },
    Defence {
        against: "answer: redirect",
        by: "a redirect may come after the effect",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "            doubt(Doubt::Redirected),
            Some(",
            becomes: "            not_executed(NotExecuted::NotConnected),
            Some(",
        }],
        test: "answers::an_answer_that_is_none_leaves_every_action_of_the_batch_in_doubt",
    },
    Defence {
        against: "answer: limit of the whole batch",
        by: "a batch that a limit refuses was not executed",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Class::QueryLimit => Some(NotExecuted::QueryLimit),",
            becomes: "Class::QueryLimit => None,",
        }],
        test: "answers::a_batch_that_is_refused_as_a_whole_was_not_executed_and_costs_no_attempt",
    },
    Defence {
        against: "answer: manual block",
        by: "the manual block was not executed, and ends the run",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Class::Overload => Some(NotExecuted::Overload),",
            becomes: "Class::Overload => None,",
        }],
        test: "answers::a_manual_block_or_a_refused_webhook_was_not_executed_and_stops_the_run",
    },
    Defence {
        against: "answer: 401 or 403",
        by: "the code tells, and not the status",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#"        | "INVALID_CREDENTIALS"
"#,
            becomes: "",
        }],
        test: "answers::a_webhook_that_is_revoked_in_mid_run_is_told_by_its_code_whatever_the_status",
    },
    Defence {
        against: "answer: true",
        by: "a yes counts when the read-back agrees",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "let is_listed = listed.contains(&self.actions[key].workflow);",
            becomes: "let is_listed = listed.contains(&self.actions[key].workflow) && self.actions[key].pending != Pending::Yes;",
        }],
        test: "answers::a_literal_true_for_a_workflow_that_stays_is_survived_and_not_sent_again",
    },
    Defence {
        against: "answer: true, sent again",
        by: "a yes is never sent again",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "(ActionState::Sent, Pending::InDoubt) if action.counted < ATTEMPTS_MAX => {",
            becomes: "(ActionState::Sent, Pending::InDoubt | Pending::Yes) if action.counted < ATTEMPTS_MAX => {",
        }],
        test: "answers::a_literal_true_for_a_workflow_that_goes_later_is_confirmed_and_not_sent_again",
    },
    Defence {
        against: "answer: true, still listed",
        by: "a yes that is still listed is read back again, 90 s after it was sent",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "(survives_from.max(action.quiet_from()), Outcome::Survived)",
            becomes: "(action.quiet_from(), Outcome::Survived)",
        }],
        test: "answers::a_literal_true_for_a_workflow_that_goes_later_is_confirmed_and_not_sent_again",
    },
    Defence {
        against: "answer: not true",
        by: "only the literal true is a yes",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "(Some(Value::Bool(true)), None) => {",
            becomes: "(Some(_), None) if true => {",
        }],
        test: "answers::a_result_that_is_not_true_in_both_maps_or_in_neither_is_in_doubt_and_so_is_nothing_else",
    },
    Defence {
        against: "answer: in both maps",
        by: "a result beside an error is no yes",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "(Some(_), Some(_)) => doubt(Doubt::InBothMaps),",
            becomes: "(Some(_), Some(_)) => Answer::Yes,",
        }],
        test: "answers::a_result_that_is_not_true_in_both_maps_or_in_neither_is_in_doubt_and_so_is_nothing_else",
    },
    Defence {
        against: "answer: in neither map",
        by: "a missing key is no yes",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "(None, None) => doubt(Doubt::MissingKey),",
            becomes: "(None, None) => Answer::Yes,",
        }],
        test: "answers::a_result_that_is_not_true_in_both_maps_or_in_neither_is_in_doubt_and_so_is_nothing_else",
    },
    Defence {
        against: "answer: limit of one command",
        by: "an attempt that was not executed does not count",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "AnswerKind::NotExecuted => self.counted = self.counted.saturating_sub(1),",
            becomes: "AnswerKind::NotExecuted => {}",
        }],
        test: "answers::a_command_that_a_limit_refuses_costs_no_attempt_and_the_rest_of_its_batch_keeps_its_answers",
    },
    Defence {
        against: "answer: a command refused for good",
        by: "what may not be executed was not executed",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Class::Permission | Class::Scope | Class::Tariff => Some(NotExecuted::Permission { code }),",
            becomes: "Class::Permission | Class::Scope | Class::Tariff => None,",
        }],
        test: "answers::a_command_that_is_refused_for_good_was_not_executed_and_stops_the_run",
    },
    Defence {
        against: "answer: a command that is none",
        by: "a command that the portal does not take was not executed",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "Class::Command => Some(NotExecuted::Batch { code }),",
            becomes: "Class::Command => None,",
        }],
        test: "answers::a_command_that_is_refused_for_good_was_not_executed_and_stops_the_run",
    },
    Defence {
        against: "answer: error, listed",
        by: "an error from inside the method is failed only while the workflow is listed",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "(ActionState::Sent, Pending::Refused) => (action.quiet_from(), Outcome::Failed),",
            becomes: "(ActionState::Sent, Pending::Refused) => (survives_from, Outcome::Failed),",
        }],
        test: "answers::an_error_from_inside_the_method_is_failed_when_the_workflow_is_still_listed",
    },
    Defence {
        against: "answer: error, gone",
        by: "what is gone after nothing but refusals is nobody's",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "} else if self.refused {",
            becomes: "} else if false {",
        }],
        test: "answers::an_error_from_inside_the_method_is_unattributed_when_the_workflow_is_gone_and_no_attempt_went_unanswered",
    },
    Defence {
        against: "answer: error, gone after an unanswered attempt",
        by: "an unanswered attempt may have done it",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "} else if self.unanswered_at.is_some() {",
            becomes: "} else if false {",
        }],
        test: "answers::an_error_from_inside_the_method_is_presumed_when_an_earlier_attempt_went_unanswered",
    },
    Defence {
        against: "answer: doubt, listed",
        by: "three attempts and no more",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "pub const ATTEMPTS_MAX: u32 = 3;",
            becomes: "pub const ATTEMPTS_MAX: u32 = 4;",
        }],
        test: "answers::what_is_in_doubt_and_listed_is_sent_again_and_after_three_attempts_it_has_survived_ninety_seconds_later",
    },
    Defence {
        against: "answer: doubt, gone",
        by: "an attempt in doubt is remembered as unanswered",
        without: &[
            Removal {
                file: "src/run/action.rs",
                code: "AnswerKind::InDoubt => self.unanswered_at = Some(self.sent_at),",
                becomes: "AnswerKind::InDoubt => {}",
            },
            Removal {
                file: "src/run/action.rs",
                code: "if event.why == Returned::StillListed {",
                becomes: "if false {",
            },
        ],
        test: "answers::what_is_in_doubt_and_gone_is_presumed",
    },
    Defence {
        against: "answer: gone at the re-check",
        by: "what is not listed any more is gone, not changed",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "if !seen.listed {",
            becomes: "if false {",
        }],
        test: "answers::what_is_gone_at_the_re_check_was_gone_before",
    },
    Defence {
        against: "answer: gone at the re-check after an unanswered attempt",
        by: "what came back to the plan from a doubt is remembered",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "} else if self.unanswered_at.is_some() {",
            becomes: "} else if false {",
        }],
        test: "answers::what_is_gone_at_the_re_check_after_an_unanswered_attempt_is_presumed",
    },
    Defence {
        against: "answer: changed at the re-check",
        by: "what changed is not done",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "} else if !seen.waiting.is_subset(&action.participants) {",
            becomes: "} else if false {",
        }],
        test: "answers::what_changed_at_the_re_check_is_drifted_at_once_when_no_attempt_went_unanswered",
    },
    Defence {
        against: "answer: changed at the re-check after an unanswered attempt",
        by: "drifted waits until no attempt can take effect",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "if began >= quiet_from {",
            becomes: "if true {",
        }],
        test: "answers::what_changed_at_the_re_check_after_an_unanswered_attempt_is_settled_ninety_seconds_after_it",
    },
];
