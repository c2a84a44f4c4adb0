//! Inputs and outputs that several ops have.

use super::registry::{Argument, ROWS};

pub(super) const IMAGES: Argument = Argument("images", &[ROWS, 28, 28, 1]);

pub(super) const KERNEL1: Argument = Argument("kernel1", &[3, 3, 1, 16]);
pub(super) const BIAS1: Argument = Argument("bias1", &[16]);
pub(super) const MEAN1: Argument = Argument("mean1", &[16]);
pub(super) const VARIANCE1: Argument = Argument("variance1", &[16]);
pub(super) const GAMMA1: Argument = Argument("gamma1", &[16]);
pub(super) const BETA1: Argument = Argument("beta1", &[16]);
/// [`super::image::ImageMoments`]
pub(super) const MOMENTS: Argument = Argument("image_moments", &[10, 9]);
/// What conv2 of the optimized network is applied to.
pub(super) const HIDDEN: Argument = Argument("hidden", &[ROWS, 28, 28, 16]);

pub(super) const KERNEL2: Argument = Argument("kernel2", &[3, 3, 16, 32]);
pub(super) const BIAS2: Argument = Argument("bias2", &[32]);
/// What it comes to.
pub(super) const SUMS: Argument = Argument("sums", &[ROWS, 28, 28, 32]);
pub(super) const MEAN2: Argument = Argument("mean2", &[32]);
pub(super) const VARIANCE2: Argument = Argument("variance2", &[32]);
pub(super) const GAMMA2: Argument = Argument("gamma2", &[32]);
pub(super) const BETA2: Argument = Argument("beta2", &[32]);
/// Behind its pool.
pub(super) const FEATURES: Argument = Argument("features", &[ROWS, 14, 14, 32]);
/// In those.
pub(super) const GRADIENT: Argument = Argument("gradient", FEATURES.1);
