//! How many actions travel in one batch.
//!
//! Pure. The portal cuts a request at 60 s (protocol section 8) and a cut batch leaves everything in it in doubt, so the size starts
//! small, grows while all goes well, and follows the measured duration of a command.

use std::time::Duration;

/// The size after the canary.
const SIZE_START: usize = 5;

/// The largest size: the protocol allows 50 commands, and three places are for the questions that travel along. Each kill runs event
/// handlers, which is why section 8 advises 10 to 20: here the measured duration says how many.
pub const SIZE_MAX: usize = 47;

/// How much larger the next batch may be after one in which every command was answered.
const GROWTH: usize = 4;

/// After a `failed`, the next batch has at most this many (design section 5).
const SIZE_AFTER_FAILED: usize = 5;

/// What a batch may take by measurement: a third of the 60 s after which the portal cuts it.
const DURATION_MAX: Duration = Duration::from_secs(20);

/// The size of the next batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchSize {
    size: usize,
    command_took: Duration,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self {
            size: SIZE_START,
            command_took: Duration::ZERO,
        }
    }
}

impl BatchSize {
    /// The next size: at least one.
    pub fn get(self) -> usize {
        let by_duration = if self.command_took.is_zero() {
            SIZE_MAX
        } else {
            usize::try_from(DURATION_MAX.as_millis() / self.command_took.as_millis().max(1)).unwrap_or(SIZE_MAX)
        };
        self.size.min(by_duration).clamp(1, SIZE_MAX)
    }

    /// The size of the batch after the next one, if that goes well.
    pub fn after_next(self) -> usize {
        let mut next = self;
        next.answered(self.command_took);
        next.get()
    }

    /// After a batch in which every command was answered.
    pub fn answered(&mut self, command_took: Duration) {
        self.measured(command_took);
        self.size = (self.size * GROWTH).min(SIZE_MAX);
    }

    /// After a canary was answered: one command says how long one takes, and nothing about many.
    pub fn measured(&mut self, command_took: Duration) {
        self.command_took = command_took;
    }

    /// After a batch with commands in doubt.
    pub fn in_doubt(&mut self) {
        self.size = (self.size / 2).max(1);
    }

    /// After an action ended as `failed`.
    pub fn failed(&mut self) {
        self.size = self.size.min(SIZE_AFTER_FAILED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_starts_small_and_grows_to_the_maximum() {
        let mut size = BatchSize::default();
        let sizes: Vec<usize> = (0..4)
            .map(|_| {
                let now = size.get();
                size.answered(Duration::from_millis(10));
                now
            })
            .collect();
        assert_eq!(sizes, [5, 20, 47, 47]);
    }

    #[test]
    fn a_slow_portal_gets_batches_of_one() {
        let mut size = BatchSize::default();
        size.answered(Duration::from_secs(4));
        assert_eq!(size.get(), 5);
        size.answered(Duration::from_secs(30));
        assert_eq!(size.get(), 1);
    }

    #[test]
    fn doubt_halves_and_failure_caps() {
        let mut size = BatchSize {
            size: 20,
            command_took: Duration::ZERO,
        };
        size.in_doubt();
        assert_eq!(size.get(), 10);
        size.failed();
        assert_eq!(size.get(), 5);
        (0..9).for_each(|_| size.in_doubt());
        assert_eq!(size.get(), 1);
    }
}
