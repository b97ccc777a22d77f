//! The points at which a crash is most dangerous, by name.
//!
//! The code that comes by calls [`point`]. In what is shipped that is nothing at all. With the feature `rigs` the process dies there by
//! SIGKILL at the n-th passage when `OFFBOARD24_CRASH=C6:2` says so, and counts its passages in the file that `OFFBOARD24_PASSAGES` names.
//! A simulation in one process hands in a function of its own instead.

/// Where a process can die.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Point {
    /// Before the plan is committed.
    C1,
    /// The plan is committed, and not confirmed.
    C2,
    /// The run has begun; checkpoint and head are as before.
    C3,
    /// Before or inside the transaction of the intents.
    C4,
    /// In the commit of the intents.
    C5,
    /// The intents are committed, and no byte has left.
    C6,
    /// While the request is sent.
    C7,
    /// It is sent, and there is no answer yet.
    C8,
    /// The answer is cut off, or is not JSON.
    C9,
    /// The answer is parsed, and not committed.
    C10,
    /// Inside the transaction of the outcomes.
    C11,
    /// The outcomes are committed, and the head is as before.
    C12,
    /// While the head is renamed.
    C13,
    /// The portal was asked about what is in doubt, and the answer is not committed.
    C14,
    /// It is decided to send again, and nothing was sent.
    C15,
    /// All outcomes are there, and the run is not closed.
    C16,
    /// While the write-ahead log is written back, or the database is closed.
    C17,
    /// A redaction is committed, and the file not cleaned.
    C18,
    /// While an export is made.
    C19,
    /// While a database is migrated.
    C20,
    /// A signal, a closed pipe, a panic.
    C21,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::C1,
        Self::C2,
        Self::C3,
        Self::C4,
        Self::C5,
        Self::C6,
        Self::C7,
        Self::C8,
        Self::C9,
        Self::C10,
        Self::C11,
        Self::C12,
        Self::C13,
        Self::C14,
        Self::C15,
        Self::C16,
        Self::C17,
        Self::C18,
        Self::C19,
        Self::C20,
        Self::C21,
    ];

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `C6`.
    pub fn name(self) -> String {
        format!("C{}", self.index() + 1)
    }
}

/// The process comes by a point.
#[cfg(not(feature = "rigs"))]
#[inline]
pub const fn point(_: Point) {}

/// The process comes by a point that depends on what it is doing. What says which is not asked in what is shipped.
#[cfg(not(feature = "rigs"))]
#[inline]
pub fn point_of(_: impl FnOnce() -> Option<Point>) {}

/// A request that can destroy is under way. It begins, which is [`Point::C7`], and if it takes a while it has arrived: [`Point::C8`].
#[cfg(not(feature = "rigs"))]
#[inline]
pub fn around<F: Future>(request: F) -> F {
    request
}

#[cfg(feature = "rigs")]
pub use self::rigged::{Hook, around, point, point_of, with_hook};

#[cfg(feature = "rigs")]
mod rigged {
    use std::cell::RefCell;
    use std::future::{Future, poll_fn};
    use std::io::Write as _;
    use std::pin::pin;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;
    use std::time::Duration;

    use super::Point;

    /// What a request needs to arrive on this machine, generously: the stand-in portal has to take longer to answer.
    const ARRIVED: Duration = Duration::from_millis(3);

    /// What a simulation does at a point: it panics, to die there.
    pub type Hook = Box<dyn FnMut(Point)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    static PASSAGES: [AtomicU64; Point::ALL.len()] = [const { AtomicU64::new(0) }; Point::ALL.len()];

    /// Runs something in which this thread's points call a function instead.
    pub fn with_hook<T>(hook: Hook, during: impl FnOnce() -> T) -> T {
        /// Takes the function away, also when `during` panics.
        struct Unhook;
        impl Drop for Unhook {
            fn drop(&mut self) {
                HOOK.with(|slot| drop(slot.take()));
            }
        }
        HOOK.with(|slot| drop(slot.replace(Some(hook))));
        let _unhook = Unhook;
        during()
    }

    /// The process comes by a point.
    pub fn point(point: Point) {
        // Out of its slot while it runs, so that it may panic.
        if let Some(mut hook) = HOOK.with(RefCell::take) {
            hook(point);
            HOOK.with(|slot| drop(slot.replace(Some(hook))));
            return;
        }
        let passage = PASSAGES[point.index()].fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(file) = std::env::var_os("OFFBOARD24_PASSAGES")
            && let Ok(mut file) = std::fs::File::options().create(true).append(true).open(file)
        {
            // One line a passage: a count that survives any death.
            drop(writeln!(file, "{}", point.name()));
        }
        if deadly() == Some((point, passage)) {
            _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }

    /// The process comes by a point that depends on what it is doing.
    pub fn point_of(which: impl FnOnce() -> Option<Point>) {
        if let Some(which) = which() {
            point(which);
        }
    }

    /// A request that can destroy is under way.
    pub async fn around<F: Future>(request: F) -> F::Output {
        let mut request = pin!(request);
        if let Poll::Ready(answer) = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await {
            return answer;
        }
        point(Point::C7);
        if HOOK.with(|slot| slot.borrow().is_some()) {
            // Time is the simulation's.
            let answer = request.await;
            point(Point::C8);
            return answer;
        }
        let early = tokio::time::timeout(ARRIVED, request.as_mut()).await;
        // Also when the answer is there, which nobody has seen yet: how often the point is passed depends on no clock.
        point(Point::C8);
        match early {
            Ok(answer) => answer,
            Err(_) => request.await,
        }
    }

    /// `C6:2`: where to die, and at which passage.
    fn deadly() -> Option<(Point, u64)> {
        static DEADLY: OnceLock<Option<(Point, u64)>> = OnceLock::new();
        *DEADLY.get_or_init(|| {
            let text = std::env::var("OFFBOARD24_CRASH").ok()?;
            let (name, passage) = text.split_once(':')?;
            let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
            Some((point, passage.parse().ok()?))
        })
    }
}
