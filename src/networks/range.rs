//! What numbers of a table may be. Options that stand for one take the same.

/// A range of numbers, and how it is said.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// What a number in it is.
    pub words: &'static str,
    holds: fn(f32) -> bool,
}

impl Range {
    /// Of what is multiplied with or divided by.
    pub const ABOVE_ZERO: Self =
        Self { words: "a finite number above 0", holds: |number| number.is_finite() && number > 0.0 };
    /// Of a part that is never the whole.
    pub const SHARE: Self =
        Self { words: "at least 0 and below 1", holds: |number| (0.0..1.0).contains(&number) };

    /// Whether `number` is in it.
    pub fn contains(self, number: f32) -> bool {
        (self.holds)(number)
    }
}
