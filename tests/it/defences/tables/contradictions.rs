//! Where sources contradict each other, or say nothing: sections 14 and 15 of the protocol notes.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const CONTRADICTIONS: &[Defence] = &[
    Defence {
        against: "contradiction: the type of a workflow's id",
        by: "it is sent as the text that it is",
        without: &[Removal {
            file: "src/portal/destroy.rs",
            code: r#"json!({"ID": command.workflow.as_str()})"#,
            becomes: r#"json!({"ID": command.workflow.as_str().parse::<f64>().map_or(0, |id| id as u64)})"#,
        }],
        test: "contradictions::a_workflows_id_is_sent_as_the_text_that_it_is",
    },
    Defence {
        against: "contradiction: the status of ACCESS_DENIED",
        by: "the code decides, not the status",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""ACCESS_DENIED" | "user_access_error""#,
            becomes: r#""user_access_error""#,
        }],
        test: "contradictions::access_that_is_denied_stops_at_once_whatever_its_status",
    },
    Defence {
        against: "contradiction: the name of start",
        by: "it is sent in lower case",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""start": start,"#,
            becomes: r#""START": start,"#,
        }],
        test: "contradictions::lists_are_paged_with_start_in_lower_case",
    },
    Defence {
        against: "contradiction: what a bare filter of user.get means",
        by: "texts are asked for with `=`",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#"json!({"=EMAIL": email.expose()"#,
            becomes: r#"json!({"EMAIL": email.expose()"#,
        }],
        test: "contradictions::an_email_is_equal_or_it_is_not_whatever_a_bare_filter_means",
    },
    Defence {
        against: "contradiction: prefixes of three characters",
        by: "they are never sent",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""=LAST_NAME": last.expose()"#,
            becomes: r#""!=%LAST_NAME": last.expose()"#,
        }],
        test: "contradictions::no_condition_has_a_prefix_that_a_portal_does_not_know",
    },
    Defence {
        against: "contradiction: the type of FILTER",
        by: "it is sent as an object",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""FILTER": filter,
        "SORT": "ID","#,
            becomes: r#""FILTER": filter.to_string(),
        "SORT": "ID","#,
        }],
        test: "contradictions::users_are_asked_for_with_a_filter_object_and_nothing_beside_it",
    },
    Defence {
        against: "contradiction: a filter and fields beside it",
        by: "only the filter is sent",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""ADMIN_MODE": true,"#,
            becomes: r#""ADMIN_MODE": true,
            "ACTIVE": 0,"#,
        }],
        test: "contradictions::users_are_asked_for_with_a_filter_object_and_nothing_beside_it",
    },
    Defence {
        against: "contradiction: the order of user.get",
        by: "an order is asked for",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""SORT": "ID","#,
            becomes: r#""SORTED": "ID","#,
        }],
        test: "contradictions::users_come_in_the_order_that_was_asked_for_whatever_the_portals_own_is",
    },
    Defence {
        against: "contradiction: the statuses of cancelled tasks",
        by: "any whole number is a status",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: r#"status: self.required("STATUS", number)?,"#,
            becomes: r#"status: self.required("STATUS", |value| number(value).filter(|status| *status <= 4))?,"#,
        }],
        test: "contradictions::cancelled_tasks_are_rows_like_all_others",
    },
    Defence {
        against: "contradiction: the answers of cancelled tasks",
        by: "any whole number is an answer",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: r#"user_status: self.required("USER_STATUS", number)?,"#,
            becomes: r#"user_status: self.required("USER_STATUS", |value| number(value).filter(|status| *status <= 3))?,"#,
        }],
        test: "contradictions::cancelled_tasks_are_rows_like_all_others",
    },
    Defence {
        against: "contradiction: a kill that finds nothing",
        by: "what is gone is told by all attempts, not by the last answer",
        without: &[Removal {
            file: "src/run/machine.rs",
            code: "Some(self.ended(*key, self.actions[key].gone(), false))",
            becomes: "Some(self.ended(*key, Outcome::Failed, false))",
        }],
        test: "contradictions::a_kill_that_finds_nothing_is_no_failure_whether_it_is_an_error_or_true",
    },
    Defence {
        against: "contradiction: an error that deleted all the same",
        by: "after a refusal the portal is asked",
        without: &[Removal {
            file: "src/run/action.rs",
            code: "Outcome::Unattributed",
            becomes: "Outcome::Failed",
        }],
        test: "contradictions::an_error_that_deleted_all_the_same_is_not_called_failed",
    },
    Defence {
        against: "contradiction: an error's code may be empty",
        by: "an error is told by its key",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: r#"let error = self.find("result_error", key)?;"#,
            becomes: r#"let error = self.find("result_error", key).filter(|error| error["error"] != "")?;"#,
        }],
        test: "contradictions::the_code_of_a_refusal_may_be_empty_or_a_word",
    },
    Defence {
        against: "contradiction: where a batch refuses a command",
        by: "its codes say that nothing was executed, wherever they stand",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""ERROR_BATCH_LENGTH_EXCEEDED" | "ERROR_BATCH_METHOD_NOT_ALLOWED""#,
            becomes: r#""ERROR_BATCH_METHOD_NOT_ALLOWED""#,
        }],
        test: "contradictions::a_refusal_of_the_batch_itself_executes_nothing_inside_a_200_or_outside",
    },
    Defence {
        against: "contradiction: batch may be billed",
        by: "a question waits for its carrier, too",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "let methods = [Some(Method::from(self.questions[index].method)), carrier];",
            becomes: "let methods = [Some(Method::from(self.questions[index].method)), carrier.filter(|_| false)];",
        }],
        test: "contradictions::a_batch_may_be_billed_or_not",
    },
    Defence {
        against: "contradiction: a sliding window or a ban",
        by: "pauses grow to five minutes",
        without: &[Removal {
            file: "src/portal/retry.rs",
            code: "(Duration::from_mins(1), Duration::from_mins(5))",
            becomes: "(Duration::from_secs(1), Duration::from_secs(1))",
        }],
        test: "contradictions::a_blocked_method_is_waited_for_through_a_sliding_window_and_through_a_ban",
    },
    Defence {
        against: "contradiction: the operating limit",
        by: "the portal's own word blocks a method, and no number of ours",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""OPERATION_TIME_LIMIT" => Class::OperationLimit,"#,
            becomes: r#""OPERATION_TIME_LIMIT" => Class::Other,"#,
        }],
        test: "contradictions::whatever_the_operating_limit_is_the_job_lives_with_it",
    },
    Defence {
        against: "contradiction: the status of authentication errors",
        by: "the code decides, not the status",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#"| "INVALID_CREDENTIALS""#,
            becomes: r#"| "INVALID_CREDENTIAL""#,
        }],
        test: "contradictions::a_webhook_that_is_not_accepted_is_told_by_its_code_whatever_the_status",
    },
    Defence {
        against: "contradiction: the status of PORTAL_DELETED",
        by: "the code decides, not the status",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#"| "PORTAL_DELETED" => Class::Auth"#,
            becomes: "=> Class::Auth",
        }],
        test: "contradictions::a_portal_that_was_deleted_is_told_by_its_code_whatever_the_status",
    },
    Defence {
        against: "open question: active as a bool or a letter",
        by: "both are read",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: r#""N" | "0" => Some(false),"#,
            becomes: r#""0" => Some(false),"#,
        }],
        test: "contradictions::active_may_be_a_bool_or_a_letter",
    },
    Defence {
        against: "open question: ids as texts or numbers",
        by: "both are read",
        without: &[Removal {
            file: "src/portal/decode.rs",
            code: "Value::Number(number) => number.as_i64(),",
            becomes: "Value::Number(_) => None,",
        }],
        test: "contradictions::ids_may_be_texts_or_numbers",
    },
    Defence {
        against: "open question: arrays in filters",
        by: "what an array leaves out is asked for by itself, unless its first and its last thing were listed",
        without: &[Removal {
            file: "src/portal/array.rs",
            code: "if proven || !rows.is_empty() {",
            becomes: "if proven || rows.len() < 50 {",
        }],
        test: "contradictions::a_portal_that_casts_the_arrays_of_a_filter_costs_questions_and_nothing_else",
    },
    Defence {
        against: "open question: an empty array in a filter",
        by: "a filter always has a value",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#""USER_ID": self.user, "STATUS": 0,"#,
            becomes: r#""USER_ID": self.user, "=NAME": "", "STATUS": 0,"#,
        }],
        test: "contradictions::no_filter_is_ever_empty_or_blank",
    },
    Defence {
        against: "open question: the next of an empty list",
        by: "a workflow is one row, and no next is followed",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: "if rows.len() > 1 {",
            becomes: "if rows.len() > 1 || answered.next.is_some() {",
        }],
        test: "contradictions::what_stands_in_next_of_an_empty_list_is_not_followed",
    },
    Defence {
        against: "open question: a total that is missing",
        by: "a full page that was not counted is followed by a look past its end",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: "None if total.is_none() && rows.len() >= PAGE_ROWS => {",
            becomes: "None if total.is_none() && rows.len() > PAGE_ROWS => {",
        }],
        test: "contradictions::a_list_is_read_to_its_end_whether_the_portal_counts_or_not",
    },
    Defence {
        against: "open question: a total of zero beside rows",
        by: "it says that nothing was counted",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: ".filter(|total| *total > 0 || self.found.is_empty());",
            becomes: ".filter(|_| true);",
        }],
        test: "contradictions::a_list_is_read_to_its_end_whether_the_portal_counts_or_not",
    },
    Defence {
        against: "open question: empty maps as lists or objects",
        by: "both are empty",
        without: &[Removal {
            file: "src/portal/answer.rs",
            code: "None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => true,",
            becomes: "None | Some(Value::Null | Value::Object(_)) => true,",
        }],
        test: "contradictions::an_empty_map_may_be_a_list_or_an_object",
    },
    Defence {
        against: "open question: the time of each command",
        by: "without it the whole batch is measured",
        without: &[Removal {
            file: "src/run/mod.rs",
            code: ".unwrap_or(sent.took / u32::try_from(commands.len().max(1)).unwrap_or(1));",
            becomes: ".unwrap_or_default();",
        }],
        test: "contradictions::without_the_time_of_each_command_the_batch_size_follows_the_whole_batch",
    },
    Defence {
        against: "open question: the operating fields",
        by: "without them there are pauses of our own",
        without: &[Removal {
            file: "src/portal/limit.rs",
            code: "Duration::ZERO => limit.delays.next(),",
            becomes: "Duration::ZERO => Duration::ZERO,",
        }],
        test: "contradictions::the_operating_fields_may_be_there_or_not",
    },
    Defence {
        against: "open question: Retry-After",
        by: "a 503 of the bucket is known by its code, and has pauses of our own",
        without: &[Removal {
            file: "src/portal/code.rs",
            code: r#""QUERY_LIMIT_EXCEEDED" => Class::QueryLimit,"#,
            becomes: r#""QUERY_LIMIT_EXCEEDED" => Class::Server,"#,
        }],
        test: "contradictions::a_503_may_say_when_to_come_back_or_not",
    },
    Defence {
        against: "open question: a parent of a killed workflow",
        by: "each workflow is looked at before it is killed",
        without: &[Removal {
            file: "src/run/recheck.rs",
            code: "if !seen.listed {",
            becomes: "if seen.waiting.len() == usize::MAX {",
        }],
        test: "contradictions::a_parent_workflow_may_end_with_its_child_or_go_on",
    },
    Defence {
        against: "open question: yo and ye",
        by: "they are one letter to us",
        without: &[Removal {
            file: "src/roster/compare.rs",
            code: "if character == 'ё' { 'е' } else { character }",
            becomes: "if character == 'ё' { 'ё' } else { character }",
        }],
        test: "contradictions::yo_and_ye_are_one_letter_to_us_and_may_be_two_to_the_portal",
    },
    Defence {
        against: "open question: accents",
        by: "a row that only the database takes for equal is not what was asked for",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: "Fit::Collated => {}",
            becomes: "Fit::Collated => self.found.push(user),",
        }],
        test: "contradictions::a_name_with_another_accent_is_another_name_even_if_the_portal_finds_it",
    },
    Defence {
        against: "open question: blanks at the end",
        by: "they make no difference to us",
        without: &[Removal {
            file: "src/roster/compare.rs",
            code: "for word in visible.split_whitespace() {",
            becomes: "for word in visible.split(' ') {",
        }],
        test: "contradictions::blanks_at_the_end_of_a_portals_name_are_no_difference_if_the_portal_finds_it",
    },
    Defence {
        against: "contradiction: nothing counted, and the first page for ever",
        by: "a first page that comes again is the end only when nothing is behind the last row",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: "self.behind_end = Some(Behind::SameTask);",
            becomes: "self.complete = true;",
        }],
        test: "contradictions::where_nothing_is_counted_and_the_first_page_comes_for_ever_the_job_stops_before_anything_is_planned",
    },
];
