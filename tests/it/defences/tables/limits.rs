//! The portal's limits: rate, operating time, and the sixty seconds of a request.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const LIMITS: &[Defence] = &[
    Defence {
        against: "limit: the bucket after plan and after a crash",
        by: "its level is kept in the portal's lock file",
        without: &[Removal {
            file: "src/cli/work.rs",
            code: "let text = self.0.read()?;",
            becomes: "let text = None::<String>?;",
        }],
        test: "limits::the_level_of_the_bucket_survives_from_plan_to_apply_and_a_sigkill",
    },
    Defence {
        against: "limit: apply right after plan",
        by: "the pace begins with the level that is kept",
        without: &[Removal {
            file: "src/portal/connection.rs",
            code: "Bucket::new(settings.rate, settings.burst, level, now)",
            becomes: "Bucket::new(settings.rate, settings.burst, level * 0.0, now)",
        }],
        test: "limits::apply_right_after_plan_waits_until_what_plan_sent_has_drained_and_meets_no_503",
    },
    Defence {
        against: "limit: two requests a second",
        by: "a bucket of our own",
        without: &[Removal {
            file: "src/portal/pace.rs",
            code: "Rate::PerSecond(rate) if over > ROUNDING =>",
            becomes: "Rate::PerSecond(rate) if over > 1e6 =>",
        }],
        test: "limits::at_its_own_pace_the_program_never_overruns_a_portal_with_the_true_limits",
    },
    Defence {
        against: "limit: others behind the address",
        by: "pauses between attempts have jitter",
        without: &[Removal {
            file: "src/portal/retry.rs",
            code: "const JITTER: f64 = 0.25;",
            becomes: "const JITTER: f64 = 0.0;",
        }],
        test: "limits::with_other_clients_behind_the_address_the_job_backs_off_and_completes",
    },
    Defence {
        against: "limit: others who keep the bucket full",
        by: "each pause in a row is twice as long",
        without: &[Removal {
            file: "src/portal/retry.rs",
            code: "multiplier: 2.0,",
            becomes: "multiplier: 1.0,",
        }],
        test: "limits::with_other_clients_behind_the_address_the_job_backs_off_and_completes",
    },
    Defence {
        against: "limit: a bucket that others have filled",
        by: "ours counts as full from then on",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "WaitReason::QueryLimit => connection.overflowed(),",
            becomes: "WaitReason::QueryLimit => {}",
        }],
        test: "limits::once_the_bucket_was_full_the_program_goes_on_at_the_rate_that_it_drains",
    },
    Defence {
        against: "limit: a destroying batch that came too soon",
        by: "the run pauses before the next one",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "self.paused_until = now + self.delays.next();",
            becomes: "self.delays.next();",
        }],
        test: "limits::a_destroying_batch_that_came_too_soon_was_not_executed_and_nothing_of_it_is_lost",
    },
    Defence {
        against: "limit: a method that is blocked in mid-batch",
        by: "only that method waits",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "self.blocked_until.entry(*blocked).or_default();",
            becomes: "self.blocked_until.entry(Method::Batch).or_default();",
        }],
        test: "limits::a_method_that_is_blocked_in_mid_batch_repeats_only_what_was_blocked_and_the_other_goes_on",
    },
    Defence {
        against: "limit: batch itself is blocked",
        by: "what was sent is asked about without batches",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "let must_go_alone = way == Way::Pressing &&",
            becomes: "let must_go_alone = way == Way::Direct &&",
        }],
        test: "limits::while_batch_itself_is_blocked_only_what_was_sent_is_asked_about_directly",
    },
    Defence {
        against: "limit: the manual block while planning",
        by: "it stops at once",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: "Class::Overload => Some(PortalError::Overload),",
            becomes: "Class::Overload => None,",
        }],
        test: "limits::a_manual_block_while_planning_stops_at_once_and_resume_goes_on",
    },
    Defence {
        against: "limit: the manual block while executing",
        by: "it says that nothing was executed",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""OVERLOAD_LIMIT" => Class::Overload,"#,
            becomes: r#""OVERLOAD_LIMIT" => Class::QueryLimit,"#,
        }],
        test: "limits::a_manual_block_while_executing_stops_at_once_and_resume_goes_on",
    },
    Defence {
        against: "limit: sixty seconds a request",
        by: "the batch size follows the duration of a command",
        without: &[Removal {
            file: "src/run/batch.rs",
            code: "self.size.min(by_duration).clamp(1, SIZE_MAX)",
            becomes: "self.size.min(by_duration.max(SIZE_MAX)).clamp(1, SIZE_MAX)",
        }],
        test: "limits::batches_are_as_large_as_the_measured_duration_of_a_command_allows",
    },
    Defence {
        against: "limit: twenty seconds a kill",
        by: "the canary's duration counts",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "self.size.measured(command_took);",
            becomes: "",
        }],
        test: "limits::a_portal_that_needs_twenty_seconds_for_one_kill_gets_them_one_by_one_from_the_first_batch_on",
    },
    Defence {
        against: "limit: every kill is cut and not done",
        by: "survived is said after 90 s of quiet",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "pub const QUIET: Duration = Duration::from_secs(90);",
            becomes: "pub const QUIET: Duration = Duration::from_secs(9);",
        }],
        test: "limits::where_every_kill_is_cut_and_none_is_done_they_survive_and_the_run_ends",
    },
    Defence {
        against: "limit: every kill is cut and done",
        by: "what nobody answered for is presumed",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "            Outcome::Presumed\n",
            becomes: "            Outcome::Confirmed\n",
        }],
        test: "limits::where_every_kill_is_cut_and_done_all_the_same_they_are_presumed_and_the_run_ends",
    },
    Defence {
        against: "limit: a reset hours ahead",
        by: "no longer than the ten minutes that are counted",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: "remaining.min(RESET_MAX.as_secs_f64())",
            becomes: "remaining",
        }],
        test: "limits::a_reset_time_that_cannot_be_is_not_waited_for",
    },
    Defence {
        against: "limit: a reset in the past",
        by: "it counts as unknown",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: "(remaining > 0.0).then(",
            becomes: "(remaining > f64::MIN).then(",
        }],
        test: "limits::a_reset_time_that_cannot_be_is_not_waited_for",
    },
    Defence {
        against: "limit: a reset that is known",
        by: "it is waited for",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: "            limit.reset_at = now.saturating_add(remaining);",
            becomes: "            let _ = remaining;",
        }],
        test: "limits::a_block_whose_end_is_known_is_waited_for_and_no_longer",
    },
    Defence {
        against: "limit: limits while planning",
        by: "a blocked method is left alone until its time",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: ".find_map(|method| connection.blocked_for(method).map(|wait| (method, wait)))",
            becomes: ".find_map(|method| connection.blocked_for(method).filter(|_| false).map(|wait| (method, wait)))",
        }],
        test: "limits::limits_while_planning_are_waited_for_and_change_nothing_of_the_plan",
    },
    Defence {
        against: "limit: a block that could have been avoided",
        by: "what is left of a method's operating time bounds its batches",
        without: &[Removal {
            file: "src/run/mod.rs",
            code: "machine.budgeted(sent.budgets, now);",
            becomes: "",
        }],
        test: "limits::once_an_operating_limit_is_known_a_batch_is_no_larger_than_what_is_left_of_it",
    },
];
