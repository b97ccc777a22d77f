//! Chance, replaced: where the simulation would throw dice, this tries one answer after the other.
//!
//! It has the face of the simulation's source of chance, so world and process are used as they are. What goes wrong is counted: an
//! execution has at most so many troubles, and below that bound every combination is tried, depth first. What is no trouble (how much of a
//! request arrives before its sender dies, say) is tried both ways wherever it matters.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Chances up to this are troubles: the worst weather has no others.
const TROUBLE_MAX: u32 = 250;

/// Chances from this on are circumstances of a trouble. What lies between is how a pause is divided, which decides nothing.
const CIRCUMSTANCE_MIN: u32 = 500;

/// How many things others can do in the world.
const OTHERS_DO: usize = 8;

/// Until when an unanswered request can take effect, in the world.
const EFFECT_MS: u64 = 75_000;

/// How long anything takes of which only the order matters.
const MOMENT: Duration = Duration::from_millis(1);

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// Everything can happen: while the weather is made.
    Everything,
    /// One answer after the other.
    Choosing,
    /// Nothing happens any more.
    Calm,
}

/// One execution: the answers that are prescribed, and those that were given after them.
#[derive(Debug, Default)]
struct Choices {
    /// Answer and number of answers.
    path: Vec<(usize, usize)>,
    position: usize,
    troubles_left: usize,
}

impl Choices {
    fn choose(&mut self, answers: usize) -> usize {
        if answers <= 1 {
            return 0;
        }
        if self.position == self.path.len() {
            self.path.push((0, answers));
        }
        let (chosen, of) = self.path[self.position];
        let is_typed = of == 0;
        assert!(
            is_typed || of == answers,
            "an execution that is not the same when it is repeated"
        );
        self.position += 1;
        chosen
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Random {
    choices: Rc<RefCell<Choices>>,
    mode: Mode,
}

impl Random {
    /// Of executions with at most so many troubles the first.
    pub(super) fn first() -> Self {
        Self {
            choices: Rc::default(),
            mode: Mode::Everything,
        }
    }

    /// The execution of a path.
    pub(super) fn at(path: &[usize]) -> Self {
        let random = Self::first();
        random.choices.borrow_mut().path = path.iter().map(|chosen| (*chosen, 0)).collect();
        random
    }

    /// Before an execution.
    pub(super) fn begin(&mut self, troubles: usize) {
        let mut choices = self.choices.borrow_mut();
        (choices.position, choices.troubles_left) = (0, troubles);
        drop(choices);
        self.mode = Mode::Everything;
    }

    pub(super) fn set(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Goes to the next execution; says whether there is one.
    pub(super) fn next_execution(&mut self) -> bool {
        let mut choices = self.choices.borrow_mut();
        while let Some((chosen, of)) = choices.path.pop() {
            if chosen + 1 < of {
                choices.path.push((chosen + 1, of));
                return true;
            }
        }
        false
    }

    /// The answers of this execution, to be typed.
    pub(super) fn path(&self) -> String {
        let choices = self.choices.borrow();
        let given = choices.path.iter().take(choices.position);
        given
            .map(|(chosen, _)| chosen.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }

    /// One of so many answers.
    pub(super) fn choose(&mut self, answers: usize) -> usize {
        match self.mode {
            Mode::Choosing => self.choices.borrow_mut().choose(answers),
            Mode::Everything | Mode::Calm => 0,
        }
    }

    /// Seeds the jitter, which decides nothing.
    pub(super) fn next(&mut self) -> u64 {
        1
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        if end == OTHERS_DO {
            // The first two are the same.
            return [0, 2, 3, 4, 5, 6, 7][self.choose(7)];
        }
        self.choose(end)
    }

    /// A person: one of those who wait, a colleague, or a stranger who was dismissed.
    pub(super) fn below_u32(&mut self, end: u32) -> u32 {
        let [ours, colleague, stranger] = [end - 1, 0, end - 2];
        [ours, colleague, stranger][self.choose(3)]
    }

    /// Whether something happens. A trouble happens only as long as there may be another one.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        if per_mille == 0 || self.mode != Mode::Choosing {
            return false;
        }
        let mut choices = self.choices.borrow_mut();
        if per_mille >= CIRCUMSTANCE_MIN {
            return choices.choose(2) == 1;
        }
        if choices.troubles_left == 0 || per_mille > TROUBLE_MAX {
            return false;
        }
        let happens = choices.choose(2) == 1;
        if happens {
            choices.troubles_left -= 1;
        }
        happens
    }

    /// While the weather is made, the worst. Of times the shortest, but for those of effects, of which [`Random::millis`] decides. Otherwise
    /// one of these.
    pub(super) fn pick<T: Copy + Any>(&mut self, from: &[T]) -> T {
        let last = from[from.len() - 1];
        match self.mode {
            Mode::Everything => last,
            Mode::Choosing if let Some(longest) = (&last as &dyn Any).downcast_ref::<u64>() => {
                if *longest == EFFECT_MS { last } else { from[0] }
            }
            Mode::Choosing | Mode::Calm => from[self.choose(from.len())],
        }
    }

    /// A time up to so many milliseconds. An effect comes at once, later, or as late as can be; a limit is short or long; what is slow is as
    /// slow as can be; and of everything else only the order matters.
    pub(super) fn millis(&mut self, longest_ms: u64) -> Duration {
        let longest = Duration::from_millis(longest_ms);
        if self.mode != Mode::Choosing {
            return MOMENT;
        }
        match longest_ms {
            ..10_000 => MOMENT,
            EFFECT_MS => [MOMENT, longest / 2, longest][self.choose(3)],
            200_000.. => [MOMENT, longest][self.choose(2)],
            _ => longest,
        }
    }
}
