//! A part of a picture.

/// A part of a picture: columns `left` to `right` and rows `top` to `bottom`, the last ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Bounds {
    /// The smallest that hold all `places` of a picture of `width`; none for no place.
    pub(super) fn of(places: impl IntoIterator<Item = usize>, width: usize) -> Option<Self> {
        places
            .into_iter()
            .map(|place| {
                let (x, y) = (place % width, place / width);
                Self { left: x, right: x, top: y, bottom: y }
            })
            .reduce(Self::joined)
    }

    /// The smallest that hold both.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(super) fn width(self) -> usize {
        self.right + 1 - self.left
    }

    pub(super) fn height(self) -> usize {
        self.bottom + 1 - self.top
    }

    pub(super) fn side(self) -> usize {
        self.width().max(self.height())
    }

    pub(super) fn area(self) -> usize {
        self.width() * self.height()
    }
}
