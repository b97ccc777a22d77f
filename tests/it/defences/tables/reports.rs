//! Reports: what others wrote stays harmless, nothing is lost, and nothing is claimed that the journal does not say.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const REPORTS: &[Defence] = &[
    Defence {
        against: "report: a title with markup",
        by: "the template escapes every value",
        without: &[Removal {
            file: "templates/report.html",
            code: "{%- when None -%}<bdi>{{ t.head }}</bdi>",
            becomes: "{%- when None -%}<bdi>{{ t.head|safe }}</bdi>",
        }],
        test: "browser::nothing_that_somebody_wrote_becomes_an_element",
    },
    Defence {
        against: "report: marks that turn the direction of writing",
        by: "what cannot be seen becomes visible",
        without: &[Removal {
            file: "src/report/text.rs",
            code: "character if is_hidden(character) =>",
            becomes: "character if false && is_hidden(character) =>",
        }],
        test: "browser::nothing_that_somebody_wrote_becomes_an_element",
    },
    Defence {
        against: "report: a title that is turned around",
        by: "every text of others is isolated",
        without: &[Removal {
            file: "templates/report.html",
            code: "{%- when None -%}<bdi>{{ t.head }}</bdi>",
            becomes: "{%- when None -%}{{ t.head }}",
        }],
        test: "browser::nothing_that_somebody_wrote_becomes_an_element",
    },
    Defence {
        against: "report: a title of ten thousand characters",
        by: "long texts break anywhere",
        without: &[Removal {
            file: "templates/report.css",
            code: "bdi{overflow-wrap:anywhere}",
            becomes: "bdi{overflow-wrap:normal}",
        }],
        test: "browser::nothing_that_somebody_wrote_becomes_an_element",
    },
    Defence {
        against: "report: a page that calls home",
        by: "a security policy that admits nothing from outside",
        without: &[Removal {
            file: "templates/report.html",
            code: "content=\"default-src 'none'; ",
            becomes: "content=\"",
        }],
        test: "browser::a_report_sorts_and_filters_by_mouse_and_by_keyboard_and_asks_nobody",
    },
    Defence {
        against: "report: a script that is not the one that was made",
        by: "style and script are admitted by their hashes",
        without: &[Removal {
            file: "src/report/html.rs",
            code: "            script_hash: source_hash(SCRIPT),",
            becomes: "            script_hash: source_hash(STYLE),",
        }],
        test: "browser::a_report_sorts_and_filters_by_mouse_and_by_keyboard_and_asks_nobody",
    },
    Defence {
        against: "report: numbers sorted as texts",
        by: "the order knows numbers",
        without: &[Removal {
            file: "templates/report.js",
            code: "{ numeric: true, sensitivity: \"base\" }",
            becomes: "{ sensitivity: \"base\" }",
        }],
        test: "browser::a_report_sorts_and_filters_by_mouse_and_by_keyboard_and_asks_nobody",
    },
    Defence {
        against: "report: workflows that were taken out of the page to sort faster",
        by: "they are put back when their person is opened",
        without: &[Removal {
            file: "templates/report.js",
            code: "    if (target.childElementCount === 1 && personWith().has(target)) personWith().get(target).putBack();\n",
            becomes: "",
        }],
        test: "browser::what_is_closed_leaves_the_page_while_lines_move_and_is_back_when_it_is_opened_or_printed",
    },
    Defence {
        against: "report: thousands of lines to lay out before the first is shown",
        by: "a portion is shown at once, and the others behind it",
        without: &[Removal {
            file: "templates/report.js",
            code: "const PORTION = 400;",
            becomes: "const PORTION = 400000;",
        }],
        test: "browser::of_a_thousand_people_the_first_are_shown_at_once_and_all_in_the_end_and_on_paper",
    },
    Defence {
        against: "report: paper that lacks what was not shown yet",
        by: "before printing everything is shown",
        without: &[Removal {
            file: "templates/report.js",
            code: "    showAll();\n",
            becomes: "",
        }],
        test: "browser::of_a_thousand_people_the_first_are_shown_at_once_and_all_in_the_end_and_on_paper",
    },
    Defence {
        against: "report: texts too pale to be read",
        by: "colours with enough contrast",
        without: &[Removal {
            file: "templates/report.css",
            code: "--ink:#1b2127;--soft:#525c66;",
            becomes: "--ink:#1b2127;--soft:#9aa2aa;",
        }],
        test: "browser::both_languages_can_be_read_by_day_and_by_night_on_any_width_and_without_colours",
    },
    Defence {
        against: "report: paper that shows only what was open",
        by: "on paper the details are open",
        without: &[Removal {
            file: "templates/report.css",
            code: "details::details-content{content-visibility:visible;display:block;height:auto}",
            becomes: "",
        }],
        test: "browser::a_report_is_whole_without_scripts_and_on_paper",
    },
    Defence {
        against: "report: a formula in a cell",
        by: "what could be one gets a mark before it",
        without: &[Removal {
            file: "src/report/csv.rs",
            code: "    if needs_guard(text) {\n        format!",
            becomes: "    if false && needs_guard(text) {\n        format!",
        }],
        test: "lib report::csv::tests::what_could_be_a_formula_is_guarded_and_nothing_else",
    },
    Defence {
        against: "report: an id of digits in a spreadsheet",
        by: "in the dialects of Excel it is written as a text",
        without: &[Removal {
            file: "src/report/csv.rs",
            code: "if self.dialect.is_for_excel() && !is_plainly_text(id) {",
            becomes: "if self.dialect.is_for_excel() && id.is_empty() {",
        }],
        test: "reports::an_id_of_digits_survives_a_spreadsheet",
    },
    Defence {
        against: "report: a row that led to no action",
        by: "every row has a line of its own",
        without: &[Removal {
            file: "src/report/csv.rs",
            code: "        for row in &report.rows {",
            becomes: "        for row in report.rows.iter().filter(|row| !row.actions.is_empty()) {",
        }],
        test: "reports::the_split_partitions_the_plan_and_loses_no_row",
    },
    Defence {
        against: "report: a file that is there",
        by: "nothing is written over it",
        without: &[Removal {
            file: "src/cli/new_files.rs",
            code: "        Ok(_) => Err(existing(path)),",
            becomes: "        Ok(_) => fs::remove_file(path).map_err(|cause| failed(path, &cause)),",
        }],
        test: "reports::a_report_is_a_new_file_for_its_owner_alone_and_never_written_over_another",
    },
    Defence {
        against: "report: a file that others can read",
        by: "it is made for its owner alone",
        without: &[Removal {
            file: "src/cli/new_files.rs",
            code: ".mode(0o600)",
            becomes: ".mode(0o644)",
        }],
        test: "reports::a_report_is_a_new_file_for_its_owner_alone_and_never_written_over_another",
    },
    Defence {
        against: "report: a run that may still be at work called crashed",
        by: "the journal alone does not tell",
        without: &[Removal {
            file: "src/report/job.rs",
            code: "            status.stop_reason = None;",
            becomes: "            status.stop_reason = status.stop_reason.or(None);",
        }],
        test: "reports::a_run_without_an_end_is_told_as_just_that",
    },
    Defence {
        against: "report: an erased value told as one that never was",
        by: "erased values are told as such",
        without: &[Removal {
            file: "src/report/text.rs",
            code: "            (None, Some(at)) => Self::Erased(Some(at.to_owned())),",
            becomes: "            (None, Some(_)) => Self::Nothing,",
        }],
        test: "reports::what_was_erased_is_told_as_erased_and_when",
    },
    Defence {
        against: "report: a formula in the operator's reason",
        by: "it is guarded like a text of others",
        without: &[Removal {
            file: "src/report/csv.rs",
            code: "&guarded(&line.job_reason),",
            becomes: "&line.job_reason,",
        }],
        test: "spreadsheets::no_text_of_roster_portal_or_operator_begins_like_a_formula_and_all_else_is_unchanged",
    },
    Defence {
        against: "report: markup in a ticket",
        by: "Markdown's own signs are escaped",
        without: &[Removal {
            file: "src/report/markdown.rs",
            code: "            '<' => safe.push_str(\"&lt;\"),\n",
            becomes: "",
        }],
        test: "lib report::markdown::tests::no_text_of_others_becomes_markup",
    },
];
