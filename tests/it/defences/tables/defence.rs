//! What a defence is: code that keeps something from going wrong, and the test that fails without it.

/// One thing that must not go wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defence {
    /// What it is against: `trap 21`, `answer: not JSON`. Unique.
    pub(crate) against: &'static str,
    /// What keeps it from going wrong, in words.
    pub(crate) by: &'static str,
    /// How to take it out. More than one where more than one thing would have to fail at once.
    pub(crate) without: &'static [Removal],
    /// The test that fails then: its path in `tests/it`, or with `lib ` before it, its path in the library.
    pub(crate) test: &'static str,
}

/// An edit of the sources that takes a defence out, and still compiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    /// From the root of the project.
    pub(crate) file: &'static str,
    /// Code that occurs there exactly once.
    pub(crate) code: &'static str,
    /// What stands there when the defence is taken out.
    pub(crate) becomes: &'static str,
}
