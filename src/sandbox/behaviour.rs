//! Which variant of the portal is imitated.
//!
//! Portals differ: the cloud runs newer code than any copy that can be read, self-hosted ones run anything back to years old, and
//! the documentation contradicts itself. Each line of the table below is one such difference, with its name on the command line; the
//! first form of each is what the newest source says, where the documentation does not contradict it.

use std::fmt;
use std::str::FromStr;

/// A difference between portals, for help and for tests that play all of them.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name on the command line.
    pub name: &'static str,
    /// What differs.
    pub about: &'static str,
    /// Its forms, the usual one first: the word on the command line, and what it stands for.
    pub forms: &'static [(&'static str, &'static str)],
}

/// A choice of one form, such as `missing-workflow=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    name: &'static str,
    form: &'static str,
}

/// A text that names no form of any difference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no variant of a portal: write NAME=FORM, {known}")]
pub struct ChoiceError {
    text: String,
    known: String,
}

macro_rules! behaviour {
    ($(
        $(#[doc = $about:literal])+
        $name:literal $field:ident: $kind:ident {
            $( $(#[doc = $meaning:literal])+ $word:literal $form:ident, )+
        }
    )+) => {
        /// Which variant of the portal is imitated.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Behaviour {
            $( $(#[doc = $about])+ pub $field: $kind, )+
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $kind {
                $( $(#[doc = $meaning])+ $form, )+
            }

            impl $kind {
                const FORMS: &'static [(&'static str, Self)] = &[$( ($word, Self::$form) ),+];
            }

            impl Default for $kind {
                fn default() -> Self {
                    Self::FORMS[0].1
                }
            }
        )+

        impl Behaviour {
            /// All differences.
            pub const VARIANTS: &'static [Variant] = &[$(
                Variant {
                    name: $name,
                    about: concat!($($about),+),
                    forms: &[$( ($word, concat!($($meaning),+)) ),+],
                }
            ),+];

            /// Takes one choice; the last one of a difference counts.
            pub fn choose(&mut self, choice: Choice) {
                $(
                    if choice.name == $name
                        && let Some((_, form)) = $kind::FORMS.iter().find(|(word, _)| *word == choice.form)
                    {
                        self.$field = *form;
                    }
                )+
            }
        }
    };
}

behaviour! {
    /// What kill and terminate say of a workflow that is missing or finished.
    "missing-workflow" missing_workflow: MissingWorkflow {
        /// 400 and a localized text
        "error" Error,
        /// `true`, as if it had been there
        "true" True,
    }
    /// The code of the errors of kill and terminate.
    "kill-error-code" kill_error_code: KillErrorCode {
        /// the empty text
        "empty" Empty,
        /// a word
        "word" Word,
    }
    /// What a kill that reports an error leaves behind.
    "failed-kill" failed_kill: FailedKill {
        /// everything
        "keeps-all" KeepsAll,
        /// nothing: builds of about 2017 removed the rows regardless
        "deletes-all-the-same" DeletesAllTheSame,
    }
    /// What becomes of a command that is cut off at the time limit of its request.
    "cut-command" cut_command: CutCommand {
        /// it is not done
        "undone" Undone,
        /// it is done when its time is over, and nobody is told
        "done" Done,
    }
    /// How `user.get` writes `ACTIVE`.
    "active" active: ActiveForm {
        /// `true` and `false`
        "bool" Bool,
        /// `"Y"` and `"N"`
        "yes-no" YesNo,
    }
    /// How rows write ids and statuses.
    "ids" ids: IdForm {
        /// `"29"`
        "text" Text,
        /// `29`
        "number" Number,
    }
    /// Whether the values of an array in a filter of `bizproc.*` count.
    "filter-arrays" filter_arrays: FilterArrays {
        /// each of them: OR
        "honoured" Honoured,
        /// none: the array is cast, to 1 or to the text `Array`
        "cast" Cast,
    }
    /// What a text without prefix asks for in a filter of `user.get`.
    "plain-filter" plain_filter: PlainFilter {
        /// a pattern, in which `%` and `_` are wildcards
        "pattern" Pattern,
        /// that text
        "exact" Exact,
    }
    /// Whether `user.get` tells departments.
    "departments" departments: Departments {
        /// it does
        "told" Told,
        /// it does not: the portal has no organisation chart
        "left-out" LeftOut,
    }
    /// The order of `user.get` when none is asked for.
    "user-order" user_order: UserOrder {
        /// by id
        "by-id" ById,
        /// any, and another one for each offset
        "none" None,
    }
    /// Whether `ADMIN_MODE` shows an administrator the users without a department.
    "admin-mode" admin_mode: AdminMode {
        /// it does
        "honoured" Honoured,
        /// it is ignored without a word: the owner is not among the social network's administrators
        "ignored" Ignored,
    }
    /// How `bizproc.task.list` wants `start` to be written.
    "start-name" start_name: StartName {
        /// `start`, as the source reads it
        "lower" Lower,
        /// `START`, as the method's documentation spells it; `start` means nothing there
        "upper" Upper,
    }
    /// Whether the database takes `ё` and `е` for equal.
    "yo" yo: Yo {
        /// it does
        "folded" Folded,
        /// it does not
        "distinct" Distinct,
    }
    /// Whether the database takes `é` and `e` for equal.
    "accents" accents: Accents {
        /// it does
        "folded" Folded,
        /// it does not
        "distinct" Distinct,
    }
    /// Whether the database ignores blanks at the end of a text.
    "trailing-blanks" trailing_blanks: TrailingBlanks {
        /// it does
        "ignored" Ignored,
        /// it does not
        "distinct" Distinct,
    }
    /// What lists say of their number of rows.
    "totals" totals: Totals {
        /// the number, where the method counts
        "counted" Counted,
        /// nothing
        "missing" Missing,
        /// 0, and never where the list goes on: not counted
        "zero" Zero,
    }
    /// The `next` of an empty list of instances that was not counted.
    "empty-next" empty_next: EmptyNext {
        /// -1
        "minus-one" MinusOne,
        /// none
        "absent" Absent,
    }
    /// How a batch's empty maps are written.
    "empty-maps" empty_maps: EmptyMaps {
        /// `[]`
        "array" Array,
        /// `{}`
        "object" Object,
    }
    /// Whether a batch tells the time of each command.
    "result-time" result_time: ResultTime {
        /// it does
        "present" Present,
        /// it does not
        "absent" Absent,
    }
    /// Whether answers tell the operating time.
    "operating-fields" operating_fields: OperatingFields {
        /// they do, where there is a limit
        "present" Present,
        /// they do not
        "absent" Absent,
    }
    /// What `operating_reset_at` says.
    "operating-reset" operating_reset: OperatingReset {
        /// when the oldest seconds are forgotten
        "exact" Exact,
        /// a moment that is past
        "past" Past,
        /// hours ahead
        "hours-ahead" HoursAhead,
        /// a number below zero
        "negative" Negative,
    }
    /// Whether the outer `batch` call is billed.
    "batch-billing" batch_billing: BatchBilling {
        /// not, as the documentation says
        "free" Free,
        /// at half weight, as the newest source does
        "half-weight" HalfWeight,
    }
    /// What happens to a method over its operating limit.
    "operating-block" operating_block: OperatingBlock {
        /// it is refused until enough of its ten one-minute buckets have fallen out
        "sliding-window" SlidingWindow,
        /// it is banned for 300 seconds, and its buckets are emptied
        "ban" Ban,
    }
    /// Where a batch's own refusals of a command are told.
    "batch-refusals" batch_refusals: BatchRefusals {
        /// inside the 200, under the command's key
        "inside" Inside,
        /// as the answer to the whole batch: 400
        "outside" Outside,
    }
    /// The status of authentication errors.
    "auth-status" auth_status: AuthStatus {
        /// as in most of the source
        "401" Unauthorized401,
        /// as the documentation lists
        "403" Forbidden403,
    }
    /// The status of `ACCESS_DENIED`.
    "access-status" access_status: AccessStatus {
        /// as in the source
        "403" Forbidden403,
        /// as the page of `bizproc.task.list` says
        "400" BadRequest400,
    }
    /// The status of `PORTAL_DELETED`.
    "deleted-status" deleted_status: DeletedStatus {
        /// as in the source
        "403" Forbidden403,
        /// as in the documentation
        "500" InternalError500,
        /// as in the vendor's SDK
        "410" Gone410,
    }
    /// Whether a 503 has the header `Retry-After`.
    "retry-after" retry_after: RetryAfter {
        /// it has not
        "absent" Absent,
        /// it has
        "present" Present,
    }
    /// The language of the portal's error texts.
    "language" language: Language {
        /// English
        "english" English,
        /// Russian
        "russian" Russian,
    }
}

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let unknown = |known: String| ChoiceError {
            text: text.to_owned(),
            known,
        };
        let (name, form) = text.trim().split_once('=').unwrap_or((text.trim(), ""));
        let Some(variant) = Behaviour::VARIANTS.iter().find(|variant| variant.name == name) else {
            let names: Vec<&str> = Behaviour::VARIANTS.iter().map(|variant| variant.name).collect();
            return Err(unknown(format!("with one of the names {}", names.join(", "))));
        };
        let words: Vec<&str> = variant.forms.iter().map(|(word, _)| *word).collect();
        let form = words.iter().find(|word| **word == form).copied();
        let form = form.ok_or_else(|| unknown(format!("{name}={}", words.join(&format!(" or {name}=")))))?;
        Ok(Self {
            name: variant.name,
            form,
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_variant_can_be_chosen_by_its_words() {
        for variant in Behaviour::VARIANTS {
            for (place, (form, _)) in variant.forms.iter().enumerate() {
                let text = format!("{}={form}", variant.name);
                let choice: Choice = text.parse().unwrap();
                assert_eq!(choice.to_string(), text);
                let mut behaviour = Behaviour::default();
                behaviour.choose(choice);
                assert_eq!(behaviour == Behaviour::default(), place == 0, "{text}");
            }
        }
    }

    #[test]
    fn what_names_no_form_is_an_error_that_says_which_there_are() {
        for (text, told) in [
            ("yo", "yo=folded or yo=distinct"),
            ("yo=maybe", "yo=folded or yo=distinct"),
            ("weather=fine", "missing-workflow, kill-error-code"),
            ("", "missing-workflow, kill-error-code"),
        ] {
            let error = text.parse::<Choice>().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
