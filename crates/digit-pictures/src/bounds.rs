//! A part of a picture.

/// A part of a picture: columns `left` to `right` and rows `top` to `bottom`, the last ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) top: usize,
    pub(crate) bottom: usize,
}

impl Bounds {
    /// One pixel of a picture of `width`.
    pub(crate) fn at(place: usize, width: usize) -> Self {
        let (x, y) = (place % width, place / width);
        Self { left: x, right: x, top: y, bottom: y }
    }

    /// The smallest that hold all `places` of a picture of `width`; none for no place.
    pub(crate) fn of(places: impl IntoIterator<Item = usize>, width: usize) -> Option<Self> {
        places.into_iter().map(|place| Self::at(place, width)).reduce(Self::joined)
    }

    /// The smallest that hold both.
    pub(crate) fn joined(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(crate) fn width(self) -> usize {
        self.right + 1 - self.left
    }

    pub(crate) fn height(self) -> usize {
        self.bottom + 1 - self.top
    }

    pub(crate) fn side(self) -> usize {
        self.width().max(self.height())
    }

    pub(crate) fn area(self) -> usize {
        self.width() * self.height()
    }
}
