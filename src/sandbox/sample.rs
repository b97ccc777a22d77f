//! The world of `samples/`.
use super::world::World;
impl World {
    /// The sample world.
    pub fn sample() -> Self {
        Self::empty()
    }
    /// A generated world.
    pub fn generated(_people: u32, _tasks_per_person: u32, _dismissed_percent: u32, _seed: u64) -> Self {
        Self::empty()
    }
}
