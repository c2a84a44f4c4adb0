//! What all errors of this crate share.

/// Shows errors as they are displayed: what `main` and `unwrap` print is to be read, and TensorFlow's own `Status`
/// shows an address.
macro_rules! debug_as_displayed {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, formatter)
            }
        }
    };
}
pub(crate) use debug_as_displayed;
