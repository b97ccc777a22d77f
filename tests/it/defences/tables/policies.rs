//! The policy, the caps, and what is looked at before a job.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const POLICIES: &[Defence] = &[
    Defence {
        against: "policy: a protected user",
        by: "users are looked up by id",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "if protect.users.contains(&person.user) {",
            becomes: "if protect.users.contains(&person.user) && person.email.is_none() {",
        }],
        test: "policy::a_person_who_is_protected_in_any_way_is_never_touched",
    },
    Defence {
        against: "policy: a protected e-mail that is written in another way",
        by: "e-mails are compared as people read them",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: ".any(|listed| compare::key(listed.expose()) == ours)",
            becomes: ".any(|listed| listed.expose() == ours)",
        }],
        test: "policy::a_person_who_is_protected_in_any_way_is_never_touched",
    },
    Defence {
        against: "policy: a protected person in two departments",
        by: "one of the departments suffices",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "departments.iter().any(|one| protect.departments.contains(one))",
            becomes: "departments.iter().all(|one| protect.departments.contains(one))",
        }],
        test: "policy::a_person_who_is_protected_in_any_way_is_never_touched",
    },
    Defence {
        against: "policy: a part of what ran when an earlier plan was made",
        by: "the last plan says how many run",
        without: &[Removal {
            file: "src/journal/view.rs",
            code: "WHERE kind = 'plan_frozen' AND job = ?1 ORDER BY seq DESC LIMIT 1",
            becomes: "WHERE kind = 'plan_frozen' AND job = ?1 ORDER BY seq LIMIT 1",
        }],
        test: "decide::a_part_of_all_that_run_is_a_part_of_what_ran_when_the_plan_was_last_made",
    },
    Defence {
        against: "policy: a protected template",
        by: "templates are looked up",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "                !protect.templates.is_empty(),",
            becomes: "                protect.templates.len() > 1,",
        }],
        test: "policy::a_workflow_that_is_protected_in_any_way_is_never_sent",
    },
    Defence {
        against: "policy: a protected type of document",
        by: "types of document are looked up",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "                !protect.document_types.is_empty(),",
            becomes: "                protect.document_types.len() > 1,",
        }],
        test: "policy::a_workflow_that_is_protected_in_any_way_is_never_sent",
    },
    Defence {
        against: "policy: a protected module",
        by: "modules are looked up",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "                !protect.modules.is_empty(),",
            becomes: "                protect.modules.len() > 1,",
        }],
        test: "policy::a_workflow_that_is_protected_in_any_way_is_never_sent",
    },
    Defence {
        against: "policy: a protected workflow",
        by: "workflows are looked up by id",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "if protect.workflows.contains(&workflow.workflow) {",
            becomes: "if protect.workflows.contains(&workflow.workflow) && !workflow.running {",
        }],
        test: "policy::a_workflow_that_is_protected_in_any_way_is_never_sent",
    },
    Defence {
        against: "policy: a protected person who waits in somebody else's workflow",
        by: "whoever else waits is judged too",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: "|| others.iter().any(|user| may_be_protected(terms, found, *user));",
            becomes: "|| others.iter().all(|user| may_be_protected(terms, found, *user) && others.len() > 9) && others.len() > 9;",
        }],
        test: "policy::what_others_wait_in_goes_ahead_only_where_the_policy_includes_it_and_never_when_they_are_protected",
    },
    Defence {
        against: "policy: a rule that the portal leaves open",
        by: "it is an answer of its own, and stops the plan",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "        None => Protection::Unknown(rule),",
            becomes: "        None => Protection::None,",
        }],
        test: "policy::a_rule_that_the_portal_leaves_open_stops_the_plan_and_is_named",
    },
    Defence {
        against: "policy: a cap on people",
        by: "people are counted",
        without: &[Removal {
            file: "src/plan/caps.rs",
            code: "over(Cap::People, self.people, load.people),",
            becomes: "over(Cap::People, self.people, load.people / 2),",
        }],
        test: "policy::at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass",
    },
    Defence {
        against: "policy: a cap on actions",
        by: "actions are counted",
        without: &[Removal {
            file: "src/plan/caps.rs",
            code: "over(Cap::Actions, self.actions, load.actions),",
            becomes: "over(Cap::Actions, self.actions, load.actions / 2),",
        }],
        test: "policy::at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass",
    },
    Defence {
        against: "policy: a cap on one person's actions",
        by: "whoever has the most is judged",
        without: &[Removal {
            file: "src/plan/caps.rs",
            code: ".max_by_key(|(_, number)| *number),",
            becomes: ".min_by_key(|(_, number)| *number),",
        }],
        test: "policy::at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass",
    },
    Defence {
        against: "policy: a cap on the part of what runs",
        by: "a part of a percent counts as a whole one",
        without: &[Removal {
            file: "src/plan/caps.rs",
            code: ".div_ceil(u64::from(running.max(1)));",
            becomes: ".div_euclid(u64::from(running.max(1)) * 2);",
        }],
        test: "policy::at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass",
    },
    Defence {
        against: "policy: apply of a plan over a cap",
        by: "caps are looked at again before anything is confirmed",
        without: &[Removal {
            file: "src/cli/consent.rs",
            code: "    check_caps(view, record)\n}",
            becomes: "    Ok(())\n}",
        }],
        test: "policy::at_each_cap_the_limit_passes_and_one_more_is_refused_with_the_number_to_pass",
    },
    Defence {
        against: "policy: run over a cap of the policy",
        by: "caps are looked at before the consent that was given beforehand",
        without: &[Removal {
            file: "src/cli/run.rs",
            code: "consent::check_caps(work.journal.view(), &record)",
            becomes: "Ok(())",
        }],
        test: "policy::run_over_a_cap_of_the_policy_does_nothing",
    },
    Defence {
        against: "policy: a plan that a second person has to approve, and nobody has",
        by: "it is refused",
        without: &[Removal {
            file: "src/plan/policy.rs",
            code: "Self::Always => planned > 0,",
            becomes: "Self::Always => false,",
        }],
        test: "decide::where_the_policy_asks_for_it_nothing_is_done_without_a_second_persons_approval",
    },
    Defence {
        against: "policy: an approval by whoever made the plan",
        by: "everybody who had a hand in it is refused",
        without: &[Removal {
            file: "src/cli/approve.rs",
            code: "if makers.iter().any(|maker| maker.may_be(&me)) {",
            becomes: "if makers.iter().all(|maker| !maker.may_be(&me)) && makers.is_empty() {",
        }],
        test: "decide::whoever_made_a_plan_cannot_approve_it_and_a_decision_voids_an_approval",
    },
    Defence {
        against: "policy: an approval of an earlier plan",
        by: "an approval holds for its own plan",
        without: &[Removal {
            file: "src/plan/approval.rs",
            code: "Some(approved.plan_hash.as_str()) == plan_hash &&",
            becomes: "plan_hash.is_some() &&",
        }],
        test: "decide::reports_tell_who_decided_what_who_approved_and_for_which_plan",
    },
    Defence {
        against: "policy: a receipt that names another approver",
        by: "verify compares it with the record",
        without: &[Removal {
            file: "src/journal/verify/meaning.rs",
            code: "(\"approved\", approved_said, approved_there),",
            becomes: "(\"approved\", approved_there.clone(), approved_there),",
        }],
        test: "decide::a_receipt_tells_who_decided_and_approved_and_verify_holds_it_to_that",
    },
    Defence {
        against: "policy: what is protected, included by hand",
        by: "its hold is never released",
        without: &[Removal {
            file: "src/plan/decide.rs",
            code: "HoldReason::Protected => true,",
            becomes: "HoldReason::Protected => false,",
        }],
        test: "policy::what_any_rule_protects_is_never_sent_although_somebody_includes_it_by_hand",
    },
    Defence {
        against: "policy: a protected person, given a row by hand",
        by: "the rules are asked about whoever is named",
        without: &[Removal {
            file: "src/cli/decide.rs",
            code: "        Protection::By(rule) => Err(refused(Unfit::Protected(rule))),",
            becomes: "        Protection::By(_) => Ok(person),",
        }],
        test: "policy::what_any_rule_protects_is_never_sent_although_somebody_includes_it_by_hand",
    },
    Defence {
        against: "policy: a decision about a plan that was confirmed",
        by: "it is refused",
        without: &[Removal {
            file: "src/cli/decide.rs",
            code: "    if record.confirmed_at.is_some() {",
            becomes: "    if record.confirmed_at.is_some() && record.frozen_at.is_none() {",
        }],
        test: "decide::a_plan_that_was_confirmed_is_never_decided_about_again",
    },
    Defence {
        against: "policy: a decision that takes the plan over a cap",
        by: "caps are counted anew after it",
        without: &[Removal {
            file: "src/cli/show.rs",
            code: "if let Err(refusal) = consent::check_caps(view, &record) {",
            becomes: "if let (true, Err(refusal)) = (false, consent::check_caps(view, &record)) {",
        }],
        test: "policy::what_is_included_by_hand_counts_against_the_caps_too",
    },
    Defence {
        against: "policy: a cap on a number that the portal does not tell",
        by: "the plan stops",
        without: &[Removal {
            file: "src/plan/freeze.rs",
            code: "if terms.policy.caps.percent_of_running.is_some() && terms.running.is_none() {",
            becomes: "if terms.policy.caps.percent_of_running.is_some() && terms.running == Some(0) {",
        }],
        test: "policy::departments_and_a_number_that_the_portal_never_tells_stop_the_plan_too",
    },
    Defence {
        against: "policy: check of a journal whose end was cut off",
        by: "it is held against the head of this machine",
        without: &[Removal {
            file: "src/journal/mod.rs",
            code: "            hold_against(head, view, &scan, &path)?;",
            becomes: "            tracing::trace!(?head);",
        }],
        test: "check::a_journal_is_held_against_the_head_of_this_machine_and_nothing_is_changed",
    },
    Defence {
        against: "policy: check of a certificate that ends soon",
        by: "its end is read, and compared with the clock",
        without: &[Removal {
            file: "src/cli/check/portal.rs",
            code: "end - now < CERTIFICATE_LEFT_MIN =>",
            becomes: "now - end > CERTIFICATE_LEFT_MIN =>",
        }],
        test: "refusals::tls::check_warns_of_a_certificate_that_ends_within_fourteen_days",
    },
    Defence {
        against: "policy: a folder that others can write in",
        by: "plan looks at it first",
        without: &[Removal {
            file: "src/cli/planning.rs",
            code: "    local::refuse_unfit(&work.place)?;",
            becomes: "    drop(local::refuse_unfit(&work.place));",
        }],
        test: "check::what_is_wrong_with_the_machine_is_named_and_plan_stops_at_it_too",
    },
    Defence {
        against: "policy: a signing key that is away",
        by: "check compares it with what the database names",
        without: &[Removal {
            file: "src/cli/check/local.rs",
            code: "Some(public) if !keys.public(public.name()).contains(&public) => Check::failure(",
            becomes: "Some(public) if keys.public(public.name()).contains(&public) && !place.key.exists() => Check::failure(",
        }],
        test: "check::what_is_wrong_with_the_machine_is_named_and_plan_stops_at_it_too",
    },
];
