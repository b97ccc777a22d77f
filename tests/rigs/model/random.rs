//! Chance, replaced: where the simulation would throw dice, this tries one answer after the other.
//!
//! It has the face of the simulation's source of chance, so world and process are used as they are. What goes wrong is counted: an
//! execution has at most so many troubles, and below that bound every combination is tried, depth first. What is no trouble (how much of a
//! request arrives before its sender dies, say) is tried both ways wherever it matters. Of two moments between which nobody looks, only
//! one is tried.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Chances up to this are troubles: the worst weather has no others.
const TROUBLE_MAX: u32 = 250;

/// The chance of a crash in the worst weather, unlike all others.
const CRASH: u32 = 100;

/// The chance that others do something, unlike all others too.
pub(super) const OTHERS: u32 = 200;

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

/// How many troubles there are in an execution, at most.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bound {
    /// All, deaths among them.
    pub(super) all: usize,
    /// Those that are no deaths.
    pub(super) others: usize,
}

impl Bound {
    fn permits(self, is_death: bool) -> bool {
        self.all > 0 && (is_death || self.others > 0)
    }

    fn take(&mut self, is_death: bool) {
        self.all -= 1;
        self.others -= usize::from(!is_death);
    }
}

/// One execution: the answers that are prescribed, and those that were given after them.
#[derive(Debug, Default)]
struct Choices {
    /// Answer and number of answers.
    path: Vec<(usize, usize)>,
    position: usize,
    left: Bound,
    /// The longest time that was asked for last: it tells what the world is at.
    longest_ms: u64,
    /// Whether the last thing that was asked for was a crash, which did not come.
    spared: bool,
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
    pub(super) fn at(path: &[(usize, usize)]) -> Self {
        let random = Self::first();
        let length = path.iter().map(|(place, _)| place + 1).max().unwrap_or_default();
        let mut typed = vec![(0, 0); length];
        for (place, chosen) in path {
            typed[*place] = (*chosen, 0);
        }
        random.choices.borrow_mut().path = typed;
        random
    }

    /// Before an execution.
    pub(super) fn begin(&mut self, bound: Bound) {
        let mut choices = self.choices.borrow_mut();
        (choices.position, choices.left) = (0, bound);
        (choices.longest_ms, choices.spared) = (0, false);
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

    /// The answers of this execution that are not the first, to be typed: where, and which.
    pub(super) fn path(&self) -> String {
        let choices = self.choices.borrow();
        let given = choices.path.iter().take(choices.position).enumerate();
        let unusual = given.filter(|(_, (chosen, _))| *chosen > 0);
        let words: Vec<String> = unusual
            .map(|(place, (chosen, _))| format!("{place}:{chosen}"))
            .collect();
        words.join(",")
    }

    /// One of so many answers.
    pub(super) fn choose(&mut self, answers: usize) -> usize {
        match self.mode {
            Mode::Choosing => self.choices.borrow_mut().choose(answers),
            Mode::Everything | Mode::Calm => 0,
        }
    }

    /// Seeds the jitter, which decides nothing.
    #[expect(clippy::unused_self, reason = "the face of the simulation's source of chance")]
    pub(super) fn next(&mut self) -> u64 {
        1
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        if end == OTHERS_DO {
            // The first two are the same, and the last only undoes the one before it.
            return [0, 2, 3, 4, 5, 6][self.choose(6)];
        }
        self.choose(end)
    }

    /// A person: the one who waits, or a stranger.
    pub(super) fn below_u32(&mut self, end: u32) -> u32 {
        let [ours, stranger] = [end - 1, 0];
        [ours, stranger][self.choose(2)]
    }

    /// Whether something happens. A trouble happens only as long as there may be another one.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        if per_mille == 0 || self.mode != Mode::Choosing {
            return false;
        }
        let mut choices = self.choices.borrow_mut();
        let is_death = per_mille == CRASH;
        // Between a death and the next nothing happened that would be different after it.
        let is_the_same_death = is_death && choices.spared;
        choices.spared = is_death;
        if per_mille >= CIRCUMSTANCE_MIN {
            return choices.choose(2) == 1;
        }
        // What others do shows when somebody looks, or a command takes effect: right before that is early enough.
        let is_too_early =
            per_mille == OTHERS && !matches!(choices.longest_ms, 400 | 1_000 | 15_000 | 70_000 | EFFECT_MS);
        if !choices.left.permits(is_death) || per_mille > TROUBLE_MAX || is_the_same_death || is_too_early {
            return false;
        }
        let happens = choices.choose(2) == 1;
        if happens {
            choices.left.take(is_death);
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
        let mut choices = self.choices.borrow_mut();
        (choices.longest_ms, choices.spared) = (longest_ms, false);
        drop(choices);
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
