//! What a data set has to be like for a network.

/// The size of the images, the labels, and how the training files are split. By default those of MNIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Height and width of an image, in pixels.
    pub image_size: [usize; 2],
    /// Classes that are told apart, 2 to 256.
    pub classes: usize,
    /// The label that the first class has in the files; the others follow.
    pub first_label: u8,
    /// Rows at the head of the training files that are kept back for validation.
    pub validation_rows: usize,
}

impl Default for Form {
    fn default() -> Self {
        Self { image_size: [28, 28], classes: 10, first_label: 0, validation_rows: Self::VALIDATION_ROWS }
    }
}

impl Form {
    /// As many rows as are kept back of MNIST, usually.
    pub const VALIDATION_ROWS: usize = 5000;

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.image_size.into_iter().product()
    }

    /// Whether MNIST itself is of this form.
    pub(super) fn is_mnist(&self) -> bool {
        let validation_rows = self.validation_rows;
        *self == Self { validation_rows, ..Self::default() }
    }

    /// The last label.
    pub(super) fn last_label(&self) -> usize {
        usize::from(self.first_label) + self.classes - 1
    }
}
