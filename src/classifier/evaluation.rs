//! How good a classifier is on labelled images: accuracy, mean loss, precision and recall, the confusion matrix.

use super::{Classifier, Result};
use crate::at_once::at_once;
use crate::dataset::Split;

/// What a classifier made of labelled images.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Images of class `i` taken for class `j`, in row `i` and column `j`.
    pub confusion: Vec<Vec<u64>>,
    /// The images that were taken for what they are not, in order.
    pub misclassified: Vec<Misclassified>,
    /// How sure the classifier was against how often it was right: ten equal parts of 0..=1, by the probability of what an
    /// image was taken for.
    pub reliability: [CalibrationBin; 10],
    loss: f64,
    rows: u64,
}

/// The images of which a classifier was about as sure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CalibrationBin {
    /// How many there are.
    pub rows: u64,
    /// How many of them were classified right.
    pub correct: u64,
    /// The sum of the probabilities of what they were taken for.
    pub probability: f64,
}

/// An image that was taken for what it is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Misclassified {
    /// Its row in the split.
    pub row: usize,
    /// The class that it is of, counted from 0.
    pub label: usize,
    /// The likeliest class.
    pub predicted: usize,
    /// The probabilities of the classes.
    pub probabilities: Vec<f32>,
}

impl Misclassified {
    /// How sure the network was: the probability of what it took the image for.
    pub fn confidence(&self) -> f32 {
        self.probabilities[self.predicted]
    }
}

/// Evaluates every row of `split`, at most `chunk` at a time: a whole test set at once takes gigabytes. Replicas take a chunk
/// each at once.
///
/// # Errors
/// TensorFlow fails, for example because a chunk does not fit into memory.
pub fn evaluate(classifier: &Classifier, split: &Split, chunk: usize) -> Result<Evaluation> {
    let chunks: Vec<_> = split.chunks(chunk).collect();
    let mut evaluation = Evaluation::of(classifier.classes());
    // The probabilities of a whole set may take a gigabyte.
    for chunks in chunks.chunks(classifier.scores.len()) {
        let evaluated = at_once(&classifier.scores, chunks, |scores, rows| {
            let mut images = vec![0.0; rows.len() * classifier.pixels()];
            let mut labels = vec![0; rows.len()];
            split.gather(rows.clone(), &mut images, &mut labels);
            classifier.probabilities_by(scores, &images).map(|probabilities| (labels, probabilities))
        })?;
        for (labels, probabilities) in evaluated {
            evaluation.add_rows(&labels, &probabilities);
        }
    }
    Ok(evaluation)
}

/// The likeliest class of a row of probabilities; of equal ones, the first, as `tf.argmax` says.
pub fn likeliest(probabilities: &[f32]) -> usize {
    let likelier = |best, class| if probabilities[class] > probabilities[best] { class } else { best };
    (0..probabilities.len()).fold(0, likelier)
}

impl Evaluation {
    /// Of no images yet, that may be of so many classes.
    pub fn of(classes: usize) -> Self {
        Self {
            confusion: vec![vec![0; classes]; classes],
            misclassified: Vec::new(),
            reliability: Default::default(),
            loss: 0.0,
            rows: 0,
        }
    }

    /// Counts images that follow those counted so far in the split: their labels, and the probabilities of their classes,
    /// `[rows, classes]`, row by row.
    pub fn add_rows(&mut self, labels: &[i32], probabilities: &[f32]) {
        for (&label, row) in labels.iter().zip(probabilities.chunks_exact(self.confusion.len())) {
            let (label, predicted) = (label as usize, likeliest(row));
            if predicted != label {
                let (at, probabilities) = (self.rows as usize, row.to_vec());
                self.misclassified.push(Misclassified { row: at, label, predicted, probabilities });
            }
            let probability = row[predicted];
            let part = &mut self.reliability[((probability * 10.0) as usize).min(9)];
            part.rows += 1;
            part.correct += u64::from(predicted == label);
            part.probability += f64::from(probability);
            self.confusion[label][predicted] += 1;
            self.rows += 1;
            // A probability too small for a float32 is 0, whose loss would be infinite: take the least one instead.
            self.loss -= f64::from(row[label].max(f32::MIN_POSITIVE)).ln();
        }
    }

    /// The images that were taken for what they are not, those first of which the classifier was surest.
    pub fn most_confident_errors(&self) -> Vec<&Misclassified> {
        let mut misread: Vec<_> = self.misclassified.iter().collect();
        misread.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()));
        misread
    }

    /// Images evaluated.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Images classified right.
    pub fn correct(&self) -> u64 {
        (0..self.confusion.len()).map(|class| self.confusion[class][class]).sum()
    }

    /// The share of images classified right, 0 for none.
    pub fn accuracy(&self) -> f64 {
        ratio(self.correct(), self.rows()).unwrap_or_default()
    }

    /// Mean cross-entropy, -1/rows · sum_r ln p_r(label of r), with the natural logarithm.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.rows().max(1) as f64
    }

    /// Of the images taken for `class`, the share that are; `None` if none was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let predicted = self.confusion.iter().map(|row| row[class]).sum();
        ratio(self.confusion[class][class], predicted)
    }

    /// Of the images of `class`, the share found; `None` if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        ratio(self.confusion[class][class], self.count(class))
    }

    /// Images of `class`.
    pub fn count(&self, class: usize) -> u64 {
        self.confusion[class].iter().sum()
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_probabilities_the_first_counts() {
        assert_eq!(likeliest(&[0.25, 0.375, 0.375]), 1);
        assert_eq!(likeliest(&[f32::NAN, 0.5]), 0);
    }

    #[test]
    fn the_loss_is_finite_also_of_what_was_held_impossible() {
        let mut evaluation = Evaluation::of(2);
        assert_eq!(evaluation.mean_loss(), 0.0);
        evaluation.add_rows(&[1], &[1.0, 0.0]);
        assert!(evaluation.mean_loss() > 80.0 && evaluation.mean_loss().is_finite());
    }
}
